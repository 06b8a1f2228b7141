"""Find lines of text on a page of a PDF, and the running text among them. Rectangles are in points from top left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mirsearch.sources.pdf.symbols import join_signs

Rect = tuple[float, float, float, float]
"""x0, y0, x1, y1 in points (1/72 inch) from the top left of the page as shown."""

SOFT_HYPHENS = "\x02\ufffe\xad"
_CONJUNCTIONS = frozenset(("and", "or", "to", "und", "oder", "et", "ou", "y", "o", "e"))
"""After a hyphen, these words show that the hyphen stays ("low- and high-resolution")."""
_MIN_LINE_CHARS = 25
"""Fewest characters in a line of running text. Chosen by hand on drawn figures."""


@dataclass(frozen=True, slots=True)
class Char:
    """A character, the box that its font gives it, and the height of its baseline."""

    text: str
    box: Rect
    baseline: float


@dataclass(frozen=True, slots=True)
class Line:
    """Characters beside each other; `size` is the median height of their boxes, in points."""

    text: str
    box: Rect
    size: float

    @property
    def width(self) -> float:
        """Width in points."""
        return self.box[2] - self.box[0]


def union(rects: Iterable[Rect]) -> Rect:
    """Return the smallest rectangle around all rectangles, of which there must be at least one."""
    lefts, tops, rights, bottoms = zip(*rects, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def overlap(a: Rect, b: Rect, axis: int) -> float:
    """Return the points that two rectangles share horizontally (axis 0) or vertically (1); a gap is negative."""
    return min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis])


def is_in_margin(box: Rect, height: float, share: float) -> bool:
    """Return whether a box lies within a share of the page's height at its top or bottom."""
    return box[3] < share * height or box[1] > (1 - share) * height


def find_lines(chars: Iterable[Char]) -> list[Line]:
    """Return the lines in the order of the page's content. A wide gap, as between columns, begins a new line."""
    return [line for run in _split_runs(chars) if (line := _make_line(run)) is not None]


def _split_runs(chars: Iterable[Char]) -> Iterator[list[Char]]:
    run: list[Char] = []
    for char in chars:
        if char.text in "\r\n":
            continue
        if run and not _continues_run(run[-1], char, run[0]):
            yield run
            run = []
        run.append(char)
    if run:
        yield run


def _continues_run(last: Char, following: Char, first: Char) -> bool:
    size = max(first.box[3] - first.box[1], 1.0)
    if abs(following.baseline - last.baseline) > 0.5 * size:
        return False
    gap = following.box[0] - last.box[2]
    return -1.5 * size < gap < 1.8 * size or following.text.isspace()


def _make_line(run: Sequence[Char]) -> Line | None:
    text = "".join(char.text for char in run).strip()
    boxes = [char.box for char in run if not char.text.isspace() and char.box[2] > char.box[0]]
    if not text or not boxes:
        return None
    heights = sorted(box[3] - box[1] for box in boxes)
    return Line(text, union(boxes), heights[len(heights) // 2])


def body_font_size(pages: Iterable[Sequence[Line]]) -> float:
    """Return the size of most characters in a document, in points; 0 without text."""
    counts: dict[float, int] = {}
    for lines in pages:
        for line in lines:
            counts[round(line.size * 2) / 2] = counts.get(round(line.size * 2) / 2, 0) + len(line.text)
    return max(counts, key=lambda size: counts[size], default=0.0)


def running_text(lines: Sequence[Line], usual_size: float) -> list[Line]:
    """Return the lines of paragraphs: long lines of about the usual size or more with a similar line above or below."""
    long_lines = [line for line in lines if len(line.text) >= _MIN_LINE_CHARS and line.size >= 0.75 * usual_size]
    long_lines.sort(key=lambda line: line.box[1])
    paragraph_lines: set[int] = set()
    for index, line in enumerate(long_lines):
        for other in long_lines[index + 1 :]:
            if other.box[1] - line.box[1] > 2.0 * line.size:
                break
            if is_next_line(line, other):
                paragraph_lines.update((id(line), id(other)))
    return [line for line in long_lines if id(line) in paragraph_lines]


def is_next_line(upper: Line, lower: Line) -> bool:
    """Return whether a line follows another one in a paragraph: same size, one below the other, close."""
    has_same_size = abs(upper.size - lower.size) <= 0.1 * upper.size
    pitch = lower.box[1] - upper.box[1]
    is_under = overlap(upper.box, lower.box, 0) >= 0.6 * min(upper.width, lower.width)
    return has_same_size and is_under and 0.5 * upper.size < pitch <= 1.9 * upper.size


def join_lines(texts: Iterable[str], words: frozenset[str]) -> str:
    """Return the lines as one text. A word divided at a line's end is joined; `words` shows if its hyphen stays."""
    joined = ""
    for text in texts:
        if joined and joined[-1] in SOFT_HYPHENS + "-‐" and re.search(r"\w.$", joined, re.DOTALL):
            joined = _join_hyphenated(joined[:-1], text, words)
        else:
            joined = f"{joined} {text}" if joined else text
    return join_signs(joined.translate({ord(hyphen): "-" for hyphen in SOFT_HYPHENS}))


def _join_hyphenated(head: str, tail: str, words: frozenset[str]) -> str:
    first_match, last_match = re.search(r"\w*$", head), re.match(r"\w*", tail)
    before, after = (first_match[0] if first_match else "").lower(), (last_match[0] if last_match else "").lower()
    if last_match and last_match[0] in _CONJUNCTIONS:
        return f"{head}- {tail}"  # "low- and high-resolution"
    is_word = before + after in words
    is_compound = not is_word and (f"{before}-{after}" in words or (before in words and after in words))
    is_plain = after[:1].isalpha() and tail[:1].islower() and before.isalpha()
    return head + ("" if is_plain and not is_compound else "-") + tail


def vocabulary(text: str) -> set[str]:
    """Return the words and hyphenated compounds in a text, in lower case."""
    return set(re.findall(r"\w+(?:-\w+)?", text.lower()))
