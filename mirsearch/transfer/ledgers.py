"""The ledger of acquisitions comes along with the index it belongs to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from mirsearch.acquisition.ledger import Ledger
from mirsearch.errors import MirsearchError
from mirsearch.transfer.places import LEDGER, pictures_folder


def ledger_path(location: str) -> Path | None:
    """Return the ledger inside an index, None if it has none."""
    folder = pictures_folder(location)
    path = None if folder is None else folder / LEDGER
    return path if path is not None and path.is_file() else None


def save_ledger(path: Path, target: Path) -> None:
    """Write a ledger's contents, as of one commit, into another file, in place of what that has."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
    except sqlite3.Error as error:
        raise MirsearchError(f"the ledger {path} can't be copied: {error}", "move it away, and run it again") from error


def copy_ledger(source: str, target: str) -> None:
    """Add what the ledger of one index knows to that of another. What both know stays as the target has it."""
    path, folder = ledger_path(source), pictures_folder(target)
    if path is None or folder is None or path == folder / LEDGER:
        return
    if not (folder / LEDGER).exists():
        save_ledger(path, folder / LEDGER)
        return
    ledger = Ledger(folder / LEDGER)
    try:
        ledger.add_from(path)
    finally:
        ledger.close()
