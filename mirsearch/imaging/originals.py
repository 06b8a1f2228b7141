"""The image files of a corpus's figures: a file's pixels count only where its content is the one that was indexed."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mirsearch.corpus import Figure, figure_id
from mirsearch.errors import MirsearchError
from mirsearch.imaging import images
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

_FileState = tuple[int, int, int, int, int]
_hashes: dict[str, tuple[_FileState, str]] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """A figure's page with the file it was read from, or None for both and the reason why."""

    path: Path | None
    page: images.Page | None
    state: OriginalState


def find_original(figure: Figure) -> tuple[Path | None, OriginalState]:
    """Return the newest file that still has the figure; else None, and whether the files are missing or changed."""
    state: OriginalState = "missing"
    for origin in reversed(figure.origins):
        found = compare_file(origin.location, figure)
        if found == "same":
            return Path(origin.location), "same"
        state = "changed" if found == "changed" else state
    return None, state


def read_original(figure: Figure) -> Original:
    """Return the figure's page from a file whose content is the one that was indexed, before and after it is read.

    ImageError where that file can't be decoded.
    """
    path, state = find_original(figure)
    if path is None:
        return Original(None, None, state)
    before = _file_state(path)
    page = next((page for page in images.read_pages(path) if page.number == figure.page), None)
    if page is None or before is None or _file_state(path) != before:
        return Original(None, None, "changed")
    return Original(path, page, "same")


def compare_file(location: str, figure: Figure) -> OriginalState:
    """Return whether the file at one of a figure's origins still has the figure; an address counts as missing."""
    if "://" in location or "\0" in location:
        return "missing"
    path = Path(location)
    try:
        if not path.is_file():
            return "missing"
        return "same" if figure_id(_content_hash(path), figure.page) == figure.id else "changed"
    except (MirsearchError, OSError, ValueError):
        log.debug("%s can't be read", path, exc_info=True)
        return "missing"


def _content_hash(path: Path) -> str:
    """Return the hash of a file's content, from memory while the file is as it was; empty for one that is too large."""
    state = _file_state(path)
    key = str(path.absolute())
    kept = _hashes.get(key)
    if kept is not None and kept[0] == state:
        return kept[1]
    if state is None or state[2] > LIMITS.image_bytes:
        return ""
    content = images.content_hash(path)
    if _file_state(path) != state:
        return ""  # it is being written
    if time.time() - max(state[3], state[4]) / 1e9 > _SETTLED_SECONDS:
        while len(_hashes) >= _MAX_KEPT:
            _hashes.pop(next(iter(_hashes)), None)
        _hashes[key] = (state, content)
    return content


def _file_state(path: Path) -> _FileState | None:
    """Return what changes whenever a file's content does: device, inode, size, times of change in ns; None if gone."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
