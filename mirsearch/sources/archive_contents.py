"""Take pictures, tables of captions and articles out of an archive, within bounds, into a folder of our own."""

from __future__ import annotations

import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from mirsearch.errors import SourceError
from mirsearch.readers.find import is_readable_name
from mirsearch.settings import LIMITS, Limits
from mirsearch.sources.skipped import ARCHIVE_SUFFIXES
from mirsearch.sources.tables import TABLE_NAMES

MANIFEST = ".unpacked.json"
"""Name of the file that tells what was taken out; it is hidden, so that no source reads it."""

_VERSION = 1
_ARTICLE_SUFFIXES = (".xml", ".nxml")
_CHUNK = 1 << 20
_LONGEST_NAME = 200
_OFFICE_MEDIA = ("word/media/", "ppt/media/")
_OFFICE_SUFFIXES = (".docx", ".docm", ".pptx", ".pptm")
_FREE_BYTES = 64 << 20
"""Bytes that an archive may unpack however small it is; beyond, its ratio counts."""

_LARGEST_RATIO = 200
"""Bytes unpacked for each byte of an archive. Pictures in real archives reach some 20; drawn bitmaps 100."""

_DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError,
)  # fmt: skip
"""What the libraries raise for archives that are damaged, locked, or compressed in a way that they don't know."""


@dataclass(slots=True)
class UnpackedArchive:
    """What was taken out: how many pictures, and notes about what was not."""

    pictures: int = 0
    notes: list[str] = field(default_factory=list)
    version: int = _VERSION

    @classmethod
    def load(cls, path: Path) -> UnpackedArchive | None:
        """Return what an earlier run noted, or None if there is nothing of this version."""
        try:
            told = json.loads(path.read_text("utf-8"))
            found = cls(int(told["pictures"]), [str(note) for note in told["notes"]], int(told["version"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if found.version == _VERSION else None

    def save(self, path: Path) -> None:
        """Write it down."""
        path.write_text(json.dumps(asdict(self)), "utf-8")


@dataclass(frozen=True, slots=True)
class _Member:
    """A file in an archive: its name, size as stated, and how to open it."""

    name: str
    size: int
    open: Callable[[], IO[bytes] | None]


def unpack(path: Path, folder: Path, limits: Limits = LIMITS) -> UnpackedArchive:
    """Write what figures are made of into `folder`. SourceError if the archive is damaged as a whole."""
    found = UnpackedArchive()
    budget = min(limits.archive_bytes, max(_FREE_BYTES, path.stat().st_size * _LARGEST_RATIO))
    nested = left = 0
    try:
        with _members(path) as members:
            for number, member in enumerate(members):
                if number >= limits.archive_entries or found.pictures >= limits.archive_pictures:
                    found.notes.append(f"not all of it was read: the first {found.pictures} pictures were taken")
                    break
                place = _place(member.name, path)
                if place is None:
                    nested += PurePosixPath(member.name).suffix.lower() in ARCHIVE_SUFFIXES
                    left += _climbs(member.name)
                    continue
                written = _copy(member, folder / place, min(budget, limits.image_bytes))
                if written is None:
                    found.notes.append(f"not all of it was read: {place} is too large, or unpacks to far too much")
                    break
                budget -= written
                found.pictures += is_readable_name(Path(place.name))
    except _DAMAGE as error:
        if not found.pictures:
            cause = " ".join(str(error).split())[:100]
            raise SourceError(f"{path}: damaged or locked archive: {cause}", "unpack it yourself") from error
        found.notes.append("not all of it was read: it is damaged; unpack it yourself")
    if nested:
        found.notes.append(f"{nested} archives in it were not opened; unpack them")
    if left:
        found.notes.append(f"{left} entries with a path that leads out of the archive were left alone")
    return found


def _place(name: str, archive: Path) -> PurePosixPath | None:
    """Return where an entry is written below the folder; None if it is not taken."""
    path = PurePosixPath(name.replace("\\", "/"))
    if _climbs(name) or any(part.startswith(".") or len(part) > _LONGEST_NAME for part in path.parts):
        return None
    if "__MACOSX" in path.parts or len(path.parts) > 16:
        return None
    if archive.suffix.lower() in _OFFICE_SUFFIXES:
        is_media = path.as_posix().startswith(_OFFICE_MEDIA) and is_readable_name(Path(path.name))
        return PurePosixPath("media", path.name) if is_media else None
    is_wanted = (
        is_readable_name(Path(path.name))
        or path.name.lower() in (*TABLE_NAMES, "exsclaim.json")
        or path.suffix.lower() in _ARTICLE_SUFFIXES
    )
    return path if is_wanted else None


def _climbs(name: str) -> bool:
    """Return whether an entry's path leads out of the archive, or has a character that no name has."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in name or "\0" in name or not path.parts


def _copy(member: _Member, target: Path, most: int) -> int | None:
    """Write an entry, and return its bytes; None if it has more than `most`, whatever it states."""
    if member.size > most or target.exists():
        return 0 if target.exists() else None
    source = member.open()
    if source is None:
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > most:
                break
            file.write(chunk)
    if written > most:
        target.unlink()
        return None
    return written


@contextmanager
def _members(path: Path) -> Iterator[Iterator[_Member]]:
    """Open an archive and give its files one by one. Links and devices of a tar are no files."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield (
                _Member(info.filename, info.file_size, lambda info=info: archive.open(info))  # type: ignore[misc]
                for info in archive.infolist()
                if not info.filename.endswith("/")  # `is_dir` fails at a name without characters
            )
        return
    with tarfile.open(path, "r:*") as tar:
        yield (
            _Member(info.name, info.size, lambda info=info: tar.extractfile(info))  # type: ignore[misc]
            for info in tar
            if info.isreg()
        )
