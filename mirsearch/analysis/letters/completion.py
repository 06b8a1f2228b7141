"""Looking again for panel letters that the quick pass over a figure missed, where the others and the tiles put them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import cv2
import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.analysis.letters.assignment import (
    extend_to_letters,
    grid_gaps,
    stands_above,
    tiles_without_letter,
    unassigned_gaps,
)
from mirsearch.analysis.letters.candidates import find_lone_marks
from mirsearch.analysis.letters.corners import TOP_LEFT, Corner, is_at_corner
from mirsearch.analysis.letters.letters import (
    Letter,
    are_in_order,
    find_numeral_series,
    is_in_grid,
    is_in_line,
    labels_to_find,
    longest_run,
    matches_style,
    merge_readings,
    parse_glued,
    parse_letter,
    parse_lookalike,
    read_letter,
)
from mirsearch.analysis.panels.boxes import area, cluster_means, expand_box, overlaps, pad_box, shift_text
from mirsearch.analysis.panels.gutters import reading_order
from mirsearch.corpus import Box

_DETECTOR_SIDE = 160
_MOST_PLACES = 16
_MOST_MARKS = 32
_SURE_CONFIDENCE = 0.6
_FITTING_SHARE = 0.5
_BROAD_SHARE = 0.2


class LetterCompletion:
    """Completes the letters of one figure, which stand at one `corner` of their panels.

    `tiles` are what the figure's gutters leave; `expected` the caption's labels; `series` those that the figure itself
    seems to use, where no caption names any. `certain` says that the tiles are pictures, none of them part of another.
    """

    def __init__(
        self,
        pixels: Pixels,
        ocr: OcrEngine,
        tiles: Sequence[Box],
        expected: Sequence[str],
        corner: Corner = TOP_LEFT,
        series: Sequence[str] = (),
        certain: bool = False,
    ) -> None:
        self._pixels = pixels
        self._ocr = ocr
        self._tiles = list(tiles)
        self._expected = list(expected)
        self._series = list(series)
        self._certain = certain
        self._corner = corner
        self._side = max(pixels.shape[:2])
        self._looks = 0
        self._known: dict[Box, tuple[str, float]] = {}

    def completed(self, letters: list[Letter], searching: bool, firm: Sequence[Letter] = ()) -> list[Letter]:
        """`letters` and those found besides; without expected labels only where `searching` or a run has begun.

        `firm` are those beyond doubt, kept wherever they stand.
        """
        letters = self._searched(letters, searching)
        wanted = self._wanted(letters, searching)
        if self._expected:
            letters = self._by_grid(letters, self._expected)
            return self._by_elimination(letters, wanted) if len(letters) < len(wanted) else letters
        if not firm and (len(longest_run(letters)) < len(letters) or len(letters) < len(self._tiles)):
            enough = 2 * len(letters) >= len(wanted) or (self._certain and self._at_home(letters, wanted))
            letters = self._by_elimination(letters, wanted) if enough else letters
        letters = longest_run(self._by_grid(letters, wanted) if self._series or len(letters) == len(wanted) else letters)
        if self._series and len(letters) < len(self._tiles):
            return []  # numerals read too badly to join tiles by
        corners = sum(is_at_corner(each, self._tiles, self._corner) for each in letters)
        fits = 2 * corners >= len(letters) or len(firm) == len(letters)
        if len(letters) >= max(2, len(firm)) and fits:
            return self._beyond(letters)
        if not firm and searching and not self._series:
            self._series = find_numeral_series(self._readings(), len(self._tiles))
            return self.completed([], searching) if self._series else []
        return list(firm)

    def _searched(self, letters: list[Letter], searching: bool) -> list[Letter]:
        """`letters` and what lone marks, then places where one is missing, are read as."""
        wanted = self._wanted(letters, searching)
        for round_number in range(2):
            if len(letters) < len(wanted):
                letters = self._marks(letters, wanted, lined=round_number == 0)
        if len(letters) < len(wanted):
            letters = self._at([expand_box(hole) for hole in grid_gaps(letters)], letters, wanted)
        if len(letters) < len(wanted):
            letters = self._at(self._corners(letters), letters, wanted)
        return self._glued(letters, wanted) if len(letters) < len(wanted) else letters

    def _wanted(self, letters: list[Letter], searching: bool) -> list[str]:
        """The labels to look for: the caption's, else those the letters found so far let expect."""
        if self._expected or self._series:
            return self._expected or self._series
        return labels_to_find(letters, len(self._tiles)) if letters or searching else []

    def _readings(self) -> list[TextBox]:
        """What the marks looked at so far were surely read as."""
        return [TextBox(text, pad_box(box), sure) for box, (text, sure) in self._known.items() if sure >= _SURE_CONFIDENCE]

    def _lone_letters(self) -> list[Letter]:
        """What marks were read as, of any label."""
        return [letter for text in self._readings() if (letter := parse_letter(text)) is not None and letter.alone]

    def _glued(self, letters: list[Letter], wanted: Sequence[str]) -> list[Letter]:
        """Adds missing letters that were read as one word with an axis' number below them ("d100", "dbo")."""
        found = {each.label: each for each in letters}
        for text in self._readings():
            letter = parse_glued(text)
            if letter is None or letter.label not in wanted or letter.label in found:
                continue
            if is_in_grid(letter, letters) or is_at_corner(letter, tiles_without_letter(self._tiles, letters, self._corner)):
                found[letter.label] = letter
        return list(found.values())

    def _beyond(self, letters: list[Letter]) -> list[Letter]:
        """Adds the letters that follow, of pictures that touch: in the row of one letter and the column of another."""
        taken = {each.label for each in letters}
        read = self._lone_letters()
        for label in (chr(code) for code in range(98, 123)):
            if label in taken:
                continue
            alikes = [each for each in read if each.label == label and matches_style(each, letters)]
            fitting = [each for each in alikes if is_in_grid(each, letters) or is_in_line(each, letters)]
            if not fitting or len(longest_run([*letters, fitting[0]])) <= len(letters):
                break
            letters = [*letters, max(fitting, key=lambda each: each.confidence)]
        return letters

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
            for level in cluster_means([each.box[1] for each in letters], size):
                zones.append((0, round(level - 0.5 * size), width, round(level + size)))
            for level in cluster_means([each.box[0] for each in letters], size):
                zones.append((round(level - 0.5 * size), 0, round(level + size), height))
        marks = find_lone_marks(cv2.cvtColor(self._pixels, cv2.COLOR_RGB2GRAY), zones, heights)
        marks = [box for box in marks if not any(overlaps(box, each.box) for each in letters)]
        marks = sorted(marks, key=lambda box: -(box[3] - box[1]))[:_MOST_MARKS]
        unread = [box for box in marks if box not in self._known]
        answers = self._ocr.recognize([self._around(box) for box in unread])
        self._known.update(zip(unread, answers, strict=True))
        texts = [self._known[box] for box in marks]
        missing = [label for label in wanted if label not in {each.label for each in letters}]
        read = [
            letter
            for box, (text, confidence) in zip(marks, texts, strict=True)
            if confidence >= _SURE_CONFIDENCE
            and (letter := read_letter(TextBox(text, pad_box(box), confidence), missing))
            and letter.alone
            and letter.label in missing
        ]
        if not self._expected:
            others = [each for each in self._lone_letters() if is_at_corner(each, self._tiles, self._corner)]
            read = [each for each in read if self._placed(each, [*letters, *others])]
        return merge_readings(letters, read, lined)

    def _placed(self, letter: Letter, pool: Sequence[Letter]) -> bool:
        """Whether a mark's reading is a panel letter by its brackets or its place: no caption speaks for it."""
        bracketed = letter.style in ("closed", "half")
        return bracketed or is_at_corner(letter, self._tiles, self._corner) or is_in_grid(letter, pool)

    def _around(self, box: Box) -> Pixels:
        """The crop of a mark with a margin."""
        margin = max(2, round(0.25 * (box[3] - box[1])))
        x0, y0 = max(0, box[0] - margin), max(0, box[1] - margin)
        return np.ascontiguousarray(self._pixels[y0 : box[3] + margin, x0 : box[2] + margin])

    def _corners(self, letters: list[Letter]) -> list[Box]:
        """Where letters stand in tiles that have none yet: around the corner the others stand at."""
        side = max(self._pixels.shape[:2])
        height = median(each.height for each in letters) if letters else 0.0
        places: list[Box] = []
        for tile in sorted(tiles_without_letter(self._tiles, letters, self._corner), key=lambda box: -area(box)):
            x0, y0, x1, y1 = tile
            reach = min(0.12 * side, max(0.06 * side, 0.2 * min(x1 - x0, y1 - y0), 3 * height))
            out = max(0.03 * side, 1.2 * height)
            place = (round(x0 - out), round(y0 - out), round(x0 + reach), round(y0 + reach))
            places.append(self._corner.mirrored(place, tile))
        return places

    def _at(self, places: list[Box], letters: list[Letter], wanted: Sequence[str]) -> list[Letter]:
        """Read the places until nothing is missing; the first reading of a label counts."""
        found: dict[str, Letter] = {}
        taken = {each.label for each in letters}
        for place in places:
            missing = [label for label in wanted if label not in taken and label not in found]
            if not missing or self._looks >= _MOST_PLACES:
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
        lines = [shift_text(text, left, top) for text in self._ocr.read(crop, side_limit=_DETECTOR_SIDE)]
        lines.sort(key=lambda text: text.box[0] + text.box[1])
        found = []
        for line in lines:
            letter = read_letter(line, missing)
            if letter is None or letter.label not in missing:
                letter = parse_lookalike(line, missing)
            if letter is not None and matches_style(letter, known):
                found.append(letter)
        return found

    def _comparable(self, tiles: Sequence[Box]) -> bool:
        """Whether no tile is a mere strip or scrap beside the others, as an axis label cut off would be."""
        areas = [area(box) for box in tiles]
        height, width = self._pixels.shape[:2]
        broad = all(min((box[2] - box[0]) / width, (box[3] - box[1]) / height) >= _BROAD_SHARE for box in tiles)
        return min(areas) >= 0.25 * max(areas) or broad

    def _by_grid(self, letters: list[Letter], wanted: Sequence[str]) -> list[Letter]:
        """Where there are as many tiles as labels and most letters read stand in reading order, all stand in it."""
        if len(self._tiles) != len(wanted) or not letters:
            return letters
        order = [self._tiles[n] for n in reading_order(self._tiles)]
        home = dict(zip(wanted, order, strict=True))
        fitting = {e.label: e for e in letters if self._belongs(e, home[e.label])}
        least = 1 if self._expected and not are_in_order(letters, wanted) else 2
        if len(fitting) == len(letters) or len(fitting) < max(least, round(_FITTING_SHARE * len(letters))):
            return letters
        if not self._series and len(letters) == len(wanted) and len(tiles_without_letter(order, letters, self._corner)) == 0:
            return letters  # each tile has one: whoever made the figure ran its letters another way
        height = round(median(each.height for each in letters))
        return [fitting.get(label) or self._guess(label, box, height) for label, box in home.items()]

    def _belongs(self, letter: Letter, tile: Box) -> bool:
        """Whether a letter stands at the tile's corner, or above it."""
        return is_at_corner(letter, [tile], self._corner) or stands_above(letter, tile, self._side)

    def _at_home(self, letters: list[Letter], wanted: Sequence[str]) -> bool:
        """Whether there is a letter, and each stands where reading order puts it."""
        order = [self._tiles[n] for n in reading_order(self._tiles)]
        home = dict(zip(wanted, order, strict=False))
        return bool(letters) and all(is_at_corner(e, [home[e.label]], self._corner) for e in letters if e.label in home)

    def _by_elimination(self, letters: list[Letter], wanted: Sequence[str]) -> list[Letter]:
        """Where as many tiles lack a letter as labels are missing, they belong together in reading order."""
        missing = [label for label in wanted if label not in {each.label for each in letters}]
        tiles = extend_to_letters(self._tiles, letters, self._side)
        free = tiles_without_letter(tiles, letters, self._corner)
        if free and len(free) == len(missing) and self._comparable(tiles):
            height = round(median(each.height for each in letters)) if letters else 12
            rows = [free[n] for n in reading_order(free)]
            guesses = [self._guess(label, box, height) for label, box in zip(missing, rows, strict=True)]
            return self._in_order([*letters, *guesses], letters, wanted)
        places = unassigned_gaps(letters, self._tiles)
        if not letters or len(places) != len(missing):
            return letters
        return [*letters, *(Letter(label, place, "guess", 0.3) for label, place in zip(missing, places, strict=True))]

    def _in_order(self, letters: list[Letter], read: list[Letter], wanted: Sequence[str]) -> list[Letter]:
        """`letters`, but for one misread ("ii" for "iii") that puts guesses out of order: then all by reading order."""
        if len(self._tiles) != len(wanted) or are_in_order(letters, wanted) or not are_in_order(read, wanted):
            return letters
        home = dict(zip(wanted, (self._tiles[n] for n in reading_order(self._tiles)), strict=True))
        kept = {e.label: e for e in read if self._belongs(e, home[e.label])}
        if len(read) - len(kept) > 1:
            return letters
        return [kept.get(label) or self._guess(label, box, letters[0].height) for label, box in home.items()]

    def _guess(self, label: str, tile: Box, height: int) -> Letter:
        """A letter put where a tile's would stand."""
        place = (tile[0], tile[1], tile[0] + height, tile[1] + height)
        return Letter(label, self._corner.mirrored(place, tile), "guess", 0.3)
