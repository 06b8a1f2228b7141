"""Which part of a page a caption speaks of: ink that is not running text, nearest to the caption, nothing between.

Ink is looked at, not the objects of the file: images in strips, drawings of ten thousand lines, clipped pictures and
scanned pages all look the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.sources.pdf.captions import PdfCaption
from mirsearch.sources.pdf.text import Line, Rect, overlap, union

_INK = 10
"""Gray levels by which ink differs from the paper."""
_GAP = 9
"""Points; parts of one picture are at most so far apart."""
_SPECK = 30
_SMALLEST = 36.0
_MARGIN = 0.055
_WHOLE = 0.9
_NEAR, _NEAR_LETTER, _NEAR_AXIS = 4.0, 10.0, 20.0
_ASIDE = 40.0
LONE = 120.0
"""Points; a picture at least so wide and high without a caption is worth telling."""

Side = Literal["below", "above"]


@dataclass(slots=True)
class PageLayout:
    """What a page holds: captions, what bars the way (running text, captions), other lines, and pictures' parts."""

    size: tuple[float, float]
    captions: list[PdfCaption]
    barriers: list[Rect]
    labels: list[Line]
    parts: list[Rect] = field(default_factory=list)


def parts_of(gray: NDArray[np.uint8], layout: PageLayout, furniture: Sequence[Rect]) -> list[Rect]:
    """Connected parts of pictures on a page drawn at one pixel a point, (height, width); no text, rules, furniture."""
    paper = int(np.bincount(gray.ravel(), minlength=256).argmax())
    ink = (np.abs(gray.astype(np.int16) - paper) > _INK).astype(np.uint8)
    for box in (*layout.barriers, *furniture):
        _fill(ink, box, 1.5, 0)
    graphic = ink.copy()
    for line in layout.labels:
        _fill(graphic, line.box, 1.0, 0)
    joined = cv2.dilate(ink, np.ones((_GAP, _GAP), np.uint8))
    count, owners = cv2.connectedComponents(joined, connectivity=8)
    boxes = []
    for number in range(1, count):
        rows, columns = np.nonzero((owners == number) & (ink > 0)) if count < 400 else _inked(owners, ink, number)
        if len(rows) < _SPECK or int(graphic[rows, columns].sum()) < _SPECK:
            continue
        box = (float(columns.min()), float(rows.min()), float(columns.max()) + 1, float(rows.max()) + 1)
        if _picture_like(box, layout.size):
            boxes.append(box)
    return boxes


