"""The pictures of a corpus as they are compared: gray values, keypoints and mean color of their small pictures."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.kinds.features import spot_likeness
from mirsearch.indexes.base import Index
from mirsearch.query import Pixels
from mirsearch.reuse.confidence import mean_color
from mirsearch.reuse.keypoints import Gray, Keypoints, find_keypoints, join_keypoints, shrink_gray
from mirsearch.reuse.patterns import irregular_keypoints, look_alike
from mirsearch.settings import thread_count
from mirsearch.settings.threads import map_in_order

MIN_KEYPOINTS = 12
"""Fewest keypoints of a picture that can be compared. One with fewer is an empty field, or too small."""
_DIFFRACTION = 0.45
"""Likeness to a diffraction pattern from which a picture counts as one: drawn ones have 0.48 to 0.95, others less."""
_KEPT_GRAYS = 512
_AHEAD = 64


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is compared of a picture: its keypoints, its mean color (3,), and the size of its gray picture (w, h).

    `is_diffraction`: it looks like a diffraction pattern. `is_uniform`: it does not, but its keypoints look alike, and
    it is no lattice: it may be a part of such a pattern. Of a lattice, the keypoints of what it leaves are among them.
    """

    keypoints: Keypoints
    color: NDArray[np.float32]
    size: tuple[int, int]
    is_diffraction: bool = False
    is_uniform: bool = False

    @property
    def is_empty(self) -> bool:
        """Return whether there is too little to compare."""
        return len(self.keypoints) < MIN_KEYPOINTS


_NOTHING = Seen(Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8)), np.zeros(3, np.float32), (1, 1))


def look_at(rgb: Pixels) -> tuple[Seen, Gray]:
    """Return what is compared of a picture, RGB uint8 (h, w, 3), and its gray values."""
    gray = shrink_gray(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8))
    is_diffraction = spot_likeness(gray) >= _DIFFRACTION
    keypoints = find_keypoints(gray)
    is_uniform = not is_diffraction and look_alike(keypoints)
    if is_uniform and (irregular := irregular_keypoints(gray)) is not None:
        keypoints, is_uniform = join_keypoints(keypoints, irregular), False
    return Seen(keypoints, mean_color(rgb), (gray.shape[1], gray.shape[0]), is_diffraction, is_uniform), gray


def look_at_jpeg(jpeg: bytes | None) -> Seen:
    """Return what is compared of a JPEG; nothing where it can't be read."""
    rgb = decode_rgb(jpeg)
    return _NOTHING if rgb is None else look_at(rgb)[0]


def look_at_all(jpegs: Iterable[bytes | None]) -> Iterator[Seen]:
    """Yield what is compared of each picture, in their order; several threads look, a few pictures are held."""
    return map_in_order(look_at_jpeg, jpegs, thread_count(), _AHEAD)


class Grays:
    """The gray pictures of panels of an index, by id. Those that were used last are kept. Threads may share it."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._kept: OrderedDict[str, Gray] = OrderedDict()
        self._lock = Lock()

    def gray(self, panel_id: str) -> Gray | None:
        """Return the gray picture of a panel, None where it can't be read."""
        with self._lock:
            if panel_id in self._kept:
                self._kept.move_to_end(panel_id)
                return self._kept[panel_id]
        rgb = decode_rgb(self._index.thumbnail(panel_id))
        if rgb is None:
            return None
        gray = shrink_gray(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8))
        with self._lock:
            self._kept[panel_id] = gray
            if len(self._kept) > _KEPT_GRAYS:
                self._kept.popitem(last=False)
        return gray


def decode_rgb(jpeg: bytes | None) -> Pixels | None:
    """Return the RGB pixels of a small picture of an index; None where it can't be read."""
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
    return None if bgr is None else np.ascontiguousarray(bgr[..., ::-1])
