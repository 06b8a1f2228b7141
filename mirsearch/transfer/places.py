"""Where the pictures of an index lie that mirsearch fetched or cut, and how they come along to another index."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from mirsearch import settings
from mirsearch.corpus import Figure
from mirsearch.files.partial import ENDING, replace_file
from mirsearch.indexes.base import FigureRecord
from mirsearch.indexes.own_files import ACQUIRED, own_files

LEDGER = "ledger.sqlite"
"""The database of acquisitions, and what the names of its log files begin with."""
_OF_SERVER = ("jobs.sqlite", "jobs.lock")
"""What a server keeps of its jobs: it speaks of this place and its users, not of the index."""
Progress = Callable[[int, int], None]


def pictures_folder(location: str) -> Path | None:
    """Return the folder inside an index that keeps its pictures; None if MIRSEARCH_WORKSPACE has them elsewhere."""
    if "://" in location:
        return settings.workspace(location)
    inside = Path(location).absolute() / ACQUIRED
    return inside if settings.workspace(location) == inside else None


def picture_files(folder: Path | None) -> Iterator[tuple[str, Path]]:
    """Yield the plain files below a folder with their names relative to it, without databases and partial files."""
    if folder is None or not folder.is_dir():
        return
    for place, subfolders, names in os.walk(folder):
        subfolders.sort()
        for name in sorted(names):
            path = Path(place, name)
            inside = path.relative_to(folder).as_posix()
            is_partial = any(ENDING in part and part.startswith(".") for part in Path(inside).parts)
            if not (inside.startswith((LEDGER, *_OF_SERVER)) or is_partial or path.is_symlink()) and path.is_file():
                yield inside, path


def copy_pictures(source: str, target: str) -> int:
    """Copy the pictures of one index that another lacks; return how many. A file that is there stays."""
    origin, destination = pictures_folder(source), pictures_folder(target)
    if origin is None or destination is None or origin == destination:
        return 0
    copied = 0
    for inside, path in picture_files(origin):
        place = destination / inside
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            with replace_file(place) as part:
                shutil.copyfile(path, part)
            copied += 1
    return copied


class InsideNames:
    """Names the files inside one index as those inside another."""

    def __init__(self, source: str, target: str) -> None:
        self._source, self._target = own_files(source), own_files(target)

    def location(self, location: str) -> str:
        """Return the same file's place in the target, for a file inside the source; else the location as it is."""
        return self._target.to_path(self._source.to_stored(location))

    def figure(self, figure: Figure) -> Figure:
        """Return a figure of the source with the places of its files in the target."""
        origins = tuple(dataclasses.replace(each, location=self.location(each.location)) for each in figure.origins)
        return figure if origins == figure.origins else dataclasses.replace(figure, origins=origins)

    def record(self, record: FigureRecord) -> FigureRecord:
        """Return a record of the source with the places of its files in the target."""
        return dataclasses.replace(record, figure=self.figure(record.figure))
