"""The process that reads one PDF: `python -m mirsearch.sources.pdf.worker PDF FOLDER`.

It writes pictures and figures.json into the folder. The operating system limits its memory, time and files: a file that
crashes PDFium or keeps it busy ends only this process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mirsearch.corpus import to_json
from mirsearch.errors import MirsearchError
from mirsearch.settings import LIMITS
from mirsearch.sources.pdf.document import PdfContent, PdfFigure, read_content
from mirsearch.sources.pdf.reader import PdfReader

MANIFEST = "figures.json"
VERSION = 1
"""Raised whenever the figures of a PDF change: stored results of other versions are read again."""
_MAX_MEMORY_BYTES = 4 << 30
_MAX_FILE_BYTES = 1 << 30


def main() -> None:
    """Read the PDF and write its content, or the failure."""
    path, folder = Path(sys.argv[1]), Path(sys.argv[2])
    _limit_resources()
    try:
        content = _read_pdf(path, folder)
    except MirsearchError as error:
        content = {"error": error.message, "remedy": error.remedy}
    (folder / MANIFEST).write_text(json.dumps({"version": VERSION, **content}), encoding="utf-8")


def _limit_resources() -> None:
    """Limit this process's memory, files and time through the operating system."""
    try:
        import resource
    except ImportError:  # Windows has no such limits; the parent's timeout remains
        return
    for resource_kind, limit in (
        (resource.RLIMIT_AS, _MAX_MEMORY_BYTES), (resource.RLIMIT_FSIZE, _MAX_FILE_BYTES),
        (resource.RLIMIT_CPU, 2 * LIMITS.pdf_seconds), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        _, hard_limit = resource.getrlimit(resource_kind)
        resource.setrlimit(
            resource_kind, (limit if hard_limit == resource.RLIM_INFINITY else min(limit, hard_limit), hard_limit)
        )


def _read_pdf(path: Path, folder: Path) -> dict[str, Any]:
    reader = PdfReader(path, path.name)
    try:
        content = read_content(reader, path.stem)
        figures_kept = content.figures[: LIMITS.pdf_figures]
        if len(figures_kept) < len(content.figures):
            content.failures.append(f"figures after the first {len(figures_kept)} were not kept")
        figures = [
            _save_figure(reader, content, figure, folder, number) for number, figure in enumerate(figures_kept, start=1)
        ]
    finally:
        reader.close()
    return {
        "pages": content.pages, "article": to_json(content.article), "figures": figures, "notes": content.notes,
        "failures": content.failures,
    }  # fmt: skip


def _save_figure(
    reader: PdfReader, content: PdfContent, figure: PdfFigure, folder: Path, number: int
) -> dict[str, Any]:
    caption = figure.caption
    name = f"figure-{number:03}.png"
    with reader.page(caption.page) as page:
        picture = page.render_region(figure.box, content.images.get(caption.page, []))
    picture.save(folder / name, "PNG", compress_level=3)
    return {"file": name, "label": caption.label, "caption": caption.text, "page": caption.page + 1,
            "box": [round(side, 1) for side in figure.box]}  # fmt: skip


if __name__ == "__main__":
    main()
