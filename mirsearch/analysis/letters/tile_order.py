"""Relate panel letters to a figure's tiles in reading order: correct misread letters, guess missing ones."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from mirsearch.analysis.letters.assignment import (
    extend_to_letters,
    stands_above,
    tiles_without_letter,
    unassigned_gaps,
)
from mirsearch.analysis.letters.corners import Corner, is_at_corner
from mirsearch.analysis.letters.letters import Letter, are_in_order
from mirsearch.analysis.panels.boxes import area
from mirsearch.analysis.panels.gutters import reading_order
from mirsearch.corpus import Box

_FITTING_SHARE = 0.5
"""Least share of the letters read that must follow reading order before the others are corrected by it."""

_BROAD_SHARE = 0.2
"""Share of the figure's sides from which a tile is no strip, however small it is against the others."""


class TileOrder:
    """The tiles of one figure of `width` × `height` px, whose letters stand at one `corner` of them."""

    def __init__(self, tiles: Sequence[Box], corner: Corner, width: int, height: int) -> None:
        self._tiles = list(tiles)
        self._corner = corner
        self._width, self._height = width, height
        self._side = max(width, height)

    def agrees_with(self, letters: list[Letter], wanted: Sequence[str]) -> bool:
        """Return whether there are letters and each stands in the tile that reading order gives it."""
        order = [self._tiles[n] for n in reading_order(self._tiles)]
        tile_of_label = dict(zip(wanted, order, strict=False))
        return bool(letters) and all(
            is_at_corner(letter, [tile_of_label[letter.label]], self._corner)
            for letter in letters
            if letter.label in tile_of_label
        )

    def correct(
        self, letters: list[Letter], wanted: Sequence[str], from_caption: bool, from_figure: bool
    ) -> list[Letter]:
        """Return the letters, those replaced by guesses that stand against reading order while most agree with it.

        There must be as many tiles as labels in `wanted`. `from_caption` says that the caption names these labels,
        `from_figure` that they are a series that the figure itself shows.
        """
        if len(self._tiles) != len(wanted) or not letters:
            return letters
        order = [self._tiles[n] for n in reading_order(self._tiles)]
        tile_of_label = dict(zip(wanted, order, strict=True))
        fitting = {letter.label: letter for letter in letters if self._belongs_to(letter, tile_of_label[letter.label])}
        min_fitting = 1 if from_caption and not are_in_order(letters, wanted) else 2
        if len(fitting) == len(letters) or len(fitting) < max(min_fitting, round(_FITTING_SHARE * len(letters))):
            return letters
        if (
            not from_figure
            and len(letters) == len(wanted)
            and len(tiles_without_letter(order, letters, self._corner)) == 0
        ):
            return letters  # each tile has one: the figure's letters run in another order
        height = round(median(letter.height for letter in letters))
        return [fitting.get(label) or self._guess_letter(label, box, height) for label, box in tile_of_label.items()]

    def assign_missing(self, letters: list[Letter], wanted: Sequence[str]) -> list[Letter]:
        """Return the letters and guesses for the missing labels.

        If as many tiles lack a letter as labels are missing, they are paired in reading order. Else gaps in the grid of
        letters are used, if their number fits.
        """
        missing = [label for label in wanted if label not in {letter.label for letter in letters}]
        tiles = extend_to_letters(self._tiles, letters, self._side)
        unlettered = tiles_without_letter(tiles, letters, self._corner)
        if unlettered and len(unlettered) == len(missing) and self._are_comparable(tiles):
            height = round(median(letter.height for letter in letters)) if letters else 12
            ordered = [unlettered[n] for n in reading_order(unlettered)]
            guesses = [self._guess_letter(label, box, height) for label, box in zip(missing, ordered, strict=True)]
            return self._correct_one_misread([*letters, *guesses], letters, wanted)
        places = unassigned_gaps(letters, self._tiles)
        if not letters or len(places) != len(missing):
            return self._assign_between(letters, wanted, missing)
        return [*letters, *(Letter(label, place, "guess", 0.3) for label, place in zip(missing, places, strict=True))]

    def _assign_between(self, letters: list[Letter], wanted: Sequence[str], missing: Sequence[str]) -> list[Letter]:
        """Return the letters and guesses for missing labels, where just one tile lies between the neighbors'."""
        order = [self._tiles[n] for n in reading_order(self._tiles)]
        unlettered = tiles_without_letter(order, letters, self._corner)
        place_of = {
            letter.label: n
            for letter in letters
            for n, tile in enumerate(order)
            if is_at_corner(letter, [tile], self._corner)
        }
        guesses = []
        for label in missing:
            number = list(wanted).index(label)
            before = place_of.get(wanted[number - 1]) if number else -1
            after = place_of.get(wanted[number + 1]) if number + 1 < len(wanted) else len(order)
            if before is not None and after is not None and after - before == 2 and order[before + 1] in unlettered:
                guesses.append(self._guess_letter(label, order[before + 1], letters[0].height))
        return [*letters, *guesses]

    def _correct_one_misread(
        self, letters: list[Letter], candidates: list[Letter], wanted: Sequence[str]
    ) -> list[Letter]:
        """Return `letters`, or all by reading order if one misread letter ("ii" for "iii") disturbs it."""
        if len(self._tiles) != len(wanted) or are_in_order(letters, wanted) or not are_in_order(candidates, wanted):
            return letters
        tile_of_label = dict(zip(wanted, (self._tiles[n] for n in reading_order(self._tiles)), strict=True))
        kept = {letter.label: letter for letter in candidates if self._belongs_to(letter, tile_of_label[letter.label])}
        if len(candidates) - len(kept) > 1:
            return letters
        return [
            kept.get(label) or self._guess_letter(label, box, letters[0].height) for label, box in tile_of_label.items()
        ]

    def _are_comparable(self, tiles: Sequence[Box]) -> bool:
        """Return whether no tile is a strip or scrap beside the others, such as an axis label cut off."""
        areas = [area(box) for box in tiles]
        are_broad = all(
            min((box[2] - box[0]) / self._width, (box[3] - box[1]) / self._height) >= _BROAD_SHARE for box in tiles
        )
        return min(areas) >= 0.25 * max(areas) or are_broad

    def _belongs_to(self, letter: Letter, tile: Box) -> bool:
        """Return whether a letter stands at the tile's corner, or above the tile."""
        return is_at_corner(letter, [tile], self._corner) or stands_above(letter, tile, self._side)

    def _guess_letter(self, label: str, tile: Box, height: int) -> Letter:
        """Return a letter of this height placed at the usual corner of a tile."""
        place = (tile[0], tile[1], tile[0] + height, tile[1] + height)
        return Letter(label, self._corner.mirror(place, tile), "guess", 0.3)
