"""Cutting a figure into panels: geometry first, letters to merge and split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.analysis.captions.markers import sorted_labels
from mirsearch.analysis.kinds.features import flatness
from mirsearch.analysis.letters.assignment import clipped, unlettered
from mirsearch.analysis.letters.completion import SecondLook
from mirsearch.analysis.letters.corners import TOP_LEFT, Corner, at_corner, firm_letters, spread_letters, usual_corner
from mirsearch.analysis.letters.letters import Letter, choose_letters, numerals
from mirsearch.analysis.panels.boxes import area
from mirsearch.analysis.panels.gutters import Canvas, is_picture, reading_order
from mirsearch.analysis.panels.partition import Partition
from mirsearch.analysis.panels.tiles import divided, figure_tiles
from mirsearch.corpus import Box

_WORK_SIDE = 2000
QUICK_SIDE = 640
"""Longer side, in px, at which the text of a whole figure is looked for."""


_DRAWN_FLAT = 0.5
_MOSTLY = 0.6
_TALLEST = 0.25


Panels = list[tuple[Box, str | None]]


def separate(
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
    scale = min(1.0, _WORK_SIDE / max(pixels.shape[:2]))
    small = pixels if scale == 1.0 else _resized(pixels, scale)
    lines = [TextBox(t.text, _scaled(t.box, scale), t.confidence) for t in texts]
    found = _separate(small, ocr, list(expected_labels), lines, caption_known)
    height, width = pixels.shape[:2]
    return [(_inside(_scaled(box, 1 / scale), width, height), label) for box, label in found]


def _separate(pixels: Pixels, ocr: OcrEngine, expected: list[str], texts: list[TextBox], known: bool) -> Panels:
    canvas = Canvas(pixels)
    grid, scraps = figure_tiles(canvas)
    letters, corner = _lettered(canvas, pixels, ocr, grid, expected, texts, known)
    settled = len(letters) == _read(letters) == len(expected or grid)
    if not (known and settled):
        finer = divided(canvas, grid)
        if len(finer) > len(grid) and (len(finer) <= len(expected) or not known):
            more, turned = _lettered(canvas, pixels, ocr, finer, expected, texts, known)
            enough = len(more) == len(expected or finer) or (not expected and len(finer) < len(more) == _read(more))
            if enough and not (settled and _read(more) <= _read(letters)):
                grid, letters, corner = finer, more, turned
    if len(letters) >= 2:
        grid = _told(canvas, grid, letters, corner)
        letters = clipped(letters, grid, scraps, corner)
        whole = [box for box in grid if is_picture(canvas, box)]
        parts = _parts(canvas, pixels, letters, corner, whole)
        return _ordered([(canvas.trimmed(box), label) for box, label in parts])
    pictures = [] if letters else _pictures(canvas, grid, pixels)
    if pictures:
        return _ordered([(box, None) for box in pictures])
    label = letters[0].label if letters and expected else None
    return [(canvas.trimmed(canvas.box), label)]


def _read(letters: list[Letter]) -> int:
    """How many of the letters were read."""
    return sum(each.style != "guess" for each in letters)


def _told(canvas: Canvas, grid: list[Box], letters: list[Letter], corner: Corner) -> list[Box]:
    """The tiles, with strips cut at weaker seams where the letters tell that each part is a picture of its own."""
    if len(grid) >= len(letters):
        return grid
    finer = divided(canvas, grid)
    return finer if len(finer) == len(letters) and not unlettered(finer, letters, corner) else grid


def _lettered(
    canvas: Canvas,
    pixels: Pixels,
    ocr: OcrEngine,
    grid: list[Box],
    expected: list[str],
    texts: list[TextBox],
    known: bool,
) -> tuple[list[Letter], Corner]:
    """The panel letters, as far as the figure's tiles tell them, and the corner of the panels where they stand."""
    series = [] if known or expected else numerals(texts, len(grid))
    letters = choose_letters([text for text in texts if _small(text, canvas)], expected or series)
    corner = usual_corner(letters, grid)
    certain = len(grid) >= 2 and all(is_picture(canvas, box) for box in grid)
    firm = [] if known or (certain and len(grid) > len(letters)) else _firm(letters, texts, grid, canvas)
    if known and not expected:
        letters = [each for each in letters if at_corner(each, grid, corner)]
    if len(grid) >= 2 or letters:
        look = SecondLook(pixels, ocr, grid, expected, corner, series, certain)
        letters = look.completed(letters, searching=not known, firm=firm)
    return letters, corner


