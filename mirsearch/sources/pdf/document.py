"""Find the figures in a PDF: their captions, their parts of the pages, and the article."""

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
from mirsearch.sources.mentions import figure_mentions, split_sentences
from mirsearch.sources.pdf.article import identify_article, license_urls
from mirsearch.sources.pdf.captions import PdfCaption
from mirsearch.sources.pdf.page_text import PageText, sort_lines
from mirsearch.sources.pdf.picture_parts import PageLayout, find_picture_parts
from mirsearch.sources.pdf.reader import PdfPage, PdfReader, PlacedImage
from mirsearch.sources.pdf.regions import Side, count_uncaptioned_pictures, figure_boxes
from mirsearch.sources.pdf.text import Line, Rect, find_lines, is_in_margin, join_lines, vocabulary

_CAPTION_WORDS = re.compile(r"fig|scheme|plate|chart|abb", re.IGNORECASE)
"""Pages without any of these words hold no caption."""
_MAX_WORDS = 200_000
"""Words that are collected, to join words that a line break divides."""
_MARGIN_SHARE = 0.12
"""Share of the page's height that header and footer take each. Chosen by hand on drawn figures."""


@dataclass(frozen=True, slots=True)
class PdfFigure:
    """A figure in a PDF: its caption, its box on the page, and sentences of the text that speak of it."""

    caption: PdfCaption
    box: Rect
    mentions: tuple[str, ...] = ()


@dataclass(slots=True)
class PdfContent:
    """The content of a PDF. `notes` are remarks; `failures` name what could not be read."""

    pages: int
    article: Article
    figures: list[PdfFigure] = field(default_factory=list)
    images: dict[int, list[PlacedImage]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _PageScan:
    """The result of the first pass over all pages: lines of the first page and of the pages that may hold captions."""

    lines: dict[int, list[Line]] = field(default_factory=dict)
    images: dict[int, list[PlacedImage]] = field(default_factory=dict)
    sizes: dict[int, tuple[float, float]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    licenses: set[str] = field(default_factory=set)
    first_text: str = ""
    failures: list[str] = field(default_factory=list)


def read_content(reader: PdfReader, name: str, limits: Limits = LIMITS) -> PdfContent:
    """Find the figures in a PDF. Pages beyond a limit of number or time are failures."""
    deadline = time.monotonic() + limits.pdf_seconds
    scan = _scan_pages(reader, limits, deadline)
    title, subject = reader.metadata("Title"), reader.metadata("Subject")
    article = identify_article(
        title, subject, scan.lines.get(0, []), scan.first_text, scan.licenses, name, reader.xmp()
    )
    content = PdfContent(len(reader), article, images=scan.images, failures=scan.failures)
    texts = sort_lines(scan.lines, scan.sizes, frozenset(scan.words))
    layouts = dict(_page_layouts(reader, scan, texts, deadline, content))
    boxes = {side: {page: figure_boxes(layout, side) for page, layout in layouts.items()} for side in _SIDES}
    side: Side = max(_SIDES, key=lambda side: sum(map(len, boxes[side].values())))
    _add_figures(content, layouts, boxes[side])
    _add_mentions(content, scan, texts)
    return content


_SIDES: tuple[Side, ...] = ("below", "above")


def _scan_pages(reader: PdfReader, limits: Limits, deadline: float) -> _PageScan:
    scan = _PageScan()
    for number in range(min(len(reader), limits.pdf_pages)):
        if time.monotonic() > deadline:
            scan.failures.append(
                f"stopped after {number} of {len(reader)} pages: the limit of {limits.pdf_seconds} s is reached"
            )
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


def _page_layouts(
    reader: PdfReader, scan: _PageScan, texts: dict[int, PageText], deadline: float, content: PdfContent
) -> Iterator[tuple[int, PageLayout]]:
    """Yield the layouts of the pages with captions."""
    repeated = _find_repeated_images(scan)
    for number, text in sorted(texts.items()):
        if not text.captions:
            continue
        if time.monotonic() > deadline:
            content.failures.append(f"page {number + 1} and later pages were not read: the time limit is reached")
            return
        layout = PageLayout(
            scan.sizes[number], text.captions,
            [line.box for line in (*text.caption_lines, *text.running, *text.heads)], text.other,
            gutters=text.gutters, heads=[line.box for line in text.heads],
        )  # fmt: skip
        with reader.page(number) as page:
            layout.parts = find_picture_parts(page.render_gray(), layout, repeated.get(number, []))
        yield number, layout


def _find_repeated_images(scan: _PageScan) -> dict[int, list[Rect]]:
    """Return the boxes of images on three or more pages, or on two in header or footer (logos, banners)."""
    pages: Counter[str] = Counter()
    for placed in scan.images.values():
        pages.update({image.digest for image in placed})
    repeated: dict[int, list[Rect]] = {}
    for number, placed in scan.images.items():
        height = scan.sizes[number][1]
        for image in placed:
            is_at_edge = is_in_margin(image.box, height, _MARGIN_SHARE)
            is_full_page = image.box[3] - image.box[1] > 0.8 * height  # a scanned page or a background
            if not is_full_page and (pages[image.digest] >= 3 or (pages[image.digest] == 2 and is_at_edge)):
                repeated.setdefault(number, []).append(image.box)
    return repeated


def _add_figures(content: PdfContent, layouts: dict[int, PageLayout], boxes: dict[int, dict[int, Rect]]) -> None:
    """Add the figures with their captions. A bare label takes the text that the same label has elsewhere."""
    without_picture: dict[str, PdfCaption] = {}
    for page, layout in layouts.items():
        for number, caption in enumerate(layout.captions):
            if not caption.is_table and number not in boxes[page]:
                without_picture.setdefault(_label_key(caption), caption)
    for page, layout in layouts.items():
        for number, box in sorted(boxes[page].items()):
            caption = layout.captions[number]
            if not caption.text and _label_key(caption) in without_picture:
                caption = replace(caption, text=without_picture.pop(_label_key(caption)).text)
            content.figures.append(PdfFigure(caption, box))
        uncaptioned = count_uncaptioned_pictures(layout, boxes[page])
        if uncaptioned:
            content.notes.append(f"page {page + 1}: pictures without a caption are skipped ({uncaptioned})")
    content.notes += [
        f"page {caption.page + 1}: no picture found for {caption.label}" for caption in without_picture.values()
    ]


def _add_mentions(content: PdfContent, scan: _PageScan, texts: dict[int, PageText]) -> None:
    """Give each figure the sentences of the running text that name it. One across two pages is not seen whole."""
    words = frozenset(scan.words)

    def sentences() -> Iterator[tuple[str, tuple[int, ...]]]:
        for page, text in sorted(texts.items()):
            running = {id(line) for line in text.running}
            joined = join_lines((line.text for line in scan.lines[page] if id(line) in running), words)
            yield from ((sentence, ()) for sentence in split_sentences(joined))

    mentions = figure_mentions([figure.caption.label for figure in content.figures], sentences())
    content.figures = [replace(figure, mentions=own) for figure, own in zip(content.figures, mentions, strict=True)]


def _label_key(caption: PdfCaption) -> str:
    return re.sub(r"^\W*fig(?:ure)?s?\W*", "fig", re.sub(r"\s", "", caption.label.lower()))


def find_figures(path: Path, name: str, limits: Limits = LIMITS) -> PdfContent:
    """Return the figures in a PDF file. Raises SourceError if the file can't be read at all."""
    reader = PdfReader(path, name)
    try:
        return read_content(reader, name, limits)
    finally:
        reader.close()
