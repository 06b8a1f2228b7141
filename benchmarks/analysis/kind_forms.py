"""Draw forms of micrographs that articles show beside the usual ones, as examples for the classifier of kinds.

Scans of probes, single molecules, blurred spheres, metallographs and phase contrast; kind_beams.py has electrons'.
"""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.analysis.kind_pictures import random_view, to_pixels
from mirsearch.synthetic.fields import (
    Image,
    Random,
    View,
    blur,
    fractal_noise,
    scatter,
    smooth_noise,
    stretch_contrast,
    voronoi,
)  # fmt: skip
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.specimens.colored import apply_colormap

PROBE_MAPS = ("gold", "copper", "gray", "gray", "gold", "viridis-like")
LABELS = ("1 µm", "200 nm", "a", "b", "(c)", "D", "Control", "WT", "0 h", "SIM", "Input", "S1", "5 µm", "LFP", "pores")
INKS = ((255, 40, 40), (255, 235, 0), (0, 230, 230), (255, 255, 255), (60, 220, 60), (255, 140, 0), (230, 60, 200),
        (40, 90, 255), (0, 0, 0))  # fmt: skip


_DYES = ((0.15, 1, 0.2), (1, 0.2, 0.15), (0.2, 0.5, 1), (1, 0.2, 0.9))


def gray(image: np.ndarray) -> Pixels:
    """Return a signal (h, w) in [0, 1] as a gray picture."""
    return to_pixels(np.repeat(image[..., None], 3, axis=2))


def objects(view: View, rng: Random, size: float, spacing: float, jitter: float, shape: str) -> Image:
    """Return soft masks in [0, 1] of discs, bars, rings, dumbbells or polygons about `size` px large."""
    mask = np.zeros((view.height, view.width), np.uint8)
    turn = float(rng.uniform(0, 180)) if rng.uniform() < 0.4 else 0.0
    slender = float(rng.uniform(0.25, 0.9))
    for x, y in scatter(view, rng, spacing, jitter, 0.0):
        if not (0 <= x < view.width and 0 <= y < view.height):
            continue
        half = size / 2 * (1 + rng.normal(0, 0.25) * min(1.0, jitter))
        angle = turn + (float(rng.normal(0, 60)) if jitter > 0.4 else 0.0)
        _draw_object(mask, (float(x), float(y)), max(1.5, half), slender, angle, shape, rng)
    return blur(np.asarray(mask / np.float32(255), np.float32), 0.7)


def _draw_object(
    mask: Pixels, at: tuple[float, float], half: float, slender: float, angle: float, shape: str, rng: Random
) -> None:
    scale, level = 4, int(rng.uniform(190, 255))  # the last bits of a place are parts of a pixel
    center = (round(at[0] * 2**scale), round(at[1] * 2**scale))
    if shape == "disc":
        cv2.circle(mask, center, round(half * 2**scale), level, -1, cv2.LINE_AA, scale)
    elif shape == "ring":
        cv2.circle(mask, center, round(half * 2**scale), level, max(1, round(half * 0.4)), cv2.LINE_AA, scale)
    elif shape == "polygon":
        turns = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 8))))
        points = np.stack([np.cos(turns), np.sin(turns)], 1) * half * rng.uniform(0.7, 1.1) + at
        cv2.fillPoly(mask, [np.round(points * 2**scale).astype(np.int32)], level, cv2.LINE_AA, scale)
    else:
        box = cv2.boxPoints((at, (2 * half, 2 * half * slender), angle))
        cv2.fillPoly(mask, [np.round(box * 2**scale).astype(np.int32)], level, cv2.LINE_AA, scale)


def _shape(rng: Random) -> str:
    return str(rng.choice(("disc", "bar", "bar", "ring", "polygon")))


