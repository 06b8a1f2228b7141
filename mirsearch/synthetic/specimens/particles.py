"""Draws specimens of separate bodies: spheres, crystals, rods, and particles on a film."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mirsearch.synthetic.fields import Image, Random, View, blur, fractal_noise, scatter, secondary_electrons

Patch = tuple[slice, slice, Image, Image]
"""Rows and columns of the pixels around a body, and their x and y in px from its center."""


def _patch_around(view: View, x: float, y: float, reach: float) -> Patch | None:
    x0, x1 = max(0, int(x - reach)), min(view.width, int(x + reach) + 2)
    y0, y1 = max(0, int(y - reach)), min(view.height, int(y + reach) + 2)
    if x0 >= x1 or y0 >= y1:
        return None
    across = np.arange(x0, x1, dtype=np.float32)[None, :] - np.float32(x)
    down = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(y)
    return slice(y0, y1), slice(x0, x1), across, down


def _random_diameters(rng: Random, count: int, size_px: float, spread: float) -> NDArray[np.float64]:
    return size_px * np.exp(rng.normal(0, spread, count)).clip(0.4, 2.2)


def spheres(view: View, rng: Random, size_nm: float, spread: float = 0.15, layers: float = 2.0) -> Image:
    """Draw a powder or film of spheres, SEM: mean diameter `size_nm`, log-normal `spread`, number of `layers`."""
    size = view.px(size_nm)
    height = blur(fractal_noise(view, rng, 4 * size_nm), 1.0) * size * 0.03
    for level in range(max(1, round(layers))):
        points = rng.permutation(scatter(view, rng, size * (1.03 + 0.35 * spread), 0.12 + spread, size))
        clumps = fractal_noise(view, rng, 12 * size_nm, octaves=3)
        for (x, y), diameter in zip(points, _random_diameters(rng, len(points), size, spread), strict=True):
            row, column = int(np.clip(y, 0, view.height - 1)), int(np.clip(x, 0, view.width - 1))
            if level and clumps[row, column] < 0.35 * level - 0.5:
                continue
            radius = diameter / 2
            patch = _patch_around(view, x, y, radius)
            if patch is None:
                continue
            rows, columns, across, down = patch
            inside = radius * radius - across * across - down * down
            base = level * 0.72 * size + rng.normal(0, 0.12) * size
            body = np.where(inside > 0, base + np.sqrt(np.maximum(inside, 0)), -1e6)
            np.maximum(height[rows, columns], body, out=height[rows, columns])
    return secondary_electrons(height, size * 0.5)


def crystals(
    view: View, rng: Random, size_nm: float, spread: float = 0.25, planes: float = 7, flat: float = 0.6
) -> Image:
    """Draw crystals on a support, SEM: bodies with `planes` tilted facets and a top; `flat` = height/width."""
    size = view.px(size_nm)
    height = blur(fractal_noise(view, rng, 3 * size_nm), 1.0) * size * 0.03
    points = rng.permutation(scatter(view, rng, size * 0.95, 0.5, size))
    for (x, y), width in zip(points, _random_diameters(rng, len(points), size, spread), strict=True):
        radius, facets = width / 2, max(3, round(planes) + int(rng.integers(-1, 2)))
        patch = _patch_around(view, x, y, radius * 1.5)
        if patch is None:
            continue
        rows, columns, across, down = patch
        angles = rng.uniform(0, 2 * np.pi) + 2 * np.pi * (np.arange(facets) + rng.uniform(-0.2, 0.2, facets)) / facets
        lean, way = rng.uniform(0, 0.5), rng.uniform(0, 2 * np.pi)
        body = width * flat - lean * (across * np.cos(way) + down * np.sin(way))
        for angle in angles:
            side = radius * rng.uniform(0.8, 1.0) - across * np.cos(angle) - down * np.sin(angle)
            body = np.minimum(body, side * rng.uniform(1.2, 2.6))
        body = np.where(body > 0, body + rng.uniform(0, 0.5) * size, -1e6)
        np.maximum(height[rows, columns], body, out=height[rows, columns])
    return secondary_electrons(height, size * 0.5, light=0.3, edge=0.3)


def _segment_distance(across: Image, down: Image, angle: float, half: float) -> Image:
    """Return each pixel's distance in px from a segment of half length `half` through the patch's center."""
    along = across * np.cos(angle) + down * np.sin(angle)
    off = -across * np.sin(angle) + down * np.cos(angle)
    beyond = np.maximum(np.abs(along) - half, 0)
    return np.asarray(np.hypot(beyond, off), np.float32)


def rods(
    view: View, rng: Random, size_nm: float, aspect: float = 5.0, order: float = 0.5, layers: float = 2.0
) -> Image:
    """Draw nanorods, SEM: length `size_nm`, `aspect` = length/width, `order` 0 (random) to 1 (all parallel)."""
    length = view.px(size_nm)
    width = length / aspect
    height = blur(fractal_noise(view, rng, size_nm), 1.0) * width * 0.05
    main = rng.uniform(0, np.pi)
    spacing = np.sqrt(length * width) * 1.25
    for level in range(max(1, round(layers))):
        for x, y in rng.permutation(scatter(view, rng, spacing, 0.6, length / 2)):
            angle = main + rng.normal(0, 1.6 * (1 - order) + 0.05)
            half = length * rng.uniform(0.75, 1.1) / 2
            patch = _patch_around(view, x, y, half + 2)
            if patch is None:
                continue
            rows, columns, across, down = patch
            radius = width * rng.uniform(0.85, 1.1) / 2
            inside = radius**2 - _segment_distance(across, down, angle, half - radius) ** 2
            base = (level + rng.uniform(0, 0.8)) * width
            body = np.where(inside > 0, base + np.sqrt(np.maximum(inside, 0)), -1e6)
            np.maximum(height[rows, columns], body, out=height[rows, columns])
    return secondary_electrons(height, width * 0.8)


def _carbon_film(view: View, rng: Random, grain_nm: float) -> Image:
    """Return the transmission of an amorphous carbon film: 1 with slight mottling."""
    film = 1 + 0.02 * fractal_noise(view, rng, 12 * grain_nm, 0.6, 3)
    return np.asarray(film + 0.025 * blur(rng.standard_normal(film.shape, np.float32), 0.9), np.float32)


def particles_on_film(
    view: View, rng: Random, size_nm: float, spread: float = 0.12, density: float = 0.5, faceted: float = 0.0
) -> Image:
    """Draw metal particles on carbon, bright-field TEM: mean diameter `size_nm`, some darker by diffraction.

    `density` is the share of occupied sites, `faceted` 0 (round) to 1 (polygons).
    """
    size = view.px(size_nm)
    film = _carbon_film(view, rng, size_nm / 4)
    mass = view.blank()
    clusters = fractal_noise(view, rng, 10 * size_nm, octaves=3)
    points = scatter(view, rng, size * 1.22, 0.2, size)
    for (x, y), diameter in zip(points, _random_diameters(rng, len(points), size, spread), strict=True):
        row, column = int(np.clip(y, 0, view.height - 1)), int(np.clip(x, 0, view.width - 1))
        if 0.45 * clusters[row, column] > 2.4 * (density - 0.45) + rng.normal(0, 0.45):
            continue
        patch = _patch_around(view, x, y, diameter * 0.62)
        if patch is None:
            continue
        rows, columns, across, down = patch
        radius = diameter / 2
        angle = rng.uniform(0, 2 * np.pi)
        reach = np.hypot(across, down)
        if faceted > rng.uniform(0, 1):
            turns = angle + 2 * np.pi * np.arange(sides := int(rng.integers(5, 7))) / sides
            reach = np.max([across * np.cos(t) + down * np.sin(t) for t in turns], 0) / 0.93
        depth = np.sqrt(np.clip(1 - (reach / radius) ** 2, 0, 1))
        soft = np.clip((radius - reach) / 1.2, 0, 1)
        strength = rng.normal(1.0, 0.12) + (0.55 if rng.uniform() < 0.16 else 0.0)
        band = (
            0.25
            * np.sin((across * np.cos(angle) + down * np.sin(angle)) / max(radius, 1) * 2.5)
            * (rng.uniform() < 0.3)
        )
        mass[rows, columns] += soft * strength * (0.45 + 0.55 * depth + band)
    return np.asarray(film * np.exp(-1.15 * mass), np.float32)


def core_shell(view: View, rng: Random, size_nm: float, shell: float = 0.22, density: float = 0.55) -> Image:
    """Draw core-shell particles, bright-field TEM: outer diameter `size_nm`, shell thickness `shell` of the radius."""
    size = view.px(size_nm)
    film = _carbon_film(view, rng, size_nm / 20)
    mass = view.blank()
    points = scatter(view, rng, size * 1.12, 0.15, size)
    kept = points[rng.uniform(size=len(points)) < density]
    for (x, y), diameter in zip(kept, _random_diameters(rng, len(kept), size, 0.06), strict=True):
        patch = _patch_around(view, x, y, diameter * 0.55)
        if patch is None:
            continue
        rows, columns, across, down = patch
        reach = np.hypot(across, down) / (diameter / 2)
        core = (np.hypot(across + rng.normal(0, 0.02) * diameter, down) / (diameter / 2)) / (1 - shell)
        shell_mass = np.sqrt(np.clip(1 - reach**2, 0, 1))
        core_mass = np.sqrt(np.clip(1 - core**2, 0, 1))
        mass[rows, columns] += 0.55 * shell_mass + 1.1 * core_mass
    return np.asarray(film * np.exp(-mass), np.float32)


def vesicles(view: View, rng: Random, size_nm: float, spread: float = 0.3, density: float = 0.4) -> Image:
    """Draw liposomes in ice, cryo-TEM: rings with a bilayer of 5 nm (or 2 px), low dose, mean diameter `size_nm`."""
    size = view.px(size_nm)
    image = 1 + 0.05 * fractal_noise(view, rng, 6 * size_nm, octaves=3)
    wall = max(view.px(5.0), 2.0)
    points = scatter(view, rng, size * 1.5, 0.35, size)
    kept = points[rng.uniform(size=len(points)) < density * 1.6]
    for (x, y), diameter in zip(kept, _random_diameters(rng, len(kept), size, spread), strict=True):
        patch = _patch_around(view, x, y, diameter * 0.75)
        if patch is None:
            continue
        rows, columns, across, down = patch
        angle, squeeze = rng.uniform(0, np.pi), rng.uniform(0.9, 1.1)
        u, v = across * np.cos(angle) + down * np.sin(angle), -across * np.sin(angle) + down * np.cos(angle)
        off = np.hypot(u * squeeze, v / squeeze) - diameter / 2
        ring = np.exp(-((np.abs(off) - wall * 0.45) ** 2) / (2 * (wall * 0.25) ** 2))
        image[rows, columns] -= 0.28 * ring + 0.05 * (off < 0)
    return np.asarray(image + 0.13 * blur(rng.standard_normal(image.shape, np.float32), 1.0), np.float32)
