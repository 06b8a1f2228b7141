"use strict";
(() => {
  const form = document.querySelector(".save");
  if (!form) return;
  const rows = Array.from(document.querySelectorAll(".reading"));
  const status = form.querySelector(".status");
  const length = /^\s*\d+(\.\d+)?\s*(pm|nm|um|µm|μm|mm|cm|m|å|angstrom)\s*$/i;

  const part = (row, name) => row.querySelector(name);
  const value = (row) => part(row, ".length").value.trim();
  const isWrong = (row) => value(row) !== "" && !length.test(value(row));
  const isDone = (row) => part(row, ".none").checked || (value(row) !== "" && !isWrong(row));

  function refresh() {
    rows.forEach((row) => {
      row.classList.toggle("done", isDone(row));
      part(row, ".length").classList.toggle("wrong", isWrong(row));
      part(row, ".length").disabled = part(row, ".none").checked;
    });
    const wrong = rows.filter((row) => isWrong(row) && !part(row, ".none").checked).length;
    const done = rows.filter(isDone).length;
    status.textContent = `${done} of ${rows.length} filled in` + (wrong ? `, ${wrong} without a unit such as nm` : "");
  }

  function table() {
    const cells = rows.filter(isDone).map((row) => {
      const none = part(row, ".none").checked;
      return [row.dataset.id, none ? "" : value(row), none ? "yes" : ""].join(",");
    });
    return ["id,scale,no_scale", ...cells, ""].join("\n");
  }

  rows.forEach((row) => {
    part(row, ".fields").hidden = false;
    row.addEventListener("input", refresh);
    const confirm = part(row, ".confirm");
    if (confirm) confirm.addEventListener("click", () => {
      part(row, ".none").checked = false;
      part(row, ".length").value = confirm.dataset.length;
      refresh();
    });
  });
  form.querySelector(".download").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
    link.download = "corrections.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  form.hidden = false;
  refresh();
})();
