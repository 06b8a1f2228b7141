"""The uploaded files of jobs. They come into a folder of their own, and then lie where the index keeps its own files.

A name from outside is never used as it is: each of its parts becomes a plain name below the folder of the job. The tree
stays as it was, so that a table or an article still finds its pictures.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from mirsearch.errors import UsageError
from mirsearch.indexes.base import Index
from mirsearch.settings import SERVE_LIMITS, ServeLimits

UPLOADS = "uploads"
_CHUNK_BYTES = 1 << 20
_MAX_DEPTH = 16
_NAME_BYTES = 120
"""Most bytes of one part of a name; longer ones keep their beginning and their suffix."""
_PATH_BYTES = 600
_STRAY_SECONDS = 3_600.0
"""Age of files that came in for no job at which nobody can be sending them any more."""
_DIGITS = 20
_FORBIDDEN = re.compile(r'[<>:"|?*#\\/\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(?i:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")


class ReadableFile(Protocol):
    """A file that is read in pieces, such as a part of a form."""

    async def read(self, size: int = -1, /) -> bytes:
        """Return at most so many bytes; none at the end."""


class TakenNames:
    """Gives each file of a job a name that no other has, in whatever case, and that is no folder of another."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: dict[str, str] = {}
        self._places: set[str] = set()
        self._numbers: dict[str, int] = {}

    def take(self, name: str) -> str:
        """Return the name, or one like it that is free. It is taken from now on."""
        *folders, last = name.split("/")
        place = ""
        for folder in folders:
            key = (place + folder).lower()
            if key not in self._folders:  # all files of a folder stay together
                self._folders[key] = self._find(place + folder, lambda name: name in self._files)
            self._places.add(self._folders[key].lower())
            place = f"{self._folders[key]}/"
        found = self._find(place + last, lambda name: name in self._files or name in self._places)
        self._files.add(found.lower())
        return found

    def _find(self, name: str, is_taken: Callable[[str], bool]) -> str:
        """Return the name, or the same with the next number that is free."""
        head, slash, last = name.rpartition("/")
        stem, dot, suffix = last.rpartition(".")
        stem, suffix = (stem, f"{dot}{suffix}") if stem else (last, "")
        found, key = name, name.lower()
        while is_taken(found.lower()):
            self._numbers[key] = self._numbers.get(key, 1) + 1
            found = f"{head}{slash}{stem} ({self._numbers[key]}){suffix}"
        return found


@dataclass(slots=True)
class IncomingFiles:
    """The files of a job that come in: their folder, their names, bytes and hashes."""

    folder: Path
    size: int = 0
    hashes: dict[str, str] = field(default_factory=dict)
    names: TakenNames = field(default_factory=TakenNames)

    @property
    def content(self) -> str:
        """Return the name of the folder that they will have: equal files with equal names have the same."""
        told = "".join(f"{name}\0{digest}\n" for name, digest in sorted(self.hashes.items()))
        return hashlib.sha256(told.encode()).hexdigest()[:_DIGITS]


