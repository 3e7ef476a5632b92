// The calendar: a bulletin dragged to another day is sent with its own form, which keys reach as well.
"use strict";
let dragged = null;
for (const row of document.querySelectorAll("tr[draggable]")) {
  row.addEventListener("dragstart", (event) => {
    dragged = row;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", row.querySelector("th").innerText);
  });
  row.addEventListener("dragend", () => {
    dragged = null;
    for (const one of document.querySelectorAll(".over")) one.classList.remove("over");
  });
}
for (const section of document.querySelectorAll("section[data-day]")) {
  section.addEventListener("dragover", (event) => {
    if (!dragged || section.contains(dragged)) return;
    event.preventDefault();
    section.classList.add("over");
  });
  section.addEventListener("dragleave", () => section.classList.remove("over"));
  section.addEventListener("drop", (event) => {
    if (!dragged || section.contains(dragged)) return;
    event.preventDefault();
    const form = dragged.querySelector("form[action='/calendar/moves']");
    form.querySelector("[name=to_day]").value = section.dataset.day;
    form.requestSubmit(form.querySelector("button[type=submit]"));
  });
}
