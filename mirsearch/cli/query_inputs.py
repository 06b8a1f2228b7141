"""The images that a query is asked with: files, addresses, and what comes through a pipe."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import urlsplit

from mirsearch import settings
from mirsearch.errors import MirsearchError, UsageError

STDIN = "-"
_CHUNK = 1 << 20
_MAX_NAME = 80
"""Most characters of an address's last part that name its copy."""


class ImageInput(NamedTuple):
    """An image file, and what the answer calls it where it is a copy (else empty)."""

    path: Path
    shown: str = ""


@contextmanager
def open_input(word: str) -> Iterator[ImageInput]:
    """Yield the image that a word of the command line names: a path, an http(s) address, or `-` for stdin.

    An address is requested by the HTTP client, within its policy: HTTPS of a public host, or a configured mirror.
    """
    is_address = re.match(r"[a-z][a-z0-9+.-]*://", word, re.I) is not None
    if word != STDIN and not is_address:
        path = Path(word)
        if not _exists(path):
            raise UsageError(f"{word}: no such file", "check the path")
        yield ImageInput(path)
        return
    with TemporaryDirectory(prefix="mirsearch-") as folder:
        shown = "stdin" if word == STDIN else word
        path = Path(folder) / _file_name(word)
        try:
            if is_address:
                from mirsearch.acquisition.http.single_image import fetch_image

                fetch_image(word, path)
            else:
                _read_stdin(path)
            yield ImageInput(path, shown)
        except MirsearchError as error:  # the copy's path would tell the reader nothing
            message = error.message.replace(str(path), shown)
            if message == error.message:
                raise
            raise type(error)(message, error.remedy) from error


def check_inputs(words: list[str]) -> None:
    """Raise UsageError if stdin is named twice."""
    if words.count(STDIN) > 1:
        raise UsageError("stdin is named twice", "give - once")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _file_name(word: str) -> str:
    """Return a name for the copy: the end of the address as far as it is plain."""
    name = urlsplit(word).path.rpartition("/")[2][-_MAX_NAME:]
    return re.sub(r"[^\w.-]", "_", name).strip(".") or "image"


def _read_stdin(path: Path) -> None:
    limit, size = settings.LIMITS.image_bytes, 0
    with path.open("wb") as file:
        while chunk := sys.stdin.buffer.read(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise UsageError(f"stdin has more than the limit of {limit:,} bytes", "give a smaller image")
            file.write(chunk)
    if size == 0:
        raise UsageError("stdin has no image", "pipe an image file into it")
