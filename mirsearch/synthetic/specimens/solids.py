"""Draws continuous specimens: polished grains, pores, foams, layers, fractures, crumpled sheets, AFM height maps."""

from __future__ import annotations

import cv2
import numpy as np

from mirsearch.synthetic.fields import (
    Image,
    Random,
    View,
    blur,
    fractal_noise,
    scatter,
    secondary_electrons,
    smooth_noise,
    stretch_contrast,
    voronoi,
)  # fmt: skip


def polished_grains(view: View, rng: Random, size_nm: float, twins: float = 0.2, etched: float = 0.5) -> Image:
    """Draw grains of a polished metal or ceramic, mean diameter `size_nm`, gray by orientation.

    `twins` is the share of grains with lamellae; `etched` is 0 (channeling contrast alone) to 1 (dark grooves at the
    borders).
    """
    size = view.px(size_nm)
    points = scatter(view, rng, size, 0.75, 2 * size)
    warp = smooth_noise(view, rng, size * 0.4) * size * 0.03
    cells, distance = voronoi(view, points, warp)
    count = int(cells.max()) + 1
    gray = rng.uniform(0, 1, count) * (1 - 0.45 * etched) + 0.3 * etched
    image = gray[cells].astype(np.float32)
    x, y = view.grid()
    twinned = (rng.uniform(size=count) < twins)[cells]
    angle = rng.uniform(0, np.pi, count)[cells]
    pitch = (size * rng.uniform(0.12, 0.4, count))[cells]
    phase = (x * np.cos(angle) + y * np.sin(angle)) / pitch
    image += np.where(twinned & (np.mod(phase, 1.0) < 0.35), 0.22, 0.0).astype(np.float32)
    groove = np.exp(-((distance / max(1.3, size * 0.018)) ** 2))
    image -= (0.25 + 0.6 * etched) * groove
    image += 0.03 * fractal_noise(view, rng, size_nm, 0.7, 3)
    return np.asarray(blur(image, 0.7), np.float32)


def sintered_grains(view: View, rng: Random, size_nm: float, groove: float = 0.5) -> Image:
    """Draw the surface of a dense ceramic or perovskite film, SEM: domed grains of mean diameter `size_nm`, grooves."""
    size = view.px(size_nm)
    cells, distance = voronoi(view, scatter(view, rng, size, 0.65, 2 * size))
    level = rng.normal(0, 0.05, int(cells.max()) + 1)[cells] * size
    dome = np.sqrt(np.minimum(distance, size * 0.22) * size * 0.22) * (0.3 + groove)
    tilt = rng.normal(0, 0.07, (2, int(cells.max()) + 1))
    x, y = view.grid()
    facet = tilt[0][cells] * (x % 997 - 498) + tilt[1][cells] * (y % 997 - 498)
    height = dome + level + 0.02 * np.sin(facet) * size
    shade = rng.normal(0, 0.09, int(cells.max()) + 1)[cells]
    image = secondary_electrons(blur(height.astype(np.float32), 0.8), size * 0.2, light=0.2, edge=0.25)
    return np.asarray(image + shade, np.float32)


def pores(view: View, rng: Random, size_nm: float, wall: float = 0.35, order: float = 0.8) -> Image:
    """Draw a porous membrane from above, SEM: pores of width `size_nm`, walls `wall` of that, `order` 1 = hexagonal."""
    size = view.px(size_nm)
    points = scatter(view, rng, size * (1 + wall), 0.6 * (1 - order) + 0.03, size)
    height = view.blank()
    x_all, y_all = view.grid()
    for x, y in points:
        radius = size / 2 * rng.normal(1, 0.05 + 0.2 * (1 - order))
        x0, x1 = max(0, int(x - radius - 3)), min(view.width, int(x + radius + 4))
        y0, y1 = max(0, int(y - radius - 3)), min(view.height, int(y + radius + 4))
        if x0 >= x1 or y0 >= y1:
            continue
        across, down = x_all[y0:y1, x0:x1] - x, y_all[y0:y1, x0:x1] - y
        around = np.arctan2(down, across)
        rim = radius * (1 + 0.05 * np.sin(3 * around + x) + 0.03 * np.sin(5 * around + y))
        hole = np.clip((rim - np.hypot(across, down)) / max(1.5, size * 0.08), 0, 1)
        np.minimum(height[y0:y1, x0:x1], -hole * size * 0.9, out=height[y0:y1, x0:x1])
    height = height + 0.02 * size * fractal_noise(view, rng, 2 * size_nm)
    image = secondary_electrons(blur(height, 0.7), size * 0.5, edge=0.35)
    return np.asarray(image - 0.35 * (height < -0.5 * size), np.float32)


def foam(view: View, rng: Random, size_nm: float, strut: float = 0.12) -> Image:
    """Draw open-cell foam or aerogel, SEM: cells of mean diameter `size_nm` at three depths, struts `strut` of that."""
    size = view.px(size_nm)
    image = view.blank(0.05)
    for depth in (2, 1, 0):
        scale = size * (1 - 0.18 * depth)
        warp = smooth_noise(view, rng, size * 0.5) * size * 0.07
        _, distance = voronoi(view, scatter(view, rng, scale, 0.6, 2 * scale), warp)
        thick = max(1.5, scale * strut) * (1.1 + 0.5 * np.tanh(smooth_noise(view, rng, size * 0.35)))
        body = np.sqrt(np.clip(1 - (distance / thick) ** 2, 0, 1))
        lit = secondary_electrons(blur((body * thick).astype(np.float32), 0.7), float(scale * strut * 2), edge=0.5)
        cover = np.clip(body * 3, 0, 1)
        image = image * (1 - cover) + cover * lit * (1 - 0.33 * depth)
    return np.asarray(image, np.float32)


