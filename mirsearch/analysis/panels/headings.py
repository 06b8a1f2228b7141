"""Read the words printed at the columns and rows of images under one letter: "DAPI", "Merge", "0 h", "Control"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.analysis.panels.boxes import bounding_box, is_centered_in, overlaps
from mirsearch.corpus import Box, Panel

_MAX_HEIGHT_SHARE = 0.04
"""Greatest height of a line of a heading, as a share of the figure's longer side."""

_REACH = 3.0
"""Greatest distance of a heading from its images, and of its lines from each other, in heights of the line."""

_WORD_GAP = 0.9
"""Greatest gap between the pieces of one line, in heights of the line."""

_MIN_CONFIDENCE = 0.6
"""Least confidence of OCR (0 to 1) in a heading."""

_MOST_LINES = 60
"""Most lines of a figure that are read for headings; bounds time."""

_MAX_CHARS = 200
"""Longest heading in characters."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of print: its box in px and its words."""

    box: Box
    text: str

    @property
    def height(self) -> int:
        """Return the height in px."""
        return self.box[3] - self.box[1]


class HeadingReader:
    """Reads the headings of one figure's images. `texts` are the lines that OCR read in the whole figure."""

    def __init__(self, pixels: Pixels, ocr: OcrEngine, texts: Sequence[TextBox]) -> None:
        self._pixels = pixels
        self._ocr = ocr
        self._texts = texts
        self._max_height = _MAX_HEIGHT_SHARE * max(pixels.shape[:2])
        self._budget = _MOST_LINES

    def add_headings(self, panels: Sequence[Panel], scraps: Sequence[Box]) -> list[Panel]:
        """Return the panels of one letter with their headings; `scraps` are small pieces beside them, in px."""
        lines = self._read_lines(panels, scraps)
        boxes = [panel.box for panel in panels]
        label = (panels[0].label or "").lower()
        lines = [line for line in lines if line.text.strip("()[]. ").lower() != label]
        return [replace(panel, heading=_heading(panel.box, boxes, lines)) for panel in panels]

    def _read_lines(self, panels: Sequence[Panel], scraps: Sequence[Box]) -> list[_Line]:
        """Return the lines outside the images: those that OCR read, and pieces that it left out."""
        boxes = [panel.box for panel in panels]
        known = [
            _Line(text.box, text.text)
            for text in self._texts
            if text.confidence >= _MIN_CONFIDENCE and not any(is_centered_in(text.box, box) for box in boxes)
        ]
        unread = [
            box
            for box in _join_words(scraps)
            if 5 <= box[3] - box[1] <= self._max_height
            and box[2] - box[0] >= box[3] - box[1]
            and not any(overlaps(box, line.box) for line in known)
        ][: self._budget]
        self._budget -= len(unread)
        readings = self._ocr.recognize([self._crop(box) for box in unread]) if unread else []
        return known + [
            _Line(box, text)
            for box, (text, confidence) in zip(unread, readings, strict=True)
            if confidence >= _MIN_CONFIDENCE and text.strip()
        ]

    def _crop(self, box: Box) -> Pixels:
        """Return a line with a margin."""
        x0, y0, x1, y1 = box
        margin = max(2, (y1 - y0) // 4)
        crop = self._pixels[max(0, y0 - margin) : y1 + margin, max(0, x0 - margin) : x1 + margin]
        return np.ascontiguousarray(crop)


def _join_words(scraps: Sequence[Box]) -> list[Box]:
    """Return the boxes of lines: scraps of one height that follow each other closely are joined."""
    lines: list[Box] = []
    for box in sorted(scraps, key=lambda scrap: scrap[0]):
        height = box[3] - box[1]
        near = next(
            (
                n
                for n, line in enumerate(lines)
                if box[0] - line[2] <= _WORD_GAP * max(height, line[3] - line[1])
                and min(box[3], line[3]) - max(box[1], line[1]) >= 0.5 * min(height, line[3] - line[1])
            ),
            None,
        )
        if near is None:
            lines.append(box)
        else:
            lines[near] = bounding_box([lines[near], box])
    return lines


def _heading(box: Box, boxes: Sequence[Box], lines: Sequence[_Line]) -> str:
    """Return the heading of an image: the words over its column, then those at its row."""
    column = _words_over(box, boxes, lines)
    row = _words_beside(box, boxes, lines)
    words = [text for text in (column, row) if text]
    return " · ".join(words)[:_MAX_CHARS]


def _words_over(box: Box, boxes: Sequence[Box], lines: Sequence[_Line]) -> str:
    """Return the words over the topmost image of an image's column, from the top."""
    top = min((other for other in boxes if _shares_column(other, box)), key=lambda other: other[1])
    edge = top[1]
    found: list[_Line] = []
    while True:
        over = [
            line
            for line in lines
            if line.box[3] <= edge + 0.3 * line.height
            and edge - line.box[3] <= _REACH * line.height
            and _is_over(line.box, top)
            and line not in found
        ]
        if not over or len(found) >= 3:
            return " ".join(line.text.strip() for line in reversed(found))
        nearest = max(over, key=lambda line: line.box[3])
        found.append(nearest)
        edge = nearest.box[1]


def _words_beside(box: Box, boxes: Sequence[Box], lines: Sequence[_Line]) -> str:
    """Return the words left of the first image of an image's row."""
    first = min((other for other in boxes if _shares_row(other, box)), key=lambda other: other[0])
    beside = [
        line
        for line in lines
        if line.box[2] <= first[0] + 0.3 * line.height
        and first[0] - line.box[2] <= _REACH * line.height
        and first[1] <= (line.box[1] + line.box[3]) / 2 < first[3]
    ]
    return " ".join(line.text.strip() for line in sorted(beside, key=lambda line: (line.box[1], line.box[0])))


def _is_over(line: Box, image: Box) -> bool:
    """Return whether a line stands over an image: its middle is there, or it spans the image."""
    middle = (line[0] + line[2]) / 2
    return image[0] <= middle < image[2] or (line[0] <= image[0] and line[2] >= image[2])


def _shares_column(other: Box, box: Box) -> bool:
    """Return whether two images stand in one column."""
    shared = min(other[2], box[2]) - max(other[0], box[0])
    return shared >= 0.5 * min(other[2] - other[0], box[2] - box[0])


def _shares_row(other: Box, box: Box) -> bool:
    """Return whether two images stand in one row."""
    shared = min(other[3], box[3]) - max(other[1], box[1])
    return shared >= 0.5 * min(other[3] - other[1], box[3] - box[1])
