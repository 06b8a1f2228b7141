"""Tells an index that files have another place now: a folder was moved, renamed, or mounted elsewhere."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirsearch.corpus import Figure
from mirsearch.errors import UsageError
from mirsearch.indexes.base import Failure, Index
from mirsearch.ingest.dismissed import DISMISSED
from mirsearch.ingest.folders import FOLDERS
from mirsearch.readers.originals import compare_file
from mirsearch.transfer.copying import CommitClock, Progress, ignore_progress, require_snapshots

_BORDERS = ("/", "\\", "#")
"""What may follow a folder or file in a location."""


@dataclass(slots=True)
class Relocation:
    """How many figures, locations and failures change, and what is at the new places.

    `same` files have the hash that was indexed, `changed` ones have not, `missing` ones are not there. `containers` are
    articles and archives that figures were taken from: they are there, and have no hash to compare.
    """

    figures: int = 0
    locations: int = 0
    failures: int = 0
    same: int = 0
    changed: int = 0
    missing: int = 0
    containers: int = 0
    is_dry_run: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types, as `mirsearch index relocate --format json` prints them."""
        return dataclasses.asdict(self)

    def add_file(self, location: str, figure: Figure) -> None:
        """Count what is at a new place."""
        self.locations += 1
        container, mark, _ = location.partition("#")
        state = compare_file(location, figure)
        if state == "missing" and mark and Path(container).is_file():
            self.containers += 1
        else:
            setattr(self, state, getattr(self, state) + 1)


class _Move:
    """A folder and where it is now. Locations within are renamed; "/data/a" holds "/data/a/b" but not "/data/ab"."""

    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = _absolute(old), _absolute(new)
        if self._old == self._new:
            raise UsageError(f"{old} and {new} are the same folder", "give the old place and the new one")

    def __call__(self, location: str) -> str:
        rest = location[len(self._old) :]
        if not location.startswith(self._old) or (rest and not rest.startswith(_BORDERS) and self._old[-1] != "/"):
            return location
        return self._new + (rest if self._old[-1] != "/" else f"/{rest}")

    def figure(self, figure: Figure) -> Figure:
        """Return a figure with its new locations, in the order of the old ones, each once."""
        moved = [dataclasses.replace(origin, location=self(origin.location)) for origin in figure.origins]
        by_key = {(origin.source, origin.location): origin for origin in moved}
        return dataclasses.replace(figure, origins=tuple(by_key.values()))


def _absolute(folder: str) -> str:
    if not folder.strip() or "://" in folder:
        raise UsageError(f"{folder!r} is no folder", "give the path of a folder")
    return os.path.normpath(Path(folder).absolute())


def relocate(
    index: Index,
    old: str,
    new: str,
    *,
    dry_run: bool = False,
    force: bool = False,
    progress: Progress = ignore_progress,
) -> Relocation:
    """Rename all locations in the folder `old` (or of the file) to those in `new`. An interrupted run can be repeated.

    Raises UsageError if nothing is in `old`; and, unless forced, if none of the files is in `new`.
    """
    require_snapshots(index)
    move, found = _Move(old, new), Relocation(is_dry_run=dry_run)
    with index.snapshot() as snapshot:
        total = snapshot.count_figures()
        for done, figure in enumerate(snapshot.figures(), start=1):
            changed = [location for origin in figure.origins if (location := move(origin.location)) != origin.location]
            found.figures += bool(changed)
            for location in changed:
                found.add_file(location, figure)
            progress(done, total)
        found.failures = sum(1 for _ in _moved_failures(snapshot.failures(), move))
    if not found.locations and not found.failures:
        raise UsageError(
            f"no file of the index at {index.location} is in {old}", "`mirsearch export` shows where they are"
        )
    if dry_run:
        return found
    if found.locations and not (force or found.same or found.containers):
        raise UsageError(
            f"none of the {found.locations:,} files is in {new} as it was indexed",
            "move the files first, or add --force",
        )
    _write(index, move)
    return found


def _moved_failures(failures: Iterator[Failure], move: _Move) -> Iterator[tuple[str, Failure]]:
    """Yield the failures whose input moves, with the old input."""
    for failure in failures:
        if (location := move(failure.input)) != failure.input:
            yield failure.input, dataclasses.replace(failure, input=location)


def _write(index: Index, move: _Move) -> None:
    with index.writer() as writer:
        clock = CommitClock(writer)
        with index.snapshot() as snapshot:
            for figure in snapshot.figures():
                moved = move.figure(figure)
                if moved.origins != figure.origins:
                    writer.replace_origins(figure.id, moved.origins)
                    clock.tick()
            moved_failures = dict(_moved_failures(snapshot.failures(), move))
        if moved_failures:
            writer.record_failures(moved_failures.values(), moved_failures.keys())
        for kept in (FOLDERS, DISMISSED):  # lists whose entries are named by a folder or file
            entries = index.entries(kept)
            names = {name: place for name in entries if (place := move(name)) != name}
            if names:
                writer.write_entries(kept, {place: entries[name] for name, place in names.items()}, removed=names)
