"""Cutting a figure into panels: geometry first, letters to merge and split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.analysis.captions.markers import sort_labels
from mirsearch.analysis.kinds.features import flatness
from mirsearch.analysis.letters.assignment import clip_letters, tiles_without_letter
from mirsearch.analysis.letters.completion import LetterCompletion
from mirsearch.analysis.letters.corners import (
    TOP_LEFT,
    Corner,
    is_at_corner,
    letters_reliable_by_spacing,
    letters_reliable_by_text,
    usual_corner,
)
from mirsearch.analysis.letters.letters import Letter, choose_letters, find_numeral_series
from mirsearch.analysis.panels.boxes import area
from mirsearch.analysis.panels.gutters import Canvas, is_picture, reading_order
from mirsearch.analysis.panels.partition import Partition
from mirsearch.analysis.panels.tiles import divide_strips, figure_tiles
from mirsearch.corpus import Box

_WORKING_SIDE = 2000
QUICK_SIDE = 640
"""Longer side, in px, at which the text of a whole figure is looked for."""


_DRAWN_FLATNESS = 0.5
_PICTURE_SHARE = 0.6
_TALLEST_LETTER = 0.25


Panels = list[tuple[Box, str | None]]


def separate_panels(
    pixels: Pixels,
    ocr: OcrEngine,
    expected_labels: Sequence[str] = (),
    texts: Sequence[TextBox] | None = None,
    caption_known: bool = False,
) -> Panels:
    """Boxes of a figure's panels in reading order, with their labels (lower case) where letters tell them.

    `texts` are the lines OCR found in the figure, where it has been read already; `expected_labels` those the caption
    names; `caption_known` says that there is a caption, so that none expected means that the figure has none.
    """
    if texts is None:
        texts = ocr.read(pixels, longest=QUICK_SIDE)
    scale = min(1.0, _WORKING_SIDE / max(pixels.shape[:2]))
    small = pixels if scale == 1.0 else _resize(pixels, scale)
    lines = [TextBox(t.text, _scale_box(t.box, scale), t.confidence) for t in texts]
    found = _separate_resized(small, ocr, list(expected_labels), lines, caption_known)
    height, width = pixels.shape[:2]
    return [(_clip_to_image(_scale_box(box, 1 / scale), width, height), label) for box, label in found]


def _separate_resized(pixels: Pixels, ocr: OcrEngine, expected: list[str], texts: list[TextBox], known: bool) -> Panels:
    canvas = Canvas(pixels)
    grid, scraps = figure_tiles(canvas)
    letters, corner = _find_letters(canvas, pixels, ocr, grid, expected, texts, known)
    settled = len(letters) == _count_read(letters) == len(expected or grid)
    if not (known and settled):
        finer = divide_strips(canvas, grid)
        if len(finer) > len(grid) and (len(finer) <= len(expected) or not known):
            more, turned = _find_letters(canvas, pixels, ocr, finer, expected, texts, known)
            enough = len(more) == len(expected or finer) or (not expected and len(finer) < len(more) == _count_read(more))
            if enough and not (settled and _count_read(more) <= _count_read(letters)):
                grid, letters, corner = finer, more, turned
    if len(letters) >= 2:
        grid = _cut_strips_by_letters(canvas, grid, letters, corner)
        letters = clip_letters(letters, grid, scraps, corner)
        whole = [box for box in grid if is_picture(canvas, box)]
        parts = _partition_by_letters(canvas, pixels, letters, corner, whole)
        return _sort_panels([(canvas.trimmed(box), label) for box, label in parts])
    pictures = [] if letters else _picture_tiles(canvas, grid, pixels)
    if pictures:
        return _sort_panels([(box, None) for box in pictures])
    label = letters[0].label if letters and expected else None
    return [(canvas.trimmed(canvas.box), label)]


def _count_read(letters: list[Letter]) -> int:
    """How many of the letters were read."""
    return sum(each.style != "guess" for each in letters)


def _cut_strips_by_letters(canvas: Canvas, grid: list[Box], letters: list[Letter], corner: Corner) -> list[Box]:
    """The tiles, with strips cut at weaker seams where the letters tell that each part is a picture of its own."""
    if len(grid) >= len(letters):
        return grid
    finer = divide_strips(canvas, grid)
    return finer if len(finer) == len(letters) and not tiles_without_letter(finer, letters, corner) else grid


def _find_letters(
    canvas: Canvas,
    pixels: Pixels,
    ocr: OcrEngine,
    grid: list[Box],
    expected: list[str],
    texts: list[TextBox],
    known: bool,
) -> tuple[list[Letter], Corner]:
    """The panel letters, as far as the figure's tiles tell them, and the corner of the panels where they stand."""
    series = [] if known or expected else find_numeral_series(texts, len(grid))
    letters = choose_letters([text for text in texts if _can_be_letter(text, canvas)], expected or series)
    corner = usual_corner(letters, grid)
    certain = len(grid) >= 2 and all(is_picture(canvas, box) for box in grid)
    firm = [] if known or (certain and len(grid) > len(letters)) else _reliable_letters(letters, texts, grid, canvas)
    if known and not expected:
        letters = [each for each in letters if is_at_corner(each, grid, corner)]
    if len(grid) >= 2 or letters:
        look = LetterCompletion(pixels, ocr, grid, expected, corner, series, certain)
        letters = look.completed(letters, searching=not known, firm=firm)
    return letters, corner


