// Recordings: recorded here, dropped or chosen; sent in pieces (tus 1.0.0) that survive any cut.
"use strict";
const place = document.querySelector("[data-drop]");
if (place) {
  const PIECE = 512 * 1024;
  const TUS = { "Tus-Resumable": "1.0.0" };
  const KEY = "chieng.upload";
  const field = (name) => document.querySelector(`form[data-bulletin] [name=${name}]`);
  const part = (name) => place.querySelector(`[data-${name}]`);
  const chooser = field("audio");
  const said = part("said");
  const bar = place.querySelector("progress");
  const say = (name, values = {}) => {
    let text = name ? said.dataset[name] : "";
    for (const [key, value] of Object.entries(values)) text = text.replace(`%(${key})s`, value);
    said.textContent = text;
  };
  const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1).replace(".", ",")} MB`;
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  place.hidden = false;
  chooser.removeAttribute("name");

  let run = 0;
  let current = null;
  let isPaused = false;
  const buttons = (names) => {
    for (const one of ["record", "stop", "pause", "resume", "remove"]) part(one).hidden = !names.includes(one);
  };

  const ask = async (method, url, headers, body) => {
    const answer = await fetch(url, { method, headers: { ...TUS, ...headers }, body });
    if (answer.ok) return answer;
    const fault = new Error("refused");
    fault.status = answer.status;
    if ((answer.headers.get("Content-Type") || "").includes("json")) {
      const told = await answer.json();
      fault.text = `${told.text} ${told.remedy}`;
    }
    throw fault;
  };

  // What is taken out leaves the hub, too; an author may have only a few on their way.
  const forget = (url) => ask("DELETE", url, {}).catch(() => {});

  // Goes on until the whole file is at the hub; a lost link is asked again, ever more rarely.
  const send = async (file, known) => {
    const mine = ++run;
    isPaused = false;
    bar.hidden = false;
    buttons(["pause", "remove"]);
    let url = known;
    let tries = 0;
    while (mine === run) {
      try {
        if (!url) {
          const name = btoa(String.fromCharCode(...new TextEncoder().encode(file.name || "")));
          const began = await ask("POST", "/uploads", { "Upload-Length": file.size, "Upload-Metadata": `filename ${name}` });
          url = began.headers.get("Location");
          if (mine !== run) return forget(url);
          localStorage.setItem(KEY, JSON.stringify({ url, name: file.name, size: file.size }));
        }
        current = url;
        const here = await ask("HEAD", url, {});
        let offset = Number(here.headers.get("Upload-Offset"));
        while (offset < file.size && mine === run && !isPaused) {
          bar.value = offset / file.size;
          say("sending", { done: megabytes(offset), all: megabytes(file.size) });
          const headers = { "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream" };
          const answer = await ask("PATCH", url, headers, file.slice(offset, offset + PIECE));
          offset = Number(answer.headers.get("Upload-Offset"));
          tries = 0;
        }
        if (mine !== run) return;
        if (isPaused) {
          say("paused");
          buttons(["resume", "remove"]);
          part("resume").onclick = () => send(file, url);
          return;
        }
        const done = await ask("HEAD", url, {});
        await finish(url, done.headers.get("X-Sha256"));
        return;
      } catch (fault) {
        if (mine !== run) return;
        if (fault.status === 400 && !fault.text) {
          // The hub no longer knows this upload: begin anew.
          url = null;
          localStorage.removeItem(KEY);
          continue;
        }
        if (fault.text && fault.status !== 409 && fault.status < 500) {
          said.textContent = fault.text;
          bar.hidden = true;
          localStorage.removeItem(KEY);
          buttons(["record"]);
          return;
        }
        say("cut");
        await wait(Math.min(1000 * 2 ** tries++, 30000));
      }
    }
  };

  const finish = async (url, sha256) => {
    localStorage.removeItem(KEY);
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
    field("upload").form.dispatchEvent(new Event("input"));
  };

  const choose = (file) => {
    if (!file) return;
    const left = JSON.parse(localStorage.getItem(KEY) || "null");
    const isSame = left && left.name === file.name && left.size === file.size;
    field("cut_from").value = field("cut_to").value = "";
    if (current && !(isSame && left.url === current)) forget(current);
    current = null;
    send(file, isSame ? left.url : null);
  };
  chooser.addEventListener("change", () => choose(chooser.files[0]));
  part("pause").addEventListener("click", () => { isPaused = true; });
  part("remove").addEventListener("click", () => {
    run++;
    if (current) forget(current);
    current = null;
    bar.hidden = true;
    chooser.value = field("upload").value = field("cut_from").value = field("cut_to").value = "";
    part("report").replaceChildren();
    part("cut-fields").hidden = true;
    localStorage.removeItem(KEY);
    say("removed");
    buttons(["record"]);
    field("upload").form.dispatchEvent(new Event("input"));
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
    field("upload").form.dispatchEvent(new Event("input"));
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

  const left = JSON.parse(localStorage.getItem(KEY) || "null");
  if (left && left.name) say("choose", { name: left.name });
}
