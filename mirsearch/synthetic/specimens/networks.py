"""Draws specimens of threads and branches: electrospun fibers, nanotube mats, wires, dendrites, petals."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.synthetic.fields import Image, Random, View, blur, fractal_noise, scatter, secondary_electrons

_FRACTION_BITS = 4  # of cv2's drawing coordinates


def _random_path(view: View, rng: Random, angle: float, bend: float, step_px: float) -> NDArray[np.float64]:
    """Return points (n, 2) of a line across the view whose direction changes by about `bend` radians a step."""
    reach = float(np.hypot(view.width, view.height))
    count = max(8, int(1.5 * reach / step_px))
    turns = np.cumsum(rng.normal(0, bend, count)) * 0.6
    turns -= np.linspace(0, turns[-1] * 0.7, count)
    steps = np.stack([np.cos(angle + turns), np.sin(angle + turns)], 1) * step_px
    path = np.cumsum(steps, 0)
    through = rng.uniform((0, 0), (view.width, view.height))
    return np.asarray(path - path[count // 2] + through)


def _tube_profile(
    view: View, path: NDArray[np.float64], radius: float, supersampling: int
) -> tuple[slice, slice, Image] | None:
    """Return the profile sqrt(r² - d²) in px along a path, with its rows and columns; None outside the view.

    `supersampling` improves thin threads.
    """
    low, high = path.min(0) - radius - 2, path.max(0) + radius + 2
    x0, y0 = max(0, int(low[0])), max(0, int(low[1]))
    x1, y1 = min(view.width, int(high[0]) + 1), min(view.height, int(high[1]) + 1)
    if x1 - x0 < 3 or y1 - y0 < 3:
        return None
    mask = np.full(((y1 - y0) * supersampling, (x1 - x0) * supersampling), 255, np.uint8)
    points = np.round((path - (x0, y0)) * supersampling * (1 << _FRACTION_BITS)).astype(np.int32)
    cv2.polylines(mask, [points.reshape(-1, 1, 2)], False, 0, 1, cv2.LINE_8, _FRACTION_BITS)
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 5) / supersampling
    inside = np.maximum(1 - (np.minimum(distance, radius) / radius) ** 2, 0)
    body = np.where(distance < 0.999 * radius, radius * np.sqrt(inside), 0)
    if supersampling > 1:
        body = cv2.resize(body, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    return slice(y0, y1), slice(x0, x1), np.asarray(body, np.float32)


def fibers(
    view: View,
    rng: Random,
    size_nm: float,
    spread: float = 0.2,
    order: float = 0.0,
    bend: float = 0.06,
    fill: float = 1.4,
) -> Image:
    """Draw a mat of long fibers, SEM: mean diameter `size_nm`, `order` 0 (random) to 1 (parallel), density `fill`."""
    width = view.px(size_nm)
    count = int(np.clip(fill * max(view.width, view.height) / (width * 1.6), 6, 90))
    main = rng.uniform(0, np.pi)
    height = view.blank(-8 * width)
    for number in range(count):
        angle = main + rng.normal(0, 1.5 * (1 - order) + 0.03)
        radius = width * float(np.exp(rng.normal(0, spread))) / 2
        tube = _tube_profile(view, _random_path(view, rng, angle, bend, max(width * 1.2, 8.0)), radius, 1)
        if tube is None:
            continue
        rows, columns, body = tube
        lift = (number / count - 1) * 5 * width
        np.maximum(height[rows, columns], np.where(body > 0, body + lift, -8 * width), out=height[rows, columns])
    texture = blur(rng.standard_normal(height.shape, np.float32), 1.0) * width * 0.01
    below = 0.5 * np.clip((-height / width - 2) / 6, 0, 1)  # fewer electrons leave from deeper places
    return np.asarray(secondary_electrons(height + texture, width * 1.2, edge=0.42) - below, np.float32)


def tube_mat(view: View, rng: Random, size_nm: float, bend: float = 0.25, fill: float = 1.0) -> Image:
    """Draw tangled, curled nanotubes, SEM: diameter `size_nm`. Lower ones are darker."""
    width = view.px(size_nm)
    count = int(np.clip(fill * 1.1 * max(view.width, view.height) / width, 20, 150))
    depth = view.blank(-6 * width)
    step = max(width * 2.2, 9.0)
    for number in range(count):
        path = _random_path(view, rng, rng.uniform(0, np.pi), bend, step)
        points = np.round(path * (1 << _FRACTION_BITS)).astype(np.int32).reshape(-1, 1, 2)
        lift = (number / count - 1) * 5 * width
        radius = width * rng.uniform(0.8, 1.25) / 2
        for share in (1.0, 0.8, 0.55, 0.25):
            level = float(lift + radius * np.sqrt(1 - share**2))
            thick = max(1, round(2 * radius * share))
            cv2.polylines(depth, [points], False, level, thick, cv2.LINE_8, _FRACTION_BITS)
    below = 0.45 * np.clip((-depth / width - 1) / 5, 0, 1)
    return np.asarray(secondary_electrons(blur(depth, 0.6), width * 1.5, edge=0.55) - below, np.float32)


def wires_on_film(
    view: View, rng: Random, size_nm: float, spread: float = 0.15, bend: float = 0.02, fill: float = 0.5
) -> Image:
    """Draw nanowires on a film, bright-field TEM: diameter `size_nm`, darker where they cross."""
    width = view.px(size_nm)
    count = int(np.clip(fill * max(view.width, view.height) / (width * 1.8), 3, 40))
    film = 1 + 0.02 * fractal_noise(view, rng, 8 * size_nm, 0.6, 3)
    film += 0.03 * blur(rng.standard_normal(film.shape, np.float32), 0.9)
    mass = view.blank()
    for _ in range(count):
        radius = width * float(np.exp(rng.normal(0, spread))) / 2
        tube = _tube_profile(view, _random_path(view, rng, rng.uniform(0, np.pi), bend, max(2 * width, 12)), radius, 1)
        if tube is None:
            continue
        rows, columns, body = tube
        wave = 1 + 0.25 * np.sin(fractal_noise(view, rng, 6 * size_nm, octaves=1)[rows, columns] * 3)
        mass[rows, columns] += body / (radius + 1e-6) * wave * rng.uniform(0.6, 1.0)
    return np.asarray(film * np.exp(-0.95 * mass), np.float32)


def _branch(
    rng: Random, start: NDArray[np.float64], angle: float, length: float, width: float, level: int
) -> list[tuple[NDArray[np.float64], float]]:
    """Return a trunk and its side arms at 60°, each as (end points (2, 2), width in px)."""
    direction = np.array([np.cos(angle), np.sin(angle)])
    branches = [(np.stack([start, start + direction * length]), width)]
    if level == 0 or length < 5:
        return branches
    arms = max(3, int(length / (width * 2.6)))
    for number in range(1, arms):
        share = number / arms
        for side in (-1, 1):
            reach = length * 0.42 * (1 - share) * rng.uniform(0.65, 1.1) + width
            arm_angle = angle + side * (np.pi / 3 + rng.normal(0, 0.04))
            branches += _branch(rng, start + direction * length * share, arm_angle, reach, width * 0.62, level - 1)
    return branches


def _add_branches(height: Image, parts: list[tuple[NDArray[np.float64], float]], width: float, lift: float) -> None:
    """Add the rounded bodies of a dendrite's parts to a height map, in place."""
    ends = np.concatenate([pair for pair, _ in parts])
    x0, y0 = np.maximum((ends.min(0) - width).astype(int), 0).tolist()
    x1, y1 = np.minimum((ends.max(0) + width).astype(int), height.shape[::-1]).tolist()
    if x1 - x0 < 3 or y1 - y0 < 3:
        return
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    for pair, thick in parts:
        points = np.round((pair - (x0, y0)) * (1 << _FRACTION_BITS)).astype(np.int32)
        cv2.line(mask, points[0].tolist(), points[1].tolist(), 255, max(1, round(thick)), cv2.LINE_8, _FRACTION_BITS)
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    body = np.where(inside > 0, np.sqrt(inside * width) * 0.8 + lift, -1e6)
    np.maximum(height[y0:y1, x0:x1], body, out=height[y0:y1, x0:x1])


