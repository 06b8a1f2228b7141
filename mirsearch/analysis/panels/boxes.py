"""Boxes and levels where letters are looked for."""

from __future__ import annotations

from mirsearch.analysis.base import TextBox
from mirsearch.corpus import Box


def cluster_means(values: list[int], height: float) -> list[float]:
    """Means of groups of values that lie within a letter's height of each other, ascending."""
    groups: list[list[int]] = []
    for value in sorted(values):
        if groups and value - groups[-1][-1] <= height:
            groups[-1].append(value)
        else:
            groups.append([value])
    return [sum(group) / len(group) for group in groups]


def area(box: Box) -> int:
    """Area of a box in px²."""
    return (box[2] - box[0]) * (box[3] - box[1])


def pad_box(box: Box) -> Box:
    """A mark's box with the margin OCR leaves around a line."""
    margin = max(2, round(0.2 * (box[3] - box[1])))
    return (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)


def expand_box(box: Box) -> Box:
    """A box with its own height of margin around it."""
    margin = max(6, box[3] - box[1])
    return (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)


def overlaps(first: Box, second: Box) -> bool:
    """Whether two boxes share a pixel."""
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def is_centered_in(inner: Box, outer: Box) -> bool:
    """Whether the middle of a box lies in another."""
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x < outer[2] and outer[1] <= y < outer[3]


def transpose_box(box: Box) -> Box:
    """A box of the transposed image."""
    return box[1], box[0], box[3], box[2]


def shift_text(text: TextBox, left: int, top: int) -> TextBox:
    """A line read in a crop, at its place in the whole."""
    x0, y0, x1, y1 = text.box
    return TextBox(text.text, (x0 + left, y0 + top, x1 + left, y1 + top), text.confidence)
