"""Counts the files that a folder has and nobody reads, by kind, so that none is left out silently."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mirsearch.readers.find import is_readable_name, why_unreadable
from mirsearch.readers.kinds import QUIET_SUFFIXES
from mirsearch.sources.base import SkippedFiles

ARCHIVE_SUFFIXES = frozenset(
    (".zip", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".docx", ".docm", ".pptx", ".pptm")
)
"""Suffixes of archives and documents that may hold pictures."""

_COMPRESSED = (".gz", ".bz2", ".xz")
"""Suffixes of one compressed file; only a tar below is an archive."""


def is_archive(path: Path) -> bool:
    """Return whether a file has the suffix of an archive and begins like one."""
    suffix = path.suffix.lower()
    if suffix not in ARCHIVE_SUFFIXES or path.name.startswith("."):
        return False
    if suffix in _COMPRESSED and not path.stem.lower().endswith(".tar"):
        return False
    try:
        if not path.is_file():
            return False
        return zipfile.is_zipfile(path) or (
            ("tar" in path.name.lower() or suffix[1] == "t") and tarfile.is_tarfile(path)
        )
    except (OSError, ValueError, EOFError):
        return False


def is_unreadable(path: Path) -> bool:
    """Return whether a file may hold pictures that can't be read here, by its name; hidden files don't count."""
    suffix = path.suffix.lower()
    if path.name.startswith(".") or suffix in QUIET_SUFFIXES or suffix in ARCHIVE_SUFFIXES or not suffix:
        return False
    return not is_readable_name(path) and path.is_file()


@dataclass(slots=True)
class SkippedKinds:
    """The skipped files by suffix: how many, and the first. With `archives`, archives count: nobody opens them."""

    archives: bool = False
    counts: dict[str, tuple[int, Path]] = field(default_factory=dict)

    def add(self, files: Iterable[Path]) -> None:
        """Count the files that can't be read."""
        for file in files:
            suffix = file.suffix.lower()
            is_closed = suffix in ARCHIVE_SUFFIXES and (self.archives or not is_archive(file))
            if not file.name.startswith(".") and (is_closed or is_unreadable(file)):
                count, first = self.counts.get(suffix, (0, file))
                self.counts[suffix] = (count + 1, first)

    def notes(self) -> Iterator[SkippedFiles]:
        """Yield one note for each suffix, with what would read such files."""
        for suffix, (count, first) in sorted(self.counts.items()):
            remedy = why_unreadable(first)
            if suffix in ARCHIVE_SUFFIXES:
                remedy = "leave out --source to open it" if is_archive(first) else "damaged, or no archive"
            yield SkippedFiles(str(first), remedy, True, f"{suffix} files", count)
