"""Tell pictures that were cut out on white ground, such as an organism or a rendering, from drawings."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mirsearch.analysis.base import Pixels
from mirsearch.analysis.panels.boxes import area
from mirsearch.analysis.panels.masks import darkest_channel, remove_strokes
from mirsearch.analysis.panels.piece import Piece
from mirsearch.corpus import Box

_INK = 64
"""Levels of 0 to 255 by which a specimen differs at least from white. Translucent renderings are lighter."""

_BODY_SHARE = 0.2
"""Least share of a piece's box that its body fills: what is left without lines and text."""

_FLAT_RANGE, _TEXTURED_SHARE = 2, 0.5
"""Gray levels within which 3 × 3 px are flat, and the least share of a body that is not. Drawn shapes are even."""

_LEAST_SIZE = 0.25
"""Least area of a cut-out picture, as a share of the largest one's. Specimens on one ground differ more in size."""


def find_cutouts(pixels: Pixels, pieces: Sequence[Piece], figure_side: int) -> list[Piece]:
    """Return the drawn pieces of a region, RGB uint8 (h, w, 3), with those that are pictures on white as `cutout`.

    They are pictures only where they are of comparable size and fill more than the other drawings do.
    """
    drawn = [piece for piece in pieces if piece.kind == "drawing"]
    cutouts = [piece for piece in drawn if has_textured_body(pixels, piece.box, figure_side)]
    sizes = [area(piece.box) for piece in cutouts]
    filled = sum(area(piece.box) for piece in drawn)
    if not cutouts or min(sizes) < _LEAST_SIZE * max(sizes) or sum(sizes) < filled / 2:
        return list(pieces)
    return [Piece(piece.box, "cutout") if piece in cutouts else piece for piece in pieces]


def has_textured_body(pixels: Pixels, box: Box, figure_side: int) -> bool:
    """Return whether something thicker than lines and text fills a part of a box, and is of uneven color."""
    x0, y0, x1, y1 = box
    crop = np.ascontiguousarray(pixels[y0:y1, x0:x1])
    body = remove_strokes(np.asarray(darkest_channel(crop) < 255 - _INK, np.uint8), figure_side)
    if body.mean() < _BODY_SHARE:
        return False
    gray = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    kernel = np.ones((3, 3), np.uint8)
    spread = cv2.dilate(gray, kernel) - cv2.erode(gray, kernel)
    return float((spread[body > 0] > _FLAT_RANGE).mean()) >= _TEXTURED_SHARE
