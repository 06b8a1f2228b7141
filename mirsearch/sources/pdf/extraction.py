"""Read one PDF: its figures as pictures in a folder, and what is known about them. It runs in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mirsearch.corpus import Article
from mirsearch.settings import LIMITS
from mirsearch.sources.pdf.document import PdfContent, PdfFigure, read_content
from mirsearch.sources.pdf.reader import PdfReader
from mirsearch.sources.pdf.text import Rect

VERSION = 2
"""Raised whenever the figures of a PDF change: stored results of other versions are read again."""


@dataclass(frozen=True, slots=True)
class ExtractedFigure:
    """A figure of a PDF: the name of its picture, its label and caption, its page from 1, and its box in points.

    `mentions` are sentences of the text that speak of it.
    """

    file: str
    label: str
    caption: str
    page: int
    box: Rect
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExtractedPdf:
    """The content of a PDF. `notes` are remarks; `failures` name what could not be read."""

    pages: int
    article: Article
    figures: tuple[ExtractedFigure, ...]
    notes: tuple[str, ...]
    failures: tuple[str, ...]


def extract_pdf(path: Path, folder: Path) -> ExtractedPdf:
    """Read a PDF and write the pictures of its figures into a folder. Raises SourceError if it can't be read at all."""
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
    return ExtractedPdf(content.pages, content.article, tuple(figures), tuple(content.notes), tuple(content.failures))


def _save_figure(
    reader: PdfReader, content: PdfContent, figure: PdfFigure, folder: Path, number: int
) -> ExtractedFigure:
    caption = figure.caption
    name = f"figure-{number:03}.png"
    with reader.page(caption.page) as page:
        picture = page.render_region(figure.box, content.images.get(caption.page, []))
    picture.save(folder / name, "PNG", compress_level=3)
    x0, y0, x1, y1 = (round(side, 1) for side in figure.box)
    return ExtractedFigure(name, caption.label, caption.text, caption.page + 1, (x0, y0, x1, y1), figure.mentions)
