"""Simulates the microscope: blur, counting noise, charging, vignetting, drift, contrast, compression."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.synthetic.fields import Image, Random, View, blur, smooth_noise, stretch_contrast

Pixels = NDArray[np.uint8]


def add_counting_noise(image: Image, rng: Random, dose: float) -> Image:
    """Add counting noise of about `dose` electrons or photons at white (normal approximation of Poisson noise)."""
    deviation = np.sqrt(np.clip(image, 0.004, 2) / dose)
    return np.asarray(image + deviation * rng.standard_normal(image.shape, np.float32), np.float32)


def add_charging(image: Image, rng: Random, strength: float) -> Image:
    """Add charging: bright and dark streaks along scan lines that fade to the right."""
    height, width = image.shape[:2]
    struck = rng.uniform(0, 1, height)
    start = np.asarray(rng.uniform(0, width, height))
    length = np.asarray(rng.uniform(0.05, 0.5, height)) * float(width)
    x = np.arange(width, dtype=np.float32)[None, :]
    fade = np.exp(-np.clip(x - start[:, None], 0, None) / length[:, None]) * (x > start[:, None])
    sign = np.where(np.asarray(struck) < 0.08, rng.choice((-0.6, 1.0), height), 0.0)
    return np.asarray(image + strength * cv2.blur(fade * sign[:, None], (1, 2)), np.float32)


def add_vignetting(image: Image, rng: Random, strength: float) -> Image:
    """Add uneven illumination: darker with the distance from a center near the middle."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    cx, cy = width * rng.uniform(0.3, 0.7), height * rng.uniform(0.3, 0.7)
    fall = 1 - strength * ((x - cx) ** 2 + (y - cy) ** 2) / (width**2 + height**2) * 2
    return np.asarray(image * (fall if image.ndim == 2 else fall[..., None]), np.float32)


def add_drift(image: Image, rng: Random, amount_px: float) -> Image:
    """Shift scan lines sideways by slow drift and a jitter of `amount_px`."""
    height, width = image.shape[:2]
    shift = np.cumsum(rng.normal(0, 0.08, height)) * amount_px + rng.normal(0, 0.35 * amount_px, height)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    moved = cv2.remap(image, x + shift[:, None].astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.float32)


def compress_jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Return the picture after JPEG compression at `quality`."""
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])


def _sem(image: Image, rng: Random) -> Image:
    image = stretch_contrast(image, rng.uniform(0.02, 0.14), rng.uniform(0.8, 0.98), 0.4)
    image = add_vignetting(blur(image, rng.uniform(0.5, 0.95)), rng, rng.uniform(0, 0.12))
    if rng.uniform() < 0.25:
        image = add_charging(image, rng, rng.uniform(0.04, 0.16))
    if rng.uniform() < 0.2:
        image = add_drift(image, rng, rng.uniform(0.3, 0.8))
    return add_counting_noise(image, rng, float(rng.uniform(60, 900)))


def _tem(image: Image, rng: Random) -> Image:
    """Simulate bright field: an empty region is nearly white, and the illumination falls off to one side."""
    image = stretch_contrast(image, rng.uniform(0.04, 0.18), rng.uniform(0.68, 0.9), 0.3)
    image = add_vignetting(blur(image, rng.uniform(0.5, 0.9)), rng, rng.uniform(0, 0.25))
    return add_counting_noise(image, rng, float(rng.uniform(120, 1200)))


def _hrtem(image: Image, rng: Random) -> Image:
    image = stretch_contrast(image, rng.uniform(0.02, 0.12), rng.uniform(0.75, 0.97), 0.2)
    return add_counting_noise(blur(image, 0.6), rng, float(rng.uniform(60, 500)))


def _stem(image: Image, rng: Random) -> Image:
    image = stretch_contrast(image, rng.uniform(0.0, 0.06), rng.uniform(0.85, 1.0), 0.1)
    return add_counting_noise(add_drift(image, rng, rng.uniform(0.1, 0.5)), rng, float(rng.uniform(40, 300)))


def _light(image: Image, rng: Random) -> Image:
    image = add_vignetting(image, rng, rng.uniform(0, 0.15))
    grain = add_counting_noise(image, rng, float(rng.uniform(500, 4000)))
    return blur(grain, 0.5)


def _diffraction(image: Image, rng: Random) -> Image:
    image = np.log1p(5 * np.clip(image, 0, None)) / np.log(8)
    return add_counting_noise(np.asarray(image, np.float32), rng, float(rng.uniform(300, 2000)))


def _map(image: Image, rng: Random) -> Image:
    """Return the image unchanged: software draws maps, and they include their own counting noise."""
    return image


TECHNIQUE_IMAGING: dict[str, Callable[[Image, Random], Image]] = {
    "SEM": _sem, "TEM": _tem, "Cryo-TEM": _tem, "HRTEM": _hrtem, "STEM": _stem, "optical": _light,
    "fluorescence": _light, "diffraction": _diffraction, "AFM": _map, "EDX": _map, "EBSD": _map,
}  # fmt: skip


def record_picture(signal: Image, technique: str, rng: Random, inverted: bool = False) -> Pixels:
    """Return the RGB picture uint8 (h, w, 3) that `technique` makes of a signal; `inverted` swaps dark and bright."""
    if inverted and signal.ndim == 2:
        signal = -signal
    image = np.clip(TECHNIQUE_IMAGING[technique](signal, rng), 0, 1)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    pixels = np.rint(image * 255).astype(np.uint8)
    return compress_jpeg(pixels, int(rng.integers(72, 95))) if rng.uniform() < 0.3 else pixels


def backdrop(view: View, rng: Random, low: float, high: float) -> Pixels:
    """Return a mottled gray picture between `low` and `high` in [0, 1], for tests of bars alone."""
    image = stretch_contrast(smooth_noise(view, rng, 40) + 0.5 * smooth_noise(view, rng, 3), low, high)
    return np.repeat(np.rint(image * 255).astype(np.uint8)[..., None], 3, axis=2)
