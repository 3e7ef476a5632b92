// Recordings: recorded here, dropped or chosen; each place of the form sends its own.
"use strict";
for (const place of document.querySelectorAll("[data-drop]")) {
  const suffix = place.dataset.suffix || "";
  const form = place.closest("form");
  const field = (name) => form.elements[name + suffix];
  const part = (name) => place.querySelector(`[data-${name}]`);
  const chooser = document.getElementById(place.dataset.chooser);
  const said = part("said");
  const bar = place.querySelector("progress");
  const say = (name, values = {}) => {
    let text = name ? said.dataset[name] : "";
    for (const [key, value] of Object.entries(values)) text = text.replace(`%(${key})s`, value);
    said.textContent = text;
  };
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1).replace(".", ",")} MB`;
  const changed = () => form.dispatchEvent(new Event("input"));
  place.hidden = false;
  chooser.removeAttribute("name");

  const buttons = (names) => {
    for (const one of ["record", "stop", "pause", "resume", "remove"]) part(one).hidden = !names.includes(one);
  };

  const sender = new Sender(`chieng.upload${suffix}`, {
    progress(done, all) {
      bar.value = done / all;
      say("sending", { done: megabytes(done), all: megabytes(all) });
    },
    paused(goOn) {
      say("paused");
      buttons(["resume", "remove"]);
      part("resume").onclick = () => {
        buttons(["pause", "remove"]);
        goOn();
      };
    },
    cut() {
      say("cut");
    },
    refused(text) {
      said.textContent = text;
      bar.hidden = true;
      buttons(["record"]);
    },
    async done(url, sha256) {
      field("upload").value = sha256;
      say("looking");
      bar.removeAttribute("value");
      const answer = await fetch(`/parts${url}?lang=${document.documentElement.lang}`);
      part("report").innerHTML = answer.ok ? await answer.text() : "";
      bar.hidden = true;
      bar.value = 0;
      say("");
      const isSound = Boolean(part("report").querySelector("[data-sha]"));
      if (!isSound) field("upload").value = "";
      part("cut-fields").hidden = !isSound;
      buttons(isSound ? ["record", "remove"] : ["record"]);
      changed();
    },
  });

  const choose = (file) => {
    if (!file) return;
    field("cut_from").value = field("cut_to").value = "";
    bar.hidden = false;
    buttons(["pause", "remove"]);
    sender.choose(file);
  };
  chooser.addEventListener("change", () => choose(chooser.files[0]));
  part("pause").addEventListener("click", () => sender.pause());
  part("remove").addEventListener("click", () => {
    sender.forget();
    bar.hidden = true;
    chooser.value = field("upload").value = field("cut_from").value = field("cut_to").value = "";
    part("report").replaceChildren();
    part("cut-fields").hidden = true;
    say("removed");
    buttons(["record"]);
    changed();
  });
  for (const type of ["dragenter", "dragover"]) {
    place.addEventListener(type, (event) => { event.preventDefault(); place.classList.add("over"); });
  }
  for (const type of ["dragleave", "drop"]) place.addEventListener(type, () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => { event.preventDefault(); choose(event.dataTransfer.files[0]); });
  part("report").addEventListener("click", (event) => {
    const name = event.target.dataset.set;
    if (!name) return;
    field(name).value = part("preview").currentTime.toFixed(1).replace(".", ",");
    changed();
  });

  part("record").addEventListener("click", async () => {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    } catch {
      say("denied");
      return;
    }
    const pieces = [];
    const recorder = new MediaRecorder(stream);
    const began = Date.now();
    const clock = setInterval(() => {
      const seconds = Math.floor((Date.now() - began) / 1000);
      say("recording", { time: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` });
    }, 500);
    recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
    recorder.addEventListener("stop", () => {
      clearInterval(clock);
      for (const track of stream.getTracks()) track.stop();
      const type = recorder.mimeType.split(";")[0];
      choose(new File(pieces, `micro-${new Date(began).toISOString().slice(0, 19)}.${type.split("/")[1]}`, { type }));
    });
    part("stop").onclick = () => recorder.stop();
    buttons(["stop"]);
    recorder.start(1000);
  });

  const left = sender.left();
  if (left && left.name) say("choose", { name: left.name });
}
