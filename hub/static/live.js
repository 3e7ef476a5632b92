// Keep the parts of a page that change up to date; without this script a reload does the same.
"use strict";
for (const part of document.querySelectorAll("[data-live]")) {
  let tag = "";
  const look = async () => {
    const busy = part.contains(document.activeElement) || document.hidden;
    if (!busy) {
      try {
        const answer = await fetch(part.dataset.live, { headers: tag ? { "If-None-Match": tag } : {} });
        if (answer.status === 401) {
          location.reload();
          return;
        }
        if (answer.ok) {
          tag = answer.headers.get("ETag") || "";
          if (answer.headers.get("X-Reload") === "1" && part.dataset.state !== answer.headers.get("X-State")) {
            location.reload();
            return;
          }
          part.innerHTML = await answer.text();
        }
        document.body.classList.remove("offline");
      } catch {
        document.body.classList.add("offline");
      }
    }
    setTimeout(look, Number(part.dataset.every || 5) * 1000);
  };
  setTimeout(look, "now" in part.dataset ? 0 : Number(part.dataset.every || 5) * 1000);
}
