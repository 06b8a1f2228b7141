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
from mirsearch.sources.pdf.article import article_of, license_addresses
from mirsearch.sources.pdf.captions import PdfCaption, captions_of
from mirsearch.sources.pdf.reader import PdfPage, PdfReader, PlacedImage
from mirsearch.sources.pdf.regions import PageLayout, Side, lone_parts, parts_of, regions
from mirsearch.sources.pdf.text import Line, Rect, body_size, lines_of, running_text, vocabulary

_NAMES = re.compile(r"fig|scheme|plate|chart|abb", re.IGNORECASE)
_MOST_WORDS = 200_000
_HEAD = 0.12


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
class _Read:
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
    until = time.monotonic() + limits.pdf_seconds
    read = _look(reader, limits, until)
    article = article_of(reader.told("Title"), reader.told("Subject"), read.lines.get(0, []), read.first_text,
                         read.licenses, name)  # fmt: skip
    content = PdfContent(len(reader), article, images=read.images, failures=read.failures)
    layouts = dict(_layouts(reader, read, until, content))
    found = {side: {page: regions(each, side) for page, each in layouts.items()} for side in _SIDES}
    side: Side = max(_SIDES, key=lambda side: sum(map(len, found[side].values())))
    _settle(content, layouts, found[side])
    return content


_SIDES: tuple[Side, ...] = ("below", "above")


def _look(reader: PdfReader, limits: Limits, until: float) -> _Read:
    read = _Read()
    for number in range(min(len(reader), limits.pdf_pages)):
        if time.monotonic() > until:
            read.failures.append(f"stopped after {number} of {len(reader)} pages: {limits.pdf_seconds} s are over")
            break
        try:
            with reader.page(number) as page:
                if page.sane:
                    _look_at(page, number, read)
        except SourceError as error:
            read.failures.append(error.message)
    if len(reader) > limits.pdf_pages:
        read.failures.append(f"pages after the first {limits.pdf_pages:,} of {len(reader):,} were not read")
    return read


def _look_at(page: PdfPage, number: int, read: _Read) -> None:
    text = page.text()
    read.sizes[number], read.images[number] = page.size, page.images()
    read.licenses |= license_addresses(text)
    if len(read.words) < _MOST_WORDS:
        read.words |= vocabulary(text)
    if number == 0:
        read.first_text = text
    if number == 0 or _NAMES.search(text):
        read.lines[number] = lines_of(page.chars())


def _layouts(reader: PdfReader, read: _Read, until: float, content: PdfContent) -> Iterator[tuple[int, PageLayout]]:
    """Pages with captions, taken apart."""
    usual, words = body_size(read.lines.values()), frozenset(read.words)
    furniture = _furniture(read)
    for number, lines in sorted(read.lines.items()):
        if number not in read.sizes:
            continue
        captions = captions_of(lines, number, words)
        if not captions:
            continue
        if time.monotonic() > until:
            content.failures.append(f"page {number + 1} and those after it were not looked at: time is over")
            return
        taken = {id(line) for _, block in captions for line in block}
        body = [line for line in running_text(lines, usual) if id(line) not in taken]
        barred = taken | {id(line) for line in body}
        layout = PageLayout(
            read.sizes[number], [caption for caption, _ in captions],
            [line.box for line in lines if id(line) in barred], [line for line in lines if id(line) not in barred],
        )  # fmt: skip
        with reader.page(number) as page:
            layout.parts = parts_of(page.gray(), layout, furniture.get(number, []))
        yield number, layout


def _furniture(read: _Read) -> dict[int, list[Rect]]:
    """Images that come back on other pages, in the head or foot or on three pages and more: logos, banners."""
    pages: Counter[str] = Counter()
    for placed in read.images.values():
        pages.update({each.digest for each in placed})
    found: dict[int, list[Rect]] = {}
    for number, placed in read.images.items():
        height = read.sizes[number][1]
        for each in placed:
            edge = each.box[3] < _HEAD * height or each.box[1] > (1 - _HEAD) * height
            whole = each.box[3] - each.box[1] > 0.8 * height  # a scanned page, or a background
            if not whole and (pages[each.digest] >= 3 or (pages[each.digest] == 2 and edge)):
                found.setdefault(number, []).append(each.box)
    return found


def _settle(content: PdfContent, layouts: dict[int, PageLayout], found: dict[int, dict[int, Rect]]) -> None:
    """Figures with their captions; a bare label takes the text that the same label has elsewhere."""
    empty: dict[str, PdfCaption] = {}
    for page, layout in layouts.items():
        for number, caption in enumerate(layout.captions):
            if not caption.table and number not in found[page]:
                empty.setdefault(_key(caption), caption)
    for page, layout in layouts.items():
        for number, box in sorted(found[page].items()):
            caption = layout.captions[number]
            if not caption.text and _key(caption) in empty:
                caption = replace(caption, text=empty.pop(_key(caption)).text)
            content.figures.append(PdfFigure(caption, box))
        lone = lone_parts(layout, found[page])
        if lone:
            content.notes.append(f"page {page + 1}: pictures without a caption are left out ({lone})")
    content.notes += [f"page {each.page + 1}: no picture found for {each.label}" for each in empty.values()]


def _key(caption: PdfCaption) -> str:
    return re.sub(r"^\W*fig(?:ure)?s?\W*", "fig", re.sub(r"\s", "", caption.label.lower()))


def find_figures(path: Path, name: str, limits: Limits = LIMITS) -> PdfContent:
    """The figures of a PDF file. SourceError where it can't be read at all."""
    reader = PdfReader(path, name)
    try:
        return read_content(reader, name, limits)
    finally:
        reader.close()
