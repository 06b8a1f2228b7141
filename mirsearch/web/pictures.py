"""Pictures of figures and panels as JPEG: from the indexed file while it is the same, else from the index."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from mirsearch.corpus import Box, Figure
from mirsearch.errors import MirsearchError, NotFoundError
from mirsearch.imaging.images import crop, thumbnail
from mirsearch.query import Pixels, StoredPanel
from mirsearch.readers.originals import original_pixels
from mirsearch.report.pictures import MAX_ORIGINAL_PIXELS
from mirsearch.settings import SERVE_LIMITS
from mirsearch.web.corpus import Corpus
from mirsearch.web.responses import content_tag


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A picture ready to be sent, with the tag that changes when it does."""

    data: bytes
    etag: str


class FigurePictures:
    """Cuts and shrinks pictures. The pixels of the last figures are kept, within a bound of bytes."""

    def __init__(self, corpus: Corpus, most_bytes: int = SERVE_LIMITS.cache_bytes) -> None:
        self._corpus = corpus
        self._most_bytes = most_bytes
        self._pixels: OrderedDict[str, Pixels] = OrderedDict()
        self._lock = threading.Lock()

    def figure(self, figure_id: str) -> tuple[Figure, list[StoredPanel]]:
        """Return a figure with its panels. NotFoundError if the corpus has none with this id."""
        panels = self._corpus.index.figure_panels(figure_id)
        if not panels:
            raise NotFoundError(f"no figure {figure_id!r} in the index", "search for it, or for a panel of it")
        return panels[0].figure, panels

    def original(self, figure: Figure) -> Pixels | None:
        """Return the figure's pixels (h, w, 3) if its file still is the one that was indexed, else None."""
        if figure.width * figure.height > MAX_ORIGINAL_PIXELS:
            return None
        with self._lock:
            if figure.id in self._pixels:
                self._pixels.move_to_end(figure.id)
                return self._pixels[figure.id]
        try:
            pixels = original_pixels(figure)
        except (MirsearchError, OSError, ValueError):
            return None
        if pixels is None or pixels.shape[:2] != (figure.height, figure.width):
            return None
        with self._lock:
            self._pixels[figure.id] = pixels
            while len(self._pixels) > 1 and sum(kept.nbytes for kept in self._pixels.values()) > self._most_bytes:
                self._pixels.popitem(last=False)
        return pixels

    def region(self, figure: Figure, box: Box, size: tuple[int, int]) -> Jpeg:
        """Return a part of a figure in a size of (w, h) px. NotFoundError if its file is gone or has changed."""
        pixels = self.original(figure)
        if pixels is None:
            raise NotFoundError(
                f"the file of figure {figure.id} is not where it was, or has changed", "ask for the panel's picture"
            )
        return make_jpeg(resize(crop(pixels, box), size), max(size))

    def panel(self, panel_id: str, side: int) -> Jpeg:
        """Return a panel with a longer side of up to `side` px; the small picture of the index where it will do."""
        stored = self._corpus.index.panels([panel_id])[0]
        small = self._corpus.index.thumbnail(panel_id)
        pixels = self.original(stored.figure) if side > 0 or small is None else None
        if pixels is not None:
            try:
                return make_jpeg(crop(pixels, stored.panel.box), side or 320)
            except MirsearchError:
                pass  # the box lies outside its figure; the small picture may still be right
        if small is None:
            raise NotFoundError(f"no picture of panel {panel_id!r}", "ask for its figure")
        return _tagged(small)


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Return a picture in a size of (w, h) px."""
    if pixels.shape[1::-1] == size:
        return pixels
    import cv2
    import numpy as np

    shrinks = size[0] < pixels.shape[1]
    resized = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(resized, dtype=np.uint8)


def make_jpeg(pixels: Pixels, side: int) -> Jpeg:
    """Return pixels as a JPEG with a longer side of up to `side` px."""
    return _tagged(thumbnail(pixels, side))


def _tagged(data: bytes) -> Jpeg:
    return Jpeg(data, content_tag(data))
