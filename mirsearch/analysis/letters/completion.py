"""Complete a figure's panel letters: look again where the other letters and the tiles place the missing ones."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import cv2
import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.analysis.letters.assignment import (
    grid_gaps,
    tiles_without_letter,
)
from mirsearch.analysis.letters.candidates import find_lone_marks
from mirsearch.analysis.letters.corners import TOP_LEFT, Corner, is_at_corner
from mirsearch.analysis.letters.ground import crop_around, is_placed
from mirsearch.analysis.letters.letters import (
    Letter,
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
from mirsearch.analysis.letters.tile_order import TileOrder
from mirsearch.analysis.panels.boxes import area, cluster_means, expand_box, overlaps, pad_box, shift_text
from mirsearch.corpus import Box

_DETECTOR_SIDE = 160
"""Size in px at which OCR's detector sees a place; smaller is faster."""

_MOST_PLACES = 16
"""Most places of a figure that are read; bounds time."""

_MOST_MARKS = 32
"""Most lone marks recognized in one round, the highest first; bounds time."""

_SURE_CONFIDENCE = 0.6
"""Least confidence of OCR (0 to 1) in the reading of a mark."""


class LetterCompletion:
    """Completes the letters of one figure, which stand at one `corner` of their panels.

    `tiles` are what the figure's gutters leave. `expected` are the caption's labels; `series` are the labels that the
    figure itself seems to use if no caption names any. `tiles_are_pictures` says that each tile is a picture of its
    own.
    """

    def __init__(
        self,
        pixels: Pixels,
        ocr: OcrEngine,
        tiles: Sequence[Box],
        expected: Sequence[str],
        corner: Corner = TOP_LEFT,
        series: Sequence[str] = (),
        tiles_are_pictures: bool = False,
    ) -> None:
        self._pixels = pixels
        self._ocr = ocr
        self._tiles = list(tiles)
        self._expected = list(expected)
        self._series = list(series)
        self._tiles_are_pictures = tiles_are_pictures
        self._corner = corner
        self._order = TileOrder(tiles, corner, pixels.shape[1], pixels.shape[0])
        self._place_count = 0
        self._readings_of_marks: dict[Box, tuple[str, float]] = {}

    def complete(self, letters: list[Letter], searching: bool, reliable: Sequence[Letter] = ()) -> list[Letter]:
        """Return `letters` and those found in addition.

        Without expected labels, more are looked for only if `searching` or if a run has begun. `reliable` letters are
        beyond doubt and kept wherever they stand.
        """
        letters = self._search_marks_and_places(letters, searching)
        wanted = self._labels_to_find(letters, searching)
        if self._expected:
            letters = self._correct_by_order(letters, self._expected)
            if len(letters) < len(wanted):
                letters = self._order.assign_missing(letters, wanted)
            return letters if len(letters) == len(wanted) else self._add_marks(letters, wanted, anywhere=True)
        if not reliable and (len(longest_run(letters)) < len(letters) or len(letters) < len(self._tiles)):
            is_likely = 2 * len(letters) >= len(wanted) or (
                self._tiles_are_pictures and self._order.agrees_with(letters, wanted)
            )
            letters = self._order.assign_missing(letters, wanted) if is_likely else letters
        letters = longest_run(
            self._correct_by_order(letters, wanted) if self._series or len(letters) == len(wanted) else letters
        )
        if self._series and len(letters) < len(self._tiles):
            return []  # too few numerals could be read to merge tiles by them
        corner_count = sum(is_at_corner(letter, self._tiles, self._corner) for letter in letters)
        is_consistent = 2 * corner_count >= len(letters) or len(reliable) == len(letters)
        if len(letters) >= max(2, len(reliable)) and is_consistent:
            return self._add_following(letters)
        if not reliable and searching and not self._series:
            self._series = find_numeral_series(self._confident_readings(), len(self._tiles))
            return self.complete([], searching) if self._series else []
        return list(reliable)

    def _correct_by_order(self, letters: list[Letter], wanted: Sequence[str]) -> list[Letter]:
        """Return the letters, corrected by reading order where most of them agree with it."""
        return self._order.correct(letters, wanted, bool(self._expected), bool(self._series))

    def _search_marks_and_places(self, letters: list[Letter], searching: bool) -> list[Letter]:
        """Return `letters` and what lone marks, then places where a letter is missing, are read as."""
        wanted = self._labels_to_find(letters, searching)
        for round_number in range(2):
            if len(letters) < len(wanted):
                letters = self._add_marks(letters, wanted, aligned_only=round_number == 0)
        if len(letters) < len(wanted):
            letters = self._add_from_places([expand_box(gap) for gap in grid_gaps(letters)], letters, wanted)
        if len(letters) < len(wanted):
            letters = self._add_from_places(self._corner_places(letters), letters, wanted)
        return self._add_glued(letters, wanted) if len(letters) < len(wanted) else letters

    def _labels_to_find(self, letters: list[Letter], searching: bool) -> list[str]:
        """Return the labels to look for: the caption's, else those that the letters found so far let expect."""
        if self._expected or self._series:
            return self._expected or self._series
        return labels_to_find(letters, len(self._tiles)) if letters or searching else []

    def _confident_readings(self) -> list[TextBox]:
        """Return what the marks examined so far were read as, where OCR was confident."""
        return [
            TextBox(text, pad_box(box), confidence)
            for box, (text, confidence) in self._readings_of_marks.items()
            if confidence >= _SURE_CONFIDENCE
        ]

    def _lone_letters(self) -> list[Letter]:
        """Return the letters that marks were read as, of any label."""
        return [
            letter for text in self._confident_readings() if (letter := parse_letter(text)) is not None and letter.alone
        ]

    def _add_glued(self, letters: list[Letter], wanted: Sequence[str]) -> list[Letter]:
        """Return the letters and missing ones that OCR read as one word with an axis number ("d100", "dbo")."""
        found = {letter.label: letter for letter in letters}
        for text in self._confident_readings():
            letter = parse_glued(text)
            if letter is None or letter.label not in wanted or letter.label in found:
                continue
            if is_in_grid(letter, letters) or is_at_corner(
                letter, tiles_without_letter(self._tiles, letters, self._corner)
            ):
                found[letter.label] = letter
        return list(found.values())

    def _add_following(self, letters: list[Letter]) -> list[Letter]:
        """Return the letters and those that follow them in the alphabet, where pictures touch.

        A new letter stands in the row of one letter and in the column of another. In brackets, one of both is enough.
        """
        labels = {letter.label for letter in letters}
        lone_letters = self._lone_letters()
        for label in (chr(code) for code in range(98, 123)):
            if label in labels:
                continue
            matching = [letter for letter in lone_letters if letter.label == label and matches_style(letter, letters)]
            fitting = [letter for letter in matching if is_in_grid(letter, letters) or is_in_line(letter, letters)]
            if not fitting or len(longest_run([*letters, fitting[0]])) <= len(letters):
                break
            letters = [*letters, max(fitting, key=lambda letter: letter.confidence)]
        return letters

    def _add_marks(
        self, letters: list[Letter], wanted: Sequence[str], aligned_only: bool = False, anywhere: bool = False
    ) -> list[Letter]:
        """Return the letters and those read from lone marks in corners of tiles and in the letters' rows and columns.

        With `aligned_only`, a mark counts only if it is in line with another letter; others can then be judged by
        these. Without `anywhere`, a mark in the middle of a tile must be in brackets, or in line with two letters.
        """
        zones, height_range = self._mark_zones(letters)
        marks = find_lone_marks(cv2.cvtColor(self._pixels, cv2.COLOR_RGB2GRAY), zones, height_range)
        marks = [box for box in marks if not any(overlaps(box, letter.box) for letter in letters)]
        marks = sorted(marks, key=lambda box: -(box[3] - box[1]))[:_MOST_MARKS]
        unread = [box for box in marks if box not in self._readings_of_marks]
        readings = self._ocr.recognize([crop_around(self._pixels, box) for box in unread])
        self._readings_of_marks.update(zip(unread, readings, strict=True))
        texts = [self._readings_of_marks[box] for box in marks]
        missing = [label for label in wanted if label not in {letter.label for letter in letters}]
        readings_found = [
            letter
            for box, (text, confidence) in zip(marks, texts, strict=True)
            if confidence >= _SURE_CONFIDENCE
            and (letter := read_letter(TextBox(text, pad_box(box), confidence), missing))
            and letter.alone
            and letter.label in missing
        ]
        if not self._expected:
            others = [letter for letter in self._lone_letters() if is_at_corner(letter, self._tiles, self._corner)]
            readings_found = [
                letter for letter in readings_found if self._is_likely_letter(letter, [*letters, *others])
            ]
        elif not anywhere:
            readings_found = [letter for letter in readings_found if self._stands_like_letter(letter, letters)]
        return merge_readings(letters, readings_found, aligned_only)

    def _mark_zones(self, letters: Sequence[Letter]) -> tuple[list[Box], tuple[float, float] | None]:
        """Return the corners of tiles and the letters' rows and columns, and the heights of marks there in px."""
        height, width = self._pixels.shape[:2]
        zones = self._corner_places(list(letters))
        height_range = None
        if letters:
            size = median(letter.height for letter in letters)
            height_range = (0.3 * size, 1.15 * size)
            for level in cluster_means([letter.box[1] for letter in letters], size):
                zones.append((0, round(level - 0.5 * size), width, round(level + size)))
            for level in cluster_means([letter.box[0] for letter in letters], size):
                zones.append((round(level - 0.5 * size), 0, round(level + size), height))
        return zones, height_range

    def _stands_like_letter(self, letter: Letter, known: Sequence[Letter]) -> bool:
        """Return whether a mark is in brackets or stands where panel letters do, and is no detail of a picture."""
        is_bracketed = letter.style in ("closed", "half")
        return is_bracketed or is_placed(letter, self._tiles) or is_in_grid(letter, known)

    def _is_likely_letter(self, letter: Letter, others: Sequence[Letter]) -> bool:
        """Return whether brackets or place make a mark's reading a panel letter; no caption supports it."""
        is_bracketed = letter.style in ("closed", "half")
        return is_bracketed or is_at_corner(letter, self._tiles, self._corner) or is_in_grid(letter, others)

    def _corner_places(self, letters: list[Letter]) -> list[Box]:
        """Return a box around the usual corner of each tile without a letter; the largest tile comes first."""
        side = max(self._pixels.shape[:2])
        height = median(letter.height for letter in letters) if letters else 0.0
        places: list[Box] = []
        for tile in sorted(tiles_without_letter(self._tiles, letters, self._corner), key=lambda box: -area(box)):
            x0, y0, x1, y1 = tile
            reach = min(0.12 * side, max(0.06 * side, 0.2 * min(x1 - x0, y1 - y0), 3 * height))
            margin = max(0.03 * side, 1.2 * height)
            place = (round(x0 - margin), round(y0 - margin), round(x0 + reach), round(y0 + reach))
            places.append(self._corner.mirror(place, tile))
        return places

    def _add_from_places(self, places: list[Box], letters: list[Letter], wanted: Sequence[str]) -> list[Letter]:
        """Return the letters and those read in the places, until none is missing; a label's first reading counts."""
        found: dict[str, Letter] = {}
        taken = {letter.label for letter in letters}
        for place in places:
            missing = [label for label in wanted if label not in taken and label not in found]
            if not missing or self._place_count >= _MOST_PLACES:
                break
            for letter in self._read_place(place, missing, [*letters, *found.values()]):
                found.setdefault(letter.label, letter)
        return [*letters, *found.values()]

    def _read_place(self, place: Box, missing: Sequence[str], known: list[Letter]) -> list[Letter]:
        """Return missing letters read in a place, those nearest its corner first, of the size of the known letters."""
        self._place_count += 1
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
