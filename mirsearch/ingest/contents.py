"""The hashes of files' contents, each read once while the file is as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mirsearch.errors import ImageError
from mirsearch.imaging import images
from mirsearch.readers.originals import FileState, file_state


class ContentHashes:
    """Reads the hashes of files, and keeps them for a run that looks at each file twice."""

    def __init__(self) -> None:
        self._kept: dict[Path, tuple[FileState, str]] = {}

    def read(self, path: Path, is_stopped: Callable[[], bool] = lambda: False) -> str:
        """Return the sha256 of a file, 64 hex digits; empty once `is_stopped`. ImageError if it can't be read."""
        state = file_state(path)
        kept = self._kept.get(path)
        if kept is not None and kept[0] == state:
            return kept[1]
        content = images.content_hash(path, is_stopped)
        if content and state is not None and file_state(path) == state:
            self._kept[path] = (state, content)
        return content

    def is_unchanged(self, path: Path) -> bool:
        """Return whether a file still has the content whose hash was read; a link or right that changed is nothing."""
        kept = self._kept.get(path)
        if kept is None or kept[0] == file_state(path):
            return kept is not None
        try:
            return self.read(path) == kept[1]
        except ImageError:
            return False