def _reliable_letters(letters: list[Letter], texts: list[TextBox], grid: list[Box], canvas: Canvas) -> list[Letter]:
    """The letters, where they can be nothing but panel letters without a caption that names them; else none."""
    return letters_reliable_by_spacing(letters, texts, canvas.width, canvas.height) or letters_reliable_by_text(letters, texts, grid)


def _can_be_letter(text: TextBox, canvas: Canvas) -> bool:
    """Whether a line is low enough to be a panel letter."""
    return bool(text.box[3] - text.box[1] <= _TALLEST_LETTER * max(canvas.width, canvas.height))


def _partition_by_letters(
    canvas: Canvas, pixels: Pixels, letters: list[Letter], corner: Corner, whole: list[Box]
) -> list[tuple[Box, str]]:
    """A part of the figure for each letter; mirrored for the cutting where letters stand at another corner."""
    if corner == TOP_LEFT:
        return [(box, letter.label) for box, letter in Partition(canvas, letters, whole).parts()]
    turned = np.ascontiguousarray(pixels[:: -1 if corner.bottom else 1, :: -1 if corner.right else 1])
    moved = [replace(each, box=corner.mirrored(each.box, canvas.box)) for each in letters]
    parts = Partition(Canvas(turned), moved, [corner.mirrored(box, canvas.box) for box in whole]).parts()
    return [(corner.mirrored(box, canvas.box), letter.label) for box, letter in parts]


def _picture_tiles(canvas: Canvas, grid: list[Box], pixels: Pixels) -> list[Box]:
    """The tiles, where a figure without letters is filled by pictures of comparable size; else nothing."""
    if len(grid) < 2:
        return []
    pictures = sum(is_picture(canvas, box) for box in grid)
    areas = [area(box) for box in grid]
    covered = sum(areas) / max(1, area(canvas.trimmed(canvas.box)))
    if pictures < _PICTURE_SHARE * len(grid) or min(areas) < 0.2 * max(areas) or covered < 0.8:
        return []
    flat = [flatness(pixels[y0:y1, x0:x1]) for x0, y0, x1, y1 in grid]
    return grid if float(np.median(flat)) < _DRAWN_FLATNESS or (_has_equal_sizes(grid) and pictures == len(grid)) else []


def _has_equal_sizes(grid: list[Box]) -> bool:
    """Whether tiles are of one size, within a tenth, as frames of a mosaic are."""
    widths, heights = [box[2] - box[0] for box in grid], [box[3] - box[1] for box in grid]
    return max(widths) <= 1.1 * min(widths) and max(heights) <= 1.1 * min(heights)


def _sort_panels(panels: Panels) -> Panels:
    """By label where all have one, else in reading order: rows from the top, each from the left."""
    if all(label for _, label in panels):
        place = {label: n for n, label in enumerate(sort_labels(label for _, label in panels if label))}
        return sorted(panels, key=lambda each: place[each[1] or ""])
    return [panels[n] for n in reading_order([box for box, _ in panels])]


def _scale_box(box: Box, scale: float) -> Box:
    x0, y0, x1, y1 = (round(edge * scale) for edge in box)
    return (x0, y0, x1, y1)


def _clip_to_image(box: Box, width: int, height: int) -> Box:
    x0, y0 = min(max(0, box[0]), width - 1), min(max(0, box[1]), height - 1)
    return (x0, y0, min(width, max(x0 + 1, box[2])), min(height, max(y0 + 1, box[3])))


def _resize(pixels: Pixels, scale: float) -> Pixels:
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
