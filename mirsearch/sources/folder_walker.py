"""Walk through folders in a stable order, without loops and without hidden files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mirsearch.sources.base import SourceFailure

MAX_DEPTH = 64
INDEX_DATABASE = "corpus.sqlite3"
"""Name of an index's database. A folder with this file is an index, so its contents are skipped."""


@dataclass(frozen=True, slots=True)
class FolderListing:
    """A folder with its visible files and subfolders, both sorted by name."""

    folder: Path
    files: tuple[Path, ...]
    folders: tuple[Path, ...]


def list_folder(folder: Path) -> FolderListing:
    """Return the visible files and subfolders of a folder. Raises OSError if it can't be read."""
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
        except OSError:  # a circular link, or no permission: the error is reported when the file is opened
            files.append(entry)
    return FolderListing(folder, tuple(files), tuple(folders))


class FolderWalker:
    """Walks down through folders. It visits each real folder once, even if several links lead to it."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()

    def visit(self, folder: Path, depth: int = 0) -> FolderListing | SourceFailure | None:
        """Return the folder's listing; a failure if it can't be read; None if it was visited before."""
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in self._seen:
                return None
            self._seen.add((status.st_dev, status.st_ino))
            if depth > MAX_DEPTH:
                return SourceFailure(
                    str(folder), f"folders are nested more than {MAX_DEPTH} deep; give the inner folder itself"
                )
            return list_folder(folder)
        except OSError as error:
            cause = error.strerror or str(error)
            return SourceFailure(str(folder), f"folder can't be read: {cause}; check its permissions")

    def walk(self, folder: Path, depth: int = 0) -> Iterator[FolderListing | SourceFailure]:
        """Yield the listings of a folder and of everything below it, from the top down."""
        listing = self.visit(folder, depth)
        if listing is None:
            return
        yield listing
        if isinstance(listing, FolderListing):
            for subfolder in listing.folders:
                yield from self.walk(subfolder, depth + 1)
