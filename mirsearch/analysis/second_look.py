"""Looking again for panel letters that the quick pass over a figure missed, where the others and the tiles put them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import cv2
import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.analysis.gutters import reading_order
from mirsearch.analysis.letters import Letter, alike, expected_run, letter_of, lookalike, merged, run
from mirsearch.analysis.marks import lone_marks
from mirsearch.corpus import Box

_READ_SIDE = 160
_MOST_LOOKS = 16
_MOST_MARKS = 32
_SURE = 0.6
_FITTING = 0.5
_BROAD = 0.2
_MARGIN = 0.06


class SecondLook:
    """Completes the letters of one figure. `tiles` are what its gutters leave; `expected` the caption's labels."""

    def __init__(self, pixels: Pixels, ocr: OcrEngine, tiles: Sequence[Box], expected: Sequence[str]) -> None:
        self._pixels = pixels
        self._ocr = ocr
        self._tiles = list(tiles)
        self._expected = list(expected)
        self._looks = 0
        self._known: dict[Box, tuple[str, float]] = {}

    def completed(self, letters: list[Letter], searching: bool) -> list[Letter]:
        """`letters` and those found besides; without expected labels only where `searching` or a run has begun."""
        wanted = self._expected or (expected_run(letters, len(self._tiles)) if letters or searching else [])
        for round_number in range(2):
            if len(letters) < len(wanted):
                letters = self._marks(letters, wanted, lined=round_number == 0)
        if len(letters) < len(wanted):
            letters = self._at([_grown(hole) for hole in self._holes(letters)], letters, wanted)
        if len(letters) < len(wanted):
            letters = self._at(self._corners(letters), letters, wanted)
        if self._expected:
            letters = self._by_grid(letters)
            return self._by_elimination(letters, wanted) if len(letters) < len(wanted) else letters
        if len(run(letters)) < len(letters) or len(letters) < len(self._tiles):
            letters = self._by_elimination(letters, wanted) if 2 * len(letters) >= len(wanted) else letters
        letters = run(letters)
        corners = sum(at_corner(each, self._tiles) for each in letters)
        return letters if len(letters) >= 2 and 2 * corners >= len(letters) else []

    def _holes(self, letters: list[Letter]) -> list[Box]:
        """Where rows and columns of the letters found cross and no letter is known yet."""
        if len(letters) < 2:
            return []
        height = median(each.height for each in letters)
        lefts = _levels([each.box[0] for each in letters], height)
        tops = _levels([each.box[1] for each in letters], height)
        size = (round(1.5 * height), round(height))
        return [
            (round(left), round(top), round(left) + size[0], round(top) + size[1])
            for top in tops
            for left in lefts
            if not any(abs(each.box[0] - left) < 2 * height and abs(each.box[1] - top) < 2 * height for each in letters)
        ]

    def _marks(self, letters: list[Letter], wanted: Sequence[str], lined: bool) -> list[Letter]:
        """Recognize lone marks in the corners of tiles and in the rows and columns of the letters found.

        With `lined` only those count that line up with another letter, so that the others can be judged by them.
        """
        height, width = self._pixels.shape[:2]
        zones = self._corners(letters)
        heights = None
        if letters:
            size = median(each.height for each in letters)
            heights = (0.3 * size, 1.15 * size)
            for level in _levels([each.box[1] for each in letters], size):
                zones.append((0, round(level - 0.5 * size), width, round(level + size)))
            for level in _levels([each.box[0] for each in letters], size):
                zones.append((round(level - 0.5 * size), 0, round(level + size), height))
        marks = lone_marks(cv2.cvtColor(self._pixels, cv2.COLOR_RGB2GRAY), zones, heights)
        marks = [box for box in marks if not any(_overlap(box, each.box) for each in letters)]
        marks = sorted(marks, key=lambda box: -(box[3] - box[1]))[:_MOST_MARKS]
        unread = [box for box in marks if box not in self._known]
        answers = self._ocr.recognize([self._around(box) for box in unread])
        self._known.update(zip(unread, answers, strict=True))
        texts = [self._known[box] for box in marks]
        missing = [label for label in wanted if label not in {each.label for each in letters}]
        read = [
            letter
            for box, (text, confidence) in zip(marks, texts, strict=True)
            if confidence >= _SURE
            and (letter := letter_of(TextBox(text, _padded(box), confidence), missing))
            and letter.alone
            and letter.label in missing
        ]
        return merged(letters, read, lined)

    def _around(self, box: Box) -> Pixels:
        """The crop of a mark with a margin."""
        margin = max(2, round(0.25 * (box[3] - box[1])))
        x0, y0 = max(0, box[0] - margin), max(0, box[1] - margin)
        return np.ascontiguousarray(self._pixels[y0 : box[3] + margin, x0 : box[2] + margin])

    def _corners(self, letters: list[Letter]) -> list[Box]:
        """Where letters stand in tiles that have none yet: around their top-left corners."""
        side = max(self._pixels.shape[:2])
        height = median(each.height for each in letters) if letters else 0.0
        places: list[Box] = []
        for x0, y0, x1, y1 in sorted(unlettered(self._tiles, letters), key=lambda box: -_area(box)):
            reach = min(0.12 * side, max(0.06 * side, 0.2 * min(x1 - x0, y1 - y0), 3 * height))
            out = max(0.03 * side, 1.2 * height)
            places.append((round(x0 - out), round(y0 - out), round(x0 + reach), round(y0 + reach)))
        return places

    def _at(self, places: list[Box], letters: list[Letter], wanted: Sequence[str]) -> list[Letter]:
        """Read the places until nothing is missing; the first reading of a label counts."""
        found: dict[str, Letter] = {}
        taken = {each.label for each in letters}
        for place in places:
            missing = [label for label in wanted if label not in taken and label not in found]
            if not missing or self._looks >= _MOST_LOOKS:
                break
            for letter in self._read(place, missing, [*letters, *found.values()]):
                found.setdefault(letter.label, letter)
        return [*letters, *found.values()]

    def _read(self, place: Box, missing: Sequence[str], known: list[Letter]) -> list[Letter]:
        """Missing letters in a place, those nearest its corner first, of the size of those known."""
        self._looks += 1
        left, top = max(0, place[0]), max(0, place[1])
        crop = np.ascontiguousarray(self._pixels[top : max(0, place[3]), left : max(0, place[2])])
        if min(crop.shape[:2]) < 8:
            return []
        lines = [_moved(text, left, top) for text in self._ocr.read(crop, side_limit=_READ_SIDE)]
        lines.sort(key=lambda text: text.box[0] + text.box[1])
        found = []
        for line in lines:
            letter = letter_of(line, missing)
            if letter is None or letter.label not in missing:
                letter = lookalike(line, missing)
            if letter is not None and alike(letter, known):
                found.append(letter)
        return found

    def _comparable(self) -> bool:
        """Whether no tile is a mere strip or scrap beside the others, as an axis label cut off would be."""
        areas = [_area(box) for box in self._tiles]
        height, width = self._pixels.shape[:2]
        broad = all(min((box[2] - box[0]) / width, (box[3] - box[1]) / height) >= _BROAD for box in self._tiles)
        return min(areas) >= 0.25 * max(areas) or broad

    def _by_grid(self, letters: list[Letter]) -> list[Letter]:
        """Where there are as many tiles as labels and most letters read stand in reading order, all stand in it."""
        if len(self._tiles) != len(self._expected) or not letters:
            return letters
        order = [self._tiles[n] for n in reading_order(self._tiles)]
        home = dict(zip(self._expected, order, strict=True))
        fitting = {each.label: each for each in letters if at_corner(each, [home[each.label]])}
        if len(fitting) == len(letters) or len(fitting) < max(2, round(_FITTING * len(letters))):
            return letters
        height = round(median(each.height for each in letters))
        return [
            fitting.get(label) or Letter(label, (box[0], box[1], box[0] + height, box[1] + height), "guess", 0.3)
            for label, box in home.items()
        ]

    def _by_elimination(self, letters: list[Letter], wanted: Sequence[str]) -> list[Letter]:
        """Where as many tiles lack a letter as labels are missing, they belong together in reading order."""
        missing = [label for label in wanted if label not in {each.label for each in letters}]
        holes = self._holes(letters)
        if letters and len(holes) == len(missing):
            return [*letters, *(Letter(label, hole, "guess", 0.3) for label, hole in zip(missing, holes, strict=True))]
        free = unlettered(self._tiles, letters)
        if not free or len(free) != len(missing) or not self._comparable():
            return letters
        height = round(median(each.height for each in letters)) if letters else 12
        rows = [free[n] for n in reading_order(free)]
        guesses = [
            Letter(label, (box[0], box[1], box[0] + height, box[1] + height), "guess", 0.3)
            for label, box in zip(missing, rows, strict=True)
        ]
        return [*letters, *guesses]


