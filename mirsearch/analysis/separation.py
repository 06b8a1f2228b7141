"""Cutting a figure into panels: geometry first, letters to merge and split."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mirsearch.analysis.base import OcrEngine, Pixels, TextBox
from mirsearch.analysis.gutters import Canvas, is_picture, tiles
from mirsearch.analysis.letters import Letter, choose_letters, lookalike, parse_letter
from mirsearch.analysis.mosaic import mosaic
from mirsearch.analysis.partition import Partition
from mirsearch.corpus import Box

_WORK_SIDE = 2000
QUICK_SIDE = 640
"""Longer side, in px, at which the text of a whole figure is looked for."""

_CORNER_SIDE = 160

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
    grid = _tiles(canvas)
    letters = choose_letters(texts, expected)
    if not expected and letters:
        letters = [each for each in letters if _at_corner(each, grid)] if known else letters
        letters = letters if len(letters) >= 2 else []
    if expected and len(letters) < len(expected):
        letters = _look_again(pixels, ocr, canvas, grid, letters, expected)
    if len(letters) >= 2:
        parts = Partition(canvas, letters).parts()
        return _ordered([(_tight(canvas, box, letter), letter.label) for box, letter in parts])
    label = letters[0].label if letters else None
    unlettered = _pictures(canvas, grid)
    if len(unlettered) >= 2:
        return _ordered([(box, None) for box in unlettered])
    return [(canvas.trimmed(canvas.box), label)]


def _tiles(canvas: Canvas) -> list[Box]:
    """Tiles of clean gutters large enough to be a panel; seams cut what no gutter does."""
    least = max(2, round(0.003 * max(canvas.width, canvas.height)))
    area = canvas.width * canvas.height
    big = [box for box in tiles(canvas, canvas.box, least) if _area(box) >= 0.008 * area]
    cut: list[Box] = []
    for box in big:
        cut.extend(mosaic(canvas, box) if is_picture(canvas, box) else [box])
    return cut


def _pictures(canvas: Canvas, grid: list[Box]) -> list[Box]:
    """The tiles, where all of a figure without letters is pictures of comparable size; else nothing."""
    if len(grid) < 2 or not all(is_picture(canvas, box) for box in grid):
        return []
    areas = [_area(box) for box in grid]
    covered = sum(areas) / max(1, _area(canvas.trimmed(canvas.box)))
    return grid if min(areas) >= 0.2 * max(areas) and covered > 0.8 else []


def _look_again(
    pixels: Pixels, ocr: OcrEngine, canvas: Canvas, grid: list[Box], letters: list[Letter], expected: list[str]
) -> list[Letter]:
    """Read the top-left corners of tiles that hold no letter yet, for labels the caption names and nobody found."""
    missing = [label for label in expected if label not in {each.label for each in letters}]
    side = max((each.height for each in letters), default=0) * 4
    found: list[Letter] = []
    for box in _unlettered(grid, letters):
        crop, corner = _corner(pixels, box, side)
        for text in ocr.read(crop, side_limit=_CORNER_SIDE):
            x0, y0, x1, y1 = text.box
            moved = TextBox(
                text.text, (x0 + corner[0], y0 + corner[1], x1 + corner[0], y1 + corner[1]), text.confidence
            )
            letter = parse_letter(moved)
            if letter is None or letter.label not in missing:
                letter = lookalike(moved, missing)
            if letter is not None and letter.label in missing:
                found.append(letter)
                break
    taken = {each.label for each in letters}
    for letter in sorted(found, key=lambda each: -each.confidence):
        if letter.label not in taken:
            letters = [*letters, letter]
            taken.add(letter.label)
    return _by_elimination(grid, letters, expected)


def _unlettered(grid: list[Box], letters: list[Letter]) -> list[Box]:
    """Tiles with no letter in or just outside them."""
    free = []
    for x0, y0, x1, y1 in grid:
        margin_x, margin_y = 0.06 * (x1 - x0), 0.06 * (y1 - y0)
        if not any(
            x0 - margin_x <= each.box[2] and each.box[0] <= x1 and y0 - margin_y <= each.box[3] and each.box[1] <= y1
            for each in letters
        ):
            free.append((x0, y0, x1, y1))
    return free


def _corner(pixels: Pixels, box: Box, side: int) -> tuple[Pixels, tuple[int, int]]:
    """The crop around a tile's top-left corner in which its letter would stand, and where the crop begins."""
    x0, y0, x1, y1 = box
    reach = side or round(min(240.0, max(40.0, 0.3 * min(x1 - x0, y1 - y0))))
    out = max(4, round(0.15 * reach))
    left, top = max(0, x0 - out), max(0, y0 - out)
    crop = pixels[top : min(y1, y0 + reach), left : min(x1, x0 + reach)]
    return np.ascontiguousarray(crop), (left, top)


def _by_elimination(grid: list[Box], letters: list[Letter], expected: list[str]) -> list[Letter]:
    """Where as many tiles lack a letter as labels are missing, they belong together in reading order."""
    missing = [label for label in expected if label not in {each.label for each in letters}]
    free = _unlettered(grid, letters)
    if not missing or len(free) != len(missing) or (not letters and len(grid) < 2):
        return letters
    height = round(float(np.median([each.height for each in letters]))) if letters else 12
    ordered = [box for box, _ in _ordered([(box, None) for box in free])]
    guessed = [
        Letter(label, (box[0], box[1], box[0] + height, box[1] + height), "guess", 0.3)
        for label, box in zip(missing, ordered, strict=True)
    ]
    return [*letters, *guessed]


def _at_corner(letter: Letter, grid: list[Box]) -> bool:
    """Whether a letter stands at the top-left corner of a tile."""
    for x0, y0, x1, y1 in grid:
        across = (letter.box[0] - x0) / max(1, x1 - x0)
        down = (letter.box[1] - y0) / max(1, y1 - y0)
        if -0.1 <= across <= 0.15 and -0.1 <= down <= 0.15:
            return True
    return False


def _tight(canvas: Canvas, box: Box, letter: Letter) -> Box:
    """A part without its blank margins."""
    return canvas.trimmed(box)


def _ordered(panels: Panels) -> Panels:
    """By label where all have one, else in reading order: rows from the top, each from the left."""
    if all(label for _, label in panels):
        from mirsearch.analysis.caption_markers import label_order

        return sorted(panels, key=lambda each: label_order(each[1] or ""))
    rest = sorted(panels, key=lambda each: each[0][1])
    ordered: Panels = []
    while rest:
        first = rest[0][0]
        middle = first[1] + 0.5 * min(each[0][3] - each[0][1] for each in rest[:1])
        row = [each for each in rest if each[0][1] < middle]
        ordered.extend(sorted(row, key=lambda each: each[0][0]))
        rest = [each for each in rest if each not in row]
    return ordered


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _scaled(box: Box, scale: float) -> Box:
    x0, y0, x1, y1 = (round(edge * scale) for edge in box)
    return (x0, y0, x1, y1)


def _inside(box: Box, width: int, height: int) -> Box:
    x0, y0 = min(max(0, box[0]), width - 1), min(max(0, box[1]), height - 1)
    return (x0, y0, min(width, max(x0 + 1, box[2])), min(height, max(y0 + 1, box[3])))


def _resized(pixels: Pixels, scale: float) -> Pixels:
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