def draw_probe_scan(rng: Random) -> Pixels:
    """Draw what a scanning probe records: patterned or grainy films, strands, and near fields, line by line."""
    view = random_view(rng)
    short, way = view.short_side, rng.uniform()
    height = 0.12 * fractal_noise(view, rng, short * rng.uniform(0.05, 0.4), rng.uniform(0.4, 0.8))
    if way < 0.35:
        size = short * rng.uniform(0.06, 0.3)
        height += objects(
            view, rng, size, size * rng.uniform(1.3, 2.6), float(rng.choice((0.0, 0.05, 0.7))), _shape(rng)
        )
    elif way < 0.6:
        height += strands(view, rng, int(rng.integers(3, 40)), short * rng.uniform(0.008, 0.03))
    elif way < 0.8:
        grain = short * rng.uniform(0.03, 0.12)
        points = scatter(view, rng, grain, 0.9, grain)
        cells, distance = voronoi(view, points, smooth_noise(view, rng, grain) * grain * 0.1)
        dome = np.sqrt(np.clip(distance / grain, 0, 1)) * rng.uniform(0.5, 1.0, int(cells.max()) + 1)[cells]
        height += dome * rng.uniform(0.5, 1.5)
    else:
        height = smooth_noise(view, rng, short * rng.uniform(0.1, 0.35)) * 0.4
    x, y = view.grid()
    height += rng.normal(0, 0.15) * x / view.width + rng.normal(0, 0.15) * y / view.height
    height = blur(np.asarray(height, np.float32), float(rng.uniform(0.7, 2.5)))
    lines = rng.normal(0, rng.uniform(0.005, 0.06), (view.height, 1))
    height = height + lines + rng.normal(0, rng.uniform(0.004, 0.03), height.shape)
    level = stretch_contrast(
        np.asarray(height, np.float32), rng.uniform(0, 0.2), rng.uniform(0.8, 1), rng.uniform(0.1, 2)
    )
    name = str(rng.choice(PROBE_MAPS))
    if rng.uniform() < 0.15:
        table = int(rng.choice((cv2.COLORMAP_HOT, cv2.COLORMAP_BONE, cv2.COLORMAP_OCEAN, cv2.COLORMAP_PINK)))
        return np.ascontiguousarray(cv2.applyColorMap((level * 255).astype(np.uint8), table)[..., ::-1])
    return to_pixels(apply_colormap(level, name))


def strands(view: View, rng: Random, count: int, thick: float, bend: float = 0.15) -> Image:
    """Return winding strands in [0, 1], `thick` px thick."""
    mask = np.zeros((view.height, view.width), np.uint8)
    for _ in range(count):
        turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, bend, int(rng.integers(20, 160))))
        steps = np.stack([np.cos(turns), np.sin(turns)], 1) * view.short_side * 0.01
        path = rng.uniform(0, 1, 2) * (view.width, view.height) + np.cumsum(steps, 0)
        width = max(1, round(thick))
        cv2.polylines(
            mask, [np.round(path * 16).astype(np.int32)], False, int(rng.uniform(120, 255)), width, cv2.LINE_AA, 4
        )
    return blur(np.asarray(mask / np.float32(255), np.float32), max(0.5, thick * 0.25))


