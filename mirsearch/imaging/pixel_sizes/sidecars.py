"""Text files that microscopes write beside their images: Hitachi, JEOL, Tescan."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

from mirsearch.imaging.beside import sidecars
from mirsearch.imaging.pixel_sizes.hitachi import hitachi_text_size
from mirsearch.imaging.pixel_sizes.jeol import jeol_text_size
from mirsearch.imaging.pixel_sizes.sizes import PixelSize
from mirsearch.imaging.pixel_sizes.tescan import tescan_text_size
from mirsearch.imaging.pixel_sizes.text import decode_text

_LOG = logging.getLogger(__name__)

_LARGEST = 1 << 20
"""Most bytes of a text file beside an image that is read."""

_READERS: tuple[Callable[[str, tuple[int, int] | None], PixelSize | None], ...] = (
    jeol_text_size,
    hitachi_text_size,
    tescan_text_size,
)


def sidecar_pixel_size(path: Path, picture: tuple[int, int] | None) -> PixelSize | None:
    """Return the pixel size by the text files beside an image of (width, height), or None if there are none."""
    for text in _read_texts(path):
        for reader in _READERS:
            size = reader(text, picture)
            if size is not None:
                return size
    return None


def _read_texts(path: Path) -> Iterator[str]:
    for sidecar in sidecars(path):
        try:
            if sidecar.stat().st_size <= _LARGEST:
                yield decode_text(sidecar.read_bytes())
        except OSError as error:
            _LOG.debug("can't read %s: %s", sidecar, error)
