// The form: hamlets of the chosen unit only; saves itself as a draft; shows how the voice will read.
"use strict";
const form = document.querySelector("form[data-bulletin]");
if (form) {
  const unit = form.querySelector("[name=unit]");
  const field = (name) => form.querySelector(`[name=${name}]`);
  const show = () => {
    for (const group of form.querySelectorAll("[data-unit]")) {
      const own = group.dataset.unit === unit.value;
      group.hidden = !own;
      for (const input of group.querySelectorAll("input")) input.disabled = !own;
    }
  };
  // Organisations of other units cannot be chosen; one that was gives way to the first that can.
  const home = () => {
    const supplier = field("supplier");
    if (!supplier) return;
    const all = [...supplier.options];
    for (const one of all) one.hidden = one.disabled = Boolean(one.dataset.home) && one.dataset.home !== unit.value;
    const chosen = supplier.selectedOptions[0];
    if (!chosen || chosen.disabled) supplier.value = (all.find((one) => !one.disabled) || { value: "" }).value;
  };
  unit.addEventListener("change", home);
  home();
  unit.addEventListener("change", show);
  show();

  // The languages: the bulletin's own is no variant of itself; its words stand beside the others.
  const language = field("language");
  const tongues = () => {
    for (const one of form.querySelectorAll("[data-tongue]")) one.hidden = one.dataset.tongue === language.value;
    for (const one of form.querySelectorAll("[data-own]")) one.textContent = field(one.dataset.own).value;
  };
  language.addEventListener("change", tongues);
  form.querySelector(".tongues").addEventListener("toggle", tongues);
  for (const name of ["title", "text"]) field(name).addEventListener("input", tongues);
  tongues();

  // Drafts: three seconds after the last key, and once more when the page is left.
  const texts = () => {
    const sent = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (typeof value === "string") sent.append(name, value);
    return sent;
  };
  let timer = 0;
  let isChanged = false;
  const save = async () => {
    isChanged = false;
    const said = form.querySelector("[data-saved]");
    try {
      const answer = await fetch(`/drafts/${form.dataset.draft}`, { method: "POST", body: texts() });
      if (answer.ok) said.textContent = await answer.text();
      else isChanged = true;
    } catch {
      isChanged = true;
    }
    if (isChanged) timer = setTimeout(save, 10000);
  };
  form.addEventListener("input", () => {
    isChanged = true;
    clearTimeout(timer);
    timer = setTimeout(save, 3000);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && isChanged) navigator.sendBeacon(`/drafts/${form.dataset.draft}`, texts());
  });
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    isChanged = false;
    form.querySelector("[type=submit]").setAttribute("aria-busy", "true");
  });

  // The reading: asked for when its part is opened, and again on request.
  const reading = form.querySelector("[data-reading]");
  const readings = reading.querySelector("[data-readings]");
  const again = reading.querySelector("[data-read]");
  again.hidden = false;
  const read = async () => {
    const body = new URLSearchParams({ text: field("text").value });
    const answer = await fetch(`/parts/reading?lang=${document.documentElement.lang}`, { method: "POST", body });
    if (answer.ok) readings.innerHTML = await answer.text();
  };
  reading.addEventListener("toggle", () => reading.open && read());
  again.addEventListener("click", read);
  readings.addEventListener("click", (event) => {
    if (!event.target.matches("[data-correct]")) return;
    const shown = readings.querySelector("[data-of]");
    field("reading").value = shown.dataset.words;
    field("reading_of").value = shown.dataset.of;
    field("reading").focus();
    form.dispatchEvent(new Event("input"));
  });
}
