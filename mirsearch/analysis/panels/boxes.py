"""Operations on boxes, which are (x0, y0, x1, y1) in px with exclusive right and bottom edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mirsearch.analysis.base import BarCandidate, TextBox
from mirsearch.corpus import Box


def cluster_means(values: list[int], max_gap: float) -> list[float]:
    """Return the means of groups of values, ascending; neighbors in a group are at most `max_gap` apart."""
    groups: list[list[int]] = []
    for value in sorted(values):
        if groups and value - groups[-1][-1] <= max_gap:
            groups[-1].append(value)
        else:
            groups.append([value])
    return [sum(group) / len(group) for group in groups]


def sides(box: Box) -> tuple[int, int]:
    """Return width and height of a box in px."""
    return box[2] - box[0], box[3] - box[1]


def area(box: Box) -> int:
    """Return the area of a box in px²."""
    return (box[2] - box[0]) * (box[3] - box[1])


def pad_box(box: Box) -> Box:
    """Return the box of a mark with the margin that OCR leaves around a line of text."""
    margin = max(2, round(0.2 * (box[3] - box[1])))
    return (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)


def expand_box(box: Box) -> Box:
    """Return a box with a margin of its own height (6 px at least) on all sides."""
    margin = max(6, box[3] - box[1])
    return (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)


def overlaps(first: Box, second: Box) -> bool:
    """Return whether two boxes share a pixel."""
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def is_centered_in(inner: Box, outer: Box) -> bool:
    """Return whether the center of one box lies in another."""
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x < outer[2] and outer[1] <= y < outer[3]


def lies_in(inner: Box, outer: Box, slack: float = 0) -> bool:
    """Return whether a box lies in another, or stands out of it by at most `slack` px."""
    return (
        inner[0] >= outer[0] - slack
        and inner[1] >= outer[1] - slack
        and inner[2] <= outer[2] + slack
        and inner[3] <= outer[3] + slack
    )


def distance_from_corner(box: Box, shape: tuple[int, ...]) -> float:
    """Return the distance of a box from the nearest corner of an image (h, w, …), 0 to 1 as a share of its sides."""
    height, width = shape[:2]
    across = min(box[0], width - box[2]) / width
    down = min(box[1], height - box[3]) / height
    return float(max(0.0, across, down))


def transpose_box(box: Box) -> Box:
    """Return the box that this one becomes when the image is transposed (x and y swapped)."""
    return box[1], box[0], box[3], box[2]


def shift_box(box: Box, left: int, top: int) -> Box:
    """Return a box of a crop that begins at (left, top) as a box of the whole image."""
    return (box[0] + left, box[1] + top, box[2] + left, box[3] + top)


def shift_text(text: TextBox, left: int, top: int) -> TextBox:
    """Return a line of text read in a crop that begins at (left, top), with its box in the whole image."""
    return TextBox(text.text, shift_box(text.box, left, top), text.confidence)


def shift_bar(bar: BarCandidate, left: int, top: int) -> BarCandidate:
    """Return a bar found in a crop that begins at (left, top), with its box in the whole image."""
    return replace(bar, box=shift_box(bar.box, left, top))


def shared_area(first: Box, second: Box) -> int:
    """Return the area that two boxes share in px²."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    return max(0, width) * max(0, min(first[3], second[3]) - max(first[1], second[1]))


def distance_between(first: Box, second: Box) -> int:
    """Return the distance between two boxes in px; 0 where they touch or overlap."""
    across = max(first[0] - second[2], second[0] - first[2], 0)
    down = max(first[1] - second[3], second[1] - first[3], 0)
    return max(across, down)


def bounding_box(boxes: Sequence[Box]) -> Box:
    """Return the smallest box that holds all boxes."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return (min(lefts), min(tops), max(rights), max(bottoms))


def covers_others(box: Box, boxes: Sequence[Box], share: float = 0.1) -> bool:
    """Return whether a box covers more than a share of a smaller one: what gutters left around others."""
    return any(area(other) < area(box) and shared_area(other, box) > share * area(other) for other in boxes)
