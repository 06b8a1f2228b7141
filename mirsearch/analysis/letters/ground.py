"""Look for panel letters on a figure's ground and at the corners of its tiles, where OCR finds no line of text."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.analysis.letters.candidates import find_lone_marks
from mirsearch.analysis.letters.corners import OTHER_CORNERS, TOP_LEFT, Corner, is_at_corner
from mirsearch.analysis.letters.letters import Letter, are_in_order, choose_among, read_letter
from mirsearch.analysis.panels.boxes import is_centered_in, overlaps, pad_box
from mirsearch.corpus import Box

_MOST_MARKS = 48
"""Most marks that are read, the highest first; bounds time."""

_SURE_CONFIDENCE = 0.85
"""Least confidence of OCR (0 to 1) in the reading of a mark."""


_UPPER_LEFT_SHARE = 0.6
"""Share of the letters found on the ground or at the upper left of tiles from which others are not looked for at other
corners."""


def is_placed(letter: Letter, tiles: Sequence[Box], corners: Sequence[Corner] = (TOP_LEFT,)) -> bool:
    """Return whether a letter stands where panel letters do: on the figure's ground, or at a corner of a tile."""
    around = [tile for tile in tiles if is_centered_in(letter.box, tile)]
    return not around or any(is_at_corner(letter, around, corner) for corner in corners)


def add_from_ground(
    pixels: Pixels, ocr: OcrEngine, tiles: Sequence[Box], letters: Sequence[Letter], expected: Sequence[str]
) -> list[Letter]:
    """Return the letters with those that lone marks on the ground or at a corner of a tile are read as.

    `pixels` are RGB, uint8 (h, w, 3). One letter is chosen for each of the `expected` labels, all alike, among the
    given letters and the marks. The given letters are kept if that finds no more labels, a single one, or letters in
    disorder. Marks count at the upper left of tiles, and at the other corners if few letters are found there.
    """
    corners = (TOP_LEFT,) if _stand_mostly_upper_left(letters, tiles) else (TOP_LEFT, *OTHER_CORNERS)
    height, width = pixels.shape[:2]
    gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    marks = [
        box
        for box in find_lone_marks(gray, [(0, 0, width, height)])
        if is_placed(Letter("", pad_box(box), "bare", 0.0), tiles, corners)
        and not any(overlaps(box, letter.box) for letter in letters)
    ]
    marks = sorted(marks, key=lambda box: box[1] - box[3])[:_MOST_MARKS]
    texts = ocr.recognize([crop_around(pixels, box) for box in marks])
    readings = [
        letter
        for box, (text, confidence) in zip(marks, texts, strict=True)
        if confidence >= _SURE_CONFIDENCE
        and (letter := read_letter(TextBox(text, pad_box(box), confidence), expected)) is not None
        and letter.alone
    ]
    chosen = choose_among([*letters, *readings], set(expected))
    is_better = len(chosen) > max(1, len(letters)) and are_in_order(chosen, list(expected))
    return chosen if is_better else list(letters)


def _stand_mostly_upper_left(letters: Sequence[Letter], tiles: Sequence[Box]) -> bool:
    """Return whether most letters stand on the ground or at the upper left of a tile; also if there are none."""
    return sum(is_placed(letter, tiles) for letter in letters) >= _UPPER_LEFT_SHARE * len(letters)


def crop_around(pixels: Pixels, box: Box) -> Pixels:
    """Return the crop of a mark with a margin."""
    margin = max(2, round(0.25 * (box[3] - box[1])))
    x0, y0 = max(0, box[0] - margin), max(0, box[1] - margin)
    return np.ascontiguousarray(pixels[y0 : box[3] + margin, x0 : box[2] + margin])