def at_corner(letter: Letter, tiles: Sequence[Box]) -> bool:
    """Whether a letter stands at the top-left corner of one of the tiles."""
    for x0, y0, x1, y1 in tiles:
        across = (letter.box[0] - x0) / max(1, x1 - x0)
        down = (letter.box[1] - y0) / max(1, y1 - y0)
        if -0.1 <= across <= 0.2 and -0.1 <= down <= 0.15:
            return True
    return False


def unlettered(tiles: Sequence[Box], letters: Sequence[Letter]) -> list[Box]:
    """Tiles with no letter in their upper left quarter or just outside it."""
    free = []
    for x0, y0, x1, y1 in tiles:
        margin_x, margin_y = _MARGIN * (x1 - x0) + 4, _MARGIN * (y1 - y0) + 4
        quarter = (round(x0 - margin_x), round(y0 - margin_y), (x0 + x1) // 2, (y0 + y1) // 2)
        if not any(_overlap(quarter, each.box) for each in letters):
            free.append((x0, y0, x1, y1))
    return free


def _levels(values: list[int], height: float) -> list[float]:
    """Means of groups of values that lie within a letter's height of each other, ascending."""
    groups: list[list[int]] = []
    for value in sorted(values):
        if groups and value - groups[-1][-1] <= height:
            groups[-1].append(value)
        else:
            groups.append([value])
    return [sum(group) / len(group) for group in groups]


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _padded(box: Box) -> Box:
    """A mark's box with the margin OCR leaves around a line."""
    margin = max(2, round(0.2 * (box[3] - box[1])))
    return (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)


def _grown(box: Box) -> Box:
    """A box with its own height of margin around it."""
    margin = max(6, box[3] - box[1])
    return (box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin)


def _overlap(first: Box, second: Box) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def _moved(text: TextBox, left: int, top: int) -> TextBox:
    x0, y0, x1, y1 = text.box
    return TextBox(text.text, (x0 + left, y0 + top, x1 + left, y1 + top), text.confidence)
