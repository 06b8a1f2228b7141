"""Folders walked in a stable order, without loops, without hidden files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mirsearch.sources.base import SourceFailure

MAX_DEPTH = 64
INDEX_DATABASE = "corpus.sqlite3"
"""A folder with this file is an index: what lies in it has been taken in already."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder with its visible files and sub-folders, each sorted by name."""

    folder: Path
    files: tuple[Path, ...]
    folders: tuple[Path, ...]


def listing(folder: Path) -> Listing:
    """What lies in a folder; OSError where it can't be read."""
    files: list[Path] = []
    folders: list[Path] = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        try:
            if not entry.is_dir():
                files.append(entry)
            elif not (entry / INDEX_DATABASE).exists():
                folders.append(entry)
        except OSError:  # a link that leads in a circle, or beyond what may be read: shown when it is opened
            files.append(entry)
    return Listing(folder, tuple(files), tuple(folders))


class Walker:
    """Walks down folders; each real folder is visited once, however many links lead to it."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()

    def enter(self, folder: Path, depth: int = 0) -> Listing | SourceFailure | None:
        """The folder's listing; a failure where it can't be read, None where it was entered before."""
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in self._seen:
                return None
            self._seen.add((status.st_dev, status.st_ino))
            if depth > MAX_DEPTH:
                return SourceFailure(str(folder), f"folders nested more than {MAX_DEPTH} deep; give the folder itself")
            return listing(folder)
        except OSError as error:
            cause = error.strerror or str(error)
            return SourceFailure(str(folder), f"folder can't be read: {cause}; check its permissions")

    def walk(self, folder: Path, depth: int = 0) -> Iterator[Listing | SourceFailure]:
        """The folder and all below it, top down."""
        found = self.enter(folder, depth)
        if found is None:
            return
        yield found
        if isinstance(found, Listing):
            for each in found.folders:
                yield from self.walk(each, depth + 1)
