// The form: hamlets of the chosen unit only, and progress while a recording is on its way.
"use strict";
const form = document.querySelector("form[data-bulletin]");
if (form) {
  const unit = form.querySelector("[name=unit]");
  const show = () => {
    for (const group of form.querySelectorAll("[data-unit]")) {
      const own = group.dataset.unit === unit.value;
      group.hidden = !own;
      for (const input of group.querySelectorAll("input")) input.disabled = !own;
    }
  };
  unit.addEventListener("change", show);
  show();

  form.addEventListener("submit", (event) => {
    const file = form.querySelector("[type=file]");
    const bar = form.querySelector("progress");
    form.querySelector("[type=submit]").setAttribute("aria-busy", "true");
    if (!file.files.length) return;
    event.preventDefault();
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    bar.hidden = false;
    request.upload.addEventListener("progress", (step) => {
      if (step.lengthComputable) bar.value = step.loaded / step.total;
    });
    request.addEventListener("load", () => {
      if (request.responseURL && new URL(request.responseURL).pathname !== new URL(form.action).pathname) {
        location.assign(request.responseURL);
      } else {
        document.open();
        document.write(request.responseText);
        document.close();
      }
    });
    request.addEventListener("error", () => {
      bar.hidden = true;
      form.querySelector("[type=submit]").removeAttribute("aria-busy");
      form.querySelector("[data-lost]").hidden = false;
    });
    request.send(new FormData(form));
  });
}
