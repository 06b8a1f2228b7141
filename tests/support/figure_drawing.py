"""Draw figures for the tests of the analysis: textures, plots and layouts whose panels are known."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mirsearch.corpus import Box


def draw_texture(seed: int, width: int, height: int, grain: float = 3.0) -> np.ndarray:
    """Draw a gray picture like a micrograph: filtered noise with random level and contrast, RGB uint8."""
    random = np.random.default_rng(seed)
    field = cv2.GaussianBlur(random.normal(size=(height, width)).astype(np.float32), (0, 0), grain)
    fine = random.normal(size=(height, width)) * 0.25
    gray = random.uniform(80, 170) + random.uniform(25, 45) * (field / field.std() + fine)
    return np.repeat(np.clip(gray, 8, 247).astype(np.uint8)[:, :, None], 3, axis=2)


def draw_plot(seed: int, width: int, height: int) -> np.ndarray:
    """Draw axes with ticks, numbers and two curves on white, RGB uint8."""
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(16)
    left, right, top, bottom = 62, width - 16, 30, height - 56
    draw.rectangle((left, top, right, bottom), outline="black", width=3)
    for n in range(5):
        x, y = left + (right - left) * n // 4, top + (bottom - top) * n // 4
        draw.text((x - 8, bottom + 8), str(n * 10), fill="black", font=font)
        draw.text((left - 34, y - 8), f"{40 - n * 10}", fill="black", font=font)
    draw.text(((left + right) // 2 - 40, height - 28), "Time (h)", fill="black", font=font)
    random = np.random.default_rng(seed)
    for color in ("red", "blue"):
        walk = np.cumsum(random.normal(size=40))
        walk = (walk - walk.min()) / (np.ptp(walk) + 1e-9)
        xs = np.linspace(left + 6, right - 6, 40)
        points = [(float(x), float(bottom - 10 - v * (bottom - top - 20))) for x, v in zip(xs, walk, strict=True)]
        draw.line(points, fill=color, width=3)
    return np.asarray(picture)


def compose_figure(tiles: list[list[np.ndarray]], gutter: int, color: int) -> tuple[np.ndarray, list[Box]]:
    """Arrange rows of tiles of one size with gutters between them; return the figure and the boxes in reading order."""
    height, width = tiles[0][0].shape[:2]
    rows, columns = len(tiles), len(tiles[0])
    size = (rows * height + (rows - 1) * gutter, columns * width + (columns - 1) * gutter, 3)
    figure = np.full(size, color, np.uint8)
    boxes = []
    for row in range(rows):
        for column in range(columns):
            x, y = column * (width + gutter), row * (height + gutter)
            figure[y : y + height, x : x + width] = tiles[row][column]
            boxes.append((x, y, x + width, y + height))
    return figure, boxes


def draw_letters(
    figure: np.ndarray,
    boxes: list[Box],
    style: str,
    size: int = 28,
    names: str | list[str] = "abcdefghi",
    corner: str = "top-left",
) -> np.ndarray:
    """Return the figure with a letter on a white patch at a corner of each panel, in the style "a", "(a)" or "A"."""
    picture = Image.fromarray(figure)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size)
    for name, (x, y, right, bottom) in zip(names, boxes, strict=False):
        text = name.upper() if style == "A" else style.replace("a", name)
        if corner.endswith("right"):
            x = right - 20 - round(font.getlength(text))  # noqa: PLW2901
        if corner.startswith("bottom"):
            y = bottom - 16 - size  # noqa: PLW2901
        inner = draw.textbbox((x + 10, y + 8), text, font=font)
        draw.rectangle((inner[0] - 5, inner[1] - 4, inner[2] + 5, inner[3] + 4), fill="white")
        draw.text((x + 10, y + 8), text, fill="black", font=font)
    return np.asarray(picture)


def intersection_over_union(first: Box, second: Box) -> float:
    """Return the intersection over union of two boxes."""
    across = min(first[2], second[2]) - max(first[0], second[0])
    down = min(first[3], second[3]) - max(first[1], second[1])
    if across <= 0 or down <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return across * down / (sum(areas) - across * down)
