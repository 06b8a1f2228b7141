"""Look for a figure's letters once more, at its pictures, where letters are missing or stand where none should.

The first look goes by the tiles that gutters leave, and by the text that OCR finds in the whole figure. Here each lone
mark at a corner of a picture or beside a tile is read, and one reading is chosen for each label so that all together
look like the letters of one figure: in order, of one size and style, each at a picture of its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.analysis.letters.candidates import find_lone_marks
from mirsearch.analysis.letters.corners import is_at_corner, stands_under
from mirsearch.analysis.letters.ground import crop_around
from mirsearch.analysis.letters.letters import Letter, are_in_order, is_in_order, read_letter
from mirsearch.analysis.panels.boxes import area, covers_others, is_centered_in, overlaps, pad_box
from mirsearch.corpus import Box

_MOST_MARKS = 48
"""Most marks that are read, those of full black or white at the best places first, the highest first; bounds time."""

_FULL_LEVELS = (40, 215)
"""Gray levels up to which, and from which on, half of a printed letter's strokes are dark or light."""

_SMALLEST_PX, _SMALLEST_SHARE, _LARGEST_SHARE = 7.0, 0.006, 0.06
"""Least height of a mark in px, and least and greatest height as shares of the figure's longer side."""

_SURE_CONFIDENCE = 0.7
"""Least confidence of OCR (0 to 1) in the reading of a mark."""

_REACH, _REACH_SHARE = 1.3, 0.06
"""How far from both edges of a picture a letter in its corner may stand: in its heights, and as a share of the side."""

_BESIDE_REACH, _LEVEL_REACH = 4.0, 1.5
"""How far left of (above) a picture or tile its letter may stand, and how far above (left of) its edge: in heights."""

_ALIGNED = 0.5
"""How far the edges of two letters in one row or column may differ, in their heights."""

_MOST_READINGS, _MOST_CHOICES = 6, 300
"""Most readings of one label, and most choices that are followed while choosing; bounds time."""

_WORTH = {"beside": 1.0, "ground": 0.6, "upper left": 0.9, "corner": 0.75, "under": 0.7, "elsewhere": 0.3}
"""What a letter is worth by its place, times its confidence."""

_BRACKETED_WORTH = 0.6
"""Least worth of a letter in brackets: few things in pictures look like one."""

_DISORDER, _SAME_PICTURE = 0.8, 0.8
"""What a choice of letters loses for each pair in disorder, and for each pair in one picture."""

_OTHER_STYLE, _OTHER_CASE, _OTHER_SIZE, _SIMILAR_SIZE = 0.8, 0.8, 0.6, 0.6
"""What a letter loses that differs from all others: in brackets, in case, in size by a factor of e; and the logarithm
of a factor that is no difference: boxes of OCR are larger than those of marks."""

_LEAST_WORTH = 0.35
"""What a letter must add to the choice."""


@dataclass(frozen=True, slots=True)
class _Reading:
    letter: Letter
    worth: float
    picture: Box | None


def are_doubtful(letters: Sequence[Letter], tiles: Sequence[Box], expected: Sequence[str]) -> bool:
    """Return whether letters of a caption were not read, or stand in disorder or where none should."""
    read = [letter for letter in letters if letter.style != "guess"]
    if len(read) < len(expected):
        return True
    if not are_in_order(read, list(expected)):
        return True
    clear = [tile for tile in tiles if not covers_others(tile, tiles)]
    return any(
        _place(letter, clear, clear)[0] < _WORTH["corner"]
        and letter.style != "closed"
        and not _is_aligned(letter, read)
        for letter in read
    )


def _is_aligned(letter: Letter, letters: Sequence[Letter]) -> bool:
    """Return whether a letter stands in the row or column of another one."""
    reach = _ALIGNED * letter.height
    others = [other for other in letters if other is not letter]
    return any(abs(other.box[edge] - letter.box[edge]) <= reach for other in others for edge in (0, 1))