class JobFiles:
    """The files of all jobs, in the workspace of an index."""

    def __init__(self, workspace: Path, limits: ServeLimits = SERVE_LIMITS) -> None:
        self.root, self._limits = workspace / UPLOADS, limits

    def begin(self, job_id: str) -> IncomingFiles:
        """Make the folder for the files of a new job. Its name is that of a partial file: no backup has it."""
        folder = self.root / f".{job_id}.part"
        folder.mkdir(parents=True)
        return IncomingFiles(folder)

    async def receive(self, incoming: IncomingFiles, file: ReadableFile, name: str) -> None:
        """Write a file while it comes in; a hidden one is left out. UsageError where there are too many, or bytes."""
        if len(incoming.hashes) >= self._limits.job_files:
            raise UsageError(f"there are more than {self._limits.job_files:,} files", "add them in several parts")
        if is_hidden(name):
            return
        place = incoming.names.take(safe_name(name))
        path = incoming.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with path.open("xb") as target:
            while chunk := await file.read(_CHUNK_BYTES):
                incoming.size += len(chunk)
                if incoming.size > self._limits.job_bytes:
                    raise UsageError(
                        f"the files have more than {self._limits.job_bytes:,} bytes", "add them in several parts"
                    )
                digest.update(chunk)
                target.write(chunk)
        incoming.hashes[place] = digest.hexdigest()

    def drop(self, incoming: IncomingFiles) -> None:
        """Remove files that came in and are not wanted."""
        shutil.rmtree(incoming.folder, ignore_errors=True)
        self._remove_empty(self.root)

    def folder(self, content: str) -> Path:
        """Return where the files with this content lie for the index."""
        return self.root / content

    def settle(self, job_id: str, content: str) -> Path:
        """Move the files of a job to where they will lie, and return their folder. Does nothing the second time."""
        incoming, folder = self.root / f".{job_id}.part", self.folder(content)
        if incoming.is_dir() and not folder.exists():
            incoming.replace(folder)
        elif incoming.is_dir():  # the same files were added before; what the index did not take of them is gone
            for path in [path for path in incoming.rglob("*") if path.is_file()]:
                place = folder / path.relative_to(incoming)
                place.parent.mkdir(parents=True, exist_ok=True)
                path.replace(place)
            shutil.rmtree(incoming, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def clean(self, content: str, index: Index) -> None:
        """Remove the files that no figure of the index is from."""
        folder = self.folder(content)
        kept = {
            origin.location.partition("#")[0]
            for figure in index.figures_below(str(folder))
            for origin in figure.origins
        }
        for path in [path for path in folder.rglob("*") if path.is_file() and str(path) not in kept]:
            path.unlink(missing_ok=True)
        self._remove_empty(folder)

    def forget(self, job_id: str) -> None:
        """Remove what came in for a job that will not run."""
        shutil.rmtree(self.root / f".{job_id}.part", ignore_errors=True)

    def remove_strays(self, known: Iterable[str]) -> None:
        """Remove what a killed server left: files that came in, but whose job was never added."""
        names, oldest = {f".{job_id}.part" for job_id in known}, time.time() - _STRAY_SECONDS
        for path in self.root.glob(".*.part") if self.root.is_dir() else ():
            if path.name not in names and path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)

    @staticmethod
    def _remove_empty(folder: Path) -> None:
        for place, _, _ in os.walk(folder, topdown=False):
            try:
                Path(place).rmdir()
            except OSError:  # it is not empty
                continue


def safe_name(name: str) -> str:
    """Return a relative name with slashes for a file that a client named: no part of it leads anywhere else."""
    parts = [_safe_part(part) for part in name.replace("\\", "/").split("/")]
    parts = [part for part in parts if part][-_MAX_DEPTH:] or ["file"]
    while len(parts) > 1 and len("/".join(parts).encode()) > _PATH_BYTES:
        del parts[0]
    return "/".join(parts)


def _safe_part(part: str) -> str:
    """Return one part of a name; empty for ".", ".." and what has no character left."""
    plain = unicodedata.normalize("NFC", part.encode("utf-8", "replace").decode())
    visible = "".join(char for char in plain if unicodedata.category(char)[0] != "C")
    clean = _FORBIDDEN.sub("_", visible).strip(" ").lstrip(".").rstrip(". ")
    if _RESERVED.fullmatch(clean):
        clean = f"_{clean}"
    if len(clean.encode()) > _NAME_BYTES:
        stem, dot, suffix = clean.rpartition(".")
        suffix = f"{dot}{suffix}" if stem and len(suffix.encode()) <= 12 else ""
        mark = hashlib.sha256(clean.encode()).hexdigest()[:8]
        room = _NAME_BYTES - len(suffix.encode()) - len(mark) - 1
        start = (stem if suffix else clean).encode()[:room].decode("utf-8", "ignore")
        clean = f"{start}-{mark}{suffix}"
    return clean


def is_hidden(name: str) -> bool:
    """Return whether a file, or a folder that it lies in, is hidden by its name, as ingest leaves such files out."""
    return any(part.startswith(".") and part.strip(".") for part in name.replace("\\", "/").split("/"))
