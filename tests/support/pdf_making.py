"""Make PDFs of articles for tests with reportlab: columns, captions, images (entire or in strips) and drawings."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, KeepTogether, PageTemplate, Paragraph, Spacer

FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf")
MARGIN, GUTTER = 48.0, 18.0
WORDS = (
    "The wires were grown on silicon at several temperatures and then looked at after each hour while the flow of gas "
    "was held as before, which others have found to matter little for their length but much for their shape. "
)


@dataclass
class PdfFig:
    """A figure to lay out. `pictures` stand side by side; `strips` is the number of parts of each. None: a drawing."""

    label: str
    caption: str
    pictures: Sequence[Image.Image] = ()
    strips: int = 1
    above: bool = False
    mark: str = "."
    wide: bool = False
    letters: bool = False
    where: tuple[int, float, float, float, float] | None = field(default=None, compare=False)


class _Graphic(Flowable):
    """A figure's pictures, or a drawing. Records its position, in points from the top left."""

    def __init__(self, fig: PdfFig, width: float) -> None:
        super().__init__()
        self.fig, self.width = fig, width
        count = max(len(fig.pictures), 1)
        each = (width - 6.0 * (count - 1)) / count
        self.sizes = [(each, each * picture.height / picture.width) for picture in fig.pictures] or [
            (width, 0.6 * width)
        ]
        self.height = min(max(height for _, height in self.sizes), 560.0)

    def wrap(self, *_: Any) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        canvas = self.canv
        x, y = canvas.absolutePosition(0, 0)
        left = 0.0
        for picture, (width, height) in zip(self.fig.pictures, self.sizes, strict=False):
            scale = min(1.0, self.height / height)
            self.put(picture, left, width * scale, height * scale)
            if self.fig.letters:
                canvas.setFont("Helvetica-Bold", 9)
                canvas.drawString(left + 3, self.height - 12, "abcdef"[int(left > 0)])
            left += width * scale + 6.0
        if not self.fig.pictures:
            self.draw_lines()
        page = canvas._pagesize[1]
        right = min(left - 6.0, self.width) if self.fig.pictures else self.width
        self.fig.where = (canvas.getPageNumber(), x, page - y - self.height, x + right, page - y)

    def put(self, picture: Image.Image, left: float, width: float, height: float) -> None:
        edges = [round(picture.height * number / self.fig.strips) for number in range(self.fig.strips + 1)]
        for top, bottom in itertools.pairwise(edges):
            part = picture.crop((0, top, picture.width, bottom))
            share = height / picture.height
            self.canv.drawImage(
                ImageReader(part), left, self.height - bottom * share, width, (bottom - top) * share
            )  # fmt: skip

    def draw_lines(self) -> None:
        canvas, rng = self.canv, np.random.default_rng(len(self.fig.caption))
        canvas.setFont("Helvetica", 7)
        canvas.rect(30, 24, self.width - 34, self.height - 28)
        for tick in range(6):
            x = 30 + (self.width - 34) * tick / 5
            canvas.line(x, 24, x, 20)
            canvas.drawCentredString(x, 11, f"{tick * 10}")
        canvas.drawCentredString(self.width / 2, 1, "Time (h)")
        canvas.saveState()
        canvas.rotate(90)
        canvas.drawCentredString(self.height / 2, -10, "Length (nm)")
        canvas.restoreState()
        values = np.cumsum(rng.random(80))
        points = [
            (30 + (self.width - 34) * k / 79, 26 + (self.height - 34) * v / values[-1]) for k, v in enumerate(values)
        ]
        for a, b in itertools.pairwise(points):
            canvas.line(*a, *b)


def make_pdf(path: Path, figs: Sequence[PdfFig], *, columns: int = 2, title: str = "On wires that grow at night",
             doi: str | None = "10.5555/made.1", license_: str | None = "http://creativecommons.org/licenses/by/4.0/",
             logo: Image.Image | None = None, paragraphs: Sequence[str] = (), metadata_title: str | None = None,
             between: int = 2, size: float = 9.0) -> Path:  # fmt: skip
    """Make an article with running text, headers and footers, and figures with captions below (or above) them."""
    font = _font()
    body = ParagraphStyle("body", fontName=font, fontSize=size, leading=1.2 * size, spaceAfter=6, alignment=4)
    small = ParagraphStyle("caption", fontName=font, fontSize=size - 1.2, leading=1.18 * (size - 1.2), spaceBefore=4)
    head = ParagraphStyle("head", fontName=font, fontSize=1.9 * size, leading=2.2 * size, spaceAfter=12)
    width = (A4[0] - 2 * MARGIN - GUTTER * (columns - 1)) / columns
    texts = list(paragraphs) or [WORDS * 4]
    story: list[Flowable] = [Paragraph(escape(title), head)]
    story.append(
        Paragraph(escape(f"Open access. https://doi.org/{doi} {license_ or ''}" if doi else "Preprint."), small)
    )
    used = 0
    for fig in figs:
        for _ in range(between):
            story.append(Paragraph(escape(texts[used % len(texts)]), body))
            used += 1
        caption = Paragraph(f"<b>{escape(fig.label)}{escape(fig.mark)}</b> {escape(fig.caption)}", small)
        graphic = _Graphic(fig, width if fig.wide or not fig.pictures else min(width, 0.98 * width))
        parts = [caption, Spacer(1, 5), graphic] if fig.above else [graphic, caption]
        story.append(KeepTogether([Spacer(1, 8), *parts, Spacer(1, 12)]))
    story += [Paragraph(escape(text), body) for text in texts[:2]]
    document = BaseDocTemplate(
        str(path), pagesize=A4, title=metadata_title if metadata_title is not None else title, invariant=1
    )  # fmt: skip
    frames = [Frame(MARGIN + n * (width + GUTTER), MARGIN, width, A4[1] - 2 * MARGIN - 20, 0, 0, 0, 0)
              for n in range(columns)]  # fmt: skip
    document.addPageTemplates(PageTemplate("all", frames, onPage=lambda canvas, _: _furnish(canvas, logo)))
    document.build(story)
    return path


def _furnish(canvas: Canvas, logo: Image.Image | None) -> None:
    canvas.setFont("Helvetica", 7)
    canvas.drawString(MARGIN, A4[1] - 30, "Journal of Served Wires 12 (2024) 345")
    canvas.line(MARGIN, A4[1] - 36, A4[0] - MARGIN, A4[1] - 36)
    canvas.drawCentredString(A4[0] / 2, 24, str(canvas.getPageNumber()))
    if logo is not None:
        canvas.drawImage(ImageReader(logo), A4[0] - MARGIN - 60, A4[1] - 62, 60, 24)


def _font() -> str:
    if not FONT.exists():
        return "Times-Roman"
    if "Serif" not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont("Serif", str(FONT)))
        pdfmetrics.registerFontFamily("Serif", normal="Serif", bold="Serif", italic="Serif", boldItalic="Serif")
    return "Serif"


def noise_picture(seed: int, width: int = 400, height: int = 300) -> Image.Image:
    """Return a gray picture that is unique to the seed."""
    rng = np.random.default_rng(seed)
    small = rng.integers(20, 235, (height // 10, width // 10), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC).convert("RGB")


def png_bytes(picture: Image.Image) -> bytes:
    """Return the picture as PNG bytes."""
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()
