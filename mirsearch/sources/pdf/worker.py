"""A process that reads one PDF: `python -m mirsearch.sources.pdf.worker PDF FOLDER`; pictures and figures.json into it.

Its memory, time and files are bounded by the operating system: a file that crashes PDFium, or keeps it busy for ever,
ends this process and nothing else.
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
"""Raised where a PDF's figures would come out otherwise: what was read before is then read again."""
_MEMORY = 4 << 30
_FILE = 1 << 30


def main() -> None:
    """Read the PDF, write what it holds; a failure is written too."""
    path, folder = Path(sys.argv[1]), Path(sys.argv[2])
    _bound()
    try:
        told = _read(path, folder)
    except MirsearchError as error:
        told = {"error": error.message, "remedy": error.remedy}
    (folder / MANIFEST).write_text(json.dumps({"version": VERSION, **told}), encoding="utf-8")


def _bound() -> None:
    """Let the operating system end this process where it takes too much."""
    try:
        import resource
    except ImportError:  # Windows has no such bounds; the parent's time-out remains
        return
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_FSIZE, _FILE), (resource.RLIMIT_CPU, 2 * LIMITS.pdf_seconds),
        (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _read(path: Path, folder: Path) -> dict[str, Any]:
    reader = PdfReader(path, path.name)
    try:
        content = read_content(reader, path.stem)
        kept = content.figures[: LIMITS.pdf_figures]
        if len(kept) < len(content.figures):
            content.failures.append(f"figures after the first {len(kept)} were not taken")
        figures = [_draw(reader, content, figure, folder, number) for number, figure in enumerate(kept, start=1)]
    finally:
        reader.close()
    return {
        "pages": content.pages, "article": to_json(content.article), "figures": figures, "notes": content.notes,
        "failures": content.failures,
    }  # fmt: skip


def _draw(reader: PdfReader, content: PdfContent, figure: PdfFigure, folder: Path, number: int) -> dict[str, Any]:
    caption = figure.caption
    name = f"figure-{number:03}.png"
    with reader.page(caption.page) as page:
        picture = page.picture(figure.box, content.images.get(caption.page, []))
    picture.save(folder / name, "PNG", compress_level=3)
    return {"file": name, "label": caption.label, "caption": caption.text, "page": caption.page + 1,
            "box": [round(each, 1) for each in figure.box]}  # fmt: skip


if __name__ == "__main__":
    main()