def look_again(
    pixels: Pixels,
    ocr: OcrEngine,
    pictures: Sequence[Box],
    tiles: Sequence[Box],
    letters: Sequence[Letter],
    texts: Sequence[TextBox],
    expected: Sequence[str],
) -> list[Letter]:
    """Return one letter for each label that can be told, chosen among the letters, the texts, and lone marks.

    `pixels` are RGB, uint8 (h, w, 3); `pictures` and `tiles` are boxes in it.
    """
    tiles = [tile for tile in tiles if not covers_others(tile, tiles)]
    given = [letter for letter in letters if letter.style != "guess"]
    given += [
        letter
        for text in texts
        if (letter := read_letter(_without_accents(text), expected)) and letter.style != "leading"
    ]
    pool = given + _read_marks(pixels, ocr, pictures, tiles, given, expected)
    readings: dict[str, list[_Reading]] = {}
    for letter in pool:
        if letter.label in expected:
            worth, picture = _place(letter, pictures, tiles)
            is_bracketed = letter.style == "closed" or (letter.style == "half" and letter.alone)
            worth = max(worth, _BRACKETED_WORTH if is_bracketed else 0.0)
            readings.setdefault(letter.label, []).append(_Reading(letter, worth * letter.confidence, picture))
    chosen = [reading.letter for reading in _choose(readings, expected)]
    return chosen + _fitting_guesses(letters, chosen, tiles, expected)


def _fitting_guesses(
    letters: Sequence[Letter], chosen: Sequence[Letter], tiles: Sequence[Box], expected: Sequence[str]
) -> list[Letter]:
    """Return the guesses of the first look that still hold: in order with the chosen letters, in a tile without any."""
    taken = {letter.label for letter in chosen}
    fitting = []
    for guess in letters:
        if guess.style != "guess" or guess.label in taken or guess.label not in expected:
            continue
        around = [tile for tile in tiles if is_centered_in(guess.box, tile)]
        is_free = not any(is_centered_in(letter.box, tile) for tile in around for letter in chosen)
        if around and is_free and are_in_order([*chosen, guess], list(expected)):
            fitting.append(guess)
    return fitting


def _read_marks(
    pixels: Pixels,
    ocr: OcrEngine,
    pictures: Sequence[Box],
    tiles: Sequence[Box],
    known: Sequence[Letter],
    expected: Sequence[str],
) -> list[Letter]:
    """Return the expected labels that lone marks at corners of pictures and beside tiles are read as."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    gray = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    heights = (max(_SMALLEST_PX, _SMALLEST_SHARE * side), max(12.0, _LARGEST_SHARE * side))
    worths = {
        box: _place(Letter("", pad_box(box), "bare", 0.0), pictures, tiles)[0]
        for box in find_lone_marks(gray, [(0, 0, width, height)], heights)
        if not any(overlaps(box, letter.box) for letter in known)
    }
    marks = [box for box, worth in worths.items() if worth > _WORTH["elsewhere"]]
    marks.sort(key=lambda box: (not _is_full(gray, box), worths[box] < _WORTH["upper left"], box[1] - box[3]))
    marks = marks[:_MOST_MARKS]
    texts = ocr.recognize([crop_around(pixels, box) for box in marks])
    return [
        letter
        for box, (text, confidence) in zip(marks, texts, strict=True)
        if confidence >= _SURE_CONFIDENCE
        and (letter := read_letter(_without_accents(TextBox(text, pad_box(box), confidence)), expected)) is not None
        and letter.alone
    ]


def _without_accents(text: TextBox) -> TextBox:
    """Return a text without accents: a speck of the picture above a letter is read as one."""
    plain = "".join(char for char in unicodedata.normalize("NFD", text.text) if not unicodedata.combining(char))
    return replace(text, text=plain)


def _is_full(gray: NDArray[np.uint8], box: Box) -> bool:
    """Return whether a mark is mostly of full black or white, as printed letters are; what pictures show is seldom."""
    inside = gray[box[1] : box[3], box[0] : box[2]]
    low, high = np.percentile(inside, (10, 90))
    return bool(low <= _FULL_LEVELS[0] or high >= _FULL_LEVELS[1])


def _place(letter: Letter, pictures: Sequence[Box], tiles: Sequence[Box]) -> tuple[float, Box | None]:
    """Return what a letter's place is worth, and the picture that holds it."""
    around = [picture for picture in pictures if is_centered_in(letter.box, picture)]
    if around:
        picture = min(around, key=area)
        left, top, right, bottom = (_is_near(letter, picture, edge) for edge in range(4))
        if not ((left or right) and (top or bottom)):
            return _WORTH["elsewhere"], picture
        return _WORTH["upper left" if left and top else "corner"], picture
    if any(_stands_beside(letter, box) for box in (*pictures, *tiles)):
        return _WORTH["beside"], None
    if any(stands_under(letter, picture) for picture in pictures):
        return _WORTH["under"], None
    inside = [tile for tile in tiles if is_centered_in(letter.box, tile)]
    if not inside:
        return _WORTH["ground"], None
    return _WORTH["upper left" if is_at_corner(letter, inside) else "elsewhere"], None