def layers(view: View, rng: Random, size_nm: float, count: float = 7, rough: float = 0.06) -> Image:
    """Draw the cross section of a layer stack on a substrate, SEM: layers about `size_nm` thick, each with its gray."""
    size = view.px(size_nm)
    y = np.mgrid[0 : view.height, 0 : view.width][0].astype(np.float32)
    wave = smooth_noise(view, rng, size * 2.5)[view.height // 2]
    top = view.height * rng.uniform(0.04, 0.25)
    image = view.blank(rng.uniform(0.0, 0.12))
    edges, level = [top], top
    for _ in range(max(2, round(count))):
        level += size * rng.uniform(0.6, 1.4)
        edges.append(level)
    tones = rng.permutation(np.linspace(0.2, 0.95, len(edges)))
    for edge, tone in zip(edges, tones, strict=True):
        own = smooth_noise(view, rng, size * rng.uniform(0.2, 0.8))[0] + wave
        border = edge + own[None, :] * size * rough
        grain = rng.uniform(0.01, 0.05) * fractal_noise(view, rng, size_nm * rng.uniform(0.05, 0.3), 0.7, 3)
        cover = np.clip(y - border + 0.5, 0, 1)
        image = image * (1 - cover) + cover * (tone + grain)
    image += 0.03 * smooth_noise(view, rng, size)[0][None, :]  # curtains of ion milling
    return np.asarray(image, np.float32)


def fracture(view: View, rng: Random, size_nm: float, sharp: float = 0.6) -> Image:
    """Draw a fracture surface, SEM: ridges and steps of wavelength `size_nm`, `sharp` 0 (ductile) to 1 (cleaved)."""
    size = view.px(size_nm)
    height = view.blank()
    amplitude = 1.0
    for octave in range(6):
        wavelength = size / 2**octave
        if wavelength < 2:
            break
        field = smooth_noise(view, rng, wavelength)
        height += amplitude * (sharp * (1 - np.abs(field)) + (1 - sharp) * field) * wavelength * 0.35
        amplitude *= 0.9
    return secondary_electrons(blur(height, 0.6), size * 0.35, light=0.25, edge=0.5)


def crumpled_sheets(view: View, rng: Random, size_nm: float, folds: float = 0.7) -> Image:
    """Draw crumpled graphene-like sheets, SEM: thin bright wrinkles `size_nm` apart on smooth bulges."""
    size = view.px(size_nm)
    x, y = view.grid()
    warp_x, warp_y = (smooth_noise(view, rng, size * 0.9) * size * 0.28 for _ in range(2))
    ridges = view.blank()
    for octave in range(3):
        field = smooth_noise(view, rng, size * 1.1 / 1.7**octave)
        field = cv2.remap(field, x + warp_x, y + warp_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        taut = np.clip(smooth_noise(view, rng, size * 0.7 / 1.7**octave) * 0.8 + 0.35, 0, 1)
        ridges = np.maximum(ridges, np.exp(-np.abs(field) * 6) * taut * 0.85**octave)
    height = ridges * size * 0.14 * (0.5 + folds) + smooth_noise(view, rng, size * 2) * size * 0.25
    image = secondary_electrons(blur(height, 0.9), size * 0.25, light=0.25, edge=0.5)
    return np.asarray(image + 0.15 * ridges, np.float32)


def height_map(view: View, rng: Random, size_nm: float, terraces: float = 0.0, islands: float = 0.5) -> Image:
    """Draw heights as AFM records them, (h, w): roughness of wavelength `size_nm`, `islands`; steps with `terraces`."""
    size = view.px(size_nm)
    height = fractal_noise(view, rng, 2 * size_nm, 0.55) * 0.35
    if terraces > 0.5:
        x, y = view.grid()
        angle = rng.uniform(0, np.pi)
        slope = (x * np.cos(angle) + y * np.sin(angle)) / (1.6 * size) + 0.35 * smooth_noise(view, rng, size)
        height = 0.08 * height + np.floor(slope) + 0.15 * np.clip(8 * (slope - np.floor(slope)) - 7, 0, 1)
    dome = view.blank()
    for x, y in scatter(view, rng, size * 0.9, 0.6, size):
        radius, tall = size * rng.uniform(0.3, 0.6), rng.uniform(0.5, 1.0) * (rng.uniform() < islands)
        x0, x1 = max(0, int(x - radius)), min(view.width, int(x + radius) + 2)
        y0, y1 = max(0, int(y - radius)), min(view.height, int(y + radius) + 2)
        if tall and x0 < x1 and y0 < y1:
            reach = ((np.arange(x0, x1)[None, :] - x) ** 2 + (np.arange(y0, y1)[:, None] - y) ** 2) / radius**2
            np.maximum(dome[y0:y1, x0:x1], tall * np.sqrt(np.clip(1 - reach, 0, 1)), out=dome[y0:y1, x0:x1])
    height = height + dome * (0.5 if terraces > 0.5 else 1.6)
    lines = rng.normal(0, 0.035, (view.height, 1)).astype(np.float32)  # each scan line has its own offset
    return stretch_contrast(blur(np.asarray(height, np.float32), 0.9) + lines)
