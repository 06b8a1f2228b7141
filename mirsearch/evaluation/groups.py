"""Groups of pictures that must not answer each other: of one article, one sample, or cut from one image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from mirsearch.errors import UsageError
from mirsearch.evaluation.tables import read_table

_NAMES = ("file", "image", "path", "name", "filename", "id", "panel")
_GROUPS = ("group", "sample", "article", "paper", "base", "source")
"""Titles of columns, the first that a table has counts."""


def read_groups(path: Path) -> dict[str, str]:
    """Return the group of each name in a csv table: a column with the name, and one with the group.

    Without titles, the first two columns count. UsageError if the file can't be used.
    """
    rows = read_table(path)
    if not rows or max(map(len, rows)) < 2:
        raise UsageError(f"{path} has no two columns", "give a csv table: file,group")
    titles = [cell.strip().casefold() for cell in rows[0]]
    name = next((titles.index(title) for title in _NAMES if title in titles), None)
    group = next((titles.index(title) for title in _GROUPS if title in titles), None)
    if name is None and group is None:
        name, group = 0, 1
    else:
        rows = rows[1:]
        name = name if name is not None else int(group == 0)
        group = group if group is not None else int(name == 0)
    found = {row[name].strip(): row[group].strip() for row in rows if len(row) > max(name, group)}
    return {name: group for name, group in found.items() if name and group}


def groups_of_files(files: Iterable[Path], folder: Path, named: Mapping[str, str]) -> dict[Path, str]:
    """Return the groups of files in a folder. A table may name them by path, by their place in the folder, or by name.

    A name without its folders, or without its ending, counts only where a single file has it. UsageError if it names
    none of the files.
    """
    by_name: dict[str, list[Path]] = {}
    listed = list(files)
    for path in listed:
        inside = path.relative_to(folder)
        for name in dict.fromkeys(_spellings(path, inside)):
            by_name.setdefault(name, []).append(path)
    found: dict[Path, str] = {}
    for name, group in named.items():
        matches = by_name.get(_plain(name), [])
        if len(matches) == 1:
            found[matches[0]] = group
    if not found:
        raise UsageError(f"the table of groups names no image of {folder}", "name them by their path in the folder")
    return found


def _plain(name: str) -> str:
    return str(PurePosixPath(name.replace("\\", "/")))


def _spellings(path: Path, inside: Path) -> Iterable[str]:
    """Yield the names that a table may give a file."""
    yield from (str(path.absolute()), str(path), str(inside), str(inside.with_suffix("")))
    yield from (path.name, path.stem, str(Path(path.parent.name) / path.name))
