"""The first bytes of files, which tell their formats."""

from __future__ import annotations

from pathlib import Path

TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""The first four bytes of TIFF and BigTIFF, in both orders of bytes."""


def read_head(path: Path, size: int) -> bytes:
    """Return the first `size` bytes of a regular file; none if it can't be read, or is no file."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(size)
    except (OSError, ValueError):
        return b""
