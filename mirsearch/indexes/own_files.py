"""Names of the files that lie inside an index. They are stored relative to it, so that it can be moved or copied.

"index:acquired/figures/PMC1/001.png" is the file `acquired/figures/PMC1/001.png` in the folder of the index. For an
index on a server, `acquired` is the workspace of the machine that asks.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

from mirsearch import settings
from mirsearch.corpus import Figure, Origin
from mirsearch.query import StoredPanel

PREFIX = "index:"
"""What the stored name of a file inside the index begins with."""
ACQUIRED = "acquired"
"""The folder, within an index, of what mirsearch fetched or cut itself."""


class OwnFiles:
    """Translates names of files: as they are stored, and as paths. `inside` is the place of `root` within the index."""

    def __init__(self, root: str | Path, inside: str = "") -> None:
        self.root = Path(os.path.normpath(Path(root).absolute()))
        self._inside = f"{inside}/" if inside else ""
        # the folder may be named through a link, its files as well
        self._starts = tuple(dict.fromkeys(str(path / "_")[:-1] for path in (self.root, self.root.resolve())))

    def to_stored(self, location: str) -> str:
        """Return the name to store for a location: relative to the index if its file lies inside, else as it is."""
        for start in self._starts:
            if location.startswith(start):
                inside = location[len(start) :].replace(os.sep, "/")
                return f"{PREFIX}{self._inside}{inside}" if is_inside(inside) else location
        return location

    def to_path(self, stored: str) -> str:
        """Return the location for a stored name. A name that would lead out of the index stays as it is."""
        inside = stored.removeprefix(PREFIX + self._inside)
        if not stored.startswith(PREFIX + self._inside) or not is_inside(inside):
            return stored
        return f"{self._starts[0]}{inside.replace('/', os.sep)}"

    def stored_origin(self, origin: Origin) -> Origin:
        """Return an origin with its location as it is stored."""
        return dataclasses.replace(origin, location=self.to_stored(origin.location))

    def origins(self, stored: Iterable[Origin]) -> tuple[Origin, ...]:
        """Return stored origins with paths as locations."""
        return tuple(
            dataclasses.replace(origin, location=self.to_path(origin.location))
            if origin.location.startswith(PREFIX)
            else origin
            for origin in stored
        )

    def stored_figure(self, figure: Figure) -> Figure:
        """Return a figure with the locations of its origins as they are stored."""
        return dataclasses.replace(figure, origins=tuple(self.stored_origin(origin) for origin in figure.origins))

    def figure(self, stored: Figure) -> Figure:
        """Return a stored figure with paths as the locations of its origins."""
        if not any(origin.location.startswith(PREFIX) for origin in stored.origins):
            return stored
        return dataclasses.replace(stored, origins=self.origins(stored.origins))

    def panel(self, stored: StoredPanel) -> StoredPanel:
        """Return a stored panel with paths as the locations of its figure's origins."""
        figure = self.figure(stored.figure)
        return stored if figure is stored.figure else dataclasses.replace(stored, figure=figure)

    def find_moved(self, location: str) -> str | None:
        """Return the stored name for a location written before the index was moved; None if it is of no file inside.

        Such a location is absolute, or relative to a forgotten folder. What follows its last part `acquired` counts.
        """
        path, mark, fragment = location.partition("#")
        _, _, inside = path.replace("\\", "/").rpartition(f"{ACQUIRED}/")
        if "://" in location or not is_inside(inside) or f"/{ACQUIRED}/" not in f"/{path}".replace("\\", "/"):
            return None
        folder = self.root if self._inside else self.root / ACQUIRED
        return f"{PREFIX}{ACQUIRED}/{inside}{mark}{fragment}" if (folder / inside).is_file() else None


def is_inside(name: str) -> bool:
    """Return whether a relative name with slashes leads to a file below its folder, on any system."""
    path = name.partition("#")[0]
    parts = path.split("/")
    return bool(path) and "\0" not in path and "\\" not in path and ".." not in parts and "" not in parts[:-1]


def own_files(location: str) -> OwnFiles:
    """Return the names of files inside the index at a location: its folder, or for an address the workspace here."""
    return OwnFiles(settings.workspace(location), ACQUIRED) if "://" in location else OwnFiles(location)