def _is_near(letter: Letter, picture: Box, edge: int) -> bool:
    """Return whether a letter is near an edge of the picture around it: 0 left, 1 top, 2 right, 3 bottom."""
    reach = max(_REACH * letter.height, _REACH_SHARE * (picture[edge % 2 + 2] - picture[edge % 2]))
    return abs(letter.box[edge] - picture[edge]) <= reach


def _stands_beside(letter: Letter, box: Box) -> bool:
    """Return whether a letter on the ground stands left of, above, or at the upper left corner of a box."""
    x0, y0, x1, y1 = letter.box
    far, near = _BESIDE_REACH * letter.height, _LEVEL_REACH * letter.height
    is_left = -near / 3 <= box[0] - x1 <= far and -near <= y0 - box[1] <= near
    is_above = -near / 3 <= box[1] - y1 <= near and -far <= x0 - box[0] <= near
    return is_left or is_above


def _choose(readings: dict[str, list[_Reading]], expected: Sequence[str]) -> list[_Reading]:
    """Return the readings, at most one for each label, that are worth most together."""
    pairs = max(1, len(readings) - 1)
    choices: list[tuple[float, list[_Reading]]] = [(0.0, [])]
    for label in expected:
        options = sorted(readings.get(label, []), key=lambda reading: -reading.worth)[:_MOST_READINGS]
        grown = list(choices)
        for score, chosen in choices:
            for option in options:
                worth = option.worth - sum(_disagreement(earlier, option, pairs) for earlier in chosen)
                grown.append((score + worth, [*chosen, option]))
        grown.sort(key=lambda choice: -choice[0])
        choices = grown[:_MOST_CHOICES]
    best = choices[0][1]
    return [reading for reading in best if _added_worth(reading, best, pairs) >= _LEAST_WORTH]


def _added_worth(reading: _Reading, chosen: Sequence[_Reading], pairs: int) -> float:
    """Return what a reading adds to the others, which are in the order of their labels."""
    place = next(number for number, other in enumerate(chosen) if other is reading)
    losses = [_disagreement(other, reading, pairs) for other in chosen[:place]]
    losses += [_disagreement(reading, other, pairs) for other in chosen[place + 1 :]]
    return reading.worth - sum(losses)


def _disagreement(first: _Reading, second: _Reading, pairs: int) -> float:
    """Return how little two letters, in the order of their labels, look like letters of one figure."""
    one, other = first.letter, second.letter
    loss = 0.0 if is_in_order(one, other) else _DISORDER
    if first.picture is not None and first.picture == second.picture:
        loss += _SAME_PICTURE
    unlike = _OTHER_SIZE * max(0.0, abs(log(max(1, one.height) / max(1, other.height))) - _SIMILAR_SIZE)
    if (one.style in ("closed", "half")) != (other.style in ("closed", "half")):
        unlike += _OTHER_STYLE
    if one.upper is not None and other.upper is not None and one.upper != other.upper:
        unlike += _OTHER_CASE
    return loss + unlike / pairs
