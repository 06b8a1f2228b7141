"""Cut a figure into panels.

Gutters and seams give tiles first. The panel letters then tell which tiles to merge and which to split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.analysis.captions.label_order import sort_labels
from mirsearch.analysis.kinds.features import flatness
from mirsearch.analysis.letters.assignment import anchor_letters, clip_letters, tiles_without_letter
from mirsearch.analysis.letters.completion import LetterCompletion
from mirsearch.analysis.letters.corners import (
    TOP_LEFT,
    Corner,
    is_at_corner,
    letters_reliable_by_spacing,
    letters_reliable_by_text,
    usual_corner,
)
from mirsearch.analysis.letters.ground import add_from_ground
from mirsearch.analysis.letters.letters import Letter, choose_letters, find_numeral_series
from mirsearch.analysis.letters.under import corner_of, find_groups_above, lift_letters
from mirsearch.analysis.panels.boxes import area, is_centered_in
from mirsearch.analysis.panels.gutters import Canvas, is_picture, reading_order
from mirsearch.analysis.panels.partition import Partition
from mirsearch.analysis.panels.pictures import find_pictures
from mirsearch.analysis.panels.tiles import divide_strips, figure_tiles
from mirsearch.analysis.panels.working_size import QUICK_SIDE, WorkingFigure, is_on_black
from mirsearch.corpus import Box

_DRAWN_FLATNESS = 0.5
"""Median flatness of tiles (see `flatness`, a share) from which a figure without letters counts as drawn."""

_PICTURE_SHARE = 0.6
"""Least share of the tiles that must be pictures before a figure without letters is cut."""

_TALLEST_LETTER = 0.25
"""Greatest height of a panel letter, as a share of the figure's longer side."""

Panels = list[tuple[Box, str | None]]
"""Box and label of each letter's region; the label is None where the figure has no letters."""


@dataclass(frozen=True, slots=True)
class Region:
    """The part of a figure under one panel letter, in px.

    `cell` is all that the cuts between letters leave to it; `box` is the cell without blank margins; `letter` is the
    place of the letter itself, None where it was not seen.
    """

    box: Box
    label: str | None
    cell: Box
    letter: Box | None = None


def separate_panels(
    pixels: Pixels,
    ocr: OcrEngine,
    expected_labels: Sequence[str] = (),
    texts: Sequence[TextBox] | None = None,
    caption_known: bool = False,
) -> Panels:
    """Return the boxes of the regions of a figure's letters in reading order, each with its label or None.

    Labels are in lower case. `expected_labels` are the labels that the caption names. `texts` are the lines that OCR
    found in the figure; without them the figure is read here. `caption_known` says that the figure has a caption: if it
    names no labels, the figure has no letters.
    """
    if texts is None:
        texts = ocr.read(pixels, longest=QUICK_SIDE)
    working = WorkingFigure(pixels, texts)
    regions = separate_regions(working.pixels, ocr, list(expected_labels), working.texts, caption_known)
    return [(working.original_box(region.box), region.label) for region in regions]


def separate_regions(
    pixels: Pixels, ocr: OcrEngine, expected_labels: list[str], texts: list[TextBox], caption_known: bool
) -> list[Region]:
    """Return the regions of the letters of a figure at working size; see `separate_panels`."""
    canvas = Canvas(pixels)
    grid, scraps, drawings = figure_tiles(canvas)
    find_images = cache(partial(_find_pictures, pixels))
    letters, corner = _find_letters(canvas, pixels, ocr, grid, expected_labels, texts, caption_known)
    is_settled = len(letters) == _count_read(letters) == len(expected_labels or grid)
    if not (caption_known and is_settled):
        divided = divide_strips(canvas, grid)
        if len(divided) > len(grid) and (len(divided) <= len(expected_labels) or not caption_known):
            new_letters, new_corner = _find_letters(canvas, pixels, ocr, divided, expected_labels, texts, caption_known)
            is_complete = len(new_letters) == len(expected_labels or divided) or (
                not expected_labels and len(divided) < len(new_letters) == _count_read(new_letters)
            )
            if is_complete and not (is_settled and _count_read(new_letters) <= _count_read(letters)):
                grid, letters, corner = divided, new_letters, new_corner
    if expected_labels:
        letters, corner = _look_again(pixels, ocr, find_images, grid, letters, corner, texts, expected_labels)
    if len(letters) >= 2 and corner == TOP_LEFT and not all(is_at_corner(letter, grid) for letter in letters):
        letters, corner = _place_under_images(find_images, grid, letters)
    if len(letters) >= 2:
        grid = _cut_strips_by_letters(canvas, grid, letters, corner)
        letters = clip_letters(letters, grid, scraps, corner)
        pictures = [box for box in grid if is_picture(canvas, box)]
        if corner == TOP_LEFT and not all(is_at_corner(letter, grid) for letter in letters):
            letters = anchor_letters(letters, find_images())
        parts = _partition_by_letters(canvas, pixels, letters, corner, pictures, drawings, grid)
        return _sort_regions(parts)
    loose_pictures = [] if letters else _picture_tiles(canvas, grid, pixels)
    if loose_pictures:
        return _sort_regions([Region(box, None, box) for box in loose_pictures])
    label = letters[0].label if letters and expected_labels else None
    if len(expected_labels) == 1:
        label = expected_labels[0]
    return [Region(canvas.trim(canvas.box), label, canvas.box)]


