"""Complete labels that were read in part: number and unit read apart, or one of them lost in the texture."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.corpus import Box
from mirsearch.text.lengths import normalize, parse_length

_UNIT_ALONE = re.compile(r"(?:μ ?[mMnr]?|u[mrn]?|nm|nn|hm|[mun]m)[.)]?", re.IGNORECASE)
"""A unit without its number, as OCR reads it, misreadings included."""

_UNIT_LAST = re.compile(r"[oO0.,]{0,3} ?(?:μ ?[mMn]?|u[mn]|nm|nn|hm|mm)[.)]?")
"""A unit with the last zeros of its number before it, as OCR reads it."""

_DIGITS_ALONE = re.compile(r"[\d.,lIO]{1,6}")
"""A number without its unit, with letters that OCR reads in place of digits."""

_WHOLE_LABEL = re.compile(r"[\d.,]+ ?[a-zA-Zμ]+")
"""A number and a unit."""

_MIN_UPRIGHT_ASPECT = 1.5
"""Least ratio of height to width of a line of text that stands upright."""

_REACHES_LEFT = (2.0, 3.5)
"""How far left of a unit its number may reach, in heights of the line; both are tried."""

_REACHES_RIGHT = (2.5, 4.0)
"""How far right of a number its unit may reach, in heights of the line; both are tried."""


def join_number_and_unit(lines: Sequence[TextBox]) -> list[TextBox]:
    """Return one line for each number and unit that were read apart but stand side by side, such as `200` and `nm`."""
    joined = []
    for number in lines:
        for unit in lines:
            if not _DIGITS_ALONE.fullmatch(normalize(number.text)) or not _UNIT_ALONE.fullmatch(normalize(unit.text)):
                continue
            (a0, b0, a1, b1), (c0, d0, c1, d1) = number.box, unit.box
            height = max(b1 - b0, d1 - d0)
            if -0.6 * height <= c0 - a1 <= 1.2 * height and min(b1, d1) - max(b0, d0) >= 0.4 * height:
                box = (a0, min(b0, d0), c1, max(b1, d1))
                joined.append(TextBox(f"{number.text} {unit.text}", box, min(number.confidence, unit.confidence)))
    return joined


def complete_line(pixels: Pixels, line: TextBox, ocr: OcrEngine) -> TextBox | None:
    """Read a line that is only a unit or a number again, together with what stands before or after it.

    Return None if the line is neither, or if no length is read.
    """
    text = normalize(line.text)
    x0, y0, x1, y1 = line.box
    height, width = y1 - y0, pixels.shape[1]
    if _UNIT_LAST.fullmatch(text):
        boxes = [(max(0, round(x0 - reach * height)), y0, x1, y1) for reach in _REACHES_LEFT]
    elif _DIGITS_ALONE.fullmatch(text):
        boxes = [(x0, y0, min(width, round(x1 + reach * height)), y1) for reach in _REACHES_RIGHT]
    else:
        return None
    crops = [np.ascontiguousarray(pixels[b0:b1, a0:a1]) for a0, b0, a1, b1 in boxes]
    completions = [
        (length.plausibility * confidence, TextBox(completed_text, box, confidence))
        for (completed_text, confidence), box in zip(ocr.recognize(crops), boxes, strict=True)
        if (length := parse_length(completed_text)) is not None
    ]
    return max(completions, key=lambda scored: scored[0])[1] if completions else None


def complete_lines(pixels: Pixels, lines: Sequence[TextBox], ocr: OcrEngine) -> list[TextBox]:
    """Return the lines that :func:`complete_line` completes; none if one of `lines` is a whole label."""
    if any(_WHOLE_LABEL.fullmatch(normalize(line.text)) for line in lines):
        return []
    return [completed for line in lines if (completed := complete_line(pixels, line, ocr)) is not None]


def is_upright(box: Box) -> bool:
    """Return whether a line of text stands upright."""
    return box[3] - box[1] > _MIN_UPRIGHT_ASPECT * (box[2] - box[0])
