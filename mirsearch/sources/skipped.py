"""Counts the files that a folder has and nobody reads, by kind, so that none is left out silently."""

from __future__ import annotations

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
            if is_unreadable(file) or (self.archives and suffix in ARCHIVE_SUFFIXES):
                count, first = self.counts.get(suffix, (0, file))
                self.counts[suffix] = (count + 1, first)

    def notes(self) -> Iterator[SkippedFiles]:
        """Yield one note for each suffix, with what would read such files."""
        for suffix, (count, first) in sorted(self.counts.items()):
            remedy = "leave out --source to open it" if suffix in ARCHIVE_SUFFIXES else why_unreadable(first)
            yield SkippedFiles(str(first), remedy, True, f"{suffix} files", count)