def _look_again(
    pixels: Pixels,
    ocr: OcrEngine,
    find_images: Callable[[], list[Box]],
    grid: list[Box],
    letters: list[Letter],
    corner: Corner,
    texts: list[TextBox],
    expected_labels: list[str],
) -> tuple[list[Letter], Corner]:
    """Return the letters, looked for once more at the figure's pictures if they are doubtful, and their corner."""
    from mirsearch.analysis.letters.second_look import are_doubtful, look_again

    if not are_doubtful(letters, grid, expected_labels):
        return letters, corner
    seen = look_again(pixels, ocr, find_images(), grid, letters, texts, expected_labels)
    found_anew = {(letter.label, letter.box) for letter in seen} - {(letter.label, letter.box) for letter in letters}
    if not found_anew or _count_read(seen) < max(_count_read(letters), min(2, len(expected_labels))):
        return letters, corner
    return seen, usual_corner(seen, grid)


def _place_under_images(
    find_images: Callable[[], list[Box]], grid: list[Box], letters: list[Letter]
) -> tuple[list[Letter], Corner]:
    """Return the letters and their corner where not all stand at the upper left of tiles.

    Those that stand under their images are moved to the upper left of these, unless most do: then that is the corner.
    """
    images = find_images()
    if not any(is_at_corner(letter, grid) for letter in letters) and not any(
        is_centered_in(letter.box, image) for letter in letters for image in images
    ):
        corner = usual_corner(letters, images)  # they stand on the ground: below or above their pictures
        if corner != TOP_LEFT:
            return letters, corner
    groups = find_groups_above(letters, images)
    corner = corner_of(letters, groups, images)
    return (lift_letters(letters, groups) if corner == TOP_LEFT else letters), corner


def _count_read(letters: list[Letter]) -> int:
    """Return how many letters OCR read; the others were placed by guessing."""
    return sum(letter.style != "guess" for letter in letters)


def _cut_strips_by_letters(canvas: Canvas, grid: list[Box], letters: list[Letter], corner: Corner) -> list[Box]:
    """Return the tiles, with strips cut at weaker seams if each part then has exactly one letter."""
    if len(grid) >= len(letters):
        return grid
    divided = divide_strips(canvas, grid)
    return divided if len(divided) == len(letters) and not tiles_without_letter(divided, letters, corner) else grid


def _find_letters(
    canvas: Canvas,
    pixels: Pixels,
    ocr: OcrEngine,
    grid: list[Box],
    expected_labels: list[str],
    texts: list[TextBox],
    caption_known: bool,
) -> tuple[list[Letter], Corner]:
    """Return the panel letters that fit the figure's tiles, and the corner of the panels where they stand."""
    series = [] if caption_known or expected_labels else find_numeral_series(texts, len(grid))
    letters = choose_letters([text for text in texts if _can_be_letter(text, canvas)], expected_labels or series)
    if expected_labels and len(letters) < len(expected_labels):
        letters = add_from_ground(pixels, ocr, grid, letters, expected_labels)
        if 2 * len(letters) <= len(expected_labels):
            letters = add_from_ground(pixels, ocr, _find_pictures(pixels), letters, expected_labels)
    corner = usual_corner(letters, grid)
    tiles_are_pictures = len(grid) >= 2 and all(is_picture(canvas, box) for box in grid)
    reliable = (
        []
        if caption_known or (tiles_are_pictures and len(grid) > len(letters))
        else _reliable_letters(letters, texts, grid, canvas)
    )
    if caption_known and not expected_labels:
        letters = [letter for letter in letters if is_at_corner(letter, grid, corner)]
    if len(grid) >= 2 or letters:
        completion = LetterCompletion(pixels, ocr, grid, expected_labels, corner, series, tiles_are_pictures)
        letters = completion.complete(letters, searching=not caption_known, reliable=reliable)
    return letters, corner


