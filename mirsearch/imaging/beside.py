"""Tell cheaply whether a picture that is no TIFF can have a pixel size at all: by its start, and files beside it."""

from __future__ import annotations

import re
from pathlib import Path

_FIELD_OF_VIEW = re.compile(
    rb"Renishaw|\xa1\xfe[\x04\x05\x0b\x0c]\0\x02\0\0\0|\xfe\xa1\0[\x04\x05\x0b\x0c]\0\0\0\x02", re.DOTALL
)
"""The maker's name, or the tag with a width and a height (65185), in the EXIF of pictures with a field of view."""

EXIF_HEAD = 1 << 16
"""Bytes at the start of a JPEG that hold its EXIF: one segment is no longer."""

_SUFFIXES = (".txt", ".TXT", ".Txt", ".hdr", ".HDR")


def sidecars(path: Path) -> list[Path]:
    """Return the text files beside an image: `NAME.txt`, `NAME.hdr`, and `NAME-tif.hdr` for `NAME.tif`."""
    try:
        names = [path.with_suffix(suffix) for suffix in _SUFFIXES]
        if path.suffix:
            names.append(path.with_name(f"{path.stem}-{path.suffix[1:]}.hdr"))
        return [name for name in names if name != path and name.is_file()]
    except (OSError, ValueError):
        return []


def may_have_field_of_view(head: bytes) -> bool:
    """Return whether the first bytes of a picture (EXIF_HEAD of them) can be those of one with a field of view."""
    return head.startswith(b"\xff\xd8") and _FIELD_OF_VIEW.search(head) is not None


def has_sidecar(path: Path) -> bool:
    """Return whether a text file lies beside an image that a microscope may have written."""
    return bool(sidecars(path))
