"""Unpack e-prints safely (tar, gzip or plain TeX): no path leads out, no link is followed, sizes are limited."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from mirsearch.errors import SourceError

MAX_BYTES = 1 << 30
MAX_MEMBERS = 10_000
MAX_TEX_BYTES = 5 << 20
_CHUNK_BYTES = 1 << 20
_TEX_SUFFIXES = (".tex", ".ltx", ".latex", ".pdf_tex", ".eps_tex", ".ps_tex", ".pstex_t", ".tikz")
"""Also those of drawings in LaTeX that show an image, as Inkscape exports them."""


class Eprint:
    """The files of an e-print. Raises SourceError, with the reason, if it has no LaTeX source."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name

    def scan(self) -> tuple[dict[str, str], frozenset[str]]:
        """Return the LaTeX sources by path (a single file is `main.tex`), and the paths of all files."""
        texts, files = {}, set()
        with self._open() as source:
            if isinstance(source, bytes):
                return {"main.tex": _decode(source)}, frozenset(("main.tex",))
            for member in _safe_members(source, self._name):
                files.add(_normal_path(member.name))
                if member.name.lower().endswith(_TEX_SUFFIXES) and member.size <= MAX_TEX_BYTES:
                    texts[_normal_path(member.name)] = _decode(_read_member(source, member, MAX_TEX_BYTES))
        return texts, frozenset(files)

    def read(self, name: str, limit: int) -> bytes:
        """Return a file's bytes. Raises SourceError if it is missing or larger than `limit`."""
        with self._open() as source:
            if not isinstance(source, bytes):
                for member in _safe_members(source, self._name):
                    if _normal_path(member.name) == name:
                        if member.size > limit:
                            raise SourceError(f"{self._name}: {name} is larger than {limit:,} bytes")
                        return _read_member(source, member, limit)
        raise SourceError(f"{self._name}: no {name} in the e-print")

    @contextmanager
    def _open(self) -> Iterator[tarfile.TarFile | bytes]:
        with self._path.open("rb") as file, tempfile.TemporaryFile() as unpacked:
            head = file.read(4)
            file.seek(0)
            if head.startswith(b"%PDF"):
                raise SourceError(f"{self._name} is only a PDF without LaTeX source")
            try:
                if head.startswith(b"\x1f\x8b"):
                    self._unpack(file, unpacked)
                else:
                    shutil.copyfileobj(file, unpacked)
                unpacked.seek(0)
                header = unpacked.read(512)
                unpacked.seek(0)
                if header[257:262] == b"ustar" or _is_old_tar(header):
                    with tarfile.open(fileobj=unpacked, mode="r:") as archive:
                        yield archive
                else:
                    yield unpacked.read(MAX_TEX_BYTES)
            except (
                tarfile.TarError,
                EOFError,
                zlib.error,
                gzip.BadGzipFile,
                ValueError,
                OverflowError,
                MemoryError,
            ) as error:
                # The headers of tar are read by code that trusts their numbers.
                cause = str(error) or type(error).__name__
                raise SourceError(f"{self._name}: a damaged e-print ({cause})", "run it again later") from error

    def _unpack(self, packed: IO[bytes], unpacked: IO[bytes]) -> None:
        """Decompress gzip, up to MAX_BYTES: a few bytes may expand to very many."""
        total = 0
        with gzip.open(packed) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                total += len(chunk)
                if total > MAX_BYTES:
                    raise SourceError(f"{self._name}: unpacks to more than {MAX_BYTES:,} bytes")
                unpacked.write(chunk)


def is_intact(path: Path) -> bool:
    """Return whether a compressed file can be decompressed to its end. Its contents are not checked."""
    try:
        with path.open("rb") as file:
            is_packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            total = 0
            with gzip.open(file) if is_packed else file as stream:
                while is_packed and total <= MAX_BYTES and (chunk := stream.read(_CHUNK_BYTES)):
                    total += len(chunk)
    except (OSError, EOFError, zlib.error):
        return False
    return True


def _safe_members(archive: tarfile.TarFile, name: str) -> Iterator[tarfile.TarInfo]:
    """Yield the plain files whose paths stay inside. Links, devices and paths that lead out are skipped."""
    for count, member in enumerate(archive, start=1):
        if count > MAX_MEMBERS:
            raise SourceError(f"{name}: more than {MAX_MEMBERS:,} files in the e-print")
        path = PurePosixPath(member.name)
        if member.isreg() and not path.is_absolute() and ".." not in path.parts and member.name.isprintable():
            yield member


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo, limit: int) -> bytes:
    stream = archive.extractfile(member)
    return b"" if stream is None else stream.read(limit)


def _normal_path(name: str) -> str:
    return str(PurePosixPath(name))


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _is_old_tar(head: bytes) -> bool:
    """Return whether the header's checksum marks a tar archive of the old format, which has no magic word."""
    if len(head) < 512:
        return False
    try:
        checksum = int(head[148:156].strip(b" \0") or b"-1", 8)
    except ValueError:
        return False
    return checksum == sum(head[:148]) + 8 * 32 + sum(head[156:512])
