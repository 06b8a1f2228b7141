"""Pictures of hits: cut from the original file if it still exists, else the small picture of the index."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from mirsearch.corpus import Figure
from mirsearch.errors import MirsearchError
from mirsearch.imaging.images import crop, read_pages, thumbnail
from mirsearch.query import Pixels, StoredPanel
from mirsearch.search.answer import QueryView
from mirsearch.settings import LIMITS

PAGE_PICTURE_SIDE = 720
"""Longer side, in px, of a picture on a page of few hits."""
MAX_SHARP_PICTURES = 60
"""Most hits of a page that cuts its pictures from the originals. With more, it holds the small pictures of the index,
so that a person can still open and send the file."""
MAX_ORIGINAL_PIXELS = 80_000_000
"""Largest figure, in pixels, that is decoded for a page. A larger one is shown by the small picture of the index."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG. `width` and `height` are those of the panel in px of its file; the JPEG itself may be smaller."""

    jpeg: bytes
    width: int
    height: int

    @property
    def data_url(self) -> str:
        """The picture as a data URL, which needs no request."""
        return "data:image/jpeg;base64," + base64.b64encode(self.jpeg).decode("ascii")


class PictureLoader:
    """Loads pictures with a longer side of up to `side` px. Keeps the last original in memory: hits often share one."""

    def __init__(self, side: int = PAGE_PICTURE_SIDE) -> None:
        self.side = side
        self._last: tuple[str, Pixels | None] = ("", None)

    def panel_picture(self, stored: StoredPanel, small: bytes | None, originals: bool = True) -> Picture | None:
        """Return a panel from its original (if `originals`), else the stored JPEG `small`; None if neither works."""
        panel = stored.panel
        width, height = max(panel.width, 1), max(panel.height, 1)
        pixels = self._original(stored.figure) if originals else None
        if pixels is not None and pixels.shape[:2] == (stored.figure.height, stored.figure.width):
            try:
                return Picture(thumbnail(crop(pixels, panel.box), self.side), width, height)
            except MirsearchError:
                pass  # the box lies outside its figure; the stored picture may still be right
        return Picture(small, width, height) if small and _is_jpeg(small) else None

    def query_picture(self, query: QueryView) -> Picture | None:
        """Return the part of the query's image that was used, or None."""
        if query.pixels is None or query.pixels.size == 0:
            return None
        height, width = query.pixels.shape[:2]
        if query.box is not None:  # the pixels may be an index's small picture of it
            width, height = max(query.box[2] - query.box[0], 1), max(query.box[3] - query.box[1], 1)
        return Picture(thumbnail(query.pixels, self.side), width, height)

    def _original(self, figure: Figure) -> Pixels | None:
        if self._last[0] != figure.id:
            self._last = (figure.id, _read_original(figure))
        return self._last[1]


def _read_original(figure: Figure) -> Pixels | None:
    """Return the figure's pixels from its newest origin that is a readable file, or None."""
    if figure.width * figure.height > MAX_ORIGINAL_PIXELS:
        return None
    for origin in reversed(figure.origins):
        if "://" in origin.location or "\0" in origin.location:
            continue
        try:
            if not Path(origin.location).is_file():
                continue
            pages = read_pages(Path(origin.location))
            return next((page.pixels for page in pages if page.number == figure.page), None)
        except (MirsearchError, OSError, ValueError):
            continue
    return None


def _is_jpeg(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
            return opened.width * opened.height <= LIMITS.image_pixels
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return False
