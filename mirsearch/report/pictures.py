"""Pictures of hits: cut from the original file if it is still the one that was indexed, else the index's small picture.

A file that was replaced is never shown: what it shows now is not what was found.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from mirsearch.errors import MirsearchError, UsageError
from mirsearch.imaging.images import thumbnail
from mirsearch.query import Pixels, StoredPanel
from mirsearch.readers.originals import OriginalImages
from mirsearch.search.answer import QueryImage, QueryView
from mirsearch.settings import LIMITS

PAGE_PICTURE_SIDE = 720
"""Longer side, in px, of a picture on a page of few hits."""
MAX_SHARP_PICTURES = 60
"""Most hits of a page that cuts its pictures from the originals. With more, it holds the small pictures of the index,
so that a person can still open and send the file."""
MAX_ORIGINAL_PIXELS = 80_000_000
"""Largest figure, in pixels, that is decoded for a page. A larger one is shown by the small picture of the index."""


NOTES = {
    "changed": "the file has other content now: this is the small picture of the index",
    "missing": "the file is not where it was: this is the small picture of the index",
    "damaged": "the file can't be read now: this is the small picture of the index",
    "large": "the file is very large: this is the small picture of the index",
}
"""Why the index's small picture stands for the original."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG. `width` and `height` are those of the panel in px of its file; the JPEG itself may be smaller.

    `note` tells why it is not cut from the original; empty where it is, or where originals were not asked for.
    """

    jpeg: bytes
    width: int
    height: int
    note: str = ""

    @property
    def data_url(self) -> str:
        """The picture as a data URL, which needs no request."""
        return "data:image/jpeg;base64," + base64.b64encode(self.jpeg).decode("ascii")


class PictureLoader:
    """Loads pictures with a longer side of up to `side` px. Keeps the last original in memory: hits often share one."""

    def __init__(self, side: int = PAGE_PICTURE_SIDE) -> None:
        self.side = side
        self._originals = OriginalImages(MAX_ORIGINAL_PIXELS)

    def panel_picture(self, stored: StoredPanel, small: bytes | None, originals: bool = True) -> Picture | None:
        """Return a panel from its original (if `originals`), else the stored JPEG `small`; None if neither works."""
        panel = stored.panel
        width, height = max(panel.width, 1), max(panel.height, 1)
        pixels, note = self._original(stored) if originals else (None, "")
        if pixels is not None:
            return Picture(thumbnail(pixels, self.side), width, height)
        return Picture(small, width, height, note) if small and _is_jpeg(small) else None

    def query_picture(self, query: QueryView | QueryImage) -> Picture | None:
        """Return the part of the query's image (or of one of its images) that was used, or None."""
        if query.pixels is None or query.pixels.size == 0:
            return None
        height, width = query.pixels.shape[:2]
        if query.box is not None:  # the pixels may be an index's small picture of it
            width, height = max(query.box[2] - query.box[0], 1), max(query.box[3] - query.box[1], 1)
        return Picture(thumbnail(query.pixels, self.side), width, height)

    def _original(self, stored: StoredPanel) -> tuple[Pixels | None, str]:
        """Return a panel's pixels from a file with the content that was indexed; else None and a note of NOTES."""
        try:
            pixels, state = self._originals.crop(stored.figure, stored.panel.box)
        except UsageError:
            return None, ""  # the box lies outside its figure; the stored picture may still be right
        except (MirsearchError, OSError, ValueError):
            return None, NOTES["damaged"]
        return pixels, "" if pixels is not None else NOTES[state]


def _is_jpeg(data: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
            return opened.width * opened.height <= LIMITS.image_pixels
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return False
