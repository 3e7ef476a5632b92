// The reach of what is chosen: asked at once when the choice changes, and then by live.js.
"use strict";
const alarm = document.querySelector("form[data-emergency]");
if (alarm) {
  const unit = alarm.querySelector("[name=unit]");
  const reach = alarm.querySelector("[data-reach]");
  let asked = 0;
  const show = async () => {
    for (const group of alarm.querySelectorAll("[data-unit]")) {
      const own = group.dataset.unit === unit.value;
      group.hidden = !own;
      for (const input of group.querySelectorAll("input")) input.disabled = !own;
    }
    const query = new URLSearchParams({ unit: unit.value });
    for (const one of alarm.querySelectorAll("[name=hamlet]:checked:enabled")) query.append("hamlet", one.value);
    reach.dataset.live = `/parts/emergency?${query}`;
    const mine = ++asked;
    try {
      const answer = await fetch(reach.dataset.live);
      const text = await answer.text();
      if (answer.ok && mine === asked) reach.innerHTML = text;
    } catch {
      document.body.classList.add("offline");
    }
  };
  alarm.addEventListener("change", (event) => {
    if (event.target.name === "unit" || event.target.name === "hamlet") show();
  });
  show();
}
