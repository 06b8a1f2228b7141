"""Samples of any depth to 8-bit RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Pixels = NDArray[np.uint8]

STRETCH_PERCENTILES = (0.1, 99.9)
"""Darkest and brightest share of samples (percent) that may saturate: hot pixels must not set the contrast."""
MOST_SAMPLES = 1_000_000
"""Samples looked at for the percentiles: sorting every one of a large mosaic takes seconds and changes nothing."""
ORIENTATION_TAG = 0x0112
_DEEP_MODES = ("I", "F")


def stretch_contrast(samples: NDArray[Any]) -> Pixels:
    """Samples of any number type to uint8 of the same shape, between the percentiles; not-finite ones count as dark."""
    flat = samples.reshape(-1)
    with np.errstate(invalid="ignore"):  # signaling NaNs of damaged floats
        sampled = flat[:: max(1, flat.size // MOST_SAMPLES)].astype(np.float64)
    sampled = sampled[np.isfinite(sampled)]
    if sampled.size == 0:
        return np.zeros(samples.shape, np.uint8)
    low, high = (float(each) for each in np.percentile(sampled, STRETCH_PERCENTILES))
    if high <= low:  # nearly everything has one value: whatever differs is what is to be seen
        low, high = float(sampled.min()), float(sampled.max())
    span = high - low
    if not np.isfinite(span) or span <= 0:
        return np.zeros(samples.shape, np.uint8)
    with np.errstate(over="ignore", invalid="ignore"):
        unit = (samples.astype(np.float32) - np.float32(low)) / np.float32(span)
    unit = np.nan_to_num(unit, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    levels: Pixels = np.rint(np.clip(unit, 0.0, 1.0) * 255).astype(np.uint8)
    return levels


def picture_to_rgb(picture: Image.Image) -> Pixels:
    """A Pillow picture of any mode to RGB (h, w, 3): upright by EXIF, alpha laid on white, deep grays stretched."""
    if picture.getexif().get(ORIENTATION_TAG, 1) != 1:
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
    """Gray (h, w) to RGB (h, w, 3)."""
    return np.repeat(gray[:, :, None], 3, axis=2)


def samples_to_rgb(samples: NDArray[Any], alpha: bool, inverted: bool = False) -> Pixels:
    """Deep samples (h, w) or (h, w, n) to RGB: three or more are colors under one stretch, fewer are a gray.

    `alpha` tells that the last of the n samples is opacity over the type's range; `inverted` that zero is white.
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
    top = float(np.iinfo(opacity.dtype).max) if opacity.dtype.kind in "iu" else 1.0
    share = np.clip(np.nan_to_num(opacity.astype(np.float32) / top), 0.0, 1.0)[:, :, None]
    mixed: Pixels = np.rint(rgb * share + 255 * (1 - share)).astype(np.uint8)
    return mixed
