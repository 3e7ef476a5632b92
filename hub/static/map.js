// The map of nodes, made of the list beside it: the same points, the same links. No tiles are asked for.
"use strict";
const box = document.querySelector("[data-map]");
if (box && window.L) {
  const spots = [...document.querySelectorAll("[data-point]")].map((line) => ({
    line,
    at: [Number(line.dataset.latitude) / 1e6, Number(line.dataset.longitude) / 1e6],
    unit: line.dataset.unit,
    state: line.dataset.state,
    link: line.querySelector("a"),
  }));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const map = L.map(box, { attributionControl: false, zoomAnimation: !still, fadeAnimation: !still, zoomControl: false });
  L.control.zoom({ zoomInTitle: box.dataset.zoomIn, zoomOutTitle: box.dataset.zoomOut }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);

  const turn = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
  const half = (points) => {
    const way = [];
    for (const point of points) {
      while (way.length > 1 && turn(way[way.length - 2], way[way.length - 1], point) <= 0) way.pop();
      way.push(point);
    }
    return way.slice(0, -1);
  };
  const outline = (points) => {
    const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    return [...half(sorted), ...half(sorted.reverse())];
  };
  const units = new Map();
  for (const spot of spots) units.set(spot.unit, [...(units.get(spot.unit) || []), spot.at]);
  for (const points of units.values()) {
    if (points.length > 2) L.polygon(outline(points), { className: "outline", interactive: false }).addTo(map);
  }
  for (const spot of spots) {
    const marker = L.circleMarker(spot.at, { radius: 9, className: "spot " + spot.state }).addTo(map);
    marker.bindTooltip(spot.link.textContent);
    marker.on("click", () => location.assign(spot.link.href));
    spot.link.addEventListener("focus", () => marker.openTooltip());
    spot.link.addEventListener("blur", () => marker.closeTooltip());
  }
  if (spots.length) map.fitBounds(L.latLngBounds(spots.map((spot) => spot.at)), { padding: [30, 30], maxZoom: 16, animate: false });
  box.hidden = !spots.length;
  if (spots.length) map.invalidateSize();
}
