"""The image files of a corpus's figures: a file's pixels count only where its content is the one that was indexed."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mirsearch.corpus import Box, Figure, figure_id
from mirsearch.errors import MirsearchError
from mirsearch.imaging import images
from mirsearch.imaging.tones import Pixels
from mirsearch.readers.base import ignore_plane
from mirsearch.readers.figures import FileFigure, holds, open_figure
from mirsearch.readers.selection import split_location
from mirsearch.settings import LIMITS

log = logging.getLogger(__name__)

OriginalState = Literal["same", "missing", "changed"]
"""`same`: a file has the content that was indexed. `changed`: a file is there, with other content. `missing`: none is
there, or none can be read."""

_MAX_KEPT = 4096
"""Most files whose hash is kept in memory."""
_SETTLED_SECONDS = 2.0
"""Age of a file's last change from which its hash is kept. A younger file may change again in the same tick of the
clock, and would then look unchanged."""

FileState = tuple[int, int, int, int, int]
"""Device, inode, size, and the times of change in ns."""
_hashes: dict[str, tuple[FileState, str]] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """An open figure of an index with the file that it is read from, or None for both and the reason why."""

    path: Path | None
    figure: FileFigure | None
    state: OriginalState
    opened_as: FileState | None = None

    @property
    def is_unchanged(self) -> bool:
        """Return whether the file is still as it was when it was opened."""
        return self.path is not None and self.opened_as is not None and file_state(self.path) == self.opened_as


def find_original(figure: Figure) -> tuple[str | None, OriginalState]:
    """Return the newest origin whose file still has the figure; else None, and whether files are missing or changed."""
    state: OriginalState = "missing"
    for origin in reversed(figure.origins):
        found = compare_file(origin.location, figure)
        if found == "same":
            return origin.location, "same"
        state = "changed" if found == "changed" else state
    return None, state


@contextmanager
def open_original(figure: Figure) -> Iterator[Original]:
    """Open a figure's file, if its content is the one that was indexed. ImageError where it can't be decoded."""
    location, state = find_original(figure)
    if location is None:
        yield Original(None, None, state)
        return
    path = Path(split_location(location)[0])
    before = file_state(path)
    with open_figure(figure, location) as found:
        yield Original(path, found, "same", before) if found is not None else Original(None, None, "changed")


class OriginalImages:
    """Cuts panels from the files of their figures. The last image is kept: panels often share one."""

    def __init__(self, most_pixels: int | None = None) -> None:
        self._most_pixels = most_pixels
        self._last: tuple[str, Box, Pixels] | None = None

    def crop(self, figure: Figure, box: Box) -> tuple[Pixels | None, OriginalState | Literal["large"]]:
        """Return the pixels in a box of a figure, RGB uint8, and "same"; else None and why there are none.

        "large": the image has more than `most_pixels`. ImageError where the file can't be decoded.
        """
        if self._last is None or self._last[0] != figure.id or not holds(self._last[1], box):
            state = self._read(figure, box)
            if state != "same":
                return None, state
        assert self._last is not None
        left, top = self._last[1][:2]
        return images.crop(self._last[2], (box[0] - left, box[1] - top, box[2] - left, box[3] - top)), "same"

    def _read(self, figure: Figure, box: Box) -> OriginalState | Literal["large"]:
        """Read the image that holds a box, from a file that is the same before and after."""
        with open_original(figure) as original:
            if original.figure is None:
                return original.state
            image = original.figure.image_at(box)
            place = (0, 0, figure.width, figure.height) if image is None else image.box
            if self._most_pixels is not None and (place[2] - place[0]) * (place[3] - place[1]) > self._most_pixels:
                return "large"
            pixels = original.figure.pixels() if image is None else image.read(ignore_plane)
            if not original.is_unchanged:
                return "changed"
        self._last = (figure.id, place, pixels)
        return "same"


def original_pixels(figure: Figure) -> Pixels | None:
    """Return all pixels of a figure of an index; None if no file has its content now. ImageError as for `crop`."""
    return OriginalImages().crop(figure, (0, 0, figure.width, figure.height))[0]


def compare_file(location: str, figure: Figure) -> OriginalState:
    """Return whether the file at one of a figure's origins still has the figure; an address counts as missing."""
    if "://" in location or "\0" in location:
        return "missing"
    path = Path(split_location(location)[0])
    try:
        if not path.is_file():
            return "missing"
        return "same" if figure_id(_content_hash(path), figure.page) == figure.id else "changed"
    except (MirsearchError, OSError, ValueError):
        log.debug("%s can't be read", path, exc_info=True)
        return "missing"


def _content_hash(path: Path) -> str:
    """Return the hash of a file's content, from memory while the file is as it was; empty for one that is too large."""
    state = file_state(path)
    key = str(path.absolute())
    kept = _hashes.get(key)
    if kept is not None and kept[0] == state:
        return kept[1]
    if state is None or state[2] > LIMITS.stack_bytes:
        return ""
    content = images.content_hash(path)
    if file_state(path) != state:
        return ""  # it is being written
    if time.time() - max(state[3], state[4]) / 1e9 > _SETTLED_SECONDS:
        while len(_hashes) >= _MAX_KEPT:
            _hashes.pop(next(iter(_hashes)), None)
        _hashes[key] = (state, content)
    return content


def file_state(path: Path) -> FileState | None:
    """Return what changes whenever a file's content does: device, inode, size, times of change in ns; None if gone."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
