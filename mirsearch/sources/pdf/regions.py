"""Find the part of a page that a caption describes: the ink nearest to the caption, without text between them.

All limits were chosen by hand on drawn figures and on printed articles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mirsearch.sources.pdf.picture_parts import MARGIN_SHARE, PageLayout
from mirsearch.sources.pdf.text import Line, Rect, overlap, union

_MIN_FIGURE_SIDE = 36.0
"""Smallest side of a figure, in points."""
_MAX_TEXT_GAP, _MAX_LETTER_GAP, _MAX_AXIS_LABEL_GAP = 4.0, 10.0, 20.0
"""Largest distances, in points, from a picture to text, to a short text and to an axis label that belong to it."""
_MAX_SIDE_GAP = 40.0
"""Largest distance, in points, to a picture beside."""
_MAX_CAPTION_GAP_SHARE = 0.2
"""Largest distance of a picture from a caption beside it, as a share of the page's width."""
_MAX_STACK_GAP = 40.0
"""Largest distance, in points, between parts of one figure above each other."""
MIN_UNCAPTIONED_SIDE = 120.0
"""Smallest side, in points, of a picture without a caption that is reported."""

Side = Literal["below", "above"]


def figure_boxes(layout: PageLayout, preferred_side: Side) -> dict[int, Rect]:
    """Return the box of each caption's figure, by the caption's position in `layout.captions`.

    Captions without a figure are absent. `preferred_side` is where the caption stands if both sides have one.
    """
    chosen = {part: _nearest_caption(part, layout, preferred_side) for part in layout.parts}
    _assign_captions_beside(chosen, layout, preferred_side)
    groups: dict[int, list[Rect]] = {}
    for part, choice in chosen.items():
        if choice is not None:
            groups.setdefault(choice[1], []).append(part)
    unassigned = [part for part, choice in chosen.items() if choice is None]
    _assign_parts_beside(groups, unassigned, layout)
    _assign_stacked_parts(groups, unassigned, layout)
    boxes = {}
    for number, parts in groups.items():
        if not layout.captions[number].is_table:
            box = _enclosing_box(parts, layout)
            if box[2] - box[0] >= _MIN_FIGURE_SIDE and box[3] - box[1] >= _MIN_FIGURE_SIDE:
                boxes[number] = box
    return boxes


def count_uncaptioned_pictures(layout: PageLayout, boxes: dict[int, Rect]) -> int:
    """Return the number of a page's large pictures that belong to no caption."""
    free = [part for part in layout.parts if not any(_overlaps(part, box) for box in boxes.values())]
    return sum(part[2] - part[0] >= MIN_UNCAPTIONED_SIDE and part[3] - part[1] >= MIN_UNCAPTIONED_SIDE for part in free)


def _overlaps(part: Rect, box: Rect) -> bool:
    return overlap(part, box, 0) > 0 and overlap(part, box, 1) > 0


def _nearest_caption(part: Rect, layout: PageLayout, preferred_side: Side) -> tuple[Side, int] | None:
    """Return the nearest caption above or below a part without text between, on the preferred side if both have one."""
    best: dict[Side, tuple[float, int]] = {}
    for number, caption in enumerate(layout.captions):
        box = caption.box
        shared = overlap(part, box, 0)
        if shared < 0.2 * min(part[2] - part[0], box[2] - box[0]):
            continue
        side: Side = "below" if box[1] >= part[3] - 3 else "above"
        gap = box[1] - part[3] if side == "below" else part[1] - box[3]
        if gap < -6 or _is_blocked(part, box, layout.barriers):
            continue
        if side not in best or gap < best[side][0]:
            best[side] = (gap, number)
    if len(best) == 2 and layout.captions[best["above"][1]].is_table != layout.captions[best["below"][1]].is_table:
        # A table's caption stands above the table. A part between it and a figure's caption belongs to the nearer one.
        side = min(best, key=lambda candidate: best[candidate])
        return side, best[side][1]
    other: Side = "above" if preferred_side == "below" else "below"
    side = preferred_side if preferred_side in best else other
    return (side, best[side][1]) if side in best else None


def _is_blocked(part: Rect, caption: Rect, barriers: Sequence[Rect]) -> bool:
    """Return whether running text or another caption lies between a part and a caption above or below it."""
    x0, x1 = max(part[0], caption[0]), min(part[2], caption[2])
    y0, y1 = min(part[3], caption[3]), max(part[1], caption[1])
    between = (x0, y0 - 1, x1, y1 + 1)
    for barrier in barriers:
        is_between = overlap(barrier, between, 1) > 0.5 * (barrier[3] - barrier[1])
        if is_between and not _is_caption_line(barrier, caption) and overlap(barrier, between, 0) > 0.25 * (x1 - x0):
            return True
    return False


def _is_caption_line(line: Rect, caption: Rect) -> bool:
    """Return whether a barrier is a line of the caption itself."""
    return overlap(line, caption, 0) > 0 and overlap(line, caption, 1) >= 0.9 * (line[3] - line[1])


def _assign_parts_beside(groups: dict[int, list[Rect]], unassigned: list[Rect], layout: PageLayout) -> None:
    """Assign parts without a caption above or below to the picture beside them."""
    changed = True
    while changed:
        changed = False
        for part in list(unassigned):
            for parts in groups.values():
                figure_box = union(parts)
                is_level = overlap(part, figure_box, 1) >= 0.4 * min(part[3] - part[1], figure_box[3] - figure_box[1])
                is_near = -overlap(part, figure_box, 0) <= _MAX_SIDE_GAP
                if is_level and is_near and not _contains_text(union((part, figure_box)), layout.barriers):
                    parts.append(part)
                    unassigned.remove(part)
                    changed = True
                    break


