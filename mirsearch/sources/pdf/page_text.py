"""Sort the lines of a PDF's pages: captions, running text, running heads, and the rest, which may belong to figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mirsearch.sources.pdf.captions import PdfCaption, find_captions
from mirsearch.sources.pdf.layout import Gutter, find_column_text, find_gutters, find_running_heads
from mirsearch.sources.pdf.text import Line, body_font_size, running_text

_MARKED_SHARE = 0.6
"""Where at least this share of the captions have a mark behind their label, those without one are mentions."""


@dataclass(slots=True)
class PageText:
    """The lines of a page by what they are. `gutters` are the strips between its columns."""

    captions: list[PdfCaption]
    caption_lines: list[Line] = field(default_factory=list)
    running: list[Line] = field(default_factory=list)
    heads: list[Line] = field(default_factory=list)
    other: list[Line] = field(default_factory=list)
    gutters: list[Gutter] = field(default_factory=list)


def sort_lines(
    lines: Mapping[int, Sequence[Line]], sizes: Mapping[int, tuple[float, float]], words: frozenset[str]
) -> dict[int, PageText]:
    """Return the sorted lines of each page. `sizes` are width and height of the pages, in points."""
    usual_size = body_font_size(lines.values())
    head_ids = find_running_heads(lines, {page: size[1] for page, size in sizes.items()})
    heads = {page: [line for line in own if id(line) in head_ids] for page, own in lines.items()}
    bodies = {page: [line for line in own if id(line) not in head_ids] for page, own in lines.items()}
    captions = {page: find_captions(own, page, words) for page, own in bodies.items()}
    if _drops_unmarked([caption for own in captions.values() for caption, _ in own]):
        captions = {
            page: find_captions(bodies[page], page, words, needs_mark=True) if own else []
            for page, own in captions.items()
        }
    pages = {}
    for page, body in bodies.items():
        caption_lines = [line for _, block in captions[page] for line in block]
        taken = {id(line) for line in caption_lines}
        free = [line for line in body if id(line) not in taken]
        running = [line for line in running_text(body, usual_size) if id(line) not in taken]
        running += find_column_text(free, running, usual_size)
        text_ids = {id(line) for line in running}
        pages[page] = PageText(
            [caption for caption, _ in captions[page]], caption_lines, running, heads[page],
            [line for line in free if id(line) not in text_ids],
        )  # fmt: skip
    _add_gutters(pages, sizes)
    return pages


def _drops_unmarked(captions: Sequence[PdfCaption]) -> bool:
    """Return whether captions without a mark behind the label are mentions, as most captions have one."""
    marked = sum(caption.mark == "marked" for caption in captions)
    unmarked = sum(caption.mark == "unmarked" for caption in captions)
    return unmarked > 0 and marked >= _MARKED_SHARE * (marked + unmarked)


def _add_gutters(pages: Mapping[int, PageText], sizes: Mapping[int, tuple[float, float]]) -> None:
    """Find each page's gutters; a page with little text has those of the whole document."""
    everywhere = [line for page in pages.values() for line in page.running]
    width = max((sizes[page][0] for page in pages), default=0.0)
    of_document = find_gutters(everywhere, width)
    for page, text in pages.items():
        text.gutters = find_gutters(text.running, sizes[page][0]) or of_document
