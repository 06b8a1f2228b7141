"""Pictures changed in eight ways, each in three strengths, as figures are changed between two papers."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Random = np.random.Generator
STRENGTHS = (0, 1, 2)


def crop(pixels: Pixels, rng: Random, strength: int) -> Pixels:
    """Keep 80, 65 or 50 % of each side."""
    height, width = pixels.shape[:2]
    share = (0.8, 0.65, 0.5)[strength]
    rows, columns = round(height * share), round(width * share)
    top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
    return np.ascontiguousarray(pixels[top : top + rows, left : left + columns])


def flip(pixels: Pixels, rng: Random, strength: int) -> Pixels:
    """Mirror left and right, top and bottom, or at the diagonal."""
    if strength == 2:
        return np.ascontiguousarray(pixels.transpose(1, 0, 2))
    return np.ascontiguousarray(pixels[:, ::-1] if strength == 0 else pixels[::-1])


def turn(pixels: Pixels, rng: Random, strength: int) -> Pixels:
    """Turn by 180°, by 90°, or by 5° to 40° (and cut the empty corners)."""
    if strength < 2:
        return np.ascontiguousarray(np.rot90(pixels, 2 - strength))
    height, width = pixels.shape[:2]
    angle = float(rng.uniform(5, 40)) * rng.choice([-1, 1])
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    turned = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC)
    sine, cosine = abs(np.sin(np.radians(angle))), abs(np.cos(np.radians(angle)))
    share = min(width, height) / (min(width, height) * cosine + max(width, height) * sine)
    rows, columns = int(height * share), int(width * share)
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.ascontiguousarray(turned[top : top + rows, left : left + columns])


def contrast(pixels: Pixels, rng: Random, strength: int) -> Pixels:
    """Stretch or squeeze gray values, with a gamma."""
    gain = (1.25, 1.6, 2.0)[strength] ** rng.choice([-1, 1])
    gamma = (1.15, 1.4, 1.8)[strength] ** rng.choice([-1, 1])
    value = 255 * (np.arange(256) / 255) ** gamma
    table = np.clip((value - 128) * gain + 128 + rng.uniform(-12, 12), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(pixels, table), dtype=np.uint8)


def scale(pixels: Pixels, rng: Random, strength: int) -> Pixels:
    """Reduce to 70, 50 or 35 % of the size; sides may differ by a few percent."""
    share = (0.7, 0.5, 0.35)[strength]
    stretch = (1.0, 1.03, 1.08)[strength]
    size = (max(round(pixels.shape[1] * share * stretch), 8), max(round(pixels.shape[0] * share), 8))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def compress(pixels: Pixels, rng: Random, strength: int) -> Pixels:
    """Compress as JPEG with quality 60, 30 or 12."""
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, (60, 30, 12)[strength]])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)


def noise(pixels: Pixels, rng: Random, strength: int) -> Pixels:
    """Blur a little and add noise of 5, 12 or 25 gray levels."""
    soft = cv2.GaussianBlur(pixels, (0, 0), (0.6, 0.9, 1.3)[strength])
    grain = rng.normal(0, (5, 12, 25)[strength], pixels.shape[:2])[..., None]
    return np.clip(soft + grain, 0, 255).astype(np.uint8)


def letters(pixels: Pixels, rng: Random, strength: int) -> Pixels:
    """Draw a letter, a bar with its length and arrows on the picture, or cover a part of it."""
    changed = pixels.copy()
    height, width = changed.shape[:2]
    size = max(min(height, width) / 400, 0.35) * (1.2 + 0.5 * strength)
    cv2.putText(changed, str(rng.choice(list("abcdefgh"))), (8, int(40 * size)), cv2.FONT_HERSHEY_DUPLEX, 1.6 * size,
                (255, 255, 255), max(round(3 * size), 1), cv2.LINE_AA)  # fmt: skip
    right, low = int(width * 0.94), int(height * 0.93)
    cv2.rectangle(changed, (right - int(width * 0.25), low), (right, low + max(round(6 * size), 2)), (255,) * 3, -1)
    cv2.putText(changed, f"{rng.integers(1, 900)} nm", (right - int(width * 0.24), low - 6), cv2.FONT_HERSHEY_DUPLEX,
                0.8 * size, (255, 255, 255), max(round(2 * size), 1), cv2.LINE_AA)  # fmt: skip
    for _ in range(2 * strength):
        start = (int(rng.uniform(0.2, 0.8) * width), int(rng.uniform(0.2, 0.8) * height))
        end = (start[0] + int(rng.uniform(-60, 60)), start[1] + int(rng.uniform(-60, 60)))
        cv2.arrowedLine(changed, start, end, (255, 220, 0), max(round(3 * size), 1), cv2.LINE_AA)
    if strength == 2:
        left, top = int(rng.uniform(0, 0.6) * width), int(rng.uniform(0, 0.6) * height)
        changed[top : top + int(0.35 * height), left : left + int(0.35 * width)] = 255
    return changed


CHANGES: dict[str, Callable[[Pixels, Random, int], Pixels]] = {
    "crop": crop, "flip": flip, "turn": turn, "contrast": contrast, "scale": scale, "compression": compress,
    "noise": noise, "letters": letters,
}  # fmt: skip
"""Every change by name; each takes a picture RGB uint8 (h, w, 3), a random generator, and a strength 0, 1 or 2."""
