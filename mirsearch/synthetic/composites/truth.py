"""Writes drawn composite figures to a folder, with their truth in one JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2

from mirsearch.corpus import Panel
from mirsearch.synthetic.composites.boards import Tile
from mirsearch.synthetic.composites.sheets import CompositeFigure, draw_composite


def _bar_json(tile: Tile) -> dict[str, Any]:
    """Return a tile's bar: its region, px, and nm and nm_per_px, which are None where nothing tells them."""
    bar = tile.bar
    if bar is None:
        raise ValueError("the tile has no bar")
    told = tile.nm_per_px is not None
    return {
        "region": list(bar.region), "nm": bar.length_nm if told else None, "px": round(bar.length_px, 2),
        "nm_per_px": tile.nm_per_px, "value": bar.value if told else "unknown",
    }  # fmt: skip


def _panel_json(panel: Panel, tile: Tile) -> dict[str, Any]:
    return {
        "letter": panel.label, "kind": tile.kinds, "technique": tile.techniques, "box": list(panel.box),
        "bars": [] if tile.bar is None else [_bar_json(tile)], "part": panel.part, "heading": panel.heading,
        "inset_of": None if panel.inset_of is None else int(panel.inset_of), "nm_per_px": tile.nm_per_px,
        "magnification": tile.magnification,
    }  # fmt: skip


def truth_json(figure: CompositeFigure, file: str) -> dict[str, Any]:
    """Return a figure's truth: file, size, caption, forms, and a panel for each image, drawing and inset.

    A panel's `inset_of` is the place of its main image among the panels; `nm_per_px` its true scale where it is told,
    also by another panel's bar. Panels of a letter with one `magnification` have equal scales.
    """
    height, width = figure.pixels.shape[:2]
    panels = [_panel_json(panel, tile) for panel, tile in zip(figure.panels, figure.tiles, strict=True)]
    return {
        "file": file, "size": [width, height], "caption": figure.caption, "forms": list(figure.forms),
        "seed": figure.seed, "panels": panels,
    }  # fmt: skip


def write_composites(folder: Path, seeds: Iterable[int]) -> Path:
    """Draw the figures of seeds into a folder as PNG with `truth.json`; return the path of that file."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = {}
    for seed in seeds:
        figure = draw_composite(seed)
        name = f"D{seed:05d}"
        cv2.imwrite(str(folder / f"{name}.png"), figure.pixels[..., ::-1])
        truth[name] = truth_json(figure, f"{name}.png")
    path = folder / "truth.json"
    path.write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path