def dendrites(view: View, rng: Random, size_nm: float, arms: float = 3.0, slender: float = 14.0) -> Image:
    """Draw metal dendrites, SEM: trunk width `size_nm`, trunk length `slender` times that, two levels of side arms."""
    width = view.px(size_nm)
    height = blur(fractal_noise(view, rng, 6 * size_nm), 1.0) * width * 0.08
    length = width * slender
    for x, y in rng.permutation(scatter(view, rng, length * 0.8, 0.6, length * 0.3)):
        lift = rng.uniform(0, 2) * width
        for _ in range(max(1, round(arms))):
            parts = _branch(rng, np.array([x, y]), rng.uniform(0, 2 * np.pi), length * rng.uniform(0.6, 1), width, 2)
            _add_branches(height, parts, width, lift)
    return secondary_electrons(blur(height, 0.7), width * 1.3, edge=0.5)


def petals(view: View, rng: Random, size_nm: float, thin: float = 0.06, fill: float = 1.0) -> Image:
    """Draw upright interlaced nanosheets, SEM, seen from above: length `size_nm`, thickness `thin` of the length."""
    size = view.px(size_nm)
    edge = max(size * thin, 2.0)
    height = view.blank()
    for x, y in rng.permutation(scatter(view, rng, size * 0.45 / np.sqrt(fill), 0.5, size / 2)):
        angle, half = rng.uniform(0, np.pi), size * rng.uniform(0.35, 0.6)
        bow = rng.normal(0, 0.25) * half
        t = np.linspace(-1, 1, 12)
        along, off = t * half, bow * (1 - t * t)
        path = np.stack(
            [x + along * np.cos(angle) - off * np.sin(angle), y + along * np.sin(angle) + off * np.cos(angle)], 1
        )
        tube = _tube_profile(view, path, edge, 1)
        if tube is None:
            continue
        rows, columns, body = tube
        wall = body / edge * size * rng.uniform(0.25, 0.5)
        np.maximum(height[rows, columns], wall, out=height[rows, columns])
    deep = 0.35 * (1 - np.clip(height / (0.2 * size), 0, 1))
    return np.asarray(secondary_electrons(blur(height, 0.8), size * 0.25, edge=0.5) - deep, np.float32)
