"use strict";
(() => {
  const page = document.querySelector(".figure-page");
  const drawing = page && page.querySelector("svg.outlined");
  if (!drawing) return;
  const all = (selector) => Array.from(page.querySelectorAll(selector));
  const MOST = 16, STEP = 1.5, MOVED = 4;

  /* Light up a panel, its outline and its part of the caption together, wherever the mouse or the keyboard is. */
  function enhanceParts() {
    const outlines = new Map(all("svg.outlined a").map((link) => [decodeURIComponent(link.getAttribute("href").slice(1)), link]));
    const parts = all(".of").map((part) => [part, part.dataset.panels.split(" ")]);
    const light = (ids, isOn) => {
      ids.forEach((id) => {
        for (const found of [document.getElementById(id), outlines.get(id)]) if (found) found.classList.toggle("lit", isOn);
      });
      parts.forEach(([part, of]) => { if (of.some((id) => ids.includes(id))) part.classList.toggle("lit", isOn); });
    };
    const watch = (element, ids) => {
      for (const [name, isOn] of [["mouseenter", true], ["mouseleave", false], ["focusin", true], ["focusout", false]]) {
        element.addEventListener(name, () => light(ids, isOn));
      }
    };
    outlines.forEach((link, id) => watch(link, [id]));
    all(".panel").forEach((panel) => watch(panel, [panel.id]));
    parts.forEach(([part, ids]) => watch(part, ids));
  }

  /* Zoom by buttons, keys, a double click and Ctrl with the wheel; drag the figure while it is larger than its frame. */
  function enhanceZoom() {
    const whole = drawing.viewBox.baseVal, width = whole.width, height = whole.height;
    const view = { x: 0, y: 0, factor: 1 };
    const bar = page.querySelector(".zoom"), smaller = bar.querySelector("[data-zoom=out]"), reset = bar.querySelector("[data-zoom=all]");
    let start = null, dragged = false;
    bar.hidden = false;
    const show = () => {
      view.x = Math.min(Math.max(view.x, 0), width - width / view.factor);
      view.y = Math.min(Math.max(view.y, 0), height - height / view.factor);
      drawing.setAttribute("viewBox", [view.x, view.y, width / view.factor, height / view.factor].join(" "));
      drawing.classList.toggle("zoomed", view.factor > 1);
      smaller.disabled = reset.disabled = view.factor <= 1;
      const image = drawing.querySelector("image");
      if (view.factor > 1 && drawing.dataset.full && image.getAttribute("href") !== drawing.dataset.full) {
        const sharp = new Image();
        sharp.addEventListener("load", () => image.setAttribute("href", sharp.src));
        sharp.src = drawing.dataset.full;
      }
    };
    const place = (event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
    const zoom = (times, at) => {
      const factor = Math.min(Math.max(view.factor * times, 1), MOST);
      const kept = at || { x: view.x + width / view.factor / 2, y: view.y + height / view.factor / 2 };
      view.x = kept.x - (kept.x - view.x) * view.factor / factor;
      view.y = kept.y - (kept.y - view.y) * view.factor / factor;
      view.factor = factor;
      show();
    };
    const steps = { in: () => zoom(STEP), out: () => zoom(1 / STEP), all: () => zoom(0) };
    bar.addEventListener("click", (event) => { if (event.target.dataset.zoom) steps[event.target.dataset.zoom](); });
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
      const step = { "+": "in", "=": "in", "-": "out", 0: "all" }[event.key];
      if (step) { event.preventDefault(); steps[step](); }
    });
    drawing.addEventListener("dblclick", (event) => { event.preventDefault(); zoom(2, place(event)); });
    drawing.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;  // the wheel alone scrolls the page
      event.preventDefault();
      zoom(event.deltaY < 0 ? STEP : 1 / STEP, place(event));
    }, { passive: false });
    drawing.addEventListener("dragstart", (event) => event.preventDefault());
    drawing.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      dragged = false;
      if (view.factor > 1) start = { at: place(event), x: event.clientX, y: event.clientY };
    });
    window.addEventListener("pointermove", (event) => {
      if (!start) return;
      dragged = dragged || Math.hypot(event.clientX - start.x, event.clientY - start.y) >= MOVED;
      if (!dragged) return;
      const now = place(event);
      view.x += start.at.x - now.x;
      view.y += start.at.y - now.y;
      show();
    });
    for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, () => { start = null; });
    drawing.addEventListener("click", (event) => { if (dragged || event.detail > 1) event.preventDefault(); }, true);
    show();
  }

  function enhanceCitation() {
    const copier = page.querySelector(".copier");
    if (!copier || !navigator.clipboard) return;
    copier.hidden = false;
    copier.querySelector("button").addEventListener("click", () => {
      navigator.clipboard.writeText(page.querySelector(".citation").textContent).then(
        () => { copier.querySelector("[role=status]").textContent = "Copied."; },
        () => { copier.querySelector("[role=status]").textContent = "The browser did not allow it: select the text."; },
      );
    });
  }

  enhanceParts();
  enhanceZoom();
  enhanceCitation();
})();
