"""Draws specimens in color: fluorescent cells, stained tissue, maps, and height maps with colormaps."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.synthetic.fields import (
    Image,
    Random,
    View,
    blur,
    fractal_noise,
    make_rng,
    scatter,
    smooth_noise,
    voronoi,
)

COLORMAPS = {
    "gold": ((0, 0, 0), (90, 30, 5), (190, 95, 15), (240, 180, 60), (255, 250, 220)),
    "copper": ((0, 0, 0), (80, 50, 32), (160, 100, 64), (235, 150, 95), (255, 199, 127)),
    "viridis-like": ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)),
    "rainbow": ((0, 0, 140), (0, 150, 255), (60, 220, 120), (255, 220, 0), (170, 0, 0)),
    "gray": ((0, 0, 0), (255, 255, 255)),
}
"""Evenly spaced colors of each colormap, from low to high."""

DYES = {
    "blue": (40, 70, 255),
    "green": (30, 235, 60),
    "red": (255, 45, 35),
    "magenta": (255, 40, 220),
    "cyan": (30, 230, 235),
}
ELEMENT_COLORS = ((255, 40, 30), (40, 230, 60), (60, 110, 255), (255, 220, 40), (240, 60, 230), (50, 230, 230))


def apply_colormap(signal: Image, name: str) -> Image:
    """Return the colors (h, w, 3) of a signal (h, w) in [0, 1]."""
    stops = np.array(COLORMAPS[name], np.float32) / 255
    at = np.linspace(0, 1, len(stops))
    table = np.stack([np.interp(np.linspace(0, 1, 256), at, stops[:, c]) for c in range(3)], 1).astype(np.float32)
    return table[(np.clip(signal, 0, 1) * 255).astype(np.uint8)]


def afm(
    view: View, rng: Random, size_nm: float, terraces: float = 0.0, islands: float = 0.5, tint: float = 0.0
) -> Image:
    """Draw the AFM height map of :func:`solids.height_map` with colormap number `tint`."""
    from mirsearch.synthetic.specimens.solids import height_map

    names = list(COLORMAPS)
    return apply_colormap(height_map(view, rng, size_nm, terraces, islands), names[int(tint) % len(names)])


def _draw_cells(view: View, rng: Random, size: float, share: float) -> tuple[NDArray[np.int32], Image, Image]:
    """Draw cells: the cell's number, the distance to its border, and soft oval nuclei of `share` of the cell."""
    points = scatter(view, rng, size, 0.55, size)
    cells, distance = voronoi(view, points, smooth_noise(view, rng, size * 0.4) * size * 0.06)
    nuclei = view.blank()
    for x, y in points:
        axes = size * share * rng.uniform(0.8, 1.15, 2) / 2
        x0, x1 = max(0, int(x - size)), min(view.width, int(x + size) + 1)
        y0, y1 = max(0, int(y - size)), min(view.height, int(y + size) + 1)
        if x0 >= x1 or y0 >= y1:
            continue
        angle = rng.uniform(0, np.pi)
        across, down = np.arange(x0, x1)[None, :] - x, np.arange(y0, y1)[:, None] - y
        u, v = across * np.cos(angle) + down * np.sin(angle), -across * np.sin(angle) + down * np.cos(angle)
        reach = np.hypot(u / axes[0] * 0.85, v / axes[1] * 1.15)
        soft = np.clip((1 - reach) * axes.mean() / 2.5 + 0.5, 0, 1) * rng.uniform(0.55, 1.0)
        np.maximum(nuclei[y0:y1, x0:x1], soft, out=nuclei[y0:y1, x0:x1])
    return cells, distance, nuclei


