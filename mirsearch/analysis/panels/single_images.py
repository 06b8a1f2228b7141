"""Cut the region of one panel letter into single images: pictures, plots, and what else is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.kinds.features import flatness
from mirsearch.analysis.panels.boxes import area, bounding_box, is_centered_in, shared_area, shift_box, sides
from mirsearch.analysis.panels.cutouts import find_cutouts
from mirsearch.analysis.panels.drawings import gather_drawings
from mirsearch.analysis.panels.frames import find_frames
from mirsearch.analysis.panels.gutters import Canvas, find_runs
from mirsearch.analysis.panels.masks import brightest_channel, darkest_channel
from mirsearch.analysis.panels.pictures import find_pictures, is_one_of_set
from mirsearch.analysis.panels.piece import Piece
from mirsearch.analysis.panels.pieces import cut_drawing
from mirsearch.analysis.panels.strips import is_color_bar
from mirsearch.corpus import Box

_TOLERANCE = 24
"""Levels of 0 to 255 by which the ink of a drawing differs at least from white. Noise of JPEG differs less."""

_MIN_AXIS_SHARE, _MAX_AXIS_GAP = 0.4, 0.15
"""Least length of a plot's axes, and how far apart they may meet, as shares of the plot's sides."""

_GROUND, _GROUND_SHARE = 240, 0.3
"""Gray level from which a px is a plot's ground, and least share of it. The bars of a chart are filled boxes."""

_DARK_LINE = 140
"""Gray level below which a px may be part of an axis."""

_TEXT_SHARE = 0.035
"""Greatest height of a line of text, as a share of the figure's longer side."""

_PICTURE_MARGIN = 6
"""Px around a picture that belong to its edge: its frame, and the noise of JPEG."""

_COVERED_SHARE = 0.5
"""Share of a drawn piece from which pictures cover it: it is what is left of their frames."""

_INSIDE_SHARE, _DETAIL_SHARE = 0.9, 0.3
"""Least share of a picture inside a drawing, and its greatest area as a share of it, that make it a detail of it."""

_BANDS_SHARE = 0.7
"""Share of a frame below which the pictures in it are parts of one image."""

_PAINTED_FLATNESS, _DARK_LEVEL = 0.6, 60
"""Flatness from which a rectangle may be painted, and median gray level up to which it is a dark picture instead."""

_TINT_TOLERANCE, _TINTED_SHARE = 10, 0.5
"""Levels within which px have one color, and from which it is not gray; share of such px in a diagram's box."""

_LETTER_AREA = 1.5
"""Greatest area of a drawn piece at a letter's place that is the letter, as a share of the letter's box."""

_FRAMED_SHARE = 0.35
"""Share of a piece from which frames in it make it up."""

_WHITE_SHARE = 0.5
"""Share of white px from which a frame holds a plot."""


def find_single_images(
    pixels: Pixels, region: Box, figure_side: int, on_black: bool = False, letter: Box | None = None
) -> list[Piece]:
    """Return the single images of a region of a figure, its insets and scraps, in no order.

    `pixels` are RGB, uint8 (h, w, 3); `figure_side` is the longer side of the figure in px. `on_black` tells that the
    figure's ground is black instead of white. `letter` is the place of the region's letter, which belongs to no image.
    Without a picture, the region is one drawing, unless it holds several plots.
    """
    x0, y0, x1, y1 = region
    part = np.ascontiguousarray(pixels[y0:y1, x0:x1])
    if on_black:
        part = 255 - part
    pictures = _drop_bands(part, find_pictures(part, figure_side, on_black), figure_side)
    pieces = _find_drawn(part, pictures, figure_side)
    if letter is not None:
        pieces = _drop_letter(pieces, shift_box(letter, -x0, -y0))
    drawn = [piece.box for piece in pieces if piece.kind != "scrap"]
    insets = [box for box in pictures if any(_is_detail(box, other) for other in (*drawn, *pictures))]
    pictures = [box for box in pictures if box not in insets]
    pictures = _drop_painted(part, pictures, [piece.box for piece in pieces if piece.kind == "drawing"], on_black)
    images = [Piece(box, "picture") for box in pictures] + gather_drawings(pieces, pictures, figure_side)
    if not images and pieces and letter is not None:
        images = [Piece(_around(pieces), "drawing")]  # small shapes and texts make up one drawing
    if len(images) == 1 and images[0].kind != "picture":
        whole = (0, 0, x1 - x0, y1 - y0)
        images = [Piece(whole if letter is None else _around([*images, *pieces]), images[0].kind)]
    insets = [box for box in insets if not is_painted(part, box, on_black)]
    scraps = [piece for piece in pieces if piece.kind == "scrap"]
    found = [*images, *(Piece(box, "inset") for box in insets), *scraps]
    return [Piece(shift_box(piece.box, x0, y0), piece.kind) for piece in found]


