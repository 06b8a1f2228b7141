"use strict";
/* What is dropped anywhere on the page, and how the page shows that it may be: for the scripts that come after. */
const mirsearchDrop = (take) => {
  const holdsFiles = (event) => event.dataTransfer.types.includes("Files");
  const show = (isOver) => document.body.classList.toggle("dropping", isOver);
  document.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    show(true);
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) show(false); });
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    show(false);
    take(event.dataTransfer);
  });
};
