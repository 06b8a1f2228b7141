"""Pixel sizes of Zeiss: the text of SmartSEM in tags 34118 and 34119, and the header of LSM files (tag 34412)."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass

from mirsearch.imaging.pixel_sizes.sizes import (
    NO_LENGTH,
    PixelSize,
    follow_resizing,
    size_by_keys,
    split_number,
    to_number,
)
from mirsearch.imaging.pixel_sizes.tags import PageTags
from mirsearch.imaging.pixel_sizes.units import to_nm

SMARTSEM_TAG, OLDER_TAG = 34118, 34119
LSM_TAG = 34412
_SCREEN_WIDTH = 1024
"""Width in px of the screen of SmartSEM, whose pixels AP_PIXEL_SIZE and the header mean."""

_STORE_STEP = 512
"""The widths in px in which SmartSEM stores whole pictures are multiples of this."""

_HEADER_LINE = 3
"""Line of the text, from 0, with the size of a pixel in m. The lines before the first key have no names."""

_SAME = 0.01
"""Greatest relative difference of two values that mean the same: the text rounds to 4 digits."""


@dataclass(frozen=True, slots=True)
class _Stated:
    """What SmartSEM says: sizes of a pixel of the stored picture, of the screen's, of the header's, the width of the
    field of view, all in nm, and the (width, height) of the stored picture in px. None is not said; 0 means the same.
    """

    image: float | None
    screen: float | None
    header: float | None
    field: float | None
    store: tuple[float, float] | None


def smartsem_pixel_size(page: PageTags) -> PixelSize | None:
    """Return the pixel size of a page by SmartSEM's text. None if the page has none."""
    text = page.text(SMARTSEM_TAG) or page.text(OLDER_TAG)
    if not text.strip() or (SMARTSEM_TAG not in page and "AP_" not in text):
        return None
    stated = _read_text(text)
    if stated.store is None:
        nm = _of_unknown_store(stated, page.size)
    else:
        nm = _of_known_store(stated, stated.store, page.size)
    return NO_LENGTH if nm is None else PixelSize(nm)


def lsm_pixel_size(page: PageTags) -> PixelSize | None:
    """Return `VoxelSizeX` and `VoxelSizeY` of an LSM file, in m there."""
    return size_by_keys(page.value(LSM_TAG), "VoxelSizeX", "VoxelSizeY", 1e9) if LSM_TAG in page else None


def _read_text(text: str) -> _Stated:
    """Return what SmartSEM's text says. A value follows the line of its key: `AP_WIDTH`, then `Width = 5.965 µm`."""
    lines = [line.strip() for line in text.splitlines()]
    values: dict[str, str] = {}
    for key, line in itertools.pairwise(lines):
        if re.fullmatch(r"(?:AP|DP)_[A-Z0-9_]{1,60}", key):
            values.setdefault(key, re.split("[=:]", line, maxsplit=1)[-1].strip())
    keys_from = next((n for n, line in enumerate(lines) if re.fullmatch(r"[A-Z]{2}_[A-Z0-9_]+", line)), len(lines))
    header = to_number(lines[_HEADER_LINE]) if keys_from > _HEADER_LINE else None
    store = re.fullmatch(r"(\d{2,6})\s*\*\s*(\d{2,6})", values.get("DP_IMAGE_STORE", ""))
    return _Stated(
        image=_length(values.get("AP_IMAGE_PIXEL_SIZE", "")),
        screen=_length(values.get("AP_PIXEL_SIZE", "")),
        header=header * 1e9 if header else None,
        field=_length(values.get("AP_WIDTH", "")),
        store=None if store is None else (float(store.group(1)), float(store.group(2))),
    )


def _length(value: str) -> float | None:
    """Return a value such as `5.825 nm` in nm; None if it is none, zero, or of another unit."""
    return to_nm(*split_number(value))


def _same(first: float | None, second: float | None) -> bool:
    """Return whether two values are known and mean the same."""
    return first is not None and second is not None and math.isclose(first, second, rel_tol=_SAME)


def _field_width(stated: _Stated) -> float | None:
    """Return the width of the field of view in nm, with the digits of the header where that agrees."""
    if stated.header is not None and (stated.screen is None or _same(stated.header, stated.screen)):
        by_header = stated.header * _SCREEN_WIDTH
        if stated.field is None or _same(by_header, stated.field):
            return by_header
    if stated.field is not None or stated.screen is None:
        return stated.field
    return stated.screen * _SCREEN_WIDTH


def _of_known_store(stated: _Stated, store: tuple[float, float], picture: tuple[int, int]) -> float | None:
    """Return the nm per px where the (width, height) of the stored picture is known."""
    field = _field_width(stated)
    by_field = None if field is None else field / store[0]
    stored = by_field if stated.image is None or _same(stated.image, by_field) else stated.image
    factor = follow_resizing(store, picture)
    return None if stored is None or factor is None else stored * factor


def _of_unknown_store(stated: _Stated, picture: tuple[int, int]) -> float | None:
    """Return the nm per px where nothing tells the size of the stored picture.

    The picture's own value comes first, which is the header's where it is not the screen's; then the width of the
    field of view. A picture of no width that SmartSEM stores was cut out, and keeps the header's pixels.
    """
    field = _field_width(stated)
    by_field = None if field is None else field / picture[0]
    if stated.image is not None:
        return by_field if _same(stated.image, by_field) else stated.image
    if stated.header is not None and stated.screen is not None and not _same(stated.header, stated.screen):
        return stated.header
    if stated.field is not None or picture[0] % _STORE_STEP == 0:
        return by_field
    return stated.header