def _inked(owners: NDArray[np.int32], ink: NDArray[np.uint8], number: int) -> tuple[NDArray[np.intp], ...]:
    """As np.nonzero of one part; of a page with very many parts only its bounds are searched."""
    rows = np.flatnonzero((owners == number).any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    inside = np.nonzero((owners[top:bottom] == number) & (ink[top:bottom] > 0))
    return inside[0] + top, inside[1]


def _fill(mask: NDArray[np.uint8], box: Rect, pad: float, value: int) -> None:
    height, width = mask.shape
    x0, y0 = max(0, int(box[0] - pad)), max(0, int(box[1] - pad))
    x1, y1 = min(width, int(box[2] + pad + 1)), min(height, int(box[3] + pad + 1))
    mask[y0:y1, x0:x1] = value


def _picture_like(box: Rect, size: tuple[float, float]) -> bool:
    """Whether a part may be a picture's: no rule, no frame of the page, nothing of the head and foot."""
    width, height = box[2] - box[0], box[3] - box[1]
    if min(width, height) <= 3 and max(width, height) >= 40:
        return False
    if width >= _WHOLE * size[0] and height >= _WHOLE * size[1]:
        return False
    head, foot = _MARGIN * size[1], (1 - _MARGIN) * size[1]
    beside = box[2] < 0.04 * size[0] or box[0] > 0.96 * size[0]
    return not (box[3] < head or box[1] > foot or beside)


def regions(layout: PageLayout, prefer: Side) -> dict[int, Rect]:
    """The rectangle of each caption's figure, by the caption's place in `layout.captions`; those without are absent.

    `prefer` is where captions are wherever a picture lies between two of them.
    """
    chosen = {part: _nearest(part, layout, prefer) for part in layout.parts}
    _aside(chosen, layout, prefer)
    groups: dict[int, list[Rect]] = {}
    for part, choice in chosen.items():
        if choice is not None:
            groups.setdefault(choice[1], []).append(part)
    _adopt(groups, [part for part, choice in chosen.items() if choice is None], layout)
    found = {}
    for number, parts in groups.items():
        if not layout.captions[number].table:
            box = _hull(parts, layout)
            if box[2] - box[0] >= _SMALLEST and box[3] - box[1] >= _SMALLEST:
                found[number] = box
    return found


def lone_parts(layout: PageLayout, found: dict[int, Rect]) -> int:
    """How many large pictures of a page belong to no caption."""
    free = [part for part in layout.parts if not any(_inside(part, box) for box in found.values())]
    return sum(part[2] - part[0] >= LONE and part[3] - part[1] >= LONE for part in free)


def _inside(part: Rect, box: Rect) -> bool:
    return overlap(part, box, 0) > 0 and overlap(part, box, 1) > 0


def _nearest(part: Rect, layout: PageLayout, prefer: Side) -> tuple[Side, int] | None:
    """The caption above or below a part with nothing between, on the side preferred where there are both."""
    best: dict[Side, tuple[float, int]] = {}
    for number, caption in enumerate(layout.captions):
        box = caption.box
        shared = overlap(part, box, 0)
        if shared < 0.2 * min(part[2] - part[0], box[2] - box[0]):
            continue
        side: Side = "below" if box[1] >= part[3] - 3 else "above"
        gap = box[1] - part[3] if side == "below" else part[1] - box[3]
        if gap < -6 or _barred(part, box, layout.barriers):
            continue
        if side not in best or gap < best[side][0]:
            best[side] = (gap, number)
    if len(best) == 2 and layout.captions[best["above"][1]].table != layout.captions[best["below"][1]].table:
        # A table's head stands above it: what lies between it and a figure's caption below is the nearer one's.
        side = min(best, key=lambda each: best[each])
        return side, best[side][1]
    other: Side = "above" if prefer == "below" else "below"
    side = prefer if prefer in best else other
    return (side, best[side][1]) if side in best else None


def _barred(part: Rect, caption: Rect, barriers: Sequence[Rect]) -> bool:
    """Whether running text or another caption stands between a part and a caption above or below it."""
    x0, x1 = max(part[0], caption[0]), min(part[2], caption[2])
    y0, y1 = min(part[3], caption[3]), max(part[1], caption[1])
    between = (x0, y0 - 1, x1, y1 + 1)
    for each in barriers:
        inside = overlap(each, between, 1) > 0.5 * (each[3] - each[1])
        if inside and not _same(each, caption) and overlap(each, between, 0) > 0.25 * (x1 - x0):
            return True
    return False


def _same(line: Rect, caption: Rect) -> bool:
    """Whether a barrier is a line of the caption itself."""
    return overlap(line, caption, 0) > 0 and overlap(line, caption, 1) >= 0.9 * (line[3] - line[1])


def _adopt(groups: dict[int, list[Rect]], left: list[Rect], layout: PageLayout) -> None:
    """Give parts that no caption is above or below of to the picture right beside them."""
    changed = True
    while changed:
        changed = False
        for part in list(left):
            for parts in groups.values():
                whole = union(parts)
                level = overlap(part, whole, 1) >= 0.4 * (part[3] - part[1])
                near = -overlap(part, whole, 0) <= _ASIDE
                if level and near and not _crossed(union((part, whole)), layout.barriers):
                    parts.append(part)
                    left.remove(part)
                    changed = True
                    break


def _aside(chosen: dict[Rect, tuple[Side, int] | None], layout: PageLayout, prefer: Side) -> None:
    """Give a caption that has no picture the one beside it, if that has no caption on the side preferred."""
    taken = {choice[1] for choice in chosen.values() if choice is not None}
    for number, caption in enumerate(layout.captions):
        if number in taken or caption.table:
            continue
        for part, choice in chosen.items():
            low = min(part[3] - part[1], caption.box[3] - caption.box[1])
            near = overlap(part, caption.box, 1) >= 0.5 * low and -overlap(part, caption.box, 0) <= _ASIDE
            if near and (choice is None or choice[0] != prefer):
                chosen[part] = (prefer, number)


def _crossed(box: Rect, barriers: Sequence[Rect]) -> bool:
    """Whether running text or a caption lies in a rectangle."""
    return any(
        overlap(each, box, 0) > 0.3 * (each[2] - each[0]) and overlap(each, box, 1) > 0.5 * (each[3] - each[1])
        for each in barriers
    )


def _hull(parts: list[Rect], layout: PageLayout) -> Rect:
    """Around a figure's parts, the largest first, and the letters at its edge, without taking in running text."""
    ordered = sorted(parts, key=lambda box: -(box[2] - box[0]) * (box[3] - box[1]))
    whole = ordered[0]
    for part in ordered[1:]:
        grown = union((whole, part))
        if not _crossed(grown, layout.barriers):
            whole = grown
    head, foot = _MARGIN * layout.size[1], (1 - _MARGIN) * layout.size[1]
    for _ in range(2):
        for line in layout.labels:
            if head < line.box[1] and line.box[3] < foot and _belongs(line, whole):
                grown = union((whole, line.box))
                if not _crossed(grown, layout.barriers):
                    whole = grown
    return whole


def _belongs(line: Line, whole: Rect) -> bool:
    """Whether letters at a picture's edge are the picture's: an axis' name stands farther off than a heading may."""
    near = _NEAR_LETTER if len(line.text) <= 12 else _NEAR
    across, down = -overlap(line.box, whole, 0), -overlap(line.box, whole, 1)
    if across <= near and down <= near:
        return True
    beside = len(line.text) <= 2 and down < 0 and across <= _NEAR_AXIS  # upright text comes letter by letter
    middle = abs(line.box[0] + line.box[2] - whole[0] - whole[2]) < 0.3 * (whole[2] - whole[0])
    below = line.box[1] >= whole[3] - 1 and down <= _NEAR_AXIS and middle and line.width < 0.5 * (whole[2] - whole[0])
    return beside or below
