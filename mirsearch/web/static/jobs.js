"use strict";
(() => {
  const units = ["B", "kB", "MB", "GB"];

  function told(bytes) {
    let size = bytes, unit = 0;
    while (size >= 1000 && unit < units.length - 1) { size /= 1000; unit += 1; }
    return `${unit ? size.toFixed(1) : size} ${units[unit]}`;
  }

  /* All files of a folder that was dropped, with their places in it. */
  function filesBelow(entry, place) {
    if (entry.isFile) {
      return new Promise((done) => entry.file((file) => done([[file, place + file.name]]), () => done([])));
    }
    const reader = entry.createReader();
    const found = [];
    return new Promise((done) => {
      const next = () => reader.readEntries((entries) => {
        if (!entries.length) { done(Promise.all(found).then((lists) => lists.flat())); return; }
        entries.forEach((each) => found.push(filesBelow(each, `${place}${entry.name}/`)));
        next();
      }, () => done([]));
      next();
    });
  }

  function enhanceFiles(form) {
    const list = form.querySelector(".picked"), status = form.querySelector(".upload-state"), bar = form.querySelector(".sent");
    const inputs = Array.from(form.querySelectorAll("input[type=file]")), button = form.querySelector("button.go"), clear = form.querySelector("button.clear");
    let dropped = [];
    form.querySelector(".drop-words").hidden = false;

    const chosen = () => inputs.flatMap((input) => Array.from(input.files).map((file) => [file, file.webkitRelativePath || file.name])).concat(dropped);

    function show() {
      const files = chosen();
      const lines = files.slice(0, 8).map(([file, name]) => `${name} (${told(file.size)})`);
      if (files.length > lines.length) lines.push(`and ${files.length - lines.length} more`);
      list.replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
      list.hidden = clear.hidden = !files.length;
      status.hidden = !files.length;
      status.textContent = files.length ? `${files.length} ${files.length === 1 ? "file" : "files"}, ${told(files.reduce((sum, [file]) => sum + file.size, 0))}` : "";
    }
    inputs.forEach((input) => input.addEventListener("change", show));
    clear.addEventListener("click", () => {
      inputs.forEach((input) => { input.value = ""; });
      dropped = [];
      show();
      inputs[0].focus();
    });

    mirsearchDrop(async (held) => {
      const files = Array.from(held.files);
      const entries = Array.from(held.items).map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
      const folders = entries.some((entry) => entry && entry.isDirectory);
      const found = folders ? (await Promise.all(entries.filter(Boolean).map((entry) => filesBelow(entry, "")))).flat() : files.map((file) => [file, file.name]);
      dropped = dropped.concat(found);
      show();
      button.focus();
    });

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const files = chosen();
      if (!files.length) { status.hidden = false; status.textContent = "Choose files first."; return; }
      const data = new FormData();
      new FormData(form).forEach((value, name) => { if (name !== "files") data.append(name, value); });
      files.forEach(([file, name]) => data.append("files", file, name));
      send(form, data, bar, status, button);
    });
  }

  function send(form, data, bar, status, button) {
    const request = new XMLHttpRequest();
    const fail = (words) => {
      button.disabled = false;
      bar.hidden = true;
      status.hidden = false;
      status.classList.add("bad");
      status.textContent = words;
    };
    button.disabled = true;
    bar.hidden = false;
    status.classList.remove("bad");
    request.upload.addEventListener("progress", (event) => {
      bar.value = event.lengthComputable ? event.loaded / event.total : 0;
      status.hidden = false;
      status.textContent = event.loaded === event.total ? "sent; the server looks at the files …" : `${told(event.loaded)} of ${told(event.total)} sent`;
    });
    request.addEventListener("load", () => {
      if (request.status < 400) { location.assign(request.responseURL); return; }
      let problem = {};
      try { problem = JSON.parse(request.responseText); } catch { /* a proxy's own page */ }
      fail([problem.detail || `The server answered ${request.status}.`, problem.remedy].filter(Boolean).join(" – "));
    });
    request.addEventListener("error", () => fail("The connection broke. Try again."));
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.send(data);
  }

  /* The page of a running job: each event brings the numbers, the last one the whole page. */
  function watchJob(page) {
    const source = new EventSource(`/api/v1/jobs/${page.dataset.job}/events`);
    const set = (selector, text) => { const node = page.querySelector(selector); if (node.textContent !== text) node.textContent = text; };
    let failures = page.querySelectorAll(".failures tbody tr").length;
    source.addEventListener("job", (event) => {
      const job = JSON.parse(event.data);
      if (job.state !== page.dataset.state && job.state !== "waiting" && job.state !== "running") {
        source.close();
        location.reload();
        return;
      }
      page.dataset.state = job.state;
      const state = page.querySelector(".job-state");
      if (state.textContent !== job.view.told) { state.textContent = job.view.told; state.className = `job-state is-${job.state}`; }
      set(".job-counts", job.view.counts);
      set(".job-current", job.view.current);
      const bar = page.querySelector("progress.job-bar");
      if (job.view.total) { bar.max = job.view.total; bar.value = job.view.done; } else bar.removeAttribute("value");
      const body = page.querySelector(".failures tbody");
      job.failures.slice(failures).forEach((failure) => {
        const row = body.insertRow();
        row.insertCell().textContent = failure.file;
        row.insertCell().textContent = failure.reason;
      });
      failures = Math.max(failures, job.failures.length);
      page.querySelector(".failed-inputs").hidden = failures === 0;
    });
  }

  const files = document.querySelector("form.add.files"), page = document.querySelector(".job-page[data-job]");
  if (files) enhanceFiles(files);
  if (page && "EventSource" in window) watchJob(page);
})();
