"""Draw maps, light micrographs, sections and photographs, as examples for the classifier of kinds."""

from __future__ import annotations

import cv2
import numpy as np

from mirsearch.synthetic.fields import Image, Random, View, blur, fractal_noise, scatter, smooth_noise, voronoi
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.specimens.colored import stained_tissue

DYES = (
    ((0.12, 0.9, 0.5), (1.1, 1.2, 0.4)), ((0.3, 0.25, 0.08), (0.9, 0.6, 0.15)), ((0.15, 0.35, 0.6), (0.3, 0.9, 1.5)),
    ((0.7, 0.3, 0.15), (1.2, 0.5, 0.2)), ((0.1, 0.9, 0.8), (0.9, 0.5, 0.1)), ((0.35, 0.15, 0.5), (0.8, 1.1, 0.3)),
)  # fmt: skip
"""Absorption in red, green and blue of pairs of dyes: of the tissue, of its nuclei."""


def random_view(rng: Random) -> View:
    """Return a view of random size, with 1 nm per px."""
    width = int(rng.integers(160, 620))
    return View(width, int(np.clip(width * np.exp(rng.normal(0, 0.3)), 120, 620)), 1.0)


def to_pixels(image: np.ndarray) -> Pixels:
    """Return a picture in [0, 1] as uint8."""
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)


def draw_segments(rng: Random) -> Pixels:
    """Draw a map of segments in random colors, some over the gray picture that was segmented."""
    view = random_view(rng)
    size = view.short_side * rng.uniform(0.05, 0.25)
    cells, distance = voronoi(
        view, scatter(view, rng, size, 0.9, size), smooth_noise(view, rng, size * 0.5) * size * 0.25
    )
    colors = rng.uniform(0, 1, (int(cells.max()) + 1, 3)) ** rng.uniform(0.5, 1.2)
    image = colors[cells]
    gray = np.clip(0.6 + 0.2 * fractal_noise(view, rng, size), 0, 1)[..., None] * np.where(
        distance[..., None] < 2, 0.3, 1
    )
    share = rng.uniform(0, 0.6) if rng.uniform() < 0.6 else 0.0
    return to_pixels(image * (1 - share) + gray * share)


