"""Find the reader of a file: by its first bytes to open it, by its suffix to search a folder."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

from mirsearch import plugins
from mirsearch.errors import ImageError
from mirsearch.imaging import images
from mirsearch.imaging.heads import TIFF_HEADS, read_head
from mirsearch.readers.base import HEAD_BYTES, Reader
from mirsearch.readers.kinds import describe_kind

_log = logging.getLogger(__name__)

_OWN_PACKAGE = "mirsearch."
"""Beginning of the modules of built-in readers, which are asked before those of other packages."""


@cache
def load_readers() -> tuple[Reader, ...]:
    """Return all readers that load: the built-in ones, then those of other packages, each by name."""
    loaded, errors = plugins.load_all("readers")
    for error in errors.values():
        _log.warning("%s", error)
    return tuple(sorted(loaded, key=lambda reader: (not type(reader).__module__.startswith(_OWN_PACKAGE), reader.name)))


@cache
def readable_suffixes() -> frozenset[str]:
    """Return the suffixes of the files that can be read with what is installed."""
    ready = (reader.suffixes for reader in load_readers() if reader.missing_requirement() is None)
    return images.SUFFIXES.union(*ready)


def is_readable_name(path: Path) -> bool:
    """Return whether a file's name has the suffix of an image that can be read here; hidden files don't count."""
    return images.is_image_name(path) or (path.suffix.lower() in readable_suffixes() and not path.name.startswith("."))


def is_readable_file(path: Path) -> bool:
    """Return whether a file's first bytes are those of an image that can be read here."""
    head = read_head(path, HEAD_BYTES)
    return images.is_image_head(head) or any(
        reader.recognizes(path, head) for reader in load_readers() if reader.missing_requirement() is None
    )


def why_unreadable(path: Path) -> str:
    """Return what would read a file that is not read here, in one line: an extra, a package, a program."""
    if is_readable_file(path):
        return "by its content it is an image: name the file itself, or give it the right suffix"
    suffix = path.suffix.lower()
    for reader in load_readers():
        missing = reader.missing_requirement() if suffix in reader.suffixes else None
        if missing is not None:
            return missing
    return describe_kind(suffix)


def find_reader(path: Path) -> Reader:
    """Return the reader of a file. ImageError if none reads it; the remedy says what would."""
    head = read_head(path, HEAD_BYTES)
    is_picture = images.is_image_head(head)
    if is_picture and head[:4] not in TIFF_HEADS:
        return _picture_reader()  # asks no other reader, so that the common case loads none
    lacking = ""
    for reader in load_readers():
        if reader.name != _picture_reader().name and reader.recognizes(path, head):
            missing = reader.missing_requirement()
            if missing is None:
                return reader
            lacking = lacking or missing
    if lacking:
        raise ImageError(f"{path}: can't be read yet", lacking)
    if head and not is_picture:
        raise ImageError(f"{path}: not an image of a kind mirsearch reads", why_unreadable(path))
    return _picture_reader()


@cache
def _picture_reader() -> Reader:
    from mirsearch.readers.pictures import PictureReader

    return PictureReader()
