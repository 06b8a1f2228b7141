"""Walk through folders in a stable order, without loops and without hidden files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from mirsearch.sources.base import SkippedFiles, SourceFailure
from mirsearch.sources.exclusions import present_exclusions

MAX_DEPTH = 64
INDEX_DATABASE = "corpus.sqlite3"
"""Name of an index's database. A folder with this file is an index, so its contents are skipped."""


@dataclass(slots=True)
class LinkPolicy:
    """Whether symbolic links that lead out of the given folders are followed, and those that were left out."""

    follow: bool = False
    roots: tuple[Path, ...] = ()
    left_out: dict[Path, None] = field(default_factory=dict)

    def allows(self, entry: Path, root: Path) -> bool:
        """Return whether a link leads to a place in the given folders or in `root`; note it if not."""
        try:
            target = entry.resolve()
        except (OSError, RuntimeError):  # a link to itself: the error is reported when the file is opened
            return True
        if self.follow or any(target.is_relative_to(inside) for inside in (root, *self.roots)):
            return True
        self.left_out[entry] = None
        return False

    def skipped(self) -> Iterator[SkippedFiles]:
        """Yield one note about the links that were left out, if there are any."""
        if self.left_out:
            reason = "they lead out of the given folder; --follow-links follows them"
            yield SkippedFiles(str(next(iter(self.left_out))), reason, True, "symbolic links", len(self.left_out))


_policy: ContextVar[LinkPolicy | None] = ContextVar("link policy", default=None)


@contextmanager
def link_policy(follow: bool, paths: Sequence[Path]) -> Iterator[LinkPolicy]:
    """Let all walkers of the block follow links within the given paths, or with `follow` all links."""
    policy = LinkPolicy(follow, tuple(path.resolve() for path in paths if path.is_dir()))
    token = _policy.set(policy)
    try:
        yield policy
    finally:
        _policy.reset(token)


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
        self._root: Path | None = None
        self._links = _policy.get() or LinkPolicy()
        self._exclusions = present_exclusions()

    def visit(self, folder: Path, depth: int = 0) -> FolderListing | SourceFailure | None:
        """Return the folder's listing; a failure if it can't be read; None if it was visited before."""
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in self._seen:
                return None
            self._seen.add((status.st_dev, status.st_ino))
            if depth == 0 or self._root is None:
                self._root = folder.resolve()
            if depth > MAX_DEPTH:
                return SourceFailure(
                    str(folder), f"folders are nested more than {MAX_DEPTH} deep; give the inner folder itself"
                )
            return self._without_links_out(self._without_excluded(list_folder(folder)), self._root)
        except OSError as error:
            cause = error.strerror or str(error)
            return SourceFailure(str(folder), f"folder can't be read: {cause}; check its permissions")

    def _without_excluded(self, listing: FolderListing) -> FolderListing:
        if self._exclusions is None:
            return listing
        files, folders = self._exclusions.keep(listing.files, False), self._exclusions.keep(listing.folders, True)
        return FolderListing(listing.folder, files, folders)

    def _without_links_out(self, listing: FolderListing, root: Path) -> FolderListing:
        """Return a listing without the links that lead out of the given folders."""
        files, folders = (
            tuple(entry for entry in entries if not entry.is_symlink() or self._links.allows(entry, root))
            for entries in (listing.files, listing.folders)
        )
        return FolderListing(listing.folder, files, folders)

    def walk(self, folder: Path, depth: int = 0) -> Iterator[FolderListing | SourceFailure]:
        """Yield the listings of a folder and of everything below it, from the top down."""
        listing = self.visit(folder, depth)
        if listing is None:
            return
        yield listing
        if isinstance(listing, FolderListing):
            for subfolder in listing.folders:
                yield from self.walk(subfolder, depth + 1)
