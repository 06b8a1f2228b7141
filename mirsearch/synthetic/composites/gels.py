"""Draws gels and blots: lanes with bands, light or dark."""

from __future__ import annotations

import numpy as np

from mirsearch.synthetic.fields import Random, View, blur, smooth_noise
from mirsearch.synthetic.imaging import Pixels


def draw_gel(width: int, height: int, rng: Random, lanes: int, bands: int, dark: bool = False) -> Pixels:
    """Draw a gel of `lanes` lanes with about `bands` rows of bands; dark bands on light ground, or the inverse."""
    view = View(width, height, 1.0)
    field = 0.05 + 0.02 * smooth_noise(view, rng, max(20.0, width / 4)) + 0.012 * smooth_noise(view, rng, 3)
    x = np.arange(width, dtype=np.float32)[None, :]
    y = np.arange(height, dtype=np.float32)[:, None]
    pitch = width / lanes
    rows = np.sort(rng.uniform(0.15, 0.85, bands)) if bands > 1 else np.array([0.5])
    for row in rows:
        common = float(rng.uniform(0.2, 1.0))
        for lane in range(lanes):
            strength = common * float(rng.uniform(0.05, 1.0)) ** 0.6
            middle, half = (lane + 0.5) * pitch, pitch * float(rng.uniform(0.34, 0.44))
            thick = max(1.6, min(height * 0.35, pitch * 0.16) * float(rng.uniform(0.5, 1.2)))
            bend = row * height + 0.05 * thick * ((x - middle) / half) ** 2
            across = 1 / (1 + np.exp(np.clip((np.abs(x - middle) - half) / max(0.7, pitch * 0.03), -40, 40)))
            field = field + strength * across * np.exp(-(((y - bend) / thick) ** 2))
    smear = blur(np.asarray(field, np.float32), 0.8) + 0.01 * rng.standard_normal((height, width), np.float32)
    tone = np.clip(smear, 0, 1) if dark else 1 - np.clip(smear, 0, 1)
    return np.repeat(np.rint(tone * 255).astype(np.uint8)[..., None], 3, 2)
