"""Draw pictures of kinds that mirsearch.synthetic doesn't have, as examples for the classifier of kinds.

Gels, renderings, schematics with shading, and charts; benchmarks/analysis/kind_pictures.py has more.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from benchmarks.analysis.kind_pictures import (
    draw_bright_field,
    draw_cell_section,
    draw_etched_metal,
    draw_field,
    draw_photo,
    draw_segments,
    draw_stain,
    random_view,
    to_pixels,
)
from mirsearch.synthetic.fields import Random, View, blur, fractal_noise, make_rng, smooth_noise
from mirsearch.synthetic.imaging import Pixels
from mirsearch.synthetic.scalebars.styles import Color
from mirsearch.synthetic.text_masks import paint_mask, text_mask

WORDS = (
    "Control",
    "Step 1",
    "Mix",
    "Li",
    "Cell",
    "Laser",
    "Sample",
    "Layer",
    "Light",
    "A",
    "kDa",
    "Cathode",
    "+",
    "37",
)


def draw_gel(rng: Random) -> Pixels:
    """Draw a blot or a gel: bands in lanes on a light or dark ground, with markers, smears, and sometimes a frame."""
    width, height = int(rng.integers(220, 620)), int(rng.integers(36, 420))
    view = View(width, height, 1.0)
    lanes = int(rng.integers(3, 14))
    pitch, rows = width / lanes, max(1, int(rng.integers(1, 1 + max(1, height // 28))))
    x, y = view.grid()
    signal = view.blank()
    levels = (
        np.sort(rng.uniform(0.12, 0.9, rows)) * height if rows > 1 else np.array([height * rng.uniform(0.35, 0.65)])
    )
    thickness = float(np.clip(height * rng.uniform(0.015, 0.12), 2, 14))
    smile = rng.uniform(-0.04, 0.04) * thickness
    for lane in range(lanes):
        center, half = (lane + 0.5) * pitch, pitch * rng.uniform(0.3, 0.46)
        lane_shape = np.clip((half - np.abs(x - center)) / (0.18 * pitch) + 0.5, 0, 1)
        for level in levels:
            strength = rng.uniform(0, 1.4) * (rng.uniform() < 0.85)
            at = level + smile * ((x - center) / half) ** 2 * 4 + rng.normal(0, 0.6)
            signal += strength * lane_shape * np.exp(-(((y - at) / (thickness * rng.uniform(0.6, 1.2))) ** 2))
        signal += rng.uniform(0, 0.16) * lane_shape * rng.uniform(0, 1)
    ground = rng.uniform(0.02, 0.25) + 0.05 * smooth_noise(view, rng, width / 3)
    light = 1 - np.clip(ground + 0.9 * blur(signal, 0.8), 0, 1) + rng.normal(0, rng.uniform(0.004, 0.03), x.shape)
    if rng.uniform() < 0.25:  # a stained or fluorescent gel shown bright on dark
        light = 1 - light
    image = np.repeat(light[..., None], 3, axis=2)
    if rng.uniform() < 0.2:
        image = 1 - (1 - image) * np.array((1.0, 0.7, 0.25))  # Coomassie
    pixels = to_pixels(image)
    return _frame(pixels, rng) if rng.uniform() < 0.4 else pixels


def draw_rendering(rng: Random) -> Pixels:
    """Draw a rendering of a reconstruction: colored neurons, bodies and points among pale tissue and gray strands.

    The ground is white or, more rarely, black; some show the same from two sides.
    """
    view = random_view(rng)
    on_white = rng.uniform() < 0.75
    halves = [_draw_reconstruction(View(view.width, view.height, 1.0), rng, on_white)]
    if rng.uniform() < 0.3:
        halves.append(_draw_reconstruction(View(max(80, view.width // 2), view.height, 1.0), rng, on_white))
    pixels = np.ascontiguousarray(np.hstack(halves))
    return _add_words(pixels, rng, int(rng.integers(0, 6)), dark=on_white)


def _draw_reconstruction(view: View, rng: Random, on_white: bool) -> Pixels:
    pixels: Pixels = np.full((view.height, view.width, 3), 255 if on_white else 0, np.uint8)
    if rng.uniform() < 0.7:
        _draw_pale_tissue(pixels, view, rng, on_white)
    palette = [tuple(int(v) for v in rng.integers(0, 256, 3)) for _ in range(int(rng.integers(1, 6)))]
    for _ in range(int(rng.integers(0, 20))):
        _grow_tree(pixels, rng, palette[int(rng.integers(len(palette)))])
    if rng.uniform() < 0.5:  # clouds of bodies or synapses
        for color in palette:
            center, spread = rng.uniform(0.25, 0.75, 2), rng.uniform(0.03, 0.2, 2)
            radius = int(rng.integers(1, max(2, view.short_side // 50)))
            for _ in range(int(rng.integers(10, 200))):
                at = rng.normal(center, spread) * (view.width, view.height)
                cv2.circle(pixels, tuple(int(v) for v in at), radius, color, -1, cv2.LINE_AA)
    return pixels


def _draw_pale_tissue(pixels: Pixels, view: View, rng: Random, on_white: bool) -> None:
    """Draw translucent bodies with soft edges and many thin gray strands, in a symmetrical outline."""
    x, y = view.grid()
    depth = view.blank()
    for _ in range(int(rng.integers(1, 6))):
        cx, cy = rng.uniform(0.2, 0.8, 2) * (view.width, view.height)
        half = rng.uniform(0.1, 0.45, 2) * (view.width, view.height)
        for center in (cx, view.width - cx):
            reach = np.hypot((x - center) / half[0], (y - cy) / half[1]) + 0.08 * smooth_noise(
                view, rng, half.mean() * 0.5
            )
            depth += np.clip((1 - reach) * rng.uniform(5, 40), 0, 1) * rng.uniform(0.1, 1.0)
    depth *= 1 + rng.uniform(0, 0.4) * fractal_noise(view, rng, rng.uniform(4, 40))
    strands = np.zeros((view.height, view.width), np.uint8)
    for _ in range(int(rng.integers(0, 120))):
        steps = rng.normal(0, 1, (40, 2)).cumsum(0).cumsum(0)
        path = rng.uniform(0.1, 0.9, 2) * (view.width, view.height) + steps * view.short_side * 0.004
        cv2.polylines(strands, [np.round(path).astype(np.int32)], False, int(rng.integers(60, 255)), 1, cv2.LINE_AA)
    ink = np.clip(depth * rng.uniform(0.03, 0.3) + strands / 255 * rng.uniform(0.1, 0.7), 0, 0.9)[..., None]
    tint = np.array(rng.uniform(0.2, 0.8, 3) if rng.uniform() < 0.3 else (0.35, 0.35, 0.35))
    ground = 1.0 if on_white else 0.0
    pixels[:] = to_pixels(ground * (1 - ink) + (tint if on_white else 1 - tint) * ink)


def _grow_tree(pixels: Pixels, rng: Random, color: Color) -> None:
    """Draw a branching tree with a round body at its root."""
    height, width = pixels.shape[:2]
    root = rng.uniform(0.15, 0.85, 2) * (width, height)
    step = min(width, height) * 0.02
    tips = [(root, rng.uniform(0, 2 * np.pi)) for _ in range(int(rng.integers(1, 4)))]
    cv2.circle(pixels, tuple(int(v) for v in root), max(2, int(step * rng.uniform(0.4, 1.4))), color, -1, cv2.LINE_AA)
    thick = int(rng.integers(1, 3))
    for _ in range(int(rng.integers(15, 60))):
        grown = []
        for at, angle in tips:
            turned = angle + rng.normal(0, 0.35)
            to = at + step * np.array((np.cos(turned), np.sin(turned)))
            cv2.line(pixels, tuple(int(v) for v in at), tuple(int(v) for v in to), color, thick, cv2.LINE_AA)
            grown.append((to, turned))
            if rng.uniform() < 0.05 and len(tips) < 14:
                grown.append((to, turned + rng.choice((-0.8, 0.8))))
        tips = grown


def draw_shaded_schematic(rng: Random) -> Pixels:
    """Draw a schematic with shaded balls, slabs, lattices, arrows and words on white, a pale tint or a gradient."""
    view = random_view(rng)
    top, bottom = (255.0, 255.0) if rng.uniform() < 0.65 else tuple(rng.uniform(150, 255, 2))
    tint = np.array((1.0, 1.0, 1.0)) if top == 255 else 1 - rng.uniform(0, 0.4, 3)
    ramp = np.linspace(top, bottom, view.height)[:, None, None] * tint
    pixels = np.ascontiguousarray(np.broadcast_to(ramp, (view.height, view.width, 3)).astype(np.uint8))
    short = view.short_side
    for _ in range(int(rng.integers(1, 4))):
        _draw_group(pixels, rng, (rng.uniform(0.1, 0.9, 2) * (view.width, view.height)), short * rng.uniform(0.08, 0.3))
    for _ in range(int(rng.integers(0, 5))):
        ends = (rng.uniform(0.05, 0.95, (2, 2)) * (view.width, view.height)).astype(int)
        ink = tuple(int(v) for v in rng.integers(0, 140, 3))
        cv2.arrowedLine(
            pixels,
            tuple(map(int, ends[0])),
            tuple(map(int, ends[1])),
            ink,
            int(rng.integers(1, 5)),
            cv2.LINE_AA,
            0,
            0.12,
        )
    return _add_words(pixels, rng, int(rng.integers(1, 9)), dark=True)


def _draw_group(pixels: Pixels, rng: Random, center: np.ndarray, reach: float) -> None:
    """Draw a lattice of shaded balls, a slab, or a set of outlined shapes."""
    color = rng.integers(20, 256, 3)
    choice = rng.uniform()
    if choice < 0.45:
        radius = max(3, int(reach * rng.uniform(0.08, 0.4)))
        for x in np.arange(-reach, reach, 2.2 * radius):
            for y in np.arange(-reach, reach, 2.2 * radius):
                _draw_ball(pixels, (int(center[0] + x), int(center[1] + y)), radius, color)
    elif choice < 0.7:
        box = np.array([(-1.5, -0.3), (1.2, -0.3), (1.5, 0.0), (-1.2, 0.0)]) * reach + center
        cv2.fillConvexPoly(pixels, box.astype(np.int32), tuple(int(v) for v in color), cv2.LINE_AA)
        side = np.array([(-1.2, 0.0), (1.5, 0.0), (1.5, 0.4), (-1.2, 0.4)]) * reach + center
        cv2.fillConvexPoly(pixels, side.astype(np.int32), tuple(int(v * 0.7) for v in color), cv2.LINE_AA)
    else:
        for _ in range(int(rng.integers(2, 9))):
            at = tuple(int(v) for v in center + rng.uniform(-reach, reach, 2))
            half = tuple(int(v) for v in rng.uniform(0.1, 0.6, 2) * reach + 2)
            fill = tuple(int(v) for v in rng.integers(90, 256, 3))
            cv2.ellipse(pixels, at, half, float(rng.uniform(0, 180)), 0, 360, fill, -1, cv2.LINE_AA)
            cv2.ellipse(pixels, at, half, 0, 0, 360, (50, 50, 50), 1, cv2.LINE_AA)


def _draw_ball(pixels: Pixels, center: tuple[int, int], radius: int, color: np.ndarray) -> None:
    for share in np.linspace(1, 0.1, min(radius, 12)):
        light = tuple(int(v + (255 - v) * (1 - share) ** 1.5) for v in color)
        at = (int(center[0] - (1 - share) * radius * 0.35), int(center[1] - (1 - share) * radius * 0.35))
        cv2.circle(pixels, at, max(1, int(radius * share)), light, -1, cv2.LINE_AA)


def draw_chart(rng: Random) -> Pixels:
    """Draw a chart of the life sciences: bars or boxes with points and error bars, L-shaped axes, thick words."""
    view = random_view(rng)
    pixels: Pixels = np.full((view.height, view.width, 3), 255, np.uint8)
    x0, y0 = int(view.width * rng.uniform(0.12, 0.28)), int(view.height * rng.uniform(0.03, 0.15))
    x1, y1 = int(view.width * rng.uniform(0.85, 0.98)), int(view.height * rng.uniform(0.72, 0.92))
    thick = int(rng.integers(1, 4))
    groups = int(rng.integers(2, 8))
    for n in range(groups):
        center, half = x0 + (x1 - x0) * (n + 0.5) / groups, (x1 - x0) / groups * rng.uniform(0.2, 0.4)
        top = y1 - (y1 - y0) * rng.uniform(0.1, 0.85)
        color = (
            tuple(int(v) for v in rng.integers(0, 256, 3)) if rng.uniform() < 0.6 else (int(rng.integers(0, 256)),) * 3
        )
        cv2.rectangle(
            pixels,
            (int(center - half), int(top)),
            (int(center + half), y1),
            color,
            -1 if rng.uniform() < 0.7 else thick,
        )
        cv2.line(pixels, (int(center), int(top - 12)), (int(center), int(top + 12)), (0, 0, 0), thick)
        for _ in range(int(rng.integers(0, 16))):
            spot = (int(center + rng.normal(0, half * 0.4)), int(top + rng.normal(0, (y1 - y0) * 0.08)))
            cv2.circle(pixels, spot, int(rng.integers(2, 5)), (0, 0, 0), int(rng.choice((-1, 1))), cv2.LINE_AA)
    cv2.line(pixels, (x0, y0), (x0, y1), (0, 0, 0), thick)
    cv2.line(pixels, (x0, y1), (x1, y1), (0, 0, 0), thick)
    return _add_words(pixels, rng, int(rng.integers(3, 12)), dark=True)


def _frame(pixels: Pixels, rng: Random) -> Pixels:
    """Return a blot with a thin black frame, and sometimes a white margin with the names of lanes."""
    pixels = cv2.copyMakeBorder(pixels, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    if rng.uniform() < 0.5:
        pixels = cv2.copyMakeBorder(pixels, 24, 4, 4, 44, cv2.BORDER_CONSTANT, value=(255, 255, 255))
        for n in range(4):
            mask = text_mask(str(rng.choice(WORDS)), 10.0)
            paint_mask(pixels, mask, 10 + n * (pixels.shape[1] - 60) // 4, 6, (0, 0, 0))
    return pixels


def _add_words(pixels: Pixels, rng: Random, count: int, dark: bool) -> Pixels:
    """Return the picture with words at random places."""
    height, width = pixels.shape[:2]
    letters = float(np.clip(min(width, height) * rng.uniform(0.03, 0.07), 9, 24))
    for _ in range(count):
        mask = text_mask(str(rng.choice(WORDS)), letters)
        x, y = int(rng.uniform(0, max(1, width - mask.shape[1]))), int(rng.uniform(0, max(1, height - mask.shape[0])))
        paint_mask(pixels, mask, x, y, (0, 0, 0) if dark else (255, 255, 255))
    return pixels


DRAWINGS: dict[str, tuple[tuple[Callable[[Random], Pixels], int], ...]] = {
    "gel": ((draw_gel, 60),),
    "photo": ((draw_photo, 60),),
    "schematic": ((draw_rendering, 90), (draw_shaded_schematic, 70)),
    "plot": ((draw_chart, 40),),
    "map": ((draw_segments, 25), (draw_field, 35)),
    "optical": ((draw_stain, 40), (draw_etched_metal, 25), (draw_bright_field, 35)),
    "TEM": ((draw_cell_section, 30),),
}
"""Functions that draw examples of a class, and how many each draws."""


def draw_examples(seed: int) -> list[tuple[str, str, Pixels]]:
    """Return class, name of the drawing, and picture of all examples."""
    examples = []
    for name, functions in DRAWINGS.items():
        for number, (draw, count) in enumerate(functions):
            for k in range(count):
                rng = make_rng(seed, 0xD4A, sorted(DRAWINGS).index(name), number, k)
                examples.append((name, draw.__name__.removeprefix("draw_"), draw(rng)))
    return examples
