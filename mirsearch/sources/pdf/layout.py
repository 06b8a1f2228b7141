"""Tell what on a page belongs to no figure: running heads, page numbers, columns of text with their short lines."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mirsearch.sources.pdf.captions import match_caption_start
from mirsearch.sources.pdf.text import Line, is_in_margin, is_next_line, overlap

Gutter = tuple[float, float]
"""Left and right edge of the empty strip between two columns, in points."""

_HEAD_SHARE = 0.12
"""Share of the page's height at its top and bottom where running heads stand. Chosen on three papers and prints."""
_MIN_HEAD_CHARS = 4
"""Fewest characters, without numbers, of a line that is a running head if repeated: letters of panels are, too."""
_PAGE_NUMBER_SHARE = 0.09
_MAX_SHIFT = 6.0
"""Largest difference in height, in points, between the same running head on two pages."""
_DIGITS = re.compile(r"[\d\s]++")
_PAGE_NUMBER = re.compile(r"(?:page\s*+)?+[A-Z]?\d{1,5}(?:\s*+(?:of|/)\s*+\d{1,5})?+|[ivxl]{2,6}", re.IGNORECASE)
_MARGIN_WORDS = re.compile(
    r"www\.|https?:|\bdoi\b|\bissn\b|\bvol(?:ume|\.)|©|copyright|all rights reserved|\bet al\b|\barxiv:", re.IGNORECASE
)
_MIN_GUTTER = 5.0
"""Smallest width of a gutter, in points."""
_MIN_COLUMN_LINES = 4
"""Fewest lines of running text in a column."""
_MAX_EDGE_SHIFT = 2.0
"""Largest distance, in points, of a line's left edge from its column's."""


def find_running_heads(lines: Mapping[int, Sequence[Line]], heights: Mapping[int, float]) -> set[int]:
    """Return the ids of the lines that are running heads or feet, or page numbers beside or without them.

    They stand in the margins and are repeated, with other numbers, on another page; or beside a page number; or they
    have the words of a journal's foot. `lines` and `heights` (in points) are by page.
    """
    in_margins = {
        page: [line for line in page_lines if is_in_margin(line.box, heights[page], _HEAD_SHARE)]
        for page, page_lines in lines.items()
    }
    places: dict[str, list[tuple[int, float]]] = {}
    for page, page_lines in in_margins.items():
        for line in page_lines:
            places.setdefault(_head_key(line), []).append((page, line.box[1]))
    found: set[int] = set()
    for page, page_lines in in_margins.items():
        numbers = [line for line in page_lines if _is_page_number(line, heights[page])]
        for line in page_lines:
            is_repeated = len(_head_key(line)) >= _MIN_HEAD_CHARS and any(
                other != page and abs(top - line.box[1]) <= _MAX_SHIFT for other, top in places[_head_key(line)][:50]
            )
            is_beside_number = any(overlap(line.box, number.box, 1) > 0 for number in numbers)
            has_words = is_in_margin(line.box, heights[page], _PAGE_NUMBER_SHARE) and _MARGIN_WORDS.search(line.text)
            if (is_repeated or is_beside_number or has_words) and match_caption_start(line) is None:
                found.add(id(line))
    return {key for page, page_lines in lines.items() for key in _outermost(page_lines, found, heights[page])}


def _outermost(lines: Sequence[Line], heads: set[int], height: float) -> set[int]:
    """Return the ids of the running heads of a page above or below which nothing but running heads stands."""
    others = [line for line in lines if id(line) not in heads]
    top = min((line.box[1] for line in others), default=height)
    bottom = max((line.box[3] for line in others), default=0.0)
    return {
        id(line)
        for line in lines
        if id(line) in heads and (line.box[1] < top + 1 if line.box[3] < height / 2 else line.box[3] > bottom - 1)
    }


def _head_key(line: Line) -> str:
    return _DIGITS.sub("", line.text).casefold()


def _is_page_number(line: Line, height: float) -> bool:
    return is_in_margin(line.box, height, _PAGE_NUMBER_SHARE) and _PAGE_NUMBER.fullmatch(line.text) is not None


def find_gutters(running: Iterable[Line], width: float) -> list[Gutter]:
    """Return the gutters between the columns of running text on a page that is `width` points wide."""
    lines = list(running)
    covered = np.zeros(max(int(width), 1) + 2, np.int32)
    for line in lines:
        covered[max(0, int(line.box[0])) : max(0, int(line.box[2]) + 1)] += 1
    most = int(covered.max())
    if most < _MIN_COLUMN_LINES:
        return []
    is_text = covered > max(1, 0.06 * most)
    edges = np.flatnonzero(np.diff(is_text.astype(np.int8)))
    gutters = []
    for left, right in itertools.pairwise(edges):
        if not is_text[left + 1] and right - left >= _MIN_GUTTER:
            before = sum(line.box[2] <= right + 1 for line in lines)
            behind = sum(line.box[0] >= left for line in lines)
            if min(before, behind) >= _MIN_COLUMN_LINES:
                gutters.append((float(left + 1), float(right + 1)))
    return gutters


def find_column_text(lines: Sequence[Line], running: Sequence[Line], usual_size: float) -> list[Line]:
    """Return the lines that stand in columns of running text but are too short or alone to be seen as paragraphs.

    These are the last lines of paragraphs, headings, and items of lists: they begin where their column does, have at
    least the usual size, or continue a paragraph.
    """
    known = {id(line) for line in running}
    edges = _column_edges(running)
    found: dict[int, Line] = {}
    ordered = sorted((line for line in lines if line.size >= 0.75 * usual_size), key=lambda line: line.box[1])
    for index, line in enumerate(ordered):
        if id(line) in known:
            for other in ordered[index + 1 :]:
                if other.box[1] - line.box[1] > 2.0 * line.size:
                    break
                if is_next_line(line, other) and abs(other.box[0] - line.box[0]) <= 2 * _MAX_EDGE_SHIFT + line.size:
                    found[id(other)] = other
        elif line.size >= 0.95 * usual_size and _has_words(line.text) and _begins_at(line, edges):
            found[id(line)] = line
    return [line for key, line in found.items() if key not in known]


def _column_edges(running: Sequence[Line]) -> list[float]:
    """Return the left edges at which several lines of running text begin, in points."""
    counts = Counter(round(line.box[0]) for line in running)
    return [float(edge) for edge in counts if counts[edge - 1] + counts[edge] + counts[edge + 1] >= _MIN_COLUMN_LINES]


def _begins_at(line: Line, edges: Sequence[float]) -> bool:
    return any(abs(line.box[0] - edge) <= _MAX_EDGE_SHIFT for edge in edges)


def _has_words(text: str) -> bool:
    return sum(character.isalpha() for character in text) >= 4
