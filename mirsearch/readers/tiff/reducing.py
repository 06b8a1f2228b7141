"""Read a page that is too large to be decoded whole, reduced by a whole factor, piece by piece."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_MOST_PIECE = 1 << 28
"""Most bytes of one strip or tile that is decoded at once."""


def can_reduce(page: Any) -> bool:
    """Return whether a page has gray or RGB samples that lie in pieces of a bearable size."""
    is_plain = (
        int(page.photometric) in (0, 1, 2) and int(page.samplesperpixel) in (1, 3) and int(page.planarconfig) == 1
    )
    if not is_plain or page.dtype is None or page.dtype.kind not in "uif" or int(page.bitspersample) < 8:
        return False
    piece = int(np.prod(page.chunks)) * page.dtype.itemsize
    return bool(page.is_contiguous) or piece <= _MOST_PIECE


def read_reduced(tiff: Any, page: Any, factor: int) -> NDArray[Any]:
    """Return the samples of a page, each the mean of factor × factor px; of compressed pages, of a blurred piece."""
    if page.is_contiguous:
        return _reduce_rows(tiff, page, factor)
    height, width, count = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)
    result = np.zeros((height // factor, width // factor, count), np.float32)
    for data, place, _ in page.segments(maxworkers=1):
        if data is None:
            continue
        top, left = int(place[2]), int(place[3])
        piece = cv2.blur(np.ascontiguousarray(data[0], dtype=np.float32), (factor, factor))
        piece = piece.reshape(*data.shape[1:3], count)[-top % factor :: factor, -left % factor :: factor]
        y, x = -(-top // factor), -(-left // factor)
        room = result[y : y + piece.shape[0], x : x + piece.shape[1]]
        room[:] = piece[: room.shape[0], : room.shape[1]]
    return result[:, :, 0] if count == 1 else result


def _reduce_rows(tiff: Any, page: Any, factor: int) -> NDArray[Any]:
    """Return the reduced samples of a page without compression, some rows at a time."""
    height, width, count = int(page.imagelength), int(page.imagewidth), int(page.samplesperpixel)
    dtype = page.dtype.newbyteorder(tiff.byteorder)
    result = np.zeros((height // factor, width // factor, count), np.float32)
    used = width // factor * factor
    tiff.filehandle.seek(int(page.dataoffsets[0]))
    for row in range(height // factor):
        data = tiff.filehandle.read(factor * width * count * dtype.itemsize)
        rows = np.frombuffer(data, dtype).reshape(factor, width, count)[:, :used]
        result[row] = rows.reshape(factor, width // factor, factor, count).mean(axis=(0, 2), dtype=np.float32)
    return result[:, :, 0] if count == 1 else result
