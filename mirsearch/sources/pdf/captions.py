"""Find captions on a page of a PDF: lines that begin with "Figure 3.", "Fig. 3 |" or "FIG. 3:", and what follows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mirsearch.sources.pdf.text import Line, Rect, is_next_line, join_lines, overlap, union

_START = re.compile(
    r"(?P<label>(?:(?:Supplementary|Supporting|Extended\s+Data)\s+)?"
    r"(?P<what>Figures?|Fig\.?|Scheme|Plate|Chart|Figura|Abb\.|Abbildung|Tab\.|Table)\s*[A-Z]?\.?\d{1,3}(?:\.\d{1,2})?)"
    r"(?P<mark>\s*[.:|)–—-]+(?!\d)|\s*(?=$)|\s+(?=[A-Z(\[“\"'])|(?=(?-i:[A-Z])[A-Za-z]{2}|\([a-z]\)\s*(?-i:[A-Z])))"
    r"(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)  # fmt: skip
_MAX_WORD_GAP = 5.0
"""Largest gap between words of a justified caption, by the size of its letters. Chosen on printed pages."""
_SENTENCE_END = re.compile(r"[.!?:;)\]”\"']\s*$")
_MAX_PITCH_RATIO = 1.3
"""Largest spacing of a caption's next line by the smallest spacing so far. Chosen by hand on drawn figures."""


@dataclass(frozen=True, slots=True)
class PdfCaption:
    """A caption: its printed label, the text after it, its box and page. `is_table` marks the caption of a table.

    `mark` tells whether a mark stands behind the label: "marked", "unmarked", or "bare" for a label alone on its line.
    """

    label: str
    text: str
    box: Rect
    page: int
    is_table: bool = False
    mark: str = "marked"


def match_caption_start(line: Line) -> re.Match[str] | None:
    """Return the match of the label with which a line begins a caption; None if it begins none.

    A line that only mentions a figure ("Figure 3 shows …") begins no caption.
    """
    match = _START.match(line.text)
    if match is None:
        return None
    rest, mark = match["rest"], match["mark"].strip()
    is_mention = not mark and rest[:1].islower()  # the pattern ignores case, so it matches "Figure 3 shows"
    return None if is_mention or mark.startswith(")") else match


def find_captions(
    lines: Sequence[Line], page: int, words: frozenset[str], needs_mark: bool = False
) -> list[tuple[PdfCaption, list[Line]]]:
    """Return the captions of a page with their lines, from top to bottom.

    With `needs_mark`, a label with words but no mark behind it begins none ("Figure 3 SEM image").
    """
    ordered = sorted(lines, key=lambda line: (line.box[1], line.box[0]))
    taken: set[int] = set()
    captions = []
    for line in ordered:
        start = match_caption_start(line)
        if start is None or id(line) in taken or _is_mid_paragraph(line, ordered, taken):
            continue
        mark = "marked" if start["mark"].strip() else "unmarked" if start["rest"].strip() else "bare"
        if needs_mark and mark == "unmarked":
            continue
        block = _caption_lines(line, ordered)
        taken.update(map(id, block))
        text = join_lines((block_line.text for block_line in block), words)
        joined_start = _START.match(text)
        caption_text = (joined_start or start)["rest"].strip()
        is_table = start["what"].lower().startswith("tab")
        caption = PdfCaption(
            " ".join(start["label"].split()),
            caption_text,
            union(block_line.box for block_line in block),
            page,
            is_table,
            mark,
        )
        captions.append((caption, block))
    return captions


def _is_mid_paragraph(line: Line, ordered: Sequence[Line], taken: set[int]) -> bool:
    """Return whether a line that names a figure continues a paragraph above it."""
    for other in ordered:
        is_close = 0.5 * line.size < line.box[1] - other.box[1] <= 1.45 * line.size
        if is_close and is_next_line(other, line) and len(other.text) >= 25:
            is_full = other.width >= 0.8 * line.width
            return is_full and not (id(other) in taken and _SENTENCE_END.search(other.text))
    return False


def _caption_lines(first: Line, ordered: Sequence[Line]) -> list[Line]:
    """Return the lines of a caption: the first, those below it, and those of a second column beside it."""
    block = _add_lines_below(_with_text_beside(first, ordered), ordered)
    if len(block) > 1 and not _SENTENCE_END.search(block[-1].text):
        top, right, size = first.box[1], max(line.box[2] for line in block), first.size
        second = next(
            (line for line in ordered
             if abs(line.box[1] - top) <= 0.4 * size and 0 < line.box[0] - right < 6 * size
             and abs(line.size - size) <= 0.12 * size and match_caption_start(line) is None), None,
        )  # fmt: skip
        if second is not None:
            block += _add_lines_below([second], ordered)
    return block


def _with_text_beside(first: Line, ordered: Sequence[Line]) -> list[Line]:
    """Return a caption's first line; if that is only a label, also the text to its right."""
    start = match_caption_start(first)
    if start is not None and not start["rest"]:
        for other in ordered:
            is_level = overlap(first.box, other.box, 1) > 0.6 * min(first.size, other.size)
            if other is not first and is_level and 0 <= other.box[0] - first.box[2] < 4 * first.size:
                return [first, other]
    return [first]


def _add_lines_below(block: list[Line], ordered: Sequence[Line]) -> list[Line]:
    pitch = None
    last = block[-1]
    while True:
        next_line = next((line for line in ordered if _continues(last, line, block, pitch)), None)
        if next_line is None:
            return block
        step = next_line.box[1] - last.box[1]
        pitch = step if pitch is None else min(pitch, step)
        block.append(next_line)
        block += _pieces_beside(next_line, ordered, max(line.box[2] for line in block))
        last = next_line


def _pieces_beside(first: Line, ordered: Sequence[Line], right: float) -> list[Line]:
    """Return the other pieces of a line whose words stand far apart, as in justified text, up to the right edge."""
    pieces: list[Line] = []
    end = first.box[2]
    for line in sorted(ordered, key=lambda line: line.box[0]):
        is_level = (
            overlap(first.box, line.box, 1) > 0.6 * first.size and abs(line.size - first.size) <= 0.12 * first.size
        )
        if (
            is_level
            and end - 1 <= line.box[0] <= end + _MAX_WORD_GAP * first.size
            and line.box[2] <= right + first.size
        ):
            if line is not first:
                pieces.append(line)
            end = max(end, line.box[2])
    return pieces


def _continues(last: Line, line: Line, block: Sequence[Line], pitch: float | None) -> bool:
    """Return whether a line continues a caption after its last line. `pitch` is the smallest line spacing so far."""
    step = line.box[1] - last.box[1]
    if not 0.5 * last.size < step <= (1.6 * last.size if pitch is None else _MAX_PITCH_RATIO * pitch):
        return False
    if abs(line.size - last.size) > 0.12 * last.size or any(line is other for other in block):
        return False
    block_box = union(other.box for other in block)
    is_under = overlap(block_box, line.box, 0) >= 0.6 * min(line.width, block_box[2] - block_box[0])
    is_inside = line.box[0] >= block_box[0] - 2 * last.size and line.width <= max(
        1.6 * (block_box[2] - block_box[0]), 60.0
    )
    is_new_caption = match_caption_start(line) is None or not _SENTENCE_END.search(
        last.text
    )  # "as in / Figure 7. Scale bars …"
    return is_under and (is_inside or len(block) == 1) and is_new_caption