def _firm(letters: list[Letter], texts: list[TextBox], grid: list[Box], canvas: Canvas) -> list[Letter]:
    """The letters, where they can be nothing but panel letters without a caption that names them; else none."""
    return spread_letters(letters, texts, canvas.width, canvas.height) or firm_letters(letters, texts, grid)


def _small(text: TextBox, canvas: Canvas) -> bool:
    """Whether a line is low enough to be a panel letter."""
    return bool(text.box[3] - text.box[1] <= _TALLEST * max(canvas.width, canvas.height))


def _parts(
    canvas: Canvas, pixels: Pixels, letters: list[Letter], corner: Corner, whole: list[Box]
) -> list[tuple[Box, str]]:
    """A part of the figure for each letter; mirrored for the cutting where letters stand at another corner."""
    if corner == TOP_LEFT:
        return [(box, letter.label) for box, letter in Partition(canvas, letters, whole).parts()]
    turned = np.ascontiguousarray(pixels[:: -1 if corner.bottom else 1, :: -1 if corner.right else 1])
    moved = [replace(each, box=corner.mirrored(each.box, canvas.box)) for each in letters]
    parts = Partition(Canvas(turned), moved, [corner.mirrored(box, canvas.box) for box in whole]).parts()
    return [(corner.mirrored(box, canvas.box), letter.label) for box, letter in parts]


def _pictures(canvas: Canvas, grid: list[Box], pixels: Pixels) -> list[Box]:
    """The tiles, where a figure without letters is filled by pictures of comparable size; else nothing."""
    if len(grid) < 2:
        return []
    pictures = sum(is_picture(canvas, box) for box in grid)
    areas = [area(box) for box in grid]
    covered = sum(areas) / max(1, area(canvas.trimmed(canvas.box)))
    if pictures < _MOSTLY * len(grid) or min(areas) < 0.2 * max(areas) or covered < 0.8:
        return []
    flat = [flatness(pixels[y0:y1, x0:x1]) for x0, y0, x1, y1 in grid]
    return grid if float(np.median(flat)) < _DRAWN_FLAT or (_regular(grid) and pictures == len(grid)) else []


def _regular(grid: list[Box]) -> bool:
    """Whether tiles are of one size, within a tenth, as frames of a mosaic are."""
    widths, heights = [box[2] - box[0] for box in grid], [box[3] - box[1] for box in grid]
    return max(widths) <= 1.1 * min(widths) and max(heights) <= 1.1 * min(heights)


def _ordered(panels: Panels) -> Panels:
    """By label where all have one, else in reading order: rows from the top, each from the left."""
    if all(label for _, label in panels):
        place = {label: n for n, label in enumerate(sorted_labels(label for _, label in panels if label))}
        return sorted(panels, key=lambda each: place[each[1] or ""])
    return [panels[n] for n in reading_order([box for box, _ in panels])]


def _scaled(box: Box, scale: float) -> Box:
    x0, y0, x1, y1 = (round(edge * scale) for edge in box)
    return (x0, y0, x1, y1)


def _inside(box: Box, width: int, height: int) -> Box:
    x0, y0 = min(max(0, box[0]), width - 1), min(max(0, box[1]), height - 1)
    return (x0, y0, min(width, max(x0 + 1, box[2])), min(height, max(y0 + 1, box[3])))


def _resized(pixels: Pixels, scale: float) -> Pixels:
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