def draw_molecules(rng: Random) -> Pixels:
    """Draw localized molecules, super-resolved filaments, rings and bacteria, or the same blurred, on black."""
    view = random_view(rng)
    short, way = view.short_side, rng.uniform()
    if way < 0.3:
        mask = strands(view, rng, int(rng.integers(5, 60)), short * rng.uniform(0.004, 0.02), 0.08)
    elif way < 0.75:
        size = short * rng.uniform(0.04, 0.35)
        mask = objects(
            view, rng, size, size * rng.uniform(1.1, 3), 0.8, str(rng.choice(("disc", "ring", "bar", "polygon")))
        )
        if rng.uniform() < 0.5:  # stained at the membrane only
            mask = np.clip(mask - cv2.erode(mask, np.ones((3, 3)), iterations=max(1, round(size * 0.1))) * 0.8, 0, 1)
    else:
        mask = np.asarray(
            view.blank(rng.uniform(0.002, 0.03)) * np.exp(smooth_noise(view, rng, short * 0.2)), np.float32
        )
    if rng.uniform() < 0.5:
        counts = rng.poisson(np.clip(mask, 0, 1) * rng.uniform(0.02, 0.5) + rng.uniform(0, 0.0008)).astype(np.float32)
        signal = blur(counts, float(rng.uniform(0.6, 2)))
        signal = signal / max(float(np.percentile(signal, 99.8)), 1e-3)
    else:
        signal = blur(mask * (0.75 + 0.25 * smooth_noise(view, rng, short * 0.08)), short * rng.uniform(0.003, 0.025))
    haze = blur(mask, short * 0.06) * rng.uniform(0, 0.5) + rng.uniform(0, 0.12)
    level = np.clip(signal * rng.uniform(0.5, 1.1) + haze, 0, 1)
    level = np.clip(level + rng.normal(0, rng.uniform(0.003, 0.05), level.shape), 0, 1)
    return _color_signal(np.asarray(level, np.float32), rng)


def _color_signal(level: Image, rng: Random) -> Pixels:
    """Return a signal of light in gray (mostly), one color, or a color map."""
    way = rng.uniform()
    if way < 0.55:
        return gray(level)
    if way < 0.75:
        table = int(rng.choice((cv2.COLORMAP_HOT, cv2.COLORMAP_INFERNO, cv2.COLORMAP_MAGMA, cv2.COLORMAP_HOT)))
        return np.ascontiguousarray(cv2.applyColorMap((level * 255).astype(np.uint8), table)[..., ::-1])
    return to_pixels(level[..., None] * np.array(_DYES[int(rng.integers(len(_DYES)))]))


def draw_glow(rng: Random) -> Pixels:
    """Draw wide-field fluorescence out of focus: glowing spheres, cells or stained bodies on a dark, hazy ground."""
    view = random_view(rng)
    short = view.short_side
    size = short * rng.uniform(0.12, 0.8)
    spacing = short * 3 if size > 0.4 * short else size * rng.uniform(0.9, 2.2)
    points = scatter(view, rng, spacing, 0.8)
    if size > 0.4 * short:
        points = np.array([(view.width * rng.uniform(0.4, 0.6), view.height * rng.uniform(0.4, 0.6))])
    x, y = view.grid()
    light = view.blank()
    edge, rim = rng.uniform(0.05, 0.6), rng.uniform(-0.4, 0.8)
    for px, py in points:
        reach = np.hypot(x - px, y - py) / (size / 2 * rng.uniform(0.8, 1.2))
        body = 1 / (1 + np.exp(np.minimum((reach - 1) / edge * 3, 80)))
        light = np.maximum(light, body * (1 + rim * np.exp(-(((reach - 0.9) / 0.15) ** 2))) * rng.uniform(0.5, 1))
    light = light * (0.85 + 0.15 * fractal_noise(view, rng, size * 0.3)) + 0.25 * blur(light, size * 0.25)
    if rng.uniform() < 0.3:
        light = light * (1 - 0.3 * (np.sin(y / max(2, size * 0.04)) > 0))
    level = stretch_contrast(np.asarray(light, np.float32), rng.uniform(0, 0.15), rng.uniform(0.5, 1), 0.1)
    level = level + rng.normal(0, rng.uniform(0.003, 0.03), level.shape)
    return _color_signal(np.asarray(np.clip(blur(np.asarray(level, np.float32), 0.8), 0, 1), np.float32), rng)