def _reliable_letters(letters: list[Letter], texts: list[TextBox], grid: list[Box], canvas: Canvas) -> list[Letter]:
    """Return the letters if they must be panel letters even though no caption names them; else none."""
    return letters_reliable_by_spacing(letters, texts, canvas.width, canvas.height) or letters_reliable_by_text(
        letters, texts, grid
    )


def _can_be_letter(text: TextBox, canvas: Canvas) -> bool:
    """Return whether a line of text is small enough to be a panel letter."""
    return bool(text.box[3] - text.box[1] <= _TALLEST_LETTER * max(canvas.width, canvas.height))


def _partition_by_letters(
    canvas: Canvas,
    pixels: Pixels,
    letters: list[Letter],
    corner: Corner,
    pictures: list[Box],
    drawings: list[Box],
    grid: list[Box],
) -> list[Region]:
    """Return a region of the figure for each letter.

    Where letters stand at another corner than the upper left, the figure is mirrored for cutting.
    """
    seen = {letter.label: letter.box for letter in letters if letter.style != "guess"}
    if corner == TOP_LEFT:
        parts = Partition(canvas, letters, pictures, drawings=drawings, rows=grid).parts()
        return [Region(canvas.trim(box), letter.label, box, seen.get(letter.label)) for box, letter in parts]
    mirrored_pixels = np.ascontiguousarray(pixels[:: -1 if corner.bottom else 1, :: -1 if corner.right else 1])
    mirrored_letters = [replace(letter, box=corner.mirror(letter.box, canvas.box)) for letter in letters]
    parts = Partition(
        Canvas(mirrored_pixels),
        mirrored_letters,
        [corner.mirror(box, canvas.box) for box in pictures],
        centered=corner.centered,
        drawings=[corner.mirror(box, canvas.box) for box in drawings],
    ).parts()
    boxes = [(corner.mirror(box, canvas.box), letter.label) for box, letter in parts]
    return [Region(canvas.trim(box), label, box, seen.get(label)) for box, label in boxes]


def _find_pictures(pixels: Pixels) -> list[Box]:
    """Return the pictures of a figure on white or black ground."""
    on_black = is_on_black(pixels)
    return find_pictures(255 - pixels if on_black else pixels, max(pixels.shape[:2]), on_black)


def _picture_tiles(canvas: Canvas, grid: list[Box], pixels: Pixels) -> list[Box]:
    """Return the tiles of a figure without letters if pictures of comparable size fill it; else none."""
    if len(grid) < 2:
        return []
    picture_count = sum(is_picture(canvas, box) for box in grid)
    areas = [area(box) for box in grid]
    covered = sum(areas) / max(1, area(canvas.trim(canvas.box)))
    if picture_count < _PICTURE_SHARE * len(grid) or min(areas) < 0.2 * max(areas) or covered < 0.8:
        return []
    flatness_values = [flatness(pixels[y0:y1, x0:x1]) for x0, y0, x1, y1 in grid]
    return (
        grid
        if float(np.median(flatness_values)) < _DRAWN_FLATNESS
        or (_has_equal_sizes(grid) and picture_count == len(grid))
        else []
    )


def _has_equal_sizes(grid: list[Box]) -> bool:
    """Return whether tiles are of one size within 10 %, like the frames of a mosaic."""
    widths, heights = [box[2] - box[0] for box in grid], [box[3] - box[1] for box in grid]
    return max(widths) <= 1.1 * min(widths) and max(heights) <= 1.1 * min(heights)


def _sort_regions(regions: list[Region]) -> list[Region]:
    """Sort regions by label if all have one, else in reading order: rows from the top, each from the left."""
    if all(region.label for region in regions):
        rank = {label: n for n, label in enumerate(sort_labels(region.label for region in regions if region.label))}
        return sorted(regions, key=lambda region: rank[region.label or ""])
    return [regions[n] for n in reading_order([region.box for region in regions])]
