"""What all worker processes of a server share: a folder, a secret, the counts of clients, and word of changes."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from mirsearch.files.locks import locked
from mirsearch.web.clients import ClientTable
from mirsearch.web.left_places import PLACE_PREFIX, hold_place, release_place, remove_left_places

_CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """Where processes meet: a folder that only this user can read, a secret, and how many processes there are."""

    folder: Path
    secret: bytes
    workers: int = 1


def make_place(workers: int = 1) -> SharedPlace:
    """Return a new place for so many processes. Who makes it removes its folder at the end.

    Folders of this user's servers that were killed are removed first.
    """
    remove_left_places(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PLACE_PREFIX))
    hold_place(folder)
    (folder / _CHANGED).touch()
    return SharedPlace(folder, secrets.token_bytes(32), workers)


class Shared:
    """One process's view of the place. `number` counts the processes from 0."""

    def __init__(self, place: SharedPlace, number: int = 0) -> None:
        self.folder, self.secret, self.workers, self.number = place.folder, place.secret, place.workers, number
        hold_place(self.folder)
        self.clients = ClientTable(place.folder, place.secret, place.workers, number)

    def tell_change(self) -> None:
        """Tell all processes that something was written to the index."""
        now = time.time_ns()
        with contextlib.suppress(OSError):  # the folder is removed at the end, while requests may still be in hand
            os.utime(self.folder / _CHANGED, ns=(now, now))

    def last_change(self) -> int:
        """Return when any process last wrote to the index, as a number that only grows."""
        try:
            return (self.folder / _CHANGED).stat().st_mtime_ns
        except OSError:
            return 0

    def writing(self) -> AbstractContextManager[None]:
        """Keep the other processes from writing to the index meanwhile: they wait."""
        return locked(self.folder / "writing.lock")

    def close(self) -> None:
        """Let go of the files."""
        self.clients.close()


def remove_place(place: SharedPlace) -> None:
    """Remove the folder with all that is in it."""
    release_place(place.folder)
    shutil.rmtree(place.folder, ignore_errors=True)
