"""Draw forms of electron micrographs that the specimens of mirsearch.synthetic don't have, and authors' marks."""

from __future__ import annotations

import cv2
import numpy as np

from benchmarks.analysis.kind_forms import INKS, LABELS, gray, objects, strands
from benchmarks.analysis.kind_pictures import random_view, to_pixels
from mirsearch.synthetic.fields import (
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
from mirsearch.synthetic.imaging import Pixels, add_charging, record_picture
from mirsearch.synthetic.specimens.atoms import fringes, single_crystal
from mirsearch.synthetic.text_masks import paint_mask, text_mask


def draw_lone_objects(rng: Random) -> Pixels:
    """Draw structures made by lithography, clusters and pillars in SEM: few objects, bright edges, an even ground."""
    view = random_view(rng)
    short = view.short_side
    size = short * rng.uniform(0.06, 0.6)
    shape = str(rng.choice(("disc", "disc", "bar", "bar", "ring", "polygon")))
    mask = objects(view, rng, size, size * rng.uniform(1.15, 3.5), float(rng.choice((0.0, 0.03, 0.8))), shape)
    soft = size * rng.uniform(0.02, 0.2)
    height = blur(mask, soft)
    if rng.uniform() < 0.4:  # domes and balls rather than plates
        height = np.sqrt(np.clip(blur(mask, size * 0.18), 0, 1))
    ground = rng.uniform(0.03, 0.55)
    edge = np.abs(cv2.Sobel(height, cv2.CV_32F, 1, 0)) + np.abs(cv2.Sobel(height, cv2.CV_32F, 0, 1))
    edge = edge / max(float(edge.max()), 1e-3)
    side = cv2.Sobel(height, cv2.CV_32F, 1, 1) * rng.uniform(-0.6, 0.6)
    level = ground + height * rng.uniform(-0.15 if ground > 0.3 else 0.15, 0.5) + edge * rng.uniform(0.1, 0.7) + side
    level += rng.uniform(0, 0.04) * fractal_noise(view, rng, short * rng.uniform(0.02, 0.2), 0.7)
    level -= rng.uniform(0, 0.2) * (blur(mask, size * 0.3) - mask)
    level = blur(np.asarray(level, np.float32), float(rng.uniform(0.6, 2.2)))
    if rng.uniform() < 0.3:
        level = add_charging(level, rng, rng.uniform(0.02, 0.12))
    return gray(np.clip(level + rng.normal(0, rng.uniform(0.005, 0.06), level.shape), 0, 1))


def draw_scanned_surface(rng: Random) -> Pixels:
    """Draw surfaces at low magnification in SEM: powders, cracks, laser tracks, columns and grains of even contrast."""
    view = random_view(rng)
    way = rng.uniform()
    if way < 0.35:
        signal = _powder(view, rng)
    elif way < 0.6:
        signal = _phases(view, rng)
    elif way < 0.8:
        signal = _columns(view, rng)
    else:
        signal = _cracks(view, rng)
    return record_picture(np.asarray(signal, np.float32), "SEM", rng)


def _powder(view: View, rng: Random) -> np.ndarray:
    """Return balls of many sizes."""
    short = view.short_side
    x, y = view.grid()
    height = 0.05 * fractal_noise(view, rng, short * 0.2)
    for size in short * np.sort(rng.uniform(0.03, 0.2, 3))[::-1]:
        for px, py in scatter(view, rng, size * rng.uniform(1.2, 2.4), 0.9):
            x0, x1 = max(0, int(px - size)), min(view.width, int(px + size) + 1)
            y0, y1 = max(0, int(py - size)), min(view.height, int(py + size) + 1)
            if x0 < x1 and y0 < y1:
                r = size / 2 * rng.uniform(0.5, 1.1)
                ball = np.sqrt(np.clip(r * r - (x[y0:y1, x0:x1] - px) ** 2 - (y[y0:y1, x0:x1] - py) ** 2, 0, None))
                np.maximum(height[y0:y1, x0:x1], ball, out=height[y0:y1, x0:x1])
    light, edge = rng.uniform(0.05, 0.3), rng.uniform(0.2, 0.6)
    return secondary_electrons(blur(height, 0.8), short * 0.06, light=light, edge=edge)


def _phases(view: View, rng: Random) -> np.ndarray:
    """Return phases of even gray, as back-scattered electrons show them."""
    short = view.short_side
    field = fractal_noise(view, rng, short * rng.uniform(0.06, 0.3), rng.uniform(0.4, 0.7))
    levels = np.sort(rng.uniform(-1.2, 1.2, int(rng.integers(1, 4))))
    signal = 0.3 + 0.2 * np.digitize(field, levels) + 0.02 * fractal_noise(view, rng, short * 0.05)
    return np.where(smooth_noise(view, rng, short * 0.03) > rng.uniform(1.8, 3.0), 0.02, signal)


def _columns(view: View, rng: Random) -> np.ndarray:
    """Return columns that grew side by side."""
    short = view.short_side
    x, _ = view.grid()
    wave = smooth_noise(view, rng, short * 0.5) * short * 0.05
    pitch = short * rng.uniform(0.04, 0.3)
    number = (x + wave) / pitch + 2 * rng.uniform()
    tone = rng.uniform(0.45, 0.85, 400)[np.clip(number.astype(int), 0, 399)]
    gap = np.exp(-((np.abs(number % 1 - 0.5) - 0.5) ** 2) / rng.uniform(0.001, 0.01))
    signal = tone - 0.5 * gap * (0.6 + 0.4 * smooth_noise(view, rng, short * 0.1))
    return np.asarray(signal + 0.03 * fractal_noise(view, rng, short * 0.1))


def _cracks(view: View, rng: Random) -> np.ndarray:
    """Return cracks in a rough surface."""
    short = view.short_side
    points = scatter(view, rng, short * 0.3, 0.9, short * 0.3)
    cells, distance = voronoi(view, points, smooth_noise(view, rng, short * 0.08) * short * 0.04)
    height = fractal_noise(view, rng, short * rng.uniform(0.03, 0.3), 0.7) * short * 0.01
    signal = secondary_electrons(height, short * 0.02) - 0.4 * np.exp(-((distance / rng.uniform(1, 4)) ** 2))
    return np.asarray(signal * (1 + 0.1 * rng.uniform(-1, 1, int(cells.max()) + 1)[cells]))


def draw_thick_particles(rng: Random) -> Pixels:
    """Draw aggregates, beads on threads, flakes and cut lamellae in TEM: overlapping shapes that absorb."""
    view = random_view(rng)
    short, way = view.short_side, rng.uniform()
    absorb = 0.08 * np.abs(fractal_noise(view, rng, short * 0.4)) * rng.uniform(0, 1)
    if way < 0.45:
        absorb = absorb + _aggregates(view, rng)
    elif way < 0.7:  # thin flakes and folded sheets
        for _ in range(int(rng.integers(1, 6))):
            size = short * rng.uniform(0.3, 1.2)
            layer = objects(view, rng, size, short * rng.uniform(0.8, 1.5), 0.9, "polygon")
            absorb = absorb + layer * rng.uniform(0.05, 0.5)
        ridges = np.exp(-((smooth_noise(view, rng, short * rng.uniform(0.05, 0.3)) / 0.06) ** 2))
        absorb = absorb + ridges * rng.uniform(0, 0.4) * (absorb > 0.1)
    else:  # crystals of a cut lamella, with bend contours
        size = short * rng.uniform(0.15, 0.8)
        points = scatter(view, rng, size, 0.9, size)
        cells, distance = voronoi(view, points, smooth_noise(view, rng, size) * size * 0.05)
        tone = rng.uniform(0.05, 1.2, int(cells.max()) + 1)[cells]
        contour = np.exp(-((smooth_noise(view, rng, size * 0.6) / rng.uniform(0.08, 0.4)) ** 2))
        absorb = absorb + tone + 0.3 * contour + 0.15 * np.exp(-((distance / 2) ** 2))
        absorb = absorb * (1 + 0.12 * fractal_noise(view, rng, short * 0.08, 0.8))
    light = np.exp(-blur(np.asarray(absorb, np.float32), float(rng.uniform(0.7, 1.6))))
    light = light * rng.uniform(0.55, 0.95) + 0.03 * fractal_noise(view, rng, 4.0, 0.8) * rng.uniform(0, 1.5)
    level = light + rng.normal(0, rng.uniform(0.005, 0.05), light.shape)
    return gray(blur(np.asarray(np.clip(level, 0, 1), np.float32), float(rng.uniform(0.3, 0.9))))


def _aggregates(view: View, rng: Random) -> np.ndarray:
    """Return the absorption of particles in heaps, some of them on threads."""
    short, absorb = view.short_side, np.zeros((view.height, view.width))
    for _ in range(int(rng.integers(1, 5))):
        size = short * rng.uniform(0.03, 0.25)
        spacing = size * rng.uniform(0.9, 2.5)
        layer = objects(view, rng, size, spacing, 0.9, str(rng.choice(("disc", "polygon", "disc"))))
        patch = smooth_noise(view, rng, short * 0.35) > rng.uniform(-1.0, 0.8)
        absorb = absorb + layer * patch * rng.uniform(0.2, 1.0)
    if rng.uniform() < 0.5:
        threads = strands(view, rng, int(rng.integers(3, 40)), short * rng.uniform(0.006, 0.04))
        absorb = absorb + threads * rng.uniform(0.1, 0.6)
    return absorb


def draw_transform(rng: Random) -> Pixels:
    """Draw the Fourier transform of a drawn lattice image, as software shows it: spots in a cloud, with a cross."""
    side = int(rng.choice((256, 384, 512)))
    view = View(side, side, 1.0)
    draw = fringes if rng.uniform() < 0.6 else single_crystal
    image = draw(view, rng, float(rng.uniform(4, 14))) + rng.normal(0, rng.uniform(0.05, 0.8), (side, side))
    if rng.uniform() < 0.6:
        image = image * np.outer(np.hanning(side), np.hanning(side))
    power = np.fft.fftshift(np.abs(np.fft.fft2(image - image.mean())))
    level = np.log1p(power / np.median(power) * rng.uniform(0.02, 1.0))
    level = stretch_contrast(np.asarray(level, np.float32), 0, 1, rng.uniform(0.02, 0.4)) ** rng.uniform(0.8, 2.5)
    part = int(side * rng.uniform(0.4, 1.0)) // 2
    level = level[side // 2 - part : side // 2 + part, side // 2 - part : side // 2 + part]
    size = int(rng.integers(110, 460))
    pixels = gray(cv2.resize(level, (size, size), interpolation=cv2.INTER_CUBIC))
    if rng.uniform() < 0.4:
        for _ in range(int(rng.integers(2, 10))):
            at = tuple(int(v) for v in rng.uniform(0.15, 0.85, 2) * size)
            color = INKS[int(rng.integers(len(INKS) - 1))]
            cv2.circle(pixels, at, max(3, size // 40), color, 1, cv2.LINE_AA)
            _write(pixels, str(rng.choice(("(111)", "(2 0 0)", "(0 1 1)", "Pnma", "R3c"))), at, size * 0.045, color)
    return pixels


def draw_lattice_edge(rng: Random) -> Pixels:
    """Draw an atomic-resolution image half of which is amorphous or empty, some with an inset of its transform."""
    view = random_view(rng)
    size = float(rng.uniform(3.5, 14))
    crystal = (fringes if rng.uniform() < 0.6 else single_crystal)(view, rng, size)
    noise = 0.25 * fractal_noise(view, rng, size * 1.2, 0.8, 3)
    border = np.clip(smooth_noise(view, rng, view.short_side) * 6 + rng.uniform(-3, 6), 0, 1)
    pixels = record_picture(
        np.asarray(crystal * border + noise * (1 - border) - 0.2 * border, np.float32), "HRTEM", rng
    )
    if rng.uniform() < 0.3:
        inset = draw_transform(rng)
        side = int(view.short_side * rng.uniform(0.25, 0.42))
        pixels[:side, view.width - side :] = cv2.resize(inset, (side, side), interpolation=cv2.INTER_AREA)
    return pixels


def _dark_field(view: View, rng: Random) -> np.ndarray:
    short = view.short_side
    signal = rng.uniform(0, 0.12) + 0.01 * fractal_noise(view, rng, short * 0.2)
    for _ in range(int(rng.integers(1, 5))):
        size = short * rng.uniform(0.03, 0.4)
        layer = objects(view, rng, size, size * rng.uniform(1.0, 3), 0.9, str(rng.choice(("disc", "polygon", "bar"))))
        patch = smooth_noise(view, rng, short * 0.35) > rng.uniform(-0.8, 1.2)
        signal = signal + layer * patch * rng.uniform(0.1, 0.6)
    if rng.uniform() < 0.35:
        signal = signal + strands(view, rng, int(rng.integers(2, 16)), short * rng.uniform(0.008, 0.04), 0.004) * 0.5
    return blur(np.asarray(signal, np.float32), float(rng.uniform(0.6, 2.0)))


def draw_dark_field(rng: Random) -> Pixels:
    """Draw dark-field STEM: particles, plates and wires bright by their thickness on a dark ground."""
    view = random_view(rng)
    level = _dark_field(view, rng)
    level = stretch_contrast(level, rng.uniform(0, 0.1), rng.uniform(0.7, 1), 0.1)
    return gray(np.clip(level + rng.normal(0, rng.uniform(0.005, 0.05), level.shape), 0, 1))


def draw_element_composite(rng: Random) -> Pixels:
    """Draw counts of two or three elements in their colors over particles, plates and wires, on black."""
    view = random_view(rng)
    image = np.zeros((view.height, view.width, 3))
    colors = rng.permutation(
        ((1, 0.1, 0.1), (0.1, 1, 0.1), (0.15, 0.25, 1), (1, 0.9, 0.1), (0.1, 0.9, 0.9), (0.9, 0.1, 0.9))
    )
    dose = float(np.exp(rng.uniform(np.log(0.3), np.log(12))))
    for color in colors[: int(rng.integers(1, 4))]:
        signal = np.clip(_dark_field(view, rng), 0, 1)
        counts = blur(rng.poisson(signal * dose).astype(np.float32) / dose, float(rng.uniform(0.4, 1.4)))
        image += np.clip(counts * rng.uniform(0.7, 1.6), 0, 1)[..., None] * color
    return to_pixels(image)


def draw_marks(pixels: Pixels, rng: Random) -> Pixels:
    """Return a picture with what authors draw on it: outlines, tinted areas, windows, arrows, letters, words."""
    pixels = pixels.copy()
    height, width = pixels.shape[:2]
    short = min(height, width)
    for _ in range(int(rng.integers(1, 4))):
        color = INKS[int(rng.integers(len(INKS)))]
        thick = max(1, int(short * rng.uniform(0.004, 0.018)))
        way, at = rng.uniform(), rng.uniform(0.1, 0.9, 2) * (width, height)
        if way < 0.4:
            turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
            reach = short * rng.uniform(0.06, 0.35)
            reach = reach * (1 + 0.25 * np.sin(turns * 2 + rng.uniform(0, 6)) + rng.normal(0, 0.04, 24))
            points = np.round(at + np.stack([np.cos(turns) * rng.uniform(0.4, 1), np.sin(turns)], 1) * reach[:, None])
            if rng.uniform() < 0.4:
                tinted = pixels.copy()
                cv2.fillPoly(tinted, [points.astype(np.int32)], INKS[int(rng.integers(len(INKS) - 1))])
                pixels = np.ascontiguousarray(cv2.addWeighted(pixels, 0.6, tinted, 0.4, 0))
            cv2.polylines(pixels, [points.astype(np.int32)], True, color, thick, cv2.LINE_AA)
        elif way < 0.65:
            to = at + rng.uniform(0.08, 0.4, 2) * short
            cv2.rectangle(pixels, tuple(at.astype(int).tolist()), tuple(to.astype(int).tolist()), color, thick)
        else:
            to = at + rng.normal(0, 0.15, 2) * short
            draw = cv2.arrowedLine if rng.uniform() < 0.6 else cv2.line
            draw(pixels, tuple(at.astype(int).tolist()), tuple(to.astype(int).tolist()), color, thick, cv2.LINE_AA)
    if rng.uniform() < 0.7:
        ink = (255, 255, 255) if rng.uniform() < 0.6 else (0, 0, 0)
        spot = (
            (int(width * 0.03), int(height * 0.03)) if rng.uniform() < 0.6 else (int(width * 0.6), int(height * 0.88))
        )
        _write(pixels, str(rng.choice(LABELS)), spot, float(np.clip(short * rng.uniform(0.05, 0.1), 9, 40)), ink)
    return pixels


def _write(pixels: Pixels, word: str, at: tuple[int, int], size: float, color: tuple[int, int, int]) -> None:
    paint_mask(pixels, text_mask(word, max(8.0, size)), at[0], at[1], color)
