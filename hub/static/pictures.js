// Pictures for boards: chosen or dropped, sent one after another, put in order, shown as boards will.
"use strict";
const wall = document.querySelector("[data-pictures]");
if (wall) {
  const form = wall.closest("form");
  const list = wall.querySelector("[data-list]");
  const model = wall.querySelector("template");
  const chooser = wall.querySelector("[type=file]");
  const said = wall.querySelector("[data-said]");
  const bar = wall.querySelector("progress");
  const most = Number(wall.dataset.most);
  const lang = document.documentElement.lang;
  wall.hidden = false;

  const say = (name, values = {}) => {
    let text = name ? said.dataset[name] : "";
    for (const [key, value] of Object.entries(values)) text = text.replace(`%(${key})s`, value);
    said.textContent = text;
  };
  const changed = () => form.dispatchEvent(new Event("input"));
  const number = () => {
    [...list.children].forEach((card, index) => {
      card.querySelector("[data-number]").textContent = index + 1;
      card.querySelector("[data-up]").disabled = index === 0;
      card.querySelector("[data-down]").disabled = index === list.children.length - 1;
    });
    wall.querySelector("[data-only]").hidden = list.children.length === 0;
  };

  // As each board of whom it is for will show it; asked for again when that changes.
  const show = async (card) => {
    const asked = new URLSearchParams({ unit: form.elements.unit.value, lang });
    for (const one of form.querySelectorAll("[name=hamlet]:checked:enabled")) asked.append("hamlet", one.value);
    const name = card.querySelector("[name=picture]").value;
    const answer = await fetch(`/parts/pictures/${name}?${asked}`);
    if (answer.ok) card.querySelector("[data-boards]").innerHTML = await answer.text();
  };
  const showAll = () => { for (const card of list.children) show(card); };
  form.elements.unit.addEventListener("change", showAll);
  form.addEventListener("change", (event) => { if (event.target.name === "hamlet") showAll(); });

  const add = (picture) => {
    const card = model.content.firstElementChild.cloneNode(true);
    const id = `${Date.now()}-${list.children.length}`;
    for (const one of card.querySelectorAll("[id]")) one.id += id;
    for (const one of card.querySelectorAll("[for]")) one.htmlFor += id;
    card.querySelector("[name=picture]").value = picture.picture;
    card.querySelector("[data-whole]").src = `/pictures/${picture.picture}`;
    list.append(card);
    number();
    show(card);
    changed();
  };

  const waiting = [];
  let isSending = false;
  const next = () => {
    const file = waiting.shift();
    isSending = Boolean(file);
    if (!file) {
      bar.hidden = true;
      return;
    }
    bar.hidden = false;
    new Sender("chieng.picture", {
      progress(done, all) {
        bar.value = done / all;
        say("sending", { name: file.name });
      },
      paused() {},
      cut() {
        say("cut");
      },
      refused(text) {
        said.textContent = `${file.name}: ${text}`;
        next();
      },
      async done(url) {
        // A picture that is refused is told once, and its file leaves the hub.
        const answer = await fetch(`${url}/picture`, { method: "POST" });
        const told = await answer.json();
        if (answer.ok) {
          say("");
          add(told);
        } else said.textContent = `${file.name}: ${told.text} ${told.remedy}`;
        await Sender.drop(url);
        next();
      },
    }).choose(file);
  };
  const choose = (files) => {
    const room = most - list.children.length - waiting.length - (isSending ? 1 : 0);
    if (files.length > room) say("many");
    waiting.push(...[...files].slice(0, Math.max(0, room)));
    if (!isSending) next();
  };
  chooser.addEventListener("change", () => {
    choose(chooser.files);
    chooser.value = "";
  });
  for (const type of ["dragenter", "dragover"]) {
    wall.addEventListener(type, (event) => { event.preventDefault(); wall.classList.add("over"); });
  }
  for (const type of ["dragleave", "drop"]) wall.addEventListener(type, () => wall.classList.remove("over"));
  wall.addEventListener("drop", (event) => { event.preventDefault(); choose(event.dataTransfer.files); });

  list.addEventListener("click", (event) => {
    const card = event.target.closest("li");
    const data = event.target.dataset;
    if ("up" in data && card.previousElementSibling) card.previousElementSibling.before(card);
    else if ("down" in data && card.nextElementSibling) card.nextElementSibling.after(card);
    else if ("out" in data) card.remove();
    else return;
    number();
    changed();
    if (event.target.disabled || !event.target.isConnected) chooser.focus();
    else event.target.focus();
  });
  number();
  showAll();
}
