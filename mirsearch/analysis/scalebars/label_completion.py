"""Labels found in part: number and unit apart, or one of them lost among the texture around it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.corpus import Box
from mirsearch.text.lengths import normalize, parse_length

_UNIT_ALONE = re.compile(r"(?:μ ?[mMnr]?|u[mrn]?|nm|nn|hm|[mun]m)[.)]?", re.IGNORECASE)
_UNIT_LAST = re.compile(r"[oO0.,]{0,3} ?(?:μ ?[mMn]?|u[mn]|nm|nn|hm|mm)[.)]?")
_DIGITS_ALONE = re.compile(r"[\d.,lIO]{1,6}")
_WHOLE_LABEL = re.compile(r"[\d.,]+ ?[a-zA-Zμ]+")
_MIN_UPRIGHT_ASPECT = 1.5
_REACHES_LEFT, _REACHES_RIGHT = (2.0, 3.5), (2.5, 4.0)
"""How far beside a unit its number, and beside a number its unit, may reach, in heights of the line."""


def join_number_and_unit(lines: Sequence[TextBox]) -> list[TextBox]:
    """`200` and `nm` found apart, as one line."""
    whole = []
    for number in lines:
        for unit in lines:
            if not _DIGITS_ALONE.fullmatch(normalize(number.text)) or not _UNIT_ALONE.fullmatch(normalize(unit.text)):
                continue
            (a0, b0, a1, b1), (c0, d0, c1, d1) = number.box, unit.box
            height = max(b1 - b0, d1 - d0)
            if -0.6 * height <= c0 - a1 <= 1.2 * height and min(b1, d1) - max(b0, d0) >= 0.4 * height:
                box = (a0, min(b0, d0), c1, max(b1, d1))
                whole.append(TextBox(f"{number.text} {unit.text}", box, min(number.confidence, unit.confidence)))
    return whole


def complete_line(pixels: Pixels, line: TextBox, ocr: OcrEngine) -> TextBox | None:
    """A line that is a unit or a number alone, read again with what stands before or after it; None where nothing."""
    text = normalize(line.text)
    x0, y0, x1, y1 = line.box
    height, width = y1 - y0, pixels.shape[1]
    if _UNIT_LAST.fullmatch(text):
        boxes = [(max(0, round(x0 - by * height)), y0, x1, y1) for by in _REACHES_LEFT]
    elif _DIGITS_ALONE.fullmatch(text):
        boxes = [(x0, y0, min(width, round(x1 + by * height)), y1) for by in _REACHES_RIGHT]
    else:
        return None
    crops = [np.ascontiguousarray(pixels[b0:b1, a0:a1]) for a0, b0, a1, b1 in boxes]
    read = [
        (length.plausibility * sure, TextBox(words, box, sure))
        for (words, sure), box in zip(ocr.recognize(crops), boxes, strict=True)
        if (length := parse_length(words)) is not None
    ]
    return max(read, key=lambda scored: scored[0])[1] if read else None


def complete_lines(pixels: Pixels, lines: Sequence[TextBox], ocr: OcrEngine) -> list[TextBox]:
    """What :func:`completed` makes of lines, where none of them is a whole label."""
    if any(_WHOLE_LABEL.fullmatch(normalize(line.text)) for line in lines):
        return []
    return [whole for line in lines if (whole := complete_line(pixels, line, ocr)) is not None]


def is_upright(box: Box) -> bool:
    """Whether a line of text stands upright."""
    return box[3] - box[1] > _MIN_UPRIGHT_ASPECT * (box[2] - box[0])
