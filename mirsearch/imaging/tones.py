"""Convert samples of any depth to 8-bit RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mirsearch.imaging.percentiles import percentiles

Pixels = NDArray[np.uint8]

STRETCH_PERCENTILES = (0.1, 99.9)
"""Percentiles of the samples that become black and white; chosen so that hot pixels don't set the contrast."""

MOST_SAMPLES = 1_000_000
"""Samples used for the percentiles, about: sorting all samples of a large image takes seconds and changes nothing."""

_ORIENTATION_TAG = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
"""Values of the EXIF orientation that swap width and height."""

_DEEP_MODES = ("I", "F")


def stretch_contrast(samples: NDArray[Any]) -> Pixels:
    """Return samples of any number type as uint8 of the same shape, stretched between percentiles.

    NaN and infinite samples become 0.
    """
    flat = samples.reshape(-1)
    with np.errstate(invalid="ignore"):  # signaling NaNs of damaged floats
        subset = flat[:: max(1, flat.size // MOST_SAMPLES)].astype(np.float64)
    subset = subset[np.isfinite(subset)]
    if subset.size == 0:
        return np.zeros(samples.shape, np.uint8)
    low, high = (float(value) for value in percentiles(subset, STRETCH_PERCENTILES))
    if high <= low:  # nearly all samples are equal: the others must stay visible
        low, high = float(subset.min()), float(subset.max())
    span = high - low
    if not np.isfinite(span) or span <= 0:
        return np.zeros(samples.shape, np.uint8)
    with np.errstate(over="ignore", invalid="ignore"):
        unit = (samples.astype(np.float32) - np.float32(low)) / np.float32(span)
    unit = np.nan_to_num(unit, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    levels: Pixels = np.rint(np.clip(unit, 0.0, 1.0) * 255).astype(np.uint8)
    return levels


def upright_size(picture: Image.Image) -> tuple[int, int]:
    """Return the (width, height) in px of a Pillow picture turned upright by its EXIF."""
    width, height = picture.size
    return (height, width) if picture.getexif().get(_ORIENTATION_TAG, 1) in _SIDEWAYS else (width, height)


def picture_to_rgb(picture: Image.Image) -> Pixels:
    """Return a Pillow picture of any mode as RGB (h, w, 3): upright by EXIF, alpha on white, deep grays stretched."""
    if picture.getexif().get(_ORIENTATION_TAG, 1) != 1:
        picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith(_DEEP_MODES):
        return gray_to_rgb(stretch_contrast(np.asarray(picture)))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGB", picture.size, (255, 255, 255))
        white.paste(picture, mask=picture.getchannel("A"))
        picture = white
    return np.array(picture.convert("RGB"))


def gray_to_rgb(gray: Pixels) -> Pixels:
    """Return a gray image (h, w) as RGB (h, w, 3)."""
    return np.repeat(gray[:, :, None], 3, axis=2)


def samples_to_rgb(samples: NDArray[Any], alpha: bool, inverted: bool = False) -> Pixels:
    """Return deep samples (h, w) or (h, w, n) as RGB: three or more are colors under one stretch, fewer are a gray.

    `alpha` says that the last of the n samples is opacity over the type's range; `inverted` says that zero is white.
    """
    if samples.ndim == 2:
        samples = samples[:, :, None]
    opacity = samples[:, :, -1] if alpha and samples.shape[2] > 1 else None
    colors = samples[:, :, :3] if samples.shape[2] - (opacity is not None) >= 3 else samples[:, :, :1]
    rgb = stretch_contrast(colors)
    if rgb.shape[2] == 1:
        rgb = gray_to_rgb(rgb[:, :, 0])
    if inverted:
        rgb = 255 - rgb
    return rgb if opacity is None else _blend_with_white(rgb, opacity)


def _blend_with_white(rgb: Pixels, opacity: NDArray[Any]) -> Pixels:
    """Return RGB pixels laid on white by their opacity."""
    opaque = float(np.iinfo(opacity.dtype).max) if opacity.dtype.kind in "iu" else 1.0
    share = np.clip(np.nan_to_num(opacity.astype(np.float32) / opaque), 0.0, 1.0)[:, :, None]
    blended: Pixels = np.rint(rgb * share + 255 * (1 - share)).astype(np.uint8)
    return blended
