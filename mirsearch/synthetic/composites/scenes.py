"""Draws fluorescence: scenes of cells, larvae, neurons or bacteria whose structures appear in separate channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from mirsearch.synthetic.fields import Image, Random, View, blur, scatter, smooth_noise, voronoi
from mirsearch.synthetic.imaging import Pixels

Channels = Mapping[str, Image]
"""Signals (h, w) in [0, 1] by structure."""

STRUCTURES = ("nuclei", "actin", "membrane", "cytosol", "puncta", "network")

DYE_COLORS: dict[str, tuple[int, int, int]] = {
    "blue": (40, 70, 255), "green": (30, 235, 60), "red": (255, 45, 35), "magenta": (255, 40, 220),
    "cyan": (30, 230, 235), "yellow": (250, 230, 40), "orange": (255, 150, 30), "gray": (255, 255, 255),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stain:
    """A stain: the name that headings print, the structure that it shows, and its usual color."""

    name: str
    structure: str
    color: str


STAINS = (
    Stain("DAPI", "nuclei", "blue"), Stain("Hoechst", "nuclei", "blue"), Stain("GFP", "cytosol", "green"),
    Stain("mCherry", "puncta", "red"), Stain("F-actin", "actin", "red"), Stain("Phalloidin", "actin", "magenta"),
    Stain("Tubulin", "actin", "green"), Stain("LAMP1", "puncta", "magenta"), Stain("Tom20", "network", "green"),
    Stain("ER-RFP", "network", "magenta"), Stain("E-cadherin", "membrane", "green"), Stain("ZO-1", "membrane", "red"),
    Stain("GCaMP6s", "cytosol", "green"), Stain("LysoTracker", "puncta", "cyan"), Stain("GFAP", "actin", "magenta"),
    Stain("NeuN", "nuclei", "red"), Stain("Ki67", "nuclei", "magenta"), Stain("MitoTracker", "network", "red"),
    Stain("Iba1", "puncta", "yellow"), Stain("mEGFP-Sec61", "network", "green"), Stain("Draq5", "nuclei", "gray"),
)  # fmt: skip


def soften(mask: Pixels, sigma: float) -> Image:
    """Return a mask of 0 to 255 as a signal in [0, 1], blurred."""
    return blur(np.asarray(mask, np.float32) / np.float32(255), sigma)


def _ovals(view: View, rng: Random, points: np.ndarray, size: float) -> Image:
    """Return soft ovals of mean diameter `size` px around points."""
    canvas = np.zeros((view.height, view.width), np.uint8)
    for x, y in points:
        axes = np.maximum(size * rng.uniform(0.8, 1.2, 2) / 2 * (1.15, 0.85), 1)
        level, turn = int(rng.uniform(120, 255)), float(rng.uniform(0, 180))
        cv2.ellipse(canvas, ((float(x), float(y)), (float(2 * axes[0]), float(2 * axes[1])), turn), level, -1)
    return soften(canvas, max(0.8, size * 0.04))


def _spots(view: View, rng: Random, mask: Image, spacing: float, radius: float) -> Image:
    """Return bright spots of a radius in px, about `spacing` px apart, where `mask` is bright."""
    field = np.zeros(mask.shape, np.float32)
    count = int(view.width * view.height / max(4.0, spacing) ** 2) + 1
    x, y = rng.integers(0, view.width, count), rng.integers(0, view.height, count)
    kept = rng.uniform(size=count) < mask[y, x]
    field[y[kept], x[kept]] = rng.uniform(0.4, 1.0, count)[kept]
    radius = max(0.8, radius)
    return np.asarray(np.clip(blur(field, radius) * (7.5 * radius * radius), 0, 1), np.float32)


def _cells(view: View, rng: Random, size: float, spread: float, gap: float) -> dict[str, Image]:
    """Draw cells `size` px apart that fill `spread` of the field, with `gap` px between them."""
    points = scatter(view, rng, size, 0.6, size * 0.3)
    warp = smooth_noise(view, rng, size * 0.35) * size * 0.08
    cells, distance = voronoi(view, points, warp, beyond_px=min(60, size * 0.5))
    count = int(cells.max()) + 1
    kept = (rng.uniform(size=count) < spread)[cells]
    level = (rng.uniform(0.45, 1.0, count))[cells].astype(np.float32) * kept
    body = np.clip((distance - gap) / max(1.5, size * 0.05), 0, 1).astype(np.float32) * level
    inner = [p for p in points if 0 <= p[0] < view.width and 0 <= p[1] < view.height and kept[int(p[1]), int(p[0])]]
    nuclei = _ovals(view, rng, np.array(inner).reshape(-1, 2), size * 0.36)
    return _structures(view, rng, size, body, nuclei, distance - gap)


def _structures(view: View, rng: Random, size: float, body: Image, nuclei: Image, distance: Image) -> dict[str, Image]:
    """Return the channels of cells with the given bodies and nuclei."""
    fine = smooth_noise(view, rng, max(2.0, size * 0.03))
    ridges = np.exp(-((smooth_noise(view, rng, max(3.0, size * 0.07)) / 0.22) ** 2))
    x, y = view.grid()
    turn = smooth_noise(view, rng, size * 1.2) * 0.8 + rng.uniform(0, np.pi)
    strands = (np.sin((x * np.cos(turn) + y * np.sin(turn)) / max(0.7, size * 0.012)) + 1) / 2
    rim = np.exp(-((np.maximum(distance, 0) / max(1.5, size * 0.035)) ** 2)) * (body > 0.05)
    outside = 1 - np.clip(nuclei * 1.5, 0, 1)
    haze = np.clip(body, 0, 1)
    return {
        "nuclei": np.clip(nuclei * (0.85 + 0.12 * fine), 0, 1),
        "actin": np.clip(haze * (0.12 + 0.6 * strands * (0.5 + 0.4 * fine)) + 0.55 * rim, 0, 1),
        "membrane": np.clip(0.9 * rim + 0.1 * haze, 0, 1),
        "cytosol": np.clip(haze * (0.5 + 0.13 * fine) * (0.35 + 0.65 * outside), 0, 1),
        "puncta": np.clip(_spots(view, rng, haze * outside, size * 0.09, size * 0.018) + 0.05 * haze, 0, 1),
        "network": np.clip(haze * outside * (0.1 + 0.8 * ridges), 0, 1),
    }


def _culture(view: View, rng: Random, size: float) -> dict[str, Image]:
    return _cells(view, rng, size, float(rng.uniform(0.5, 0.95)), size * float(rng.uniform(0.01, 0.12)))


def _epithelium(view: View, rng: Random, size: float) -> dict[str, Image]:
    return _cells(view, rng, max(10.0, size * 0.4), 1.0, 0.5)


def _larva(view: View, rng: Random, size: float) -> dict[str, Image]:
    """Draw one large body with many small nuclei, and structures on both sides of its middle."""
    side = view.short_side
    x, y = view.grid()
    cx, cy = view.width / 2, view.height / 2
    a, b = side * rng.uniform(0.36, 0.47), side * rng.uniform(0.36, 0.47)
    reach = np.hypot((x - cx) / a, (y - cy) / b) + 0.03 * smooth_noise(view, rng, side * 0.2)
    body = np.asarray(np.clip((1 - reach) * 9, 0, 1), np.float32)
    body *= 0.6 + 0.12 * smooth_noise(view, rng, side * 0.12)
    points = scatter(view, rng, max(5.0, side * 0.035), 0.5)
    points = points[(points.min(1) >= 0) & (points[:, 0] < view.width) & (points[:, 1] < view.height)]
    inside = body[points[:, 1].astype(int), points[:, 0].astype(int)] > 0.2
    nuclei = _ovals(view, rng, points[inside], side * 0.026) * body
    channels = _structures(view, rng, side * 0.3, body * 0.8, nuclei, np.asarray((1 - reach) * a, np.float32))
    half = _spots(view, rng, np.asarray(body * (reach < 0.7), np.float32), side * 0.13, side * 0.02)
    channels["puncta"] = np.asarray(np.maximum(half, half[:, ::-1]), np.float32)
    return channels


def _sparse(view: View, rng: Random, size: float) -> dict[str, Image]:
    """Draw a nearly black field with few spots."""
    dark = np.asarray(view.blank(0.03) + 0.008 * smooth_noise(view, rng, 60), np.float32)
    spots = [
        _spots(view, rng, view.blank(0.9), max(14.0, size * rng.uniform(0.25, 0.6)), size * rng.uniform(0.015, 0.05))
        for _ in range(2)
    ]
    return {name: np.clip(dark + spots[number % 2], 0, 1) for number, name in enumerate(STRUCTURES)}


def _neurons(view: View, rng: Random, size: float) -> dict[str, Image]:
    """Draw cell bodies with branched, winding processes."""
    canvas = np.zeros((view.height, view.width), np.uint8)
    bodies = rng.uniform((0.1, 0.1), (0.9, 0.9), (int(rng.integers(2, 6)), 2)) * (view.width, view.height)
    for body in bodies:
        for _ in range(int(rng.integers(3, 7))):
            turns = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.3, 60))
            steps = np.stack([np.cos(turns), np.sin(turns)], 1) * size * 0.04
            path = body + np.cumsum(steps, 0)
            thick = max(1, round(size * 0.012))
            cv2.polylines(canvas, [np.round(path * 16).astype(np.int32)], False, 200, thick, cv2.LINE_AA, 4)
    threads = soften(canvas, 0.8)
    soma = _ovals(view, rng, bodies, size * 0.18)
    cell = np.clip(threads + soma, 0, 1)
    spots = _spots(view, rng, np.clip(threads * 2, 0, 1), size * 0.05, size * 0.012)
    nuclei = _ovals(view, rng, rng.uniform((0, 0), (view.width, view.height), (25, 2)), size * 0.14)
    return {
        "nuclei": nuclei, "actin": cell, "membrane": cell, "cytosol": cell, "puncta": spots, "network": cell * 0.8,
    }  # fmt: skip


def _bacteria(view: View, rng: Random, size: float) -> dict[str, Image]:
    """Draw chains of rods with bright poles."""
    rods, poles = np.zeros((view.height, view.width), np.uint8), np.zeros((view.height, view.width), np.uint8)
    thick = max(3, round(size * 0.09))
    at, turn = np.array((view.width * 0.3, view.height * 0.3)), float(rng.uniform(0, np.pi))
    for _ in range(int(rng.integers(8, 26))):
        step = np.array((np.cos(turn), np.sin(turn))) * size * 0.26
        ends = np.round(at).astype(int), np.round(at + step).astype(int)
        cv2.line(rods, tuple(map(int, ends[0])), tuple(map(int, ends[1])), int(rng.uniform(120, 220)), thick)
        cv2.circle(poles, tuple(map(int, ends[int(rng.integers(2))])), max(1, thick // 3), 255, -1)
        at, turn = at + step * 1.45, turn + float(rng.normal(0, 0.6))
        if not (0.1 * view.width < at[0] < 0.9 * view.width and 0.1 * view.height < at[1] < 0.9 * view.height):
            at = rng.uniform(0.15, 0.8, 2) * (view.width, view.height)
    body, spot = soften(rods, size * 0.02), soften(poles, size * 0.02)
    return {
        "nuclei": np.clip(blur(body, size * 0.01) * 0.9, 0, 1), "actin": body, "membrane": body, "cytosol": body,
        "puncta": np.clip(spot * 2, 0, 1), "network": np.clip(spot[::-1, ::-1] * 2, 0, 1),
    }  # fmt: skip


SCENES: dict[str, Callable[[View, Random, float], dict[str, Image]]] = {
    "culture": _culture, "epithelium": _epithelium, "larva": _larva, "sparse": _sparse, "neurons": _neurons,
    "bacteria": _bacteria,
}  # fmt: skip


def choose_size(width: int, height: int, rng: Random) -> float:
    """Return the size of a cell in px, for all tiles of one magnification of `width` × `height` px."""
    return float(min(width, height)) * float(rng.uniform(0.24, 0.6))


def draw_scene(width: int, height: int, rng: Random, kind: str | None = None, size: float = 0.0) -> Channels:
    """Return the channels of a scene of `width` × `height` px, with cells of `size` px (0: of any)."""
    kind = kind or str(rng.choice(tuple(SCENES), p=(0.42, 0.2, 0.12, 0.08, 0.1, 0.08)))
    return SCENES[kind](View(width, height, 1.0), rng, size or choose_size(width, height, rng))


def show(signal: Image, color: str, rng: Random, noise: float = 0.02, inverted: bool = False) -> Pixels:
    """Return a channel in one color on black, or in gray on nearly white, as RGB."""
    noisy = np.clip(signal + noise * rng.standard_normal(signal.shape, np.float32) * (0.4 + signal) + 0.008, 0, 1)
    if inverted:
        return np.repeat(np.rint((0.93 - 0.93 * noisy) * 255).astype(np.uint8)[..., None], 3, 2)
    table = np.linspace(0, 1, 256)[:, None] * np.array(DYE_COLORS[color])
    return np.ascontiguousarray(np.rint(table).astype(np.uint8)[(noisy * 255).astype(np.uint8)])


def merge(pictures: list[Pixels]) -> Pixels:
    """Return the sum of channels in their colors."""
    total = np.sum([picture.astype(np.uint16) for picture in pictures], axis=0)
    return np.asarray(np.clip(total, 0, 255), np.uint8)


def drift(channels: Channels, rng: Random, amount_px: float, gain: float = 1.0) -> Channels:
    """Return a later state of a scene: its structures moved by about `amount_px`, brighter by `gain`."""
    height, width = next(iter(channels.values())).shape
    view = View(width, height, 1.0)
    x, y = view.grid()
    dx, dy = (smooth_noise(view, rng, min(width, height) * 0.4) * amount_px for _ in range(2))
    return {
        name: np.clip(cv2.remap(signal, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT) * gain, 0, 1)
        for name, signal in channels.items()
    }