def _around(pieces: Sequence[Piece]) -> Box:
    """Return the smallest box around all pieces."""
    return bounding_box([piece.box for piece in pieces])


def _drop_letter(pieces: Sequence[Piece], letter: Box) -> list[Piece]:
    """Return the pieces of a region without those that make up its letter; a large letter looks like a drawing."""
    return [
        piece
        for piece in pieces
        if not is_centered_in(piece.box, letter)
        or (piece.kind != "scrap" and area(piece.box) > _LETTER_AREA * area(letter))
    ]


def _drop_bands(part: Pixels, pictures: Sequence[Box], figure_side: int) -> list[Box]:
    """Return the pictures without those that fill only parts of a closed frame, as the bands of a gel do."""
    kept = list(pictures)
    for frame in find_frames(part, figure_side) if pictures else []:
        inside = [box for box in kept if shared_area(box, frame) >= _INSIDE_SHARE * area(box)]
        if inside and sum(area(box) for box in inside) < _BANDS_SHARE * area(frame) and not _is_white(part, frame):
            kept = [box for box in kept if box not in inside]
    return kept


def _find_drawn(part: Pixels, pictures: Sequence[Box], figure_side: int) -> list[Piece]:
    """Return the pieces of a region beside its pictures."""
    rest = part.copy()
    for picture in pictures:
        _blank(rest, picture, _PICTURE_MARGIN)
    canvas = Canvas(rest, _TOLERANCE, white_only=True)
    frames = find_frames(rest, figure_side)
    boxes = [piece for box in cut_drawing(canvas, canvas.box) for piece in _split_by_frames(canvas, box, frames)]
    pieces = [_classify(part, box, frames, figure_side) for box in boxes]
    return find_cutouts(part, [piece for piece in pieces if not _is_covered(piece.box, pictures)], figure_side)


def _blank(pixels: Pixels, box: Box, margin: int) -> None:
    """Make a box and a margin around it white."""
    x0, y0, x1, y1 = box
    pixels[max(0, y0 - margin) : y1 + margin, max(0, x0 - margin) : x1 + margin] = 255


def _is_covered(box: Box, pictures: Sequence[Box]) -> bool:
    """Return whether pictures cover most of a box, as the rest of a frame around a picture."""
    return sum(shared_area(box, picture) for picture in pictures) > _COVERED_SHARE * area(box)


def _is_detail(picture: Box, drawing: Box) -> bool:
    """Return whether a picture is a small part of a drawing or of a picture, such as an inset."""
    return shared_area(picture, drawing) >= _INSIDE_SHARE * area(picture) and area(picture) <= _DETAIL_SHARE * area(
        drawing
    )


def _drop_painted(pixels: Pixels, pictures: Sequence[Box], drawings: Sequence[Box], on_black: bool) -> list[Box]:
    """Return the pictures without those that are painted parts of a larger drawing: light, and mostly of even color."""
    drawn = sum(area(box) for box in drawings)
    return [
        box
        for box in pictures
        if area(box) > drawn
        or not is_painted(pixels, box, on_black)
        or (is_one_of_set(box, pictures) and not _is_tinted(pixels, box))
    ]


def is_painted(pixels: Pixels, box: Box, on_black: bool) -> bool:
    """Return whether a filled rectangle is light and mostly of even color. `on_black`: the pixels are inverted."""
    x0, y0, x1, y1 = box
    crop = np.ascontiguousarray(pixels[y0:y1, x0:x1])
    level = float(np.median(255 - darkest_channel(crop) if on_black else brightest_channel(crop)))
    return flatness(crop) > _PAINTED_FLATNESS and level > _DARK_LEVEL


