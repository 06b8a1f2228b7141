"""Tell cheaply whether a picture that is no TIFF can have a pixel size at all: by its start, and files beside it."""

from __future__ import annotations

from pathlib import Path

EXIF_MAKER = b"Renishaw"
"""Maker's name in the EXIF of pictures that have a field of view there."""

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


def has_sidecar(path: Path) -> bool:
    """Return whether a text file lies beside an image that a microscope may have written."""
    return bool(sidecars(path))