def draw_polished_section(rng: Random) -> Pixels:
    """Draw a polished metal: a black mount over bright metal with pores, elongated grains, or dendrites and tracks."""
    view = random_view(rng)
    x, y = view.grid()
    short, way = view.short_side, rng.uniform()
    level = rng.uniform(0.5, 0.9) + 0.015 * fractal_noise(view, rng, short * 0.1, 0.8)
    if way < 0.45:
        rough = smooth_noise(view, rng, short * rng.uniform(0.03, 0.3))[0] * short * rng.uniform(0.005, 0.08)
        top = view.height * rng.uniform(0.15, 0.6) + rough + rng.normal(0, 0.04) * x[0]
        level = np.where(y < top[None, :], rng.uniform(0, 0.15), level - 0.25 * np.exp(-np.abs(y - top[None, :]) / 2))
    elif way < 0.8:
        stretched = cv2.resize(
            fractal_noise(View(view.width, max(12, view.height // 12), 1.0), rng, short * rng.uniform(0.03, 0.1), 0.7),
            (view.width, view.height), interpolation=cv2.INTER_CUBIC,
        )  # fmt: skip
        stretched = stretched + 0.4 * fractal_noise(view, rng, short * 0.05, 0.7)
        level = 0.5 + 0.45 * np.tanh(stretched * rng.uniform(0.6, 3) + rng.uniform(-0.8, 0.8))
    else:
        field = fractal_noise(view, rng, short * rng.uniform(0.04, 0.2), 0.6)
        level = level - rng.uniform(0.2, 0.6) / (
            1 + np.exp(np.minimum(-(field - rng.uniform(0, 0.8)) * rng.uniform(4, 20), 80))
        )
    if rng.uniform() < 0.7:
        spots = smooth_noise(view, rng, short * rng.uniform(0.01, 0.04)) > rng.uniform(2.0, 3.2)
        level = np.where(spots, level * rng.uniform(0.05, 0.5), level)
    if rng.uniform() < 0.3:
        level = level.T[:, ::-1] if view.width == view.height else level[::-1]
    tint = 1 + rng.uniform(-0.12, 0.12, 3) if rng.uniform() < 0.3 else np.ones(3)
    image = blur(np.asarray(np.clip(level, 0, 1)[..., None] * tint, np.float32), float(rng.uniform(0.5, 1.2)))
    return to_pixels(image + rng.normal(0, rng.uniform(0.004, 0.02), image.shape))


def draw_phase_contrast(rng: Random) -> Pixels:
    """Draw cells in phase contrast or oblique light: many small bodies with halos, in wells and channels."""
    view = random_view(rng)
    short = view.short_side
    size = short * rng.uniform(0.02, 0.14)
    body = objects(view, rng, size, size * rng.uniform(1.1, 4), 1.0, str(rng.choice(("disc", "bar", "disc"))))
    halo = blur(body, size * 0.25) - body
    gx = cv2.Sobel(blur(body, 1.0), cv2.CV_32F, 1, 0) if rng.uniform() < 0.4 else np.zeros_like(body)
    level = rng.uniform(0.3, 0.7) + 0.05 * fractal_noise(view, rng, short * 0.3)
    level += rng.uniform(-0.4, 0.4) * body + rng.uniform(0.1, 0.7) * halo + rng.uniform(0.2, 0.6) * gx
    if rng.uniform() < 0.35:
        lines = np.zeros(body.shape, np.uint8)
        center = (view.width // 2, view.height // 2)
        cv2.circle(lines, center, int(short * rng.uniform(0.3, 0.48)), 255, max(1, int(short * 0.012)), cv2.LINE_AA)
        for shift in rng.uniform(-0.1, 0.1, 2) * short:
            cv2.line(lines, (0, int(center[1] + shift)), (view.width, int(center[1] + shift)), 255, 1, cv2.LINE_AA)
        level += rng.choice((-0.25, 0.35)) * blur(np.asarray(lines / np.float32(255), np.float32), 0.8)
    level += rng.normal(0, rng.uniform(0.005, 0.03), level.shape)
    return gray(blur(np.asarray(np.clip(level, 0, 1), np.float32), float(rng.uniform(0.5, 1.2))))