def _is_tinted(pixels: Pixels, box: Box) -> bool:
    """Return whether most of a box has one color that is not gray, as the boxes of a diagram do."""
    x0, y0, x1, y1 = box
    crop = pixels[y0:y1, x0:x1].reshape(-1, 3).astype(np.int16)
    color = np.median(crop, axis=0)
    share = float((np.abs(crop - color).max(axis=1) <= _TINT_TOLERANCE).mean())
    return share > _TINTED_SHARE and float(np.ptp(color)) > _TINT_TOLERANCE


def _split_by_frames(canvas: Canvas, box: Box, frames: Sequence[Box]) -> list[Box]:
    """Return the frames in a piece that make up most of it, and what is left beside them; else the piece itself.

    Tick marks and labels may join frames beside each other to one piece. A legend's frame is only a part of a plot.
    """
    inside = [frame for frame in frames if shared_area(frame, box) == area(frame)]
    if not inside or sum(area(frame) for frame in inside) < _FRAMED_SHARE * area(box):
        return [box]
    x0, y0, x1, y1 = box
    pixels = canvas.pixels[y0:y1, x0:x1].copy()
    for frame in inside:
        _blank(pixels, shift_box(frame, -x0, -y0), 1)
    rest = Canvas(pixels, _TOLERANCE, white_only=True)
    left = [shift_box(piece, x0, y0) for piece in cut_drawing(rest, rest.box)]
    return [*inside, *(piece for piece in left if area(piece) > 0 and piece != box)]


def _classify(pixels: Pixels, box: Box, frames: Sequence[Box], figure_side: int) -> Piece:
    """Return a piece of the drawings with its kind."""
    height, (x0, y0, x1, y1) = min(sides(box)), box
    if is_color_bar(pixels[y0:y1, x0:x1]) and not _is_white(pixels, box):
        return Piece(box, "scrap")
    is_tinted = box in frames and not _is_white(pixels, box) and not _is_box_of_diagram(pixels, box)
    if height <= _TEXT_SHARE * figure_side * (2 if box in frames else 1) and not is_tinted:
        return Piece(box, "scrap")
    if box in frames:
        return Piece(box, "tinted" if is_tinted else "frame")
    return Piece(box, "plot" if has_axes(pixels, box) else "drawing")


def _is_box_of_diagram(pixels: Pixels, box: Box) -> bool:
    """Return whether a frame is painted in one color, as the boxes of a flow chart are; a gel's ground has noise."""
    return _is_tinted(pixels, box) and is_painted(pixels, box, on_black=False)


def has_axes(pixels: Pixels, box: Box) -> bool:
    """Return whether a long upright and a long level dark line meet at the lower left of a box, as a plot's axes.

    The bars of a chart have long lines, too: the axes are the leftmost and the lowest ones.
    """
    x0, y0, x1, y1 = box
    gray = cv2.cvtColor(np.ascontiguousarray(pixels[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY)
    if (gray >= _GROUND).mean() < _GROUND_SHARE:
        return False
    dark = gray < _DARK_LINE
    height, width = dark.shape
    upright = next(_long_lines(dark.T), None)
    level = next(_long_lines(dark[::-1]), None)
    if upright is None or level is None:
        return False
    column, _, bottom = upright
    row, left = height - 1 - level[0], level[1]
    return bool(abs(bottom - row) <= _MAX_AXIS_GAP * height and abs(left - column) <= _MAX_AXIS_GAP * width)


def _long_lines(dark: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Yield the rows, from the first, on which dark pixels run over much of the width: row, and the run's ends."""
    least = _MIN_AXIS_SHARE * dark.shape[1]
    for row in np.flatnonzero(dark.sum(axis=1) >= least).tolist():
        run = max(find_runs(dark[row], 1), key=lambda each: each.width)
        if run.width >= least:
            yield row, run.start, run.stop


def _is_white(pixels: Pixels, box: Box) -> bool:
    """Return whether a frame is mostly white inside, as a plot's is; a gel's ground is tinted."""
    x0, y0, x1, y1 = box
    return bool((darkest_channel(np.ascontiguousarray(pixels[y0:y1, x0:x1])) >= 253).mean() > _WHITE_SHARE)
