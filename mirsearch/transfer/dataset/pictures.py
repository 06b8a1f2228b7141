"""The pictures of a dataset: a file's own bytes or pixels, where its hash is the one that was indexed."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mirsearch.corpus import Box, Figure, figure_id
from mirsearch.errors import MirsearchError
from mirsearch.query import Pixels, StoredPanel
from mirsearch.readers.originals import OriginalImages, find_original
from mirsearch.readers.selection import split_location
from mirsearch.settings import LIMITS

Origin = Literal["file", "pixels", "crop", "thumbnail"]
Annotation = tuple[StoredPanel, Box]
"""A panel and its box in the picture."""
_FORMATS = {"JPEG": ".jpg", "PNG": ".png"}
_MOST_PIXELS = 100_000_000
"""Pixels of a figure above which its panels are written one by one."""
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture with the panels in it. `made_from`: the file as it is, its pixels, a crop of it, or a thumbnail."""

    name: str
    content: bytes
    size: tuple[int, int]
    annotations: tuple[Annotation, ...]
    made_from: Origin
    suffix: str


class LeftOutError(MirsearchError):
    """A figure has no picture: the message says why, in a few words."""


def figure_pictures(figure: Figure, panels: Sequence[StoredPanel]) -> Iterator[Picture]:
    """Yield the picture of a figure with its panels, or, for stacks and very large files, one for each panel.

    Raises LeftOutError if no file has the content that was indexed, or if it can't be read.
    """
    location, state = find_original(figure)
    if location is None:
        raise LeftOutError("its file is gone" if state == "missing" else "its file has changed")
    path, planes = split_location(location)
    own = None if planes is not None or figure.page else _own_bytes(Path(path), figure)
    annotations = tuple((stored, stored.panel.box) for stored in panels)
    if own is not None:
        yield Picture(_name(figure.id), own[0], (figure.width, figure.height), annotations, "file", own[1])
        return
    originals = OriginalImages(_MOST_PIXELS)
    whole = None
    if planes is None and figure.width * figure.height <= _MOST_PIXELS:
        whole = _crop(originals, figure, (0, 0, figure.width, figure.height))
    if whole is not None:
        yield Picture(_name(figure.id), _to_png(whole), (figure.width, figure.height), annotations, "pixels", ".png")
        return
    for stored in panels:
        pixels = _crop(originals, figure, stored.panel.box)
        size = (stored.panel.width, stored.panel.height)
        yield Picture(_name(stored.panel.id), _to_png(pixels), size, ((stored, (0, 0, *size)),), "crop", ".png")


def thumbnail_picture(stored: StoredPanel, jpeg: bytes | None) -> Picture:
    """Return the small picture of the index as a panel's picture. Raises LeftOutError if there is none."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(jpeg or b""), formats=("JPEG",)) as image:
            size = image.size
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise LeftOutError("its file is gone, and it has no thumbnail") from error
    return Picture(_name(stored.panel.id), jpeg or b"", size, ((stored, (0, 0, *size)),), "thumbnail", ".jpg")


def _name(some_id: str) -> str:
    """Return a name without a dot: in shards, what follows the first dot tells what a file is."""
    return some_id.replace(".", "_")


def _own_bytes(path: Path, figure: Figure) -> tuple[bytes, str] | None:
    """Return a file's bytes and suffix, if every program shows them upright and as they were indexed."""
    from PIL import Image, UnidentifiedImageError

    try:
        if path.stat().st_size > LIMITS.image_bytes:
            return None
        content = path.read_bytes()
        with Image.open(io.BytesIO(content), formats=tuple(_FORMATS)) as image:
            is_plain = (
                image.size == (figure.width, figure.height)
                and image.mode in ("RGB", "L")
                and getattr(image, "n_frames", 1) == 1
                and image.getexif().get(_ORIENTATION, 1) == 1
            )
            suffix = _FORMATS[str(image.format)]
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError):
        return None
    is_same = figure_id(hashlib.sha256(content).hexdigest()) == figure.id
    return (content, suffix) if is_plain and is_same else None


def _crop(originals: OriginalImages, figure: Figure, box: Box) -> Pixels:
    try:
        pixels, state = originals.crop(figure, box)
    except MirsearchError as error:
        raise LeftOutError("its file can't be read") from error
    if pixels is None:
        raise LeftOutError("it is too large" if state == "large" else "its file has changed")
    return pixels


def _to_png(pixels: Pixels) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
