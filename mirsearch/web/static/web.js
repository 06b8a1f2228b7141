"use strict";
(() => {
  const all = (root, selector) => Array.from(root.querySelectorAll(selector));
  const form = document.querySelector("form.ask");
  const SHARP_SIDE = 720;

  function submit() {
    document.body.classList.add("busy");
    form.requestSubmit();
  }

  /* An image that is dropped on the page or pasted becomes the file of the form. */
  function takeFile(files) {
    const given = Array.from(files || []);
    const file = given.find((each) => each.type.startsWith("image/") || /\.tiff?$/i.test(each.name)) || given[0];
    if (!file) return false;
    const held = new DataTransfer();
    held.items.add(file);
    form.querySelector("input[type=file]").files = held.files;
    submit();
    return true;
  }

  function enhanceForm() {
    const hint = document.querySelector(".drop-hint"), hinted = hint.textContent, inputs = all(form, "input[type=file]");
    hint.hidden = false;
    form.addEventListener("submit", () => {
      document.body.classList.add("busy");
      const hasImage = form.elements.image || inputs.some((input) => input.files.length);
      hint.textContent = hasImage ? "Reading the image and looking for hits …" : "Looking for hits …";
    });
    window.addEventListener("pageshow", () => {
      document.body.classList.remove("busy");
      hint.textContent = hinted;
    });
    inputs.forEach((input) => input.addEventListener("change", () => { if (input.files.length) submit(); }));
    mirsearchDrop((held) => takeFile(held.files));
    document.addEventListener("paste", (event) => {
      if (takeFile(event.clipboardData.files)) event.preventDefault();
    });
    all(form, "input[type=range]").forEach((slider) => {
      const output = slider.parentElement.querySelector("output");
      slider.addEventListener("input", () => { output.textContent = Number(slider.value); });
    });
  }

  /* The handles of the histogram: their lengths while they move, and the search when one is let go. */
  function enhanceWidths() {
    const units = [["mm", 6], ["µm", 3], ["nm", 0], ["pm", -3]];
    const length = (decades) => {
      const [unit, power] = units.find(([, least]) => decades >= least - 1e-9) || units.at(-1);
      return `${Number((10 ** (decades - power)).toPrecision(3))} ${unit}`;
    };
    all(document, "form.widths").forEach((widths) => {
      const handles = all(widths, "input[type=range]"), outputs = all(widths, "output");
      widths.querySelector("button").hidden = true;
      widths.addEventListener("input", () => {
        const ends = handles.map((handle) => Number(handle.value)).sort((a, b) => a - b);
        ends.forEach((end, number) => { outputs[number].textContent = length(end); });
        handles.forEach((handle) => handle.setAttribute("aria-valuetext", length(Number(handle.value))));
        const least = Number(handles[0].min);
        all(widths, ".level").forEach((level) => {
          const middle = least + (Number(level.getAttribute("x")) + 4.6) / 10;
          level.classList.toggle("in", ends[0] <= middle && middle <= ends[1]);
        });
      });
      let waiting = 0;
      widths.addEventListener("change", () => {  // a key moves a handle by one step, and more may follow
        window.clearTimeout(waiting);
        waiting = window.setTimeout(() => { document.body.classList.add("busy"); widths.requestSubmit(); }, 500);
      });
    });
  }

  /* Drag a rectangle over a drawing; it is handed on in px of the file when it is at least `least()` px on a side.
     A finger that moves sideways draws; one that moves up or down scrolls the page, which ends the drawing. */
  function enableDrag(drawing, least, done) {
    const width = Number(drawing.dataset.w), height = Number(drawing.dataset.h);
    let start = null, box = null, moved = false;
    const place = (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
      return [Math.min(Math.max(at.x, 0), width), Math.min(Math.max(at.y, 0), height)];
    };
    const corners = (end) => [Math.min(start[0], end[0]), Math.min(start[1], end[1]), Math.max(start[0], end[0]), Math.max(start[1], end[1])];
    drawing.addEventListener("dragstart", (event) => event.preventDefault());
    drawing.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      start = place(event);
      moved = false;
    });
    window.addEventListener("pointercancel", () => {
      start = null;
      if (box) { box.remove(); box = null; }
    });
    window.addEventListener("pointermove", (event) => {
      if (!start) return;
      const [x0, y0, x1, y1] = corners(place(event));
      if (!moved && Math.max(x1 - x0, y1 - y0) * drawing.getScreenCTM().a < 8) return;
      moved = true;
      if (!box) {
        box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        box.setAttribute("class", "box drag");
        drawing.append(box);
      }
      Object.entries({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 }).forEach(([key, value]) => box.setAttribute(key, value));
    });
    window.addEventListener("pointerup", (event) => {
      if (!start) return;
      const [x0, y0, x1, y1] = corners(place(event)).map(Math.round);
      start = null;
      if (moved && Math.min(x1 - x0, y1 - y0) >= least()) done(x0, y0, x1, y1);
    });
    drawing.addEventListener("click", (event) => { if (moved) event.preventDefault(); }, true);
  }

  /* Drag over the query's picture: the rectangle becomes the crop, or the bar whose length is then typed. */
  function enhanceQuery() {
    const holder = document.querySelector(".cropper");
    if (!holder) return;
    const choice = document.querySelector(".drag-what"), measured = document.querySelector("form.measured");
    const isBar = () => choice.querySelector("input[value=bar]").checked;
    choice.hidden = false;
    choice.addEventListener("change", () => { measured.hidden = !isBar(); });
    enableDrag(holder.querySelector("svg"), () => (isBar() ? 0 : 8), (x0, y0, x1, y1) => {
      if (isBar()) {
        measured.elements.bar_px.value = String(Math.max(x1 - x0, y1 - y0));
        measured.elements.scale.focus();
        return;
      }
      form.elements.crop.value = [x0, y0, x1, y1].join(",");
      form.elements.panel.value = "";
      submit();
    });
  }

  /* Drag along the scale bar of a reading: its box and its length go into the form. */
  function enhanceBars() {
    all(document, ".to-review").forEach((item) => {
      const correction = item.querySelector("form.correct"), drawing = item.querySelector(".barred svg");
      if (!correction) return;
      item.querySelector(".bar-hint").hidden = false;
      correction.elements.bar_px.addEventListener("input", () => { correction.elements.bar.value = ""; });
      enableDrag(drawing, () => 0, (x0, y0, x1, y1) => {
        const x = Number(drawing.dataset.x), y = Number(drawing.dataset.y);
        correction.elements.bar.value = [x + x0, y + y0, x + x1, y + y1].join(",");
        correction.elements.bar_px.value = String(Math.max(x1 - x0, y1 - y0));
        correction.elements.scale.focus();
      });
    });
  }

  /* Replace the small pictures of hits in view by sharp ones, where the screen shows more than they hold. */
  function sharpenPictures() {
    if (!("IntersectionObserver" in window)) return;
    const watch = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      watch.unobserve(entry.target);
      const picture = entry.target.querySelector("image");
      const small = picture && picture.getAttribute("href");
      if (!small || !small.startsWith("/pictures/")) return;
      const sharp = new Image();
      sharp.addEventListener("load", () => picture.setAttribute("href", sharp.src));
      sharp.src = `${small}?side=${SHARP_SIDE}`;
    }), { rootMargin: "200px" });
    const observe = (hits) => hits.flatMap((hit) => all(hit, ".scene")).forEach((scene) => {
      if (scene.clientWidth * window.devicePixelRatio > 320) watch.observe(scene);
    });
    observe(all(document, ".hits .hit"));
    document.addEventListener("hits", (event) => observe(event.detail));
  }

  /* The next hits come by themselves before the end of the list is seen; the server bounds how many there are. */
  function enhancePager() {
    const list = document.querySelector(".hits"), pager = document.querySelector(".pager");
    const link = pager && pager.querySelector("a[rel=next]");
    if (!list || !link || !("IntersectionObserver" in window)) return;
    const status = pager.querySelector("[role=status]");
    const watch = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.unobserve(link);  // observed anew below, it tells at once if it is still in view
      status.textContent = "Looking for more hits …";
      fetch(link.href, { headers: { Accept: "text/html" } }).then((answer) => {
        if (!answer.ok) throw new Error(String(answer.status));
        return answer.text();
      }).then((text) => {
        const page = new DOMParser().parseFromString(text, "text/html");
        const hits = all(page, ".hits > .hit").map((hit) => document.adoptNode(hit));
        const next = page.querySelector(".pager a[rel=next]");
        list.append(...hits);
        list.dispatchEvent(new CustomEvent("hits", { detail: hits, bubbles: true }));
        status.textContent = "";
        if (!next || !hits.length) { link.remove(); return; }
        link.setAttribute("href", next.getAttribute("href"));
        watch.observe(link);
      }).catch(() => { status.textContent = ""; });  // the link still leads there
    }, { rootMargin: "900px" });
    watch.observe(link);
  }

  function enhanceKeys() {
    const list = document.querySelector(".hits");
    let current = -1;
    const go = (step) => {
      const hits = all(list, ".hit").filter((hit) => !hit.hidden);
      if (!hits.length) return;
      current = Math.min(Math.max(current + step, 0), hits.length - 1);
      all(list, ".hit.current").forEach((hit) => hit.classList.remove("current"));
      hits[current].classList.add("current");
      hits[current].querySelector("h3 a").focus({ preventScroll: true });
      hits[current].scrollIntoView({ block: "nearest" });
    };
    const zoom = (factor) => {
      const same = document.querySelector(".controls .same"), slider = document.querySelector(".controls .width");
      if (!same || same.disabled) return;
      if (!same.checked) same.click();
      slider.value = String(Number(slider.value) + factor);
      slider.dispatchEvent(new Event("input"));
    };
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.target.matches("input:not([type=checkbox]), select, textarea")) return;
      const words = form && form.elements.text;
      if (event.key === "/" && words) { event.preventDefault(); words.focus(); words.select(); }
      if (!list) return;
      if (event.key === "j") go(1);
      if (event.key === "k") go(-1);
      const mark = { a: 0, n: 1 }[event.key];
      if (mark !== undefined && current >= 0) {
        const link = all(list, ".hit").filter((hit) => !hit.hidden)[current].querySelectorAll(".marks a")[mark];
        if (link) link.click();
      }
      if (event.key === "+" || event.key === "=") zoom(-40);
      if (event.key === "-") zoom(40);
    });
  }

  if (form) { enhanceForm(); enhanceQuery(); }
  enhanceBars();
  enhanceWidths();
  sharpenPictures();
  enhancePager();
  enhanceKeys();
  document.documentElement.dataset.web = "ready";
})();
