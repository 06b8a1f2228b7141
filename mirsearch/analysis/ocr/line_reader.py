"""Read lines of text with rapidocr's recognizer: short lines several at a time, and none twice."""

from __future__ import annotations

import copy
import hashlib
import math
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mirsearch.analysis.base import Pixels

if TYPE_CHECKING:
    from rapidocr import RapidOCR

LINE_HEIGHT = 48
"""Height in px to which the recognizer brings a line."""

LINE_WIDTHS = (96, 112)
"""Widths in px that a line of `LINE_HEIGHT` is filled up to: the least that leaves `_LEAST_GROUND` behind the line, the
last one for all other lines that fit into it, their own width for longer ones.

Much shorter than rapidocr's 320, as labels are short and the time grows with the width. Lines of one width are read at
once. Of 1,200 drawn letters, 96 % were read right with confidence .8 at both widths, but fewer at 80 px.
"""

_LEAST_GROUND = 32

_MAX_ASPECT = 40
"""A line longer than this many times its height is squeezed: it is no label, and reading it would take long.

A bound on time; chosen by hand on drawn figures.
"""

_MOST_READINGS = 256
"""Number of last lines whose readings are kept. More than the lines beside the bars of an image."""

Reading = tuple[str, float]
"""A line's text, and its confidence (0 to 1)."""


class LineReader:
    """Reads crops of one line each. Threads may share it."""

    def __init__(self, recognizer: RapidOCR) -> None:
        """Take a rapidocr pipeline that only recognizes."""
        # The first line makes it load its model; the recognizers of the other widths are to share that
        recognizer.recognize_txt([np.zeros((LINE_HEIGHT, LINE_HEIGHT, 3), np.uint8)])
        self._recognizers = {width: _with_least_width(recognizer, width) for width in LINE_WIDTHS}
        self._lock = threading.Lock()
        self._readings: dict[bytes, Reading] = {}

    def read(self, crops: Sequence[Pixels]) -> list[Reading]:
        """Return text and confidence for crops, RGB of shape (height, width, 3)."""
        lines = [np.ascontiguousarray(_squeeze_long_line(crop)[:, :, ::-1]) for crop in crops]
        keys = [_key(line) for line in lines]
        with self._lock:
            known = {key: self._readings[key] for key in keys if key in self._readings}
        unknown = {key: line for key, line in zip(keys, lines, strict=True) if key not in known}
        if unknown:
            known |= dict(zip(unknown, self._read_unknown(list(unknown.values())), strict=True))
            with self._lock:
                self._readings |= {key: known[key] for key in unknown}
                for key in list(self._readings)[:-_MOST_READINGS]:
                    del self._readings[key]
        return [known[key] for key in keys]

    def _read_unknown(self, lines: list[Pixels]) -> list[Reading]:
        """Return the readings of BGR lines. Lines that fill the same width are read at once, each longer one alone."""
        recognizer = self._recognizers[LINE_WIDTHS[-1]]
        sized = [recognizer.preprocess_img(line)[0] for line in lines]
        widths = [_filled_width(line) for line in sized]
        groups = [[at for at, width in enumerate(widths) if width == wanted] for wanted in LINE_WIDTHS]
        groups += [[at] for at, width in enumerate(widths) if width not in LINE_WIDTHS]
        readings: dict[int, Reading] = {}
        for group in filter(None, groups):
            found = self._recognizers.get(widths[group[0]], recognizer).recognize_txt([sized[at] for at in group])
            for at, text, confidence in zip(group, found.txts or (), found.scores or (), strict=True):
                readings[at] = str(text), float(confidence)
        return [readings[at] for at in range(len(lines))]


def _with_least_width(recognizer: RapidOCR, width: int) -> RapidOCR:
    """Return a pipeline with the same model that fills lines up to another width."""
    changed = copy.copy(recognizer)
    changed.text_rec = copy.copy(recognizer.text_rec)
    changed.text_rec.rec_image_shape = [3, LINE_HEIGHT, width]
    return changed


def _filled_width(line: Pixels) -> int:
    """Return the width in px that a line is filled up to, at `LINE_HEIGHT`."""
    width: int = math.ceil(LINE_HEIGHT * line.shape[1] / line.shape[0])
    if width > LINE_WIDTHS[-1]:
        return width
    return next((each for each in LINE_WIDTHS if width + _LEAST_GROUND <= each), LINE_WIDTHS[-1])


def _key(line: Pixels) -> bytes:
    """Return what tells lines apart."""
    return hashlib.blake2b(line.tobytes(), digest_size=16, key=b"%d" % line.shape[1]).digest()


def _squeeze_long_line(crop: Pixels) -> Pixels:
    """Return a line whose length is limited, so that the recognizer reads it in reasonable time."""
    height, width = crop.shape[:2]
    if width <= _MAX_ASPECT * height:
        return crop
    return np.asarray(cv2.resize(crop, (_MAX_ASPECT * height, height), interpolation=cv2.INTER_AREA), np.uint8)
