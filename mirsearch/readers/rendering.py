"""Make an RGB picture of planes: project a depth, bring the tones to 8 bits, color channels and add them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.imaging.tones import Pixels, gray_to_rgb, samples_to_rgb
from mirsearch.readers.base import Color

_COLORS_BY_NAME: tuple[tuple[str, Color], ...] = (
    (r"dapi|hoechst|bfp|405|350|alexa ?(?:fluor )?350|blue|cfp", (0, 0, 255)),
    (r"gfp|fitc|alexa ?(?:fluor )?488|488|green|yfp|cy2", (0, 255, 0)),
    (r"cy5|647|633|640|far.?red|alexa ?(?:fluor )?6\d\d", (255, 0, 255)),
    (r"rfp|mcherry|tritc|texas|rhod|cy3|555|561|568|594|red", (255, 0, 0)),
)
"""Colors of channels by words of their names, as microscopes show them; the first that fits."""

_SPARE_COLORS: tuple[Color, ...] = ((0, 255, 0), (255, 0, 255), (0, 255, 255), (255, 255, 0), (0, 0, 255), (255, 0, 0))
"""Colors of channels whose names say nothing, in this order."""

_BYTE = 255.0


def project(planes: Iterable[NDArray[Any]], projection: str) -> NDArray[Any]:
    """Return the projection of planes of one shape; they are taken one by one, so that two are in memory at a time.

    ValueError if there is none or their shapes differ.
    """
    result: NDArray[Any] | None = None
    count = 0
    for samples in planes:
        count += 1
        if result is None:
            result = samples.astype(np.float64) if projection == "mean" else np.array(samples)
        elif result.shape != samples.shape:
            raise ValueError(f"planes of different sizes: {result.shape} and {samples.shape}")
        elif projection == "mean":
            result += samples
        else:
            (np.minimum if projection == "min" else np.maximum)(result, samples, out=result)
    if result is None:
        raise ValueError("no planes")
    return result / count if projection == "mean" else result


def samples_to_pixels(samples: NDArray[Any]) -> Pixels:
    """Return samples of a plane as RGB pixels (h, w, 3): 8 bits as they are, others stretched between percentiles.

    Complex samples (a Fourier transform) are shown by the logarithm of their magnitude.
    """
    if samples.dtype.kind == "c":
        samples = np.log1p(np.abs(samples))
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8) * 255
    if samples.ndim not in (2, 3) or samples.size == 0:
        raise ValueError(f"samples of shape {samples.shape} are no plane")
    if samples.dtype != np.uint8:
        return samples_to_rgb(np.asarray(samples), alpha=False)
    if samples.ndim == 2:
        return gray_to_rgb(samples)
    return np.ascontiguousarray(samples[:, :, :3]) if samples.shape[2] >= 3 else gray_to_rgb(samples[:, :, 0])


def channel_colors(names: Sequence[str], given: Sequence[Color | None]) -> list[Color]:
    """Return a color for each channel: the file's if the file tells them apart, else by name, else a spare one."""
    known = [color for color in given if color is not None and color != (0, 0, 0)]
    if len(known) == len(names) and len(set(known)) > 1:
        return known
    colors: list[Color | None] = [
        next((color for words, color in _COLORS_BY_NAME if re.search(words, name, re.IGNORECASE)), None)
        for name in names
    ]
    spare = iter([color for color in _SPARE_COLORS if color not in colors])
    taken: set[Color] = set()
    result: list[Color] = []
    for color in colors:
        own = color if color is not None and color not in taken else next(spare, (255, 255, 255))
        taken.add(own)
        result.append(own)
    return result


def merge_channels(channels: Iterable[Pixels], colors: Sequence[Color]) -> Pixels:
    """Return the sum of gray pictures (h, w, 3), each in its color, as a microscope shows its channels together."""
    total: NDArray[np.float32] | None = None
    for pixels, color in zip(channels, colors, strict=True):
        gray = pixels.max(axis=2).astype(np.float32)
        if total is None:
            total = np.zeros((*gray.shape, 3), np.float32)
        for place, share in enumerate(color):
            if share:
                total[:, :, place] += gray * np.float32(share / _BYTE)
    if total is None:
        raise ValueError("no channels")
    merged: Pixels = np.clip(np.rint(total, out=total), 0, 255, out=total).astype(np.uint8)
    return merged
