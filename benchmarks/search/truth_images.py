"""Real images for measuring and centering a descriptor: labeled micrographs, and separate reference images."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mirsearch.imaging.images import open_picture

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
KINDS = {"micrograph", "map", "diffraction"}
ARTICLE_SHARE = 3.0
"""An article's panels together weigh as much as at most this many images, so that no article dominates."""

Pixels = NDArray[np.uint8]

PRIMARIES = np.array([[0, 1, 0], [1, 0, 0], [0.1, 0.2, 1], [1, 0, 1], [0, 1, 1], [1, 1, 0]])
"""Usual colors of fluorescence channels and elemental maps."""
AFM_STOPS = np.array([[20, 5, 0], [150, 70, 10], [230, 160, 60], [255, 250, 220]], np.float64)
"""The brown to cream color scale of atomic force microscopes, from low to high."""


@dataclass(frozen=True)
class LabeledImage:
    """A micrograph of class_truth.csv with its imaging technique and its paper."""

    file: str
    technique: str
    paper: str
    pixels: Pixels


@dataclass(frozen=True)
class Reference:
    """A micrograph that is not labeled: its pixels, its weight in the means, and its article (None: single image)."""

    pixels: Pixels
    weight: float
    article: str | None


def read_labeled_images(data: Path) -> list[LabeledImage]:
    """Read the labeled micrographs."""
    with (data / "class_truth.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    return [
        LabeledImage(row["file"], row["class"], row["paper"], open_picture(data / row["file"]).pixels) for row in rows
    ]


def read_references(data: Path) -> list[Reference]:
    """Read micrographs of other collections and papers: nanoballs (one study), emps, article panels."""
    nanoballs, emps = sorted((data / "nanoballs").glob("*.tif")), sorted((data / "emps").glob("*.png"))
    images = [Reference(open_picture(path).pixels, 1.0, "nanoballs") for path in nanoballs]
    images += [Reference(open_picture(path).pixels, 1.0, None) for path in emps]
    with (data / "panel_truth.csv").open(newline="", encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["kind"] in KINDS]
    articles = [Path(row["file"]).parent.name for row in rows]
    counts = Counter(articles)
    for row, article in zip(rows, articles, strict=True):
        x0, y0, x1, y1 = (int(row[key]) for key in ("x0", "y0", "x1", "y1"))
        pixels = open_picture(data / row["file"]).pixels[y0:y1, x0:x1]
        images.append(Reference(pixels, min(1.0, ARTICLE_SHARE / counts[article]), article))
    return images


def tinted_references(data: Path) -> list[tuple[Pixels, float]]:
    """Return the references, each also as fluorescence, elemental map and AFM height map, with their weights.

    The three tinted images together weigh as much as the reference. The references are gray and mostly of electron
    microscopes. Centered on them alone, all colored or dark-field images would share one large direction and look
    similar for that reason.
    """
    rng = np.random.default_rng(7)
    images = read_references(data)
    tinted = [
        (tint, image.weight / 3)
        for number, image in enumerate(images)
        for tint in tints(image.pixels, PRIMARIES[number % len(PRIMARIES)], rng)
    ]
    return [(image.pixels, image.weight) for image in images] + tinted


def tints(pixels: Pixels, color: NDArray[np.float64], rng: np.random.Generator) -> list[Pixels]:
    """Return an image as fluorescence (one color on black), elemental map (colored dots) and AFM height map."""
    gray = pixels.astype(np.float64) @ [0.299, 0.587, 0.114]
    low, high = np.percentile(gray, [1, 99])
    height = np.clip((gray - low) / max(high - low, 1.0), 0, 1)
    bright = 1 - height if np.median(height) > 0.5 else height
    glow = np.clip((bright - 0.3) / 0.7, 0, 1) ** 1.3
    dots = (rng.random(glow.shape) < 0.02 + 0.5 * glow) * (0.4 + 0.6 * rng.random(glow.shape))
    position = height * (len(AFM_STOPS) - 1)
    afm = np.stack([np.interp(position, range(len(AFM_STOPS)), AFM_STOPS[:, channel]) for channel in range(3)], axis=-1)
    pictures = (glow[..., None] * color * 255, dots[..., None] * color * 255, afm)
    return [picture.astype(np.uint8) for picture in pictures]


def left_half(pixels: Pixels) -> Pixels:
    """Return the left half of an image."""
    return pixels[:, : pixels.shape[1] // 2]


def right_half(pixels: Pixels) -> Pixels:
    """Return the right half of an image."""
    return pixels[:, pixels.shape[1] // 2 :]
