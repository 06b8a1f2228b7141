"use strict";
(() => {
  const FRAME_W = 400, FRAME_H = 300, STRIP = 34, SVG = "http://www.w3.org/2000/svg";
  const all = (root, selector) => Array.from(root.querySelectorAll(selector));
  const number = (node, key) => (node && node.dataset[key] !== undefined ? Number(node.dataset[key]) : null);

  function formatLength(nm) {
    const units = [[1e9, "m"], [1e6, "mm"], [1e3, "µm"], [1, "nm"]];
    const rounded = Number(nm.toPrecision(3));
    const [factor, unit] = units.find(([f]) => rounded >= f) || units[3];
    return `${Number((rounded / factor).toPrecision(3))} ${unit}`;
  }

  function roundLengthBelow(atMost) {
    const power = 10 ** Math.floor(Math.log10(atMost));
    return Math.max(...[0.5, 1, 2, 5].filter((step) => step * power <= atMost * (1 + 1e-9)).map((step) => step * power));
  }

  function drawRuler(scene, text, units) {
    const ruler = scene.querySelector(".ruler");
    ruler.classList.toggle("unknown", units === null);
    ruler.replaceChildren();
    const middle = FRAME_H + STRIP / 2;
    const put = (name, attributes) => {
      const node = document.createElementNS(SVG, name);
      Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
      return ruler.appendChild(node);
    };
    if (units !== null) put("rect", { x: 0, y: middle - 3, width: units, height: 6 });
    put("text", { x: units === null ? 0 : units + 9, y: middle + 6 }).textContent = text;
  }

  /* Show a scene whole (across === null), or the part of it that is `across` nanometers wide. */
  function showScene(scene, across) {
    const view = scene.querySelector(".view");
    if (!view) return;
    const [w, h, nm] = [number(scene, "w"), number(scene, "h"), number(scene, "nm")];
    scene.classList.toggle("foreign", across !== null && nm === null);
    if (across === null || nm === null) {
      view.setAttribute("viewBox", `0 0 ${w} ${h}`);
      const unitsPerNm = nm === null ? null : Math.min(FRAME_W / w, FRAME_H / h) / nm;
      const bar = unitsPerNm === null ? null : roundLengthBelow(0.4 * FRAME_W / unitsPerNm);
      drawRuler(scene, bar === null ? scene.dataset.without : formatLength(bar), bar === null ? null : bar * unitsPerNm);
      return;
    }
    const vw = across / nm, vh = vw * FRAME_H / FRAME_W;
    view.setAttribute("viewBox", `${(w - vw) / 2} ${(h - vh) / 2} ${vw} ${vh}`);
    const bar = roundLengthBelow(0.4 * across);
    drawRuler(scene, formatLength(bar), bar * FRAME_W / across);
  }

  function sceneWidth(scene) {
    const [w, h, nm] = [number(scene, "w"), number(scene, "h"), number(scene, "nm")];
    return nm === null ? null : nm * Math.max(w, h * FRAME_W / FRAME_H);
  }

  const dialog = document.querySelector("dialog.compare");
  let current = null;

  function compare(answer, hit) {
    current = { answer, hit };
    const query = answer.section.querySelector(".query").cloneNode(true);
    const copy = hit.cloneNode(true);
    all(copy, ".frame button").forEach((button) => button.remove());
    const list = document.createElement("ol");
    list.className = "hits single";
    list.append(copy);
    dialog.querySelector(".left").replaceChildren(query);
    dialog.querySelector(".right").replaceChildren(list);
    const same = dialog.querySelector(".same");
    const widths = all(dialog, ".scene").map(sceneWidth);
    same.disabled = widths.length < 2 || widths.some((width) => width === null);
    const across = same.checked && !same.disabled ? Math.max(...widths) : null;
    all(dialog, ".scene").forEach((scene) => showScene(scene, across));
    if (!dialog.open) dialog.showModal();
  }

  function step(by) {
    const hits = current.answer.visible();
    const next = hits[hits.indexOf(current.hit) + by];
    if (next) compare(current.answer, next);
  }

  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.querySelector(".previous").addEventListener("click", () => step(-1));
  dialog.querySelector(".next").addEventListener("click", () => step(1));
  dialog.querySelector(".same").addEventListener("change", () => compare(current.answer, current.hit));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("keydown", (event) => {
    if (event.target.matches("input")) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });

  class Answer {
    constructor(section) {
      this.section = section;
      this.form = section.querySelector(".controls");
      this.list = section.querySelector(".hits");
      if (!this.form || !this.list) return;
      this.scenes = all(section, ".scene");
      this.hits = all(this.list, ".hit");
      this.part = (name) => this.form.querySelector("." + name);
      this.setRange();
      this.form.hidden = false;
      this.form.addEventListener("submit", (event) => event.preventDefault());
      ["same", "width"].forEach((name) => this.part(name).addEventListener("input", () => this.applyScale()));
      ["known", "words"].forEach((name) => this.part(name).addEventListener("input", () => this.filter()));
      this.part("sort").addEventListener("change", () => this.sort());
      this.hits.forEach((hit) => this.addButtons(hit));
      this.applyScale();
      this.list.addEventListener("hits", (event) => this.take(event.detail));
    }

    /* Take hits in that were added to the list. */
    take(hits) {
      this.hits.push(...hits);
      this.scenes.push(...hits.flatMap((hit) => all(hit, ".scene")));
      hits.forEach((hit) => this.addButtons(hit));
      this.applyScale();
      this.filter();
      if (this.part("sort").value !== "rank") this.sort();
    }

    /* The slider runs over the logarithm of the frame's width, from half the narrowest picture to the widest. */
    setRange() {
      const widths = this.scenes.map(sceneWidth).filter((width) => width !== null).sort((a, b) => a - b);
      this.part("same").disabled = widths.length === 0;
      if (!widths.length) return;
      const queryScene = this.section.querySelector(".query .scene");
      const start = (queryScene && sceneWidth(queryScene)) || number(this.form, "fov") || widths[Math.floor(widths.length / 2)];
      this.low = Math.log(Math.min(widths[0], start) / 2);
      this.high = Math.log(Math.max(widths[widths.length - 1], start) * 1.25);
      this.part("width").value = String(Math.round(1000 * (Math.log(start) - this.low) / (this.high - this.low)));
    }

    applyScale() {
      const same = this.part("same").checked, slider = this.part("width");
      slider.disabled = !same;
      const across = same ? Math.exp(this.low + (this.high - this.low) * Number(slider.value) / 1000) : null;
      this.form.querySelector("output").textContent = same ? formatLength(across) : "";
      slider.setAttribute("aria-label", "Width of the frame");
      slider.setAttribute("aria-valuetext", same ? formatLength(across) : "each picture whole");
      this.scenes.forEach((scene) => showScene(scene, across));
    }

    visible() {
      return all(this.list, ".hit").filter((hit) => !hit.hidden);
    }

    filter() {
      const words = this.part("words").value.toLowerCase().split(/\s+/).filter(Boolean);
      const known = this.part("known").checked;
      this.hits.forEach((hit) => {
        const text = hit.textContent.toLowerCase();
        hit.hidden = (known && number(hit, "fov") === null) || !words.every((word) => text.includes(word));
      });
      const count = this.visible().length;
      this.part("status").textContent = count === this.hits.length ? "" : `${count} of ${this.hits.length} shown`;
    }

    sort() {
      const key = this.part("sort").value, upward = key === "rank" || key === "fov";
      const value = (hit) => {
        const stored = number(hit, key);
        return stored === null ? Infinity : upward ? stored : -stored;
      };
      const order = (a, b) => (value(a) === value(b) ? number(a, "rank") - number(b, "rank") : value(a) < value(b) ? -1 : 1);
      this.list.append(...this.hits.sort(order));
    }

    addButtons(hit) {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", `Compare ${hit.querySelector("h3 .name").textContent} with the query`);
      button.addEventListener("click", () => compare(this, hit));
      hit.querySelector(".frame").append(button);
      const caption = hit.querySelector(".caption");
      if (!caption) return;
      const text = caption.querySelector("p");
      if (text.scrollHeight <= text.clientHeight + 2) return;
      const more = document.createElement("button");
      more.type = "button";
      more.textContent = "more";
      more.setAttribute("aria-expanded", "false");
      more.addEventListener("click", () => {
        const open = caption.classList.toggle("open");
        more.textContent = open ? "less" : "more";
        more.setAttribute("aria-expanded", String(open));
      });
      caption.append(more);
    }
  }

  document.documentElement.classList.add("js");
  all(document, "section.answer").forEach((section) => new Answer(section));
  document.documentElement.dataset.ready = "yes";
})();
