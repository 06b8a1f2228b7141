"""Figures of a PDF: captions, the parts of pages they speak of, and what can be said of the article."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from mirsearch.corpus import Article
from mirsearch.errors import SourceError
from mirsearch.settings import LIMITS, Limits
from mirsearch.sources.pdf.article import identify_article, license_urls
from mirsearch.sources.pdf.captions import PdfCaption, find_captions
from mirsearch.sources.pdf.reader import PdfPage, PdfReader, PlacedImage
from mirsearch.sources.pdf.regions import PageLayout, Side, count_uncaptioned_pictures, figure_boxes, find_picture_parts
from mirsearch.sources.pdf.text import Line, Rect, body_font_size, find_lines, running_text, vocabulary

_CAPTION_WORDS = re.compile(r"fig|scheme|plate|chart|abb", re.IGNORECASE)
_MAX_WORDS = 200_000
_MARGIN_SHARE = 0.12


@dataclass(frozen=True, slots=True)
class PdfFigure:
    """A figure of a PDF: its caption and its part of a page."""

    caption: PdfCaption
    box: Rect


@dataclass(slots=True)
class PdfContent:
    """What a PDF holds; `notes` are worth telling, `failures` what could not be read."""

    pages: int
    article: Article
    figures: list[PdfFigure] = field(default_factory=list)
    images: dict[int, list[PlacedImage]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _PageScan:
    """What a first look at every page found: lines of the first page and of those that may hold captions."""

    lines: dict[int, list[Line]] = field(default_factory=dict)
    images: dict[int, list[PlacedImage]] = field(default_factory=dict)
    sizes: dict[int, tuple[float, float]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    licenses: set[str] = field(default_factory=set)
    first_text: str = ""
    failures: list[str] = field(default_factory=list)


def read_content(reader: PdfReader, name: str, limits: Limits = LIMITS) -> PdfContent:
    """Find the figures of a PDF. Pages past the limits, and what time did not allow, are failures by name."""
    deadline = time.monotonic() + limits.pdf_seconds
    scan = _scan_pages(reader, limits, deadline)
    article = identify_article(reader.metadata("Title"), reader.metadata("Subject"), scan.lines.get(0, []), scan.first_text,
                         scan.licenses, name)  # fmt: skip
    content = PdfContent(len(reader), article, images=scan.images, failures=scan.failures)
    layouts = dict(_page_layouts(reader, scan, deadline, content))
    boxes = {side: {page: figure_boxes(layout, side) for page, layout in layouts.items()} for side in _SIDES}
    side: Side = max(_SIDES, key=lambda side: sum(map(len, boxes[side].values())))
    _add_figures(content, layouts, boxes[side])
    return content


_SIDES: tuple[Side, ...] = ("below", "above")


def _scan_pages(reader: PdfReader, limits: Limits, deadline: float) -> _PageScan:
    scan = _PageScan()
    for number in range(min(len(reader), limits.pdf_pages)):
        if time.monotonic() > deadline:
            scan.failures.append(f"stopped after {number} of {len(reader)} pages: {limits.pdf_seconds} s are over")
            break
        try:
            with reader.page(number) as page:
                if page.is_drawable:
                    _scan_page(page, number, scan)
        except SourceError as error:
            scan.failures.append(error.message)
    if len(reader) > limits.pdf_pages:
        scan.failures.append(f"pages after the first {limits.pdf_pages:,} of {len(reader):,} were not read")
    return scan


def _scan_page(page: PdfPage, number: int, scan: _PageScan) -> None:
    text = page.text()
    scan.sizes[number], scan.images[number] = page.size, page.images()
    scan.licenses |= license_urls(text)
    if len(scan.words) < _MAX_WORDS:
        scan.words |= vocabulary(text)
    if number == 0:
        scan.first_text = text
    if number == 0 or _CAPTION_WORDS.search(text):
        scan.lines[number] = find_lines(page.characters())


def _page_layouts(reader: PdfReader, scan: _PageScan, deadline: float, content: PdfContent) -> Iterator[tuple[int, PageLayout]]:
    """Pages with captions, taken apart."""
    usual_size, words = body_font_size(scan.lines.values()), frozenset(scan.words)
    repeated = _find_repeated_images(scan)
    for number, lines in sorted(scan.lines.items()):
        if number not in scan.sizes:
            continue
        captions = find_captions(lines, number, words)
        if not captions:
            continue
        if time.monotonic() > deadline:
            content.failures.append(f"page {number + 1} and those after it were not looked at: time is over")
            return
        caption_lines = {id(line) for _, block in captions for line in block}
        running = [line for line in running_text(lines, usual_size) if id(line) not in caption_lines]
        barrier_lines = caption_lines | {id(line) for line in running}
        layout = PageLayout(
            scan.sizes[number], [caption for caption, _ in captions],
            [line.box for line in lines if id(line) in barrier_lines], [line for line in lines if id(line) not in barrier_lines],
        )  # fmt: skip
        with reader.page(number) as page:
            layout.parts = find_picture_parts(page.render_gray(), layout, repeated.get(number, []))
        yield number, layout


def _find_repeated_images(scan: _PageScan) -> dict[int, list[Rect]]:
    """Images that come back on other pages, in the head or foot or on three pages and more: logos, banners."""
    pages: Counter[str] = Counter()
    for placed in scan.images.values():
        pages.update({image.digest for image in placed})
    repeated: dict[int, list[Rect]] = {}
    for number, placed in scan.images.items():
        height = scan.sizes[number][1]
        for image in placed:
            is_in_margin = image.box[3] < _MARGIN_SHARE * height or image.box[1] > (1 - _MARGIN_SHARE) * height
            is_full_page = image.box[3] - image.box[1] > 0.8 * height  # a scanned page, or a background
            if not is_full_page and (pages[image.digest] >= 3 or (pages[image.digest] == 2 and is_in_margin)):
                repeated.setdefault(number, []).append(image.box)
    return repeated


def _add_figures(content: PdfContent, layouts: dict[int, PageLayout], found: dict[int, dict[int, Rect]]) -> None:
    """Figures with their captions; a bare label takes the text that the same label has elsewhere."""
    empty: dict[str, PdfCaption] = {}
    for page, layout in layouts.items():
        for number, caption in enumerate(layout.captions):
            if not caption.is_table and number not in found[page]:
                empty.setdefault(_label_key(caption), caption)
    for page, layout in layouts.items():
        for number, box in sorted(found[page].items()):
            caption = layout.captions[number]
            if not caption.text and _label_key(caption) in empty:
                caption = replace(caption, text=empty.pop(_label_key(caption)).text)
            content.figures.append(PdfFigure(caption, box))
        lone = count_uncaptioned_pictures(layout, found[page])
        if lone:
            content.notes.append(f"page {page + 1}: pictures without a caption are left out ({lone})")
    content.notes += [f"page {each.page + 1}: no picture found for {each.label}" for each in empty.values()]


def _label_key(caption: PdfCaption) -> str:
    return re.sub(r"^\W*fig(?:ure)?s?\W*", "fig", re.sub(r"\s", "", caption.label.lower()))


def find_figures(path: Path, name: str, limits: Limits = LIMITS) -> PdfContent:
    """The figures of a PDF file. SourceError where it can't be read at all."""
    reader = PdfReader(path, name)
    try:
        return read_content(reader, name, limits)
    finally:
        reader.close()
