"""Find the letters that stand under the middle of their images, and take them to the usual corner of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mirsearch.analysis.letters.corners import (
    BELOW,
    BOX_SLACK,
    TOP_LEFT,
    Corner,
    is_at_corner,
    is_in_column,
    stands_under,
)
from mirsearch.analysis.letters.letters import Letter
from mirsearch.analysis.panels.boxes import bounding_box, distance_between, is_centered_in, sides
from mirsearch.corpus import Box

_ROW = 0.5
"""How far the upper edges of letters in one row may differ, in their heights."""

_GAPS = (0.2, 0.4, 0.8, 1.6)
"""Widths of gutters inside a group of images, in heights of the letter, that are tried from the first on."""

_OFF_MIDDLE = 0.06
"""How far from the middle of its images a letter may stand, as a share of their width, beyond half its own width."""


def find_groups_above(letters: Sequence[Letter], pictures: Sequence[Box]) -> dict[str, Box]:
    """Return the box around the images under whose middle a letter stands on the ground, for each letter that does.

    These images are as many as stand together without a wider gutter, as long as no other letter is among them.
    """
    groups: dict[str, Box] = {}
    for letter in letters:
        on_ground = not any(is_centered_in(letter.box, picture) for picture in pictures)
        if letter.style == "guess" or not on_ground:
            continue
        nearest = _picture_above(letter, pictures)
        group = None if nearest is None else _centered_group(letter, nearest, letters, pictures)
        if group is not None:
            groups[letter.label] = group
    for letter in letters:
        if letter.label not in groups:  # nor do the others of its row stand under their images
            for other in letters:
                if abs(other.box[1] - letter.box[1]) <= _ROW * letter.height:
                    groups.pop(other.label, None)
    return groups


def corner_of(letters: Sequence[Letter], groups: dict[str, Box], pictures: Sequence[Box]) -> Corner:
    """Return the corner where a figure's letters stand: below, if most of them do and no other stands at an image."""
    others = [letter for letter in letters if letter.label not in groups]
    are_most = len(groups) >= 2 and 2 * len(groups) >= len(letters)
    is_free = not any(
        is_centered_in(other.box, picture) or is_at_corner(other, [picture]) for other in others for picture in pictures
    )
    return BELOW if are_most and is_free else TOP_LEFT


def lift_letters(letters: Sequence[Letter], groups: dict[str, Box]) -> list[Letter]:
    """Return the letters; each that stands under its images is moved to the upper left of them."""
    return [letter if letter.label not in groups else _move_to(letter, groups[letter.label]) for letter in letters]


def _move_to(letter: Letter, group: Box) -> Letter:
    """Return the letter at the upper left of a group."""
    width, height = sides(letter.box)
    return replace(letter, box=(group[0], group[1], group[0] + width, group[1] + height))


def _picture_above(letter: Letter, pictures: Sequence[Box]) -> Box | None:
    """Return the picture close above a letter, or None if there is none or another one is closer below or beside."""
    x0, y0, x1, y1 = letter.box
    height, middle = letter.height, (x0 + x1) / 2
    above = [picture for picture in pictures if stands_under(letter, picture)]
    if not above:
        return None
    nearest = max(above, key=lambda picture: (picture[3], picture[0] <= middle <= picture[2]))
    under = [picture for picture in pictures if is_in_column(letter, picture) and picture[1] >= y1 - BOX_SLACK * height]
    below = [picture[1] - y1 for picture in under]
    is_nearer = min(below, default=height * 100) > y0 - nearest[3]
    is_beside = any(0 <= picture[0] - x1 <= height and abs(picture[1] - y0) <= height for picture in pictures)
    return nearest if is_nearer and not is_beside else None


def _centered_group(letter: Letter, nearest: Box, letters: Sequence[Letter], pictures: Sequence[Box]) -> Box | None:
    """Return the box around the images that stand together with the nearest one, if the letter is under their middle.

    The widest group counts.
    """
    middle = (letter.box[0] + letter.box[2]) / 2
    centered = None
    for gap in _GAPS:
        group = bounding_box(_neighbors(nearest, pictures, gap * letter.height))
        others = [other for other in letters if other is not letter]
        if any(is_centered_in(other.box, group) or is_at_corner(other, [group]) for other in others):
            break
        reach = _OFF_MIDDLE * (group[2] - group[0]) + (letter.box[2] - letter.box[0]) / 2
        if group[3] <= letter.box[1] + BOX_SLACK * letter.height and abs(group[0] + group[2] - 2 * middle) <= 2 * reach:
            centered = group
    return centered


def _neighbors(first: Box, pictures: Sequence[Box], gap: float) -> list[Box]:
    """Return the pictures that are linked to the first by gutters of at most `gap` px."""
    linked, others = [first], [picture for picture in pictures if picture != first]
    for picture in linked:
        near = [other for other in others if distance_between(picture, other) <= gap]
        linked += near
        others = [other for other in others if other not in near]
    return linked
