"""Which files and folders are left out of a folder: by patterns that are given, and by `.mirsearchignore` files.

A pattern is one of `.gitignore`, without backslashes: `*`, `?` and `[…]` stand for anything but a slash, `**` for any
folders. One with a slash at its beginning or in it is matched from the folder that the file lies in (a given one: from
the ingested folder), any other one at any depth. A slash at the end: folders only. `!` takes back what an earlier line
left out, but nothing in a folder that is left out. The time of a match grows like the pattern times the name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from mirsearch.sources.base import SkippedFiles, SourceFailure

IGNORE_FILE = ".mirsearchignore"
MAX_BYTES = 64 << 10
MAX_PATTERNS = 200
MAX_CHARS = 500
"""Limits of one file of patterns. What goes beyond them is told as a failure, and the folder is left out."""
_ANY = "**"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern: its parts between slashes, whether it takes back (`!`), and whether it is for folders only."""

    parts: tuple[str, ...]
    takes_back: bool = False
    folders_only: bool = False

    def matches(self, parts: Sequence[str]) -> bool:
        """Return whether the parts of a relative path match."""
        reached = {0}
        for wanted in self.parts:
            if wanted == _ANY:
                reached = set(range(min(reached), len(parts) + 1))
            else:
                reached = {at + 1 for at in reached if at < len(parts) and fnmatchcase(parts[at], wanted)}
            if not reached:
                return False
        return len(parts) in reached


def parse_patterns(lines: Iterable[str]) -> tuple[Pattern, ...]:
    """Return the patterns of lines; empty lines and those that begin with # are none."""
    patterns = (_parse_pattern(line.strip()) for line in lines if line.strip() and not line.startswith("#"))
    return tuple(pattern for pattern in patterns if pattern is not None)


def _parse_pattern(line: str) -> Pattern | None:
    takes_back = line.startswith("!")
    text = line[1:] if takes_back else line
    folders_only = text.endswith("/")
    is_anchored = "/" in text.rstrip("/")
    parts = [part.replace("[^", "[!") for part in text.split("/") if part and part != "."]
    if not parts:
        return None
    if not is_anchored:
        parts.insert(0, _ANY)
    if parts[-1] == _ANY:
        parts.append("*")  # what is in a folder, not the folder
    return Pattern(tuple(parts), takes_back, folders_only)


@dataclass(slots=True)
class Exclusions:
    """What is left out of some folders. `given` patterns count before those of files."""

    roots: tuple[Path, ...] = ()
    given: tuple[Pattern, ...] = ()
    left_out: dict[Path, None] = field(default_factory=dict)
    problems: dict[Path, str] = field(default_factory=dict)
    """Files of patterns that can't be used, and why."""
    _files: dict[Path, tuple[Pattern, ...]] = field(default_factory=dict)

    def keep(self, entries: Iterable[Path], are_folders: bool) -> tuple[Path, ...]:
        """Return the entries of a folder that are not left out, and note the others."""
        kept = []
        for entry in entries:
            if self._hides(_absolute(entry), are_folders):
                self.left_out[entry] = None
            else:
                kept.append(entry)
        return tuple(kept)

    def covers(self, path: Path) -> bool:
        """Return whether a file, or a folder that it lies in, is left out."""
        root = self._root(path)
        if root is None:
            return False
        folders = [parent for parent in path.parents if parent != root and parent.is_relative_to(root)]
        return self._hides(path, False) or any(self._hides(folder, True) for folder in folders)

    def _root(self, path: Path) -> Path | None:
        """Return the innermost root that a path lies in."""
        roots = [root for root in self.roots if path != root and path.is_relative_to(root)]
        return max(roots, key=lambda root: len(root.parts), default=None)

    def _hides(self, path: Path, is_folder: bool) -> bool:
        root = self._root(path)
        if root is None:
            return False
        parts = path.relative_to(root).parts
        folders = [root.joinpath(*parts[:depth]) for depth in range(len(parts) - 1, -1, -1)]
        rules = [(self.given, parts)] + [(self._read(folder), path.relative_to(folder).parts) for folder in folders]
        for patterns, names in rules:
            for pattern in reversed(patterns):
                if (is_folder or not pattern.folders_only) and pattern.matches(names):
                    return not pattern.takes_back
        return False

    def _read(self, folder: Path) -> tuple[Pattern, ...]:
        if folder not in self._files:
            self._files[folder] = self._read_file(folder / IGNORE_FILE)
        return self._files[folder]

    def _read_file(self, path: Path) -> tuple[Pattern, ...]:
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
            lines = data.decode("utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except (OSError, ValueError) as error:
            reason = f"can't be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        else:
            patterns = parse_patterns(lines)
            if (
                len(data) <= MAX_BYTES
                and len(patterns) <= MAX_PATTERNS
                and max(map(len, lines), default=0) <= MAX_CHARS
            ):
                return patterns
            reason = f"more than {MAX_PATTERNS} patterns, or one of more than {MAX_CHARS} characters"
        self.problems[path] = reason
        return (Pattern((_ANY, "*")),)

    def notes(self) -> Iterator[SourceFailure]:
        """Yield the files of patterns that can't be used, and one note about what was left out."""
        for path, reason in self.problems.items():
            yield SourceFailure(str(path), f"{reason}; all of its folder is left out until it is corrected")
        if self.left_out:
            reason = f"--exclude or {IGNORE_FILE} names them"
            yield SkippedFiles(str(next(iter(self.left_out))), reason, True, "excluded files", len(self.left_out))


def _absolute(path: Path) -> Path:
    """Return an absolute path without .., with its links as they are."""
    return Path(os.path.normpath(path.absolute()))


_present: ContextVar[Exclusions | None] = ContextVar("exclusions", default=None)


def present_exclusions() -> Exclusions | None:
    """Return the exclusions of the block that runs, None if there are none."""
    return _present.get()


@contextmanager
def excluding(patterns: Sequence[str], paths: Sequence[Path]) -> Iterator[Exclusions]:
    """Let all walkers of the block leave out what the patterns and files of patterns say, in the folders of `paths`."""
    folders = [path for path in paths if path.is_dir()]
    roots = dict.fromkeys(place for path in folders for place in (_absolute(path), path.resolve()))
    exclusions = Exclusions(tuple(roots), parse_patterns(patterns))
    token = _present.set(exclusions)
    try:
        yield exclusions
    finally:
        _present.reset(token)