def _assign_captions_beside(
    chosen: dict[Rect, tuple[Side, int] | None], layout: PageLayout, preferred_side: Side
) -> None:
    """Assign a picture to a caption beside it if neither has a partner on the preferred side."""
    taken = {choice[1] for choice in chosen.values() if choice is not None}
    for number, caption in enumerate(layout.captions):
        if number in taken or caption.is_table:
            continue
        for part, choice in chosen.items():
            lower_height = min(part[3] - part[1], caption.box[3] - caption.box[1])
            gap = -overlap(part, caption.box, 0)
            is_near = gap <= _MAX_CAPTION_GAP_SHARE * layout.size[0] and (
                gap <= _MAX_SIDE_GAP or not _is_blocked_beside(part, caption.box, layout)
            )
            is_level = overlap(part, caption.box, 1) >= 0.5 * lower_height
            if is_level and is_near and (choice is None or choice[0] != preferred_side):
                chosen[part] = (preferred_side, number)


def _is_blocked_beside(part: Rect, caption: Rect, layout: PageLayout) -> bool:
    """Return whether text or another picture lies between a part and a caption beside it."""
    left, right = (part, caption) if part[0] < caption[0] else (caption, part)
    between = (left[2] + 1, max(part[1], caption[1]), right[0] - 1, min(part[3], caption[3]))
    others = (box for box in (*layout.barriers, *layout.parts) if box not in (part, caption))
    return any(overlap(box, between, 0) > 0 and overlap(box, between, 1) > 0 for box in others)


def _assign_stacked_parts(groups: dict[int, list[Rect]], unassigned: list[Rect], layout: PageLayout) -> None:
    """Assign parts that no caption has to the figure above or below them, if no text lies between."""
    for part in sorted(unassigned, key=lambda box: box[1]):
        best: tuple[float, list[Rect]] | None = None
        for number, parts in groups.items():
            figure_box = union(parts)
            gap = -overlap(part, figure_box, 1)
            shared = overlap(part, figure_box, 0)
            is_stacked = gap <= _MAX_STACK_GAP and shared >= 0.5 * min(part[2] - part[0], figure_box[2] - figure_box[0])
            is_beside_caption = overlap(layout.captions[number].box, figure_box, 0) <= 2
            if is_stacked and is_beside_caption and not _contains_text(union((part, figure_box)), layout.barriers):
                best = min(best or (gap, parts), (gap, parts), key=lambda candidate: candidate[0])
        if best is not None:
            best[1].append(part)


def _contains_text(box: Rect, barriers: Sequence[Rect]) -> bool:
    """Return whether running text or a caption lies in a rectangle."""
    return any(
        overlap(barrier, box, 0) > 0.3 * (barrier[2] - barrier[0])
        and overlap(barrier, box, 1) > 0.5 * (barrier[3] - barrier[1])
        for barrier in barriers
    )


def _enclosing_box(parts: list[Rect], layout: PageLayout) -> Rect:
    """Return the box around a figure's parts, the largest first, and the text at its edges, without running text."""
    ordered = sorted(parts, key=lambda box: -(box[2] - box[0]) * (box[3] - box[1]))
    figure_box = ordered[0]
    for part in ordered[1:]:
        grown = union((figure_box, part))
        if not _contains_text(grown, layout.barriers):
            figure_box = grown
    head, foot = MARGIN_SHARE * layout.size[1], (1 - MARGIN_SHARE) * layout.size[1]
    for _ in range(2):
        for line in layout.other_lines:
            is_on_page = head < line.box[1] and line.box[3] < foot
            is_in_column = not _is_across_gutter(line.box, figure_box, layout.gutters)
            if is_on_page and is_in_column and _belongs_to_picture(line, figure_box):
                grown = union((figure_box, line.box))
                if not _contains_text(grown, layout.barriers):
                    figure_box = grown
    return figure_box


def _is_across_gutter(line: Rect, picture: Rect, gutters: Sequence[tuple[float, float]]) -> bool:
    """Return whether text stands in another column than a picture that reaches over no gutter to it."""
    middle = (line[0] + line[2]) / 2
    return any(
        (middle < left and picture[0] >= left) or (middle > right and picture[2] <= right) for left, right in gutters
    )


def _belongs_to_picture(line: Line, picture: Rect) -> bool:
    """Return whether text at a picture's edge belongs to it. An axis label may be farther away than a heading."""
    max_gap = _MAX_LETTER_GAP if len(line.text) <= 12 else _MAX_TEXT_GAP
    across, down = -overlap(line.box, picture, 0), -overlap(line.box, picture, 1)
    if across <= max_gap and down <= max_gap:
        return True
    is_beside = (
        len(line.text) <= 2 and down < 0 and across <= _MAX_AXIS_LABEL_GAP
    )  # vertical text comes letter by letter
    is_centered = abs(line.box[0] + line.box[2] - picture[0] - picture[2]) < 0.3 * (picture[2] - picture[0])
    is_below = (
        line.box[1] >= picture[3] - 1
        and down <= _MAX_AXIS_LABEL_GAP
        and is_centered
        and line.width < 0.5 * (picture[2] - picture[0])
    )
    return is_beside or is_below