def fluorescent_cells(view: View, rng: Random, size_nm: float, density: float = 0.8, stain: float = 0.0) -> Image:
    """Draw fluorescent cells of mean diameter `size_nm`: blue nuclei, cytoskeleton and rim in the color of `stain`."""
    size = view.px(size_nm)
    cells, distance, nuclei = _draw_cells(view, rng, size, 0.42)
    count = int(cells.max()) + 1
    bright = (rng.uniform(0.45, 1.0, count) * (rng.uniform(size=count) < density))[cells].astype(np.float32)
    angle = rng.uniform(0, np.pi, count)[cells]
    x, y = view.grid()
    wander = smooth_noise(view, rng, size * 0.3) * 2.0
    strands = (np.sin((x * np.cos(angle) + y * np.sin(angle)) / (size * 0.013) + wander * 2) + 1) / 2
    body = np.clip(distance / (size * 0.12), 0, 1) ** 0.5
    rim = np.exp(-((distance / (size * 0.05)) ** 2))
    web = (
        bright * body * (0.3 + 0.35 * strands * (0.6 + 0.5 * smooth_noise(view, rng, size * 0.12))) + 0.4 * bright * rim
    )
    texture = nuclei * (0.85 + 0.12 * fractal_noise(view, rng, size_nm * 0.12, octaves=3))
    names = ("green", "red", "magenta", "cyan")
    image = np.zeros((view.height, view.width, 3), np.float32)
    image += blur(np.clip(web, 0, 1.2), 0.9)[..., None] * (np.array(DYES[names[int(stain) % 4]], np.float32) / 255)
    spots = blur((rng.uniform(size=cells.shape) > 0.9985).astype(np.float32), max(1.0, size * 0.012))
    if int(stain) % 2 == 0:
        image += np.clip(spots * 18 * bright, 0, 1)[..., None] * (np.array(DYES["red"], np.float32) / 255)
    image += blur(texture, 1.0)[..., None] * (np.array(DYES["blue"], np.float32) / 255)
    return np.asarray(np.clip(image, 0, 1) + 0.012, np.float32)


def stained_tissue(view: View, rng: Random, size_nm: float, density: float = 0.8) -> Image:
    """Draw a tissue section stained pink and purple, bright-field optical: cells of mean diameter `size_nm`, gaps."""
    size = view.px(size_nm)
    cells, distance, nuclei = _draw_cells(view, rng, size, 0.5)
    count = int(cells.max()) + 1
    kept = (rng.uniform(size=count) < density)[cells]
    gap = np.clip(1.4 * smooth_noise(view, rng, size * 4) - 1.9, 0, 1)
    eosin = (
        0.35 + 0.12 * fractal_noise(view, rng, size_nm, 0.6) + 0.2 * np.exp(-((distance / (size * 0.06)) ** 2))
    ) * (1 - gap)
    heme = nuclei * kept * (0.9 + 0.2 * fractal_noise(view, rng, size_nm * 0.15, octaves=3)) * (1 - gap)
    absorb = eosin[..., None] * np.array((0.12, 0.95, 0.5)) + heme[..., None] * np.array((1.1, 1.3, 0.45))
    return np.asarray(blur(np.exp(-absorb).astype(np.float32), 0.8) * 0.96, np.float32)


def element_map(view: View, rng: Random, size_nm: float, element: float = 0.0, counts: float = 2.5) -> Image:
    """Draw an EDX map: counts of one element, with color number `element`, in domains of wavelength `size_nm`."""
    field = fractal_noise(view, rng, size_nm * 1.5, 0.35, 3)
    domain = np.clip(field * 2.2 + 0.3, 0.04, 1) * counts * 0.5
    hits = rng.poisson(domain).astype(np.float32)
    color = np.array(ELEMENT_COLORS[int(element) % len(ELEMENT_COLORS)], np.float32) / 255
    return np.asarray(np.clip(blur(hits, 0.6) * 0.55, 0, 1)[..., None] * color, np.float32)


def orientation_map(view: View, rng: Random, size_nm: float, vivid: float = 0.8) -> Image:
    """Draw an EBSD orientation map: grains of mean diameter `size_nm` in saturated colors with thin dark borders."""
    size = view.px(size_nm)
    cells, distance = voronoi(view, scatter(view, rng, size, 0.8, 2 * size))
    pick = make_rng(int(rng.integers(1 << 31)))
    weights = pick.dirichlet((0.55, 0.55, 0.55), int(cells.max()) + 1)
    colors = weights / weights.max(1, keepdims=True)
    image = (vivid * colors + (1 - vivid) * 0.6)[cells].astype(np.float32)
    image *= np.where(distance[..., None] < 1.2, 0.15, 1.0)
    dust = (rng.uniform(size=cells.shape) > 0.997)[..., None]
    dusty = (np.where(dust, 0, image) * 255).astype(np.uint8)
    return np.asarray(cv2.medianBlur(dusty, 3) / np.float32(255), np.float32)
