"""Tell which letters of a figure may stand at the wrong images, so that the caption gives their bars a wrong length."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from mirsearch.analysis.captions.label_order import bare_label
from mirsearch.analysis.captions.scales import PlacedScale
from mirsearch.analysis.captions.split import split_caption
from mirsearch.corpus import Box, Panel

_MIN_SHARED = 0.5
"""Least part of the smaller of two sides that both share, where two letters are in one row or column."""

_MIN_OVERLAP = 0.3
"""Least part of a letter's box that lies in another letter's box, where their images are mixed."""


def unsure_labels(
    panels: Sequence[Panel], caption: str, scales: Sequence[PlacedScale]
) -> dict[str | None, frozenset[float | None]]:
    """Return the labels of panels that may belong to another letter, each with the lengths of the bars of that letter.

    They come before or behind a letter that no panel has, or their images lie among those of another letter or in the
    wrong order: neither in that of rows nor in that of columns. Then they may be of any letter that no panel has.
    """
    order = list(dict.fromkeys(bare_label(label) for label in split_caption(caption).labels))
    boxes = _letter_boxes(panels)
    missing = {letter for letter in order if letter not in boxes}
    confused: dict[str, set[str]] = {}
    for number, letter in enumerate(order):
        beside = missing.intersection(order[max(0, number - 1) : number + 2])
        if beside and letter in boxes:
            confused.setdefault(letter, set()).update(beside)
    for first, second in combinations([letter for letter in order if letter in boxes], 2):
        if _is_mixed(boxes[first], boxes[second]) or _comes_before(boxes[second], boxes[first]):
            confused.setdefault(first, set()).update(missing, {second})
            confused.setdefault(second, set()).update(missing, {first})
    lengths = _lengths_by_letter(scales)
    return {
        panel.label: frozenset(nm for other in confused[bare_label(panel.label)] for nm in lengths.get(other, ()))
        for panel in panels
        if panel.label is not None and bare_label(panel.label) in confused
    }


def _lengths_by_letter(scales: Sequence[PlacedScale]) -> dict[str, set[float | None]]:
    """Return the lengths in nm that the caption gives for the bars of each letter, but not for those of insets."""
    lengths: dict[str, set[float | None]] = {}
    for scale in scales:
        for letter in scale.letters or () if scale.kind == "bar" and not scale.inset else ():
            lengths.setdefault(bare_label(letter), set()).add(scale.nm)
    return lengths


def _letter_boxes(panels: Sequence[Panel]) -> dict[str, Box]:
    """Return the box around all images of each letter."""
    boxes: dict[str, Box] = {}
    for panel in panels:
        if panel.label is not None and panel.inset_of is None:
            x0, y0, x1, y1 = boxes.get(bare_label(panel.label), panel.box)
            a0, b0, a1, b1 = panel.box
            boxes[bare_label(panel.label)] = (min(x0, a0), min(y0, b0), max(x1, a1), max(y1, b1))
    return boxes


def _shared(one: Box, other: Box, axis: int) -> float:
    """Return the part of the smaller side of two boxes, across (0) or down (1), that both share."""
    shared = min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis])
    return shared / max(1, min(one[axis + 2] - one[axis], other[axis + 2] - other[axis]))


def _is_mixed(one: Box, other: Box) -> bool:
    """Return whether the boxes of two letters overlap."""
    shares = _shared(one, other, 0), _shared(one, other, 1)
    return min(shares) > 0 and shares[0] * shares[1] >= _MIN_OVERLAP


def _comes_before(one: Box, other: Box) -> bool:
    """Return whether a box comes before another one both by rows and by columns: it is above, left, or both."""
    across, down = _shared(one, other, 0), _shared(one, other, 1)
    is_above, is_left = one[3] <= other[1] or one[1] + one[3] < other[1] + other[3], one[2] <= other[0]
    if across >= _MIN_SHARED:
        return down < _MIN_SHARED and is_above
    if down >= _MIN_SHARED:
        return is_left
    return is_left and one[3] <= other[1]