def draw_field(rng: Random) -> Pixels:
    """Draw a map of strain, height or concentration: a smooth or grainy field in a color map of many hues."""
    view = random_view(rng)
    field = fractal_noise(view, rng, view.short_side * rng.uniform(0.1, 0.6), rng.uniform(0.2, 0.7), 5)
    if rng.uniform() < 0.4:
        spots = blur(
            rng.poisson(np.exp(field * 0.6) * rng.uniform(0.3, 3)).astype(np.float32), float(rng.uniform(0.5, 2))
        )
        field = spots
    low, high = np.percentile(field, (1, 99))
    level = (np.clip((field - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
    table = int(
        rng.choice(
            (
                cv2.COLORMAP_JET,
                cv2.COLORMAP_JET,
                cv2.COLORMAP_RAINBOW,
                cv2.COLORMAP_TURBO,
                cv2.COLORMAP_VIRIDIS,
                cv2.COLORMAP_PARULA,
            )
        )
    )
    return np.ascontiguousarray(cv2.applyColorMap(level, table)[..., ::-1])


def draw_stain(rng: Random) -> Pixels:
    """Draw tissue with other stains than the specimens': brown on blue, blue, red or green, on light ground."""
    view = random_view(rng)
    light = stained_tissue(
        View(view.width, view.height, 1.0), rng, float(rng.uniform(14, 90)), float(rng.uniform(0.4, 1))
    )
    absorb = -np.log(np.clip(light / 0.96, 0.02, 1))
    pink, purple = absorb[..., 1] - absorb[..., 0], absorb[..., 0]
    first, second = (np.array(dye) * rng.uniform(0.7, 1.3, 3) for dye in DYES[int(rng.integers(len(DYES)))])
    strength = rng.uniform(0.4, 1.3)
    hole = np.clip(smooth_noise(view, rng, view.short_side * rng.uniform(0.2, 0.6)) * 3 - rng.uniform(-2, 4), 0, 1)
    image = np.exp(-strength * (1 - hole[..., None]) * (pink[..., None] * first + purple[..., None] * second))
    image = blur(np.asarray(image * rng.uniform(0.85, 1.0), np.float32), float(rng.uniform(0.4, 1.4)))
    return to_pixels(image + rng.normal(0, 0.012, image.shape))


def draw_etched_metal(rng: Random) -> Pixels:
    """Draw a metallograph: light grains with dark etched borders and inclusions, tinted or gray."""
    view = random_view(rng)
    size = view.short_side * rng.uniform(0.04, 0.3)
    cells, distance = voronoi(
        view, scatter(view, rng, size, 0.9, size), smooth_noise(view, rng, size * 0.6) * size * 0.08
    )
    level = rng.uniform(0.6, 0.95, int(cells.max()) + 1)[cells] + 0.02 * fractal_noise(view, rng, size)
    level *= 1 - rng.uniform(0.3, 0.8) * np.exp(-((distance / rng.uniform(0.8, 2.0)) ** 2))
    if rng.uniform() < 0.5:  # pearlite or martensite: some grains dark with fine stripes
        x, y = view.grid()
        angle = rng.uniform(0, np.pi, int(cells.max()) + 1)[cells]
        stripes = np.sin((x * np.cos(angle) + y * np.sin(angle)) * rng.uniform(0.5, 1.6)) * 0.25
        dark = (rng.uniform(size=int(cells.max()) + 1) < rng.uniform(0.1, 0.6))[cells]
        level = np.where(dark, level * 0.6 + stripes * 0.5, level)
    tint = 1 + rng.uniform(-0.15, 0.15, 3) if rng.uniform() < 0.5 else np.ones(3)
    image = blur(np.asarray(np.clip(level, 0, 1)[..., None] * tint, np.float32), float(rng.uniform(0.6, 1.2)))
    return to_pixels(image + rng.normal(0, 0.01, image.shape))


def draw_bright_field(rng: Random) -> Pixels:
    """Draw living cells, drops or crystals in bright field or phase contrast: outlines with halos on an even gray."""
    view = random_view(rng)
    size = view.short_side * rng.uniform(0.06, 0.4)
    relief = view.blank()
    x, y = view.grid()
    for px, py in scatter(view, rng, size * rng.uniform(1.1, 2.5), 0.9, size):
        half = size * rng.uniform(0.25, 0.6, 2)
        angle = rng.uniform(0, np.pi)
        u, v = (x - px) * np.cos(angle) + (y - py) * np.sin(angle), (y - py) * np.cos(angle) - (x - px) * np.sin(angle)
        reach = (np.hypot(u / half[0], v / half[1]) - 1) * half.mean()
        relief += -np.exp(-((reach / 2.2) ** 2)) + 0.6 * np.exp(-(((reach - 4) / 2.5) ** 2)) + 0.12 * (reach < 0)
    level = rng.uniform(0.45, 0.85) + rng.uniform(0.08, 0.35) * relief + 0.03 * fractal_noise(view, rng, size * 0.5)
    tint = 1 + rng.uniform(-0.12, 0.12, 3) if rng.uniform() < 0.35 else np.ones(3)
    image = blur(np.asarray(np.clip(level, 0, 1)[..., None] * tint, np.float32), float(rng.uniform(0.6, 1.5)))
    return to_pixels(image + rng.normal(0, rng.uniform(0.005, 0.02), image.shape))


def draw_cell_section(rng: Random) -> Pixels:
    """Draw an electron micrograph of a section through tissue: membranes, mitochondria and vesicles in gray."""
    view = random_view(rng)
    size = view.short_side * rng.uniform(0.06, 0.35)
    points = scatter(view, rng, size, 1.0, size)
    cells, distance = voronoi(view, points, smooth_noise(view, rng, size * 0.5) * size * 0.25)
    level = rng.uniform(0.6, 0.85, int(cells.max()) + 1)[cells] + 0.05 * fractal_noise(view, rng, size * 0.4, 0.8)
    level -= rng.uniform(0.3, 0.6) * np.exp(-((distance / max(1.0, size * 0.03)) ** 2))
    bodies, inner = voronoi(
        view, scatter(view, rng, size * 0.5, 1.0, size), smooth_noise(view, rng, size * 0.2) * size * 0.1
    )
    chosen = (
        (rng.uniform(size=int(bodies.max()) + 1) < rng.uniform(0.05, 0.3))[bodies]
        & (inner > size * 0.05)
        & (distance > 3)
    )
    level -= 0.25 * chosen * (1 + 0.5 * np.sin(inner * 1.5))
    level += rng.normal(0, rng.uniform(0.03, 0.12), level.shape)
    return to_pixels(np.repeat(blur(np.asarray(level, np.float32), 0.8)[..., None], 3, axis=2))


def draw_photo(rng: Random) -> Pixels:
    """Draw a photograph: shaded objects with shadows on a bench or cloth, in dull colors, slightly out of focus."""
    view = random_view(rng)
    ground = np.array(rng.uniform(0.15, 0.95)) * (1 + rng.uniform(-0.2, 0.2, 3))
    x, y = view.grid()
    slope = 1 + rng.uniform(-0.35, 0.35) * (x / view.width - 0.5) + rng.uniform(-0.35, 0.35) * (y / view.height - 0.5)
    texture = 1 + rng.uniform(0, 0.08) * fractal_noise(view, rng, rng.uniform(4, 60))
    image = ground[None, None] * (slope * texture)[..., None]
    for _ in range(int(rng.integers(1, 6))):
        color = np.clip(rng.uniform(0.05, 0.95) + rng.uniform(-0.35, 0.35, 3) * rng.uniform(0, 1), 0.02, 1)
        center = rng.uniform(0.2, 0.8, 2) * (view.width, view.height)
        half = rng.uniform(0.08, 0.38, 2) * view.short_side
        mask = _object_mask(view, center, half, rng)
        shadow = blur(np.roll(mask, (int(half[1] * 0.12), int(half[0] * 0.12)), (0, 1)), half.mean() * 0.15)
        image *= (1 - 0.5 * np.clip(shadow - mask, 0, 1))[..., None]
        shade = 0.8 + 0.35 * ((center[0] - x) + (center[1] - y)) / half.sum() + 0.06 * smooth_noise(view, rng, 30)
        gloss = np.exp(
            -((x - center[0] + half[0] * 0.4) ** 2 + (y - center[1] + half[1] * 0.4) ** 2) / half.mean() ** 2 * 8
        )
        body = color[None, None] * shade[..., None] + rng.uniform(0, 0.6) * gloss[..., None]
        image = image * (1 - mask[..., None]) + body * mask[..., None]
    image = blur(np.asarray(image, np.float32), float(rng.uniform(0.6, 1.6)))
    return to_pixels(image + rng.normal(0, rng.uniform(0.003, 0.02), image.shape))


def _object_mask(view: View, center: np.ndarray, half: np.ndarray, rng: Random) -> Image:
    mask = np.zeros((view.height, view.width), np.uint8)
    angle = float(rng.uniform(0, 180))
    if rng.uniform() < 0.5:
        cv2.ellipse(
            mask, tuple(int(v) for v in center), tuple(int(v) for v in half), angle, 0, 360, 255, -1, cv2.LINE_AA
        )
    else:
        box = cv2.boxPoints((tuple(map(float, center)), tuple(map(float, 2 * half)), angle))
        cv2.fillConvexPoly(mask, np.round(box).astype(np.int32), 255, cv2.LINE_AA)
    return np.asarray(mask / np.float32(255), np.float32)
