"""Draws specimens at atomic resolution: lattice fringes, atomic columns, and diffraction patterns."""

from __future__ import annotations

import numpy as np

from mirsearch.synthetic.fields import Image, Random, View, blur, fractal_noise, scatter, smooth_noise, voronoi


def fringes(view: View, rng: Random, size_nm: float, crystal: float = 22.0, film: float = 0.3) -> Image:
    """Draw lattice fringes of nanocrystals on an amorphous film, HRTEM, with a spacing of `size_nm`.

    Crystals are `crystal` spacings wide. `film` is the amorphous share of the view.
    """
    crystal_px = view.px(size_nm * crystal)
    x, y = view.grid()
    cells, distance = voronoi(
        view,
        scatter(view, rng, crystal_px, 0.7, crystal_px),
        smooth_noise(view, rng, crystal_px * 0.5) * crystal_px * 0.08,
    )
    count = int(cells.max()) + 1
    angle = rng.uniform(0, np.pi, count)[cells]
    ratio = 1.0 + 0.02 * rng.standard_normal(count)[cells]
    k = 2 * np.pi / (view.px(size_nm) * ratio)
    bend = smooth_noise(view, rng, crystal_px) * 0.5
    first = np.cos(k * (x * np.cos(angle) + y * np.sin(angle)) + bend)
    second_angle = angle + np.pi / 3
    second = (
        np.cos(k * (x * np.cos(second_angle) + y * np.sin(second_angle)) + bend)
        * (rng.uniform(size=count) < 0.35)[cells]
    )
    crystalline = (rng.uniform(size=count) > film)[cells]
    envelope = (
        np.clip(distance / (crystal_px * 0.1), 0, 1)
        * crystalline
        * (0.75 + 0.2 * smooth_noise(view, rng, crystal_px * 0.4))
    )
    speckle = fractal_noise(view, rng, size_nm * 1.6, 0.75, 3)
    thickness = (
        -0.25 * crystalline * np.clip(distance / (crystal_px * 0.25), 0, 1) * rng.uniform(0.2, 1.6, count)[cells]
    )
    image = 0.33 * envelope * (first + 0.7 * second) + 0.16 * speckle + thickness
    return np.asarray(image + 0.08 * smooth_noise(view, rng, crystal_px), np.float32)


def single_crystal(view: View, rng: Random, size_nm: float, skew: float = 90.0) -> Image:
    """Draw one crystal along a zone axis, HRTEM: spacing `size_nm` in two directions `skew` degrees apart."""
    x, y = view.grid()
    pitch, angle = view.px(size_nm), rng.uniform(0, np.pi)
    strain = smooth_noise(view, rng, max(view.width, view.height) / 2) * 0.35
    turns = (angle, angle + np.deg2rad(skew))
    parts = [
        np.cos(2 * np.pi / pitch * (x * np.cos(direction) + y * np.sin(direction)) + strain) for direction in turns
    ]
    edge = smooth_noise(view, rng, max(view.width, view.height) * 0.8)
    crystal = np.clip((edge + 1.0) * 1.5, 0, 1)
    cross = parts[0] * parts[1] if rng.uniform() < 0.5 else 0.0
    image = crystal * (0.3 * (parts[0] + parts[1]) + 0.12 * cross) * (0.8 + 0.25 * edge) - 0.2 * crystal * edge
    return np.asarray(image + 0.17 * fractal_noise(view, rng, size_nm * 1.5, 0.75, 3), np.float32)


def columns(view: View, rng: Random, size_nm: float, light: float = 0.45, interface: float = 0.0) -> Image:
    """Draw atomic columns of a perovskite-like crystal, HAADF-STEM: bright and dim ones, lattice constant `size_nm`.

    `light` is the dim columns' strength. With `interface` > 0.5 the upper part is another, brighter compound.
    """
    x, y = view.grid()
    pitch, angle = view.px(size_nm), rng.normal(0, 0.25)
    jog = np.cumsum(rng.normal(0, pitch * 0.0012, view.height)) + rng.normal(0, pitch * 0.012, view.height)
    x = np.asarray(x + jog[:, None], np.float32)
    u = 2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / pitch + rng.uniform(0, 6)
    v = 2 * np.pi * (-x * np.sin(angle) + y * np.cos(angle)) / pitch + rng.uniform(0, 6)
    sharp = 3.6
    heavy = np.exp(sharp * (np.cos(u) + np.cos(v) - 2))
    dim = np.exp(sharp * (np.cos(u + np.pi) + np.cos(v + np.pi) - 2))
    thickness = 1 + 0.12 * smooth_noise(view, rng, view.width / 2)
    above = 1.0 / (1 + np.exp((y - view.height * rng.uniform(0.35, 0.6)) / (0.4 * pitch))) if interface > 0.5 else 0.0
    signal = heavy * (1 + 0.7 * above) + dim * light * (1 - 0.4 * above) + 0.12
    return np.asarray(signal * thickness + 0.015 * smooth_noise(view, rng, pitch * 5), np.float32)


def diffraction(view: View, rng: Random, size_nm: float, rings: float = 0.0) -> Image:
    """Draw electron diffraction: spots with a spacing of `size_nm`, or rings if `rings` > 0.5.

    Lengths here are reciprocal: a bar on such a panel has no length in nm.
    """
    x, y = view.grid()
    x, y = x - view.width * 0.5, y - view.height * 0.5
    radius = np.hypot(x, y)
    pitch = view.px(size_nm)
    image = 0.5 * np.exp(-radius / (0.1 * view.width)) + 0.02
    if rings > 0.5:
        for order, strength in zip((1.0, 1.155, 1.633, 1.915, 2.31, 2.6), (1, 0.6, 0.75, 0.7, 0.25, 0.4), strict=True):
            around = 0.75 + 0.25 * np.cos(24 * np.arctan2(y, x) + 40 * np.cos(order * 9 + 3 * np.arctan2(y, x)))
            image += 0.5 * strength * around * np.exp(-(((radius - pitch * order) / 2.2) ** 2))
    else:
        angle, ratio = rng.uniform(0, np.pi), rng.uniform(0.8, 1.25)
        u = 2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / pitch
        v = 2 * np.pi * (-x * np.sin(angle) + y * np.cos(angle)) / (pitch * ratio)
        spots = np.exp(60 / np.clip(120 / pitch, 1, 4) * (np.cos(u) + np.cos(v) - 2))
        image += 1.6 * spots * np.exp(-radius / (0.33 * view.width)) * (0.8 + 0.3 * smooth_noise(view, rng, pitch))
    image += 3 * np.exp(-((radius / (0.016 * view.width + 2)) ** 2))
    if rng.uniform() < 0.4:  # the beam stop
        stop = (np.abs(y + 0.15 * x) < view.height * 0.018) & (x < 4)
        image = np.where(stop, 0.01, image)
    return np.asarray(blur(image.astype(np.float32), 0.8), np.float32)
