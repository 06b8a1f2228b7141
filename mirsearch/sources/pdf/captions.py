"""Captions on a page of a PDF: lines that begin with "Figure 3.", "Fig. 3 |", "FIG. 3:" and the lines that go on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mirsearch.sources.pdf.text import Line, Rect, joined, neighbors, overlap, union

_START = re.compile(
    r"(?P<label>(?:(?:Supplementary|Supporting|Extended\s+Data)\s+)?"
    r"(?P<what>Figures?|Fig\.?|Scheme|Plate|Chart|Figura|Abb\.|Abbildung|Tab\.|Table)\s*[A-Z]?\.?\d{1,3}(?:\.\d{1,2})?)"
    r"(?P<mark>\s*[.:|)–—-]+(?!\d)|\s*(?=$)|\s+(?=[A-Z(\[“\"']))(?P<rest>.*)", re.IGNORECASE | re.DOTALL
)  # fmt: skip
_ENDED = re.compile(r"[.!?:;)\]”\"']\s*$")
_PITCH = 1.3
"""How much wider than those before a caption's next line may be spaced."""


@dataclass(frozen=True, slots=True)
class PdfCaption:
    """A caption: its label as printed, its text after the label, where it is; `table` where it is a table's."""

    label: str
    text: str
    box: Rect
    page: int
    table: bool = False


def starts(line: Line) -> re.Match[str] | None:
    """The label with which a line begins a caption; None where it begins none, or only mentions a figure."""
    found = _START.match(line.text)
    if found is None:
        return None
    rest, mark = found["rest"], found["mark"].strip()
    mentioned = not mark and rest[:1].islower()  # the pattern heeds no case: "Figure 3 shows"
    return None if mentioned or mark.startswith(")") else found


def captions_of(lines: Sequence[Line], page: int, words: frozenset[str]) -> list[tuple[PdfCaption, list[Line]]]:
    """Captions of a page with their lines, from top to bottom."""
    ordered = sorted(lines, key=lambda line: (line.box[1], line.box[0]))
    taken: set[int] = set()
    found = []
    for line in ordered:
        begun = starts(line)
        if begun is None or id(line) in taken or _mid_paragraph(line, ordered, taken):
            continue
        block = _block(line, ordered)
        taken.update(map(id, block))
        text = joined((each.text for each in block), words)
        again = _START.match(text)
        rest = (again or begun)["rest"].strip()
        table = begun["what"].lower().startswith("tab")
        caption = PdfCaption(" ".join(begun["label"].split()), rest, union(each.box for each in block), page, table)
        found.append((caption, block))
    return found


def _mid_paragraph(line: Line, ordered: Sequence[Line], taken: set[int]) -> bool:
    """Whether a line that names a figure goes on a paragraph above it, rather than beginning a caption."""
    for other in ordered:
        close = 0.5 * line.size < line.box[1] - other.box[1] <= 1.45 * line.size
        if close and neighbors(other, line) and len(other.text) >= 25:
            full = other.width >= 0.8 * line.width
            return full and not (id(other) in taken and _ENDED.search(other.text))
    return False


def _block(first: Line, ordered: Sequence[Line]) -> list[Line]:
    """A caption's lines: its first, what follows below it, and a second column of it beside."""
    block = _down(_beside(first, ordered), ordered)
    if len(block) > 1 and not _ENDED.search(block[-1].text):
        top, right, size = first.box[1], max(each.box[2] for each in block), first.size
        second = next(
            (each for each in ordered
             if abs(each.box[1] - top) <= 0.4 * size and 0 < each.box[0] - right < 6 * size
             and abs(each.size - size) <= 0.12 * size and starts(each) is None), None,
        )  # fmt: skip
        if second is not None:
            block += _down([second], ordered)
    return block


def _beside(first: Line, ordered: Sequence[Line]) -> list[Line]:
    """A label that stands by itself, with the text a little to the right of it."""
    begun = starts(first)
    if begun is not None and not begun["rest"]:
        for other in ordered:
            level = overlap(first.box, other.box, 1) > 0.6 * min(first.size, other.size)
            if other is not first and level and 0 <= other.box[0] - first.box[2] < 4 * first.size:
                return [first, other]
    return [first]


def _down(block: list[Line], ordered: Sequence[Line]) -> list[Line]:
    pitch = None
    while True:
        last = block[-1]
        following = next((each for each in ordered if _continues(last, each, block, pitch)), None)
        if following is None:
            return block
        step = following.box[1] - last.box[1]
        pitch = step if pitch is None else min(pitch, step)
        block.append(following)


def _continues(last: Line, line: Line, block: Sequence[Line], pitch: float | None) -> bool:
    step = line.box[1] - last.box[1]
    if not 0.5 * last.size < step <= (1.6 * last.size if pitch is None else _PITCH * pitch):
        return False
    if abs(line.size - last.size) > 0.12 * last.size or any(line is each for each in block):
        return False
    whole = union(each.box for each in block)
    under = overlap(whole, line.box, 0) >= 0.6 * min(line.width, whole[2] - whole[0])
    inside = line.box[0] >= whole[0] - 2 * last.size and line.width <= max(1.6 * (whole[2] - whole[0]), 60.0)
    mentions = starts(line) is None or not _ENDED.search(last.text)  # "as in / Figure 7. Scale bars …"
    return under and (inside or len(block) == 1) and mentions
