"""The file of a backup: a plain tar archive whose last member, SHA256SUMS, has the hashes of all others.

It has `mirsearch-backup.json` (what it is of), `corpus.sqlite3` (the database of an embedded index) and `acquired/…`
(what mirsearch fetched or cut). `tar -xf FILE && sha256sum -c SHA256SUMS` checks it without mirsearch. A reader takes
nothing but plain files with safe names, each once, and no more bytes than the archive itself has.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from mirsearch.errors import MirsearchError
from mirsearch.indexes.own_files import ACQUIRED, is_inside

ABOUT = "mirsearch-backup.json"
DATABASE = "corpus.sqlite3"
SUMS = "SHA256SUMS"
_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1 << 20
_LONGEST_NAME = 1_024
_MOST_PARTS = 16
_MOST_MEMBERS = 1_000_000
_MOST_SMALL_BYTES = 128 << 20
"""Most bytes of a member that is read into memory: the list of hashes (some 100 bytes a file) and ABOUT."""
Progress = Callable[[int], None]


class ArchiveError(MirsearchError):
    """A file is no backup of an index, or it is damaged."""


def _refusal(path: Path, reason: str) -> ArchiveError:
    return ArchiveError(f"{path} is not restored: {reason}", "take another backup, or copy this one again")


@dataclass(slots=True)
class ArchiveWriter:
    """Writes members one after the other, and at the end their hashes. Offsets are multiples of 512 bytes."""

    stream: IO[bytes]
    progress: Progress = lambda _bytes: None
    sums: list[tuple[str, str]] = field(default_factory=list)

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a small member."""
        self._add(name, io.BytesIO(content), len(content))

    def add_file(self, name: str, path: Path) -> bool:
        """Add a file as it is when it is opened; False if it is gone."""
        try:
            with path.open("rb") as source:
                self._add(name, source, os.fstat(source.fileno()).st_size)
        except FileNotFoundError:
            return False
        return True

    def _add(self, name: str, source: IO[bytes], size: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size, int(time.time()), 0o644
        self.stream.write(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict"))
        digest, left = hashlib.sha256(), size
        while left:
            chunk = source.read(min(_CHUNK, left))
            if not chunk:
                raise MirsearchError(f"{name} became shorter while it was read", "run the same command again")
            digest.update(chunk)
            self.stream.write(chunk)
            self.progress(len(chunk))
            left -= len(chunk)
        self.stream.write(bytes(-size % _BLOCK))
        self.sums.append((digest.hexdigest(), name))

    def finish(self) -> None:
        """Write the hashes and the end of the archive."""
        listed = "".join(f"{digest}  {name}\n" for digest, name in self.sums)
        self._add(SUMS, io.BytesIO(listed.encode()), len(listed.encode()))
        self.stream.write(bytes(2 * _BLOCK))


def unpack(path: Path, folder: Path, progress: Progress = lambda _bytes: None) -> None:
    """Unpack a backup into an empty folder and check it.

    Raises ArchiveError if it is none, is damaged, or has a member that can't be from mirsearch.
    """
    found: dict[str, str] = {}
    sums: dict[str, str] | None = None
    try:
        with path.open("rb") as stream:
            for name, size in _members(path, stream):
                if len(found) >= _MOST_MEMBERS:
                    raise _refusal(path, f"it has more than {_MOST_MEMBERS:,} files")
                if sums is not None or name in found:
                    raise _refusal(path, f"{name} is in it at a second place, or behind the hashes")
                if name == SUMS:
                    sums = _parse_sums(path, _read_small(path, stream, size))
                    continue
                found[name] = _extract(path, stream, size, folder / name, progress)
    except (tarfile.TarError, ValueError, OverflowError, FileExistsError, NotADirectoryError) as error:
        raise _refusal(path, f"it is no tar archive as mirsearch writes them ({error})") from error
    if sums is None:
        raise _refusal(path, f"it has no {SUMS} at its end: it is incomplete or no backup")
    if {ABOUT, DATABASE} - found.keys():
        raise _refusal(path, f"it lacks {ABOUT} or {DATABASE}")
    for name in sorted(sums.keys() | found.keys()):
        if sums.get(name) != found.get(name):
            raise _refusal(path, f"{name} does not match its hash, or is missing")


def _members(path: Path, stream: IO[bytes]) -> Iterator[tuple[str, int]]:
    """Yield the name and size of each member; the stream then stands at its first byte, and must be read to its end.

    Python's tarfile would follow sparse files, links and headers of any size; a backup has none of them.
    """
    long_name: str | None = None
    total = path.stat().st_size
    while True:
        header = stream.read(_BLOCK)
        if len(header) < _BLOCK:
            raise _refusal(path, "it ends in the middle")
        if not any(header):
            return
        info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        if info.size < 0 or stream.tell() + info.size > total:
            raise _refusal(path, f"{info.name[:80]!r} says that it has more bytes than the archive")
        if info.type == tarfile.GNUTYPE_LONGNAME and long_name is None and info.size <= _LONGEST_NAME + 1:
            long_name = stream.read(info.size).rstrip(b"\0").decode()
            stream.read(-info.size % _BLOCK)
            continue
        name, long_name = info.name if long_name is None else long_name, None
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or not _is_allowed(name):
            raise _refusal(path, f"{name[:80]!r} is no plain file of a backup")
        begin = stream.tell()
        yield name, info.size
        if stream.tell() != begin + info.size:
            raise _refusal(path, f"{name[:80]!r} was not read")
        stream.read(-info.size % _BLOCK)


def _is_allowed(name: str) -> bool:
    if name in (ABOUT, DATABASE, SUMS):
        return True
    parts = name.split("/")
    plain = all(part and part.isprintable() and not part.endswith((".", " ")) and ":" not in part for part in parts)
    return (
        parts[0] == ACQUIRED and 2 <= len(parts) <= _MOST_PARTS and len(name) <= _LONGEST_NAME
        and plain and "." not in parts and is_inside(name)
    )  # fmt: skip


def _read_small(path: Path, stream: IO[bytes], size: int) -> bytes:
    if size > _MOST_SMALL_BYTES:
        raise _refusal(path, f"its {SUMS} has {size:,} bytes")
    return stream.read(size)


def _parse_sums(path: Path, content: bytes) -> dict[str, str]:
    sums: dict[str, str] = {}
    for line in content.decode().splitlines():
        digest, gap, name = line[:64], line[64:66], line[66:]
        if gap != "  " or not name or name in sums:
            raise _refusal(path, f"its {SUMS} has an odd line")
        sums[name] = digest
    return sums


def _extract(path: Path, stream: IO[bytes], size: int, target: Path, progress: Progress) -> str:
    """Write one member, and return its hash."""
    if target.name == ABOUT and size > _MOST_SMALL_BYTES:
        raise _refusal(path, f"its {ABOUT} has {size:,} bytes")
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("xb") as file:
        while size:
            chunk = stream.read(min(_CHUNK, size))
            if not chunk:
                raise _refusal(path, "it ends in the middle")
            digest.update(chunk)
            file.write(chunk)
            progress(len(chunk))
            size -= len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
