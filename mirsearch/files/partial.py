"""Files and folders that appear whole or not at all, and what a killed run left of them.

A file is written under a partial name beside its target and then renamed. The writer holds a lock on the partial file.
The operating system frees that lock when the writer dies, whatever the moment. A later run so knows the partial files
that nobody writes any more, and removes them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from mirsearch.files.locks import lock

ENDING = ".part"
_NAME_ROOM = 100
"""Most characters of a target's name in its partial file's name; file systems allow 255 bytes."""
_HAS_LOCKS = os.name != "nt"
"""Windows refuses writing to a locked file through a second handle, which libraries that get a path do."""
_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of writing, which Python raises without the name of the file."""
_OLD_SECONDS = 24 * 3600.0
"""Where there are no locks, a partial file of this age has lost its writer."""


@contextlib.contextmanager
def replace_file(target: Path) -> Iterator[Path]:
    """Yield the path of an empty file beside `target`; it takes the target's place at the end of the block.

    An error inside the block leaves the target as it was. What killed runs left of the same target is removed.
    Raises OSError where the folder can't be written to.
    """
    remove_partial_files(target.parent, target.name)
    part, held = _create(target.parent, target.name, target.suffix)
    try:
        yield part
        if not _HAS_LOCKS:
            held.close()
        part.replace(target)
    finally:
        held.close()
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def write_output(target: Path) -> Iterator[Path]:
    """Yield a path to write a user's output to; it takes the target's place, complete, at the end of the block.

    An error inside the block leaves the target as it was. A link stays a link, and a file keeps its permissions.
    A device or a pipe, such as /dev/stdout, is written to directly.
    """
    place = target.resolve()
    if place.exists() and not place.is_file():
        yield place
        return
    try:
        with replace_file(place) as part:
            if place.exists():
                shutil.copymode(place, part)
            yield part
    except OSError as error:
        is_partial = error.filename is not None and ENDING in str(error.filename)  # of which nobody knows
        if is_partial or (error.filename is None and error.errno in _WRITE_ERRORS):
            error.filename = str(target)
        raise


@contextlib.contextmanager
def temporary_file(folder: Path) -> Iterator[Path]:
    """Yield the path of a new, empty file in a folder; it is removed at the end of the block unless it was moved."""
    part, held = _create(folder, "", "")
    try:
        yield part
    finally:
        held.close()
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """Yield the path of a new folder in a folder; it is removed at the end of the block unless it was moved."""
    remove_partial_files(folder, "")
    part, held = _create(folder, "", "", directory=True)
    try:
        yield part
    finally:
        held.close()
        shutil.rmtree(part, ignore_errors=True)


def remove_partial_files(folder: Path, name: str | None = None, *, deep: bool = False) -> int:
    """Remove partial files and folders whose writer is gone, and return how many there were.

    `name` limits this to those of one target, or with "" to temporary ones: in a user's folder, other programs may have
    files of such names. `deep` looks into subfolders too. Files that can't be removed stay.
    """
    pattern = f".*{ENDING}*" if name is None else f".{_shorten(name)}.*{ENDING}*"
    removed = 0
    for part in list(folder.rglob(pattern) if deep else folder.glob(pattern)):
        with contextlib.suppress(OSError):
            removed += _remove_abandoned(part)
    return removed


def _shorten(name: str) -> str:
    return "".join("_" if character in "[]*?" else character for character in name[:_NAME_ROOM])


class _Held:
    """An open, locked file or folder, or nothing where there are no locks."""

    def __init__(self, file: int | None) -> None:
        self._file = file

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _create(folder: Path, name: str, suffix: str, *, directory: bool = False) -> tuple[Path, _Held]:
    """Make a partial file or folder and lock it."""
    while True:
        part = folder / f".{_shorten(name)}.{os.urandom(4).hex()}{ENDING}{suffix}"
        if directory:
            part.mkdir()
            file = os.open(part, os.O_RDONLY) if _HAS_LOCKS else None
        else:
            file = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        if file is None or _is_ours(file, part):
            return part, _Held(file)
        os.close(file)  # another run took it for abandoned before it was locked


def _is_ours(file: int, part: Path) -> bool:
    """Lock a new file; return False where another run removed it meanwhile, or is about to."""
    try:
        return not _HAS_LOCKS or (lock(file) and part.exists())
    except OSError:
        return True  # no locks on this file system: nobody else can lock it either


def _remove_abandoned(part: Path) -> bool:
    """Remove a partial file or folder if nobody holds its lock."""
    directory = part.is_dir()
    if not _HAS_LOCKS:
        return _is_old(part) and _remove(part)
    file = os.open(part, os.O_RDONLY if directory else os.O_RDWR)
    try:
        return _remove(part) if lock(file) else False
    except OSError:
        return _is_old(part) and _remove(part)
    finally:
        os.close(file)


def _is_old(part: Path) -> bool:
    return part.stat().st_mtime < time.time() - _OLD_SECONDS


def _remove(part: Path) -> bool:
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink()
    return True
