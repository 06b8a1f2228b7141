"""Read the panels and scale bars in an exsclaim.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mirsearch.corpus import Box, Panel, ScaleReading
from mirsearch.errors import SourceError
from mirsearch.settings import LIMITS
from mirsearch.sources.articles import clean_text
from mirsearch.text.foreign import parse_number

KINDS = {
    "microscopy": "micrograph", "diffraction": "diffraction", "graph": "plot", "illustration": "schematic",
    "basic photo": "photo", "photo": "photo",
}  # fmt: skip
"""EXSCLAIM's classes, each with mirsearch's kind. The classes "parent" and "unclear" say nothing about the content."""
MAX_PANELS = 400
MAX_SIDE = 1_000_000


def parse_panels(master_images: Any, size: tuple[int, int] | None) -> tuple[Panel, ...]:
    """Return the panels of `master_images`, clipped to the picture's (width, height).

    Raises SourceError with the place of a value of the wrong type.
    """
    if not isinstance(master_images, list):
        raise SourceError("master_images is not a list")
    if len(master_images) > MAX_PANELS:
        raise SourceError(f"{len(master_images)} master_images are more than {MAX_PANELS}")
    panels = (_panel(panel, f"master_images[{index}]", size) for index, panel in enumerate(master_images))
    return tuple(panel for panel in panels if panel is not None)


def _panel(entry: Any, location: str, size: tuple[int, int] | None) -> Panel | None:
    """Return a panel; None if it lies outside the picture."""
    if not isinstance(entry, dict):
        raise SourceError(f"{location} is not an object")
    box = _clip_box(_box(entry.get("geometry"), f"{location}.geometry"), size)
    if box is None:
        return None
    kind = KINDS.get(str(entry.get("classification") or "").strip().lower().replace("_", " "), "unknown")
    confidence = entry.get("classification_confidence")  # `confidence` belongs to the box; version 0.1 has no other one
    return Panel(
        box=box,
        label=_panel_label(entry.get("subfigure_label"), location),
        kind=kind,
        kind_confidence=_confidence(confidence) if kind != "unknown" else 0.0,
        caption=_panel_caption(entry.get("caption")),
        scale=_best_scale(entry.get("scale_bars") or [], f"{location}.scale_bars", size),
    )


def _box(geometry: Any, location: str) -> Box:
    """Return the bounding box of corners {x, y} in any order, or of {x0, y0, x1, y1} (or x1, y1, x2, y2)."""
    if isinstance(geometry, list) and geometry:
        xs = [_coordinate(corner, "x", location) for corner in geometry]
        ys = [_coordinate(corner, "y", location) for corner in geometry]
    elif isinstance(geometry, dict):
        names = ("x0", "x1", "y0", "y1") if "x0" in geometry else ("x1", "x2", "y1", "y2")
        values = [_coordinate(geometry, name, location) for name in names]
        xs, ys = values[:2], values[2:]
    else:
        raise SourceError(f"{location} is no box")
    return math.floor(min(xs)), math.floor(min(ys)), math.ceil(max(xs)), math.ceil(max(ys))


def _coordinate(point: Any, name: str, location: str) -> float:
    value = point.get(name) if isinstance(point, dict) else None
    number = parse_number(value)
    if number is None or abs(number) > MAX_SIDE:
        raise SourceError(f"{location}.{name} is no pixel position")
    return number


def _clip_box(box: Box, size: tuple[int, int] | None) -> Box | None:
    width, height = size or (MAX_SIDE, MAX_SIDE)
    clipped = (max(0, box[0]), max(0, box[1]), min(width, box[2]), min(height, box[3]))
    return clipped if clipped[0] < clipped[2] and clipped[1] < clipped[3] else None


def _panel_label(value: Any, location: str) -> str | None:
    if value is None:
        return None
    text = value.get("text") if isinstance(value, dict) else value
    if text is None:
        return None
    if not isinstance(text, str):
        raise SourceError(f"{location}.subfigure_label.text is no text")
    return clean_text(text, 20).strip("()[]. ") or None


def _panel_caption(caption: Any) -> str:
    """Return the panel's caption from a text, a list of texts, or objects that hold texts, without repeats."""
    parts: list[str] = []
    for entry in caption if isinstance(caption, list) else [caption]:
        values = entry.values() if isinstance(entry, dict) else (entry,)
        parts.extend(clean_text(text, LIMITS.caption_chars) for text in values if isinstance(text, str))
    return " ".join(dict.fromkeys(part for part in parts if part))[: LIMITS.caption_chars]


def _confidence(value: Any) -> float:
    number = parse_number(value)
    return 0.0 if number is None else min(1.0, max(0.0, number))


def _best_scale(scale_bars: Any, location: str, size: tuple[int, int] | None) -> ScaleReading | None:
    """Return the reading with EXSCLAIM's highest confidence; None if no bar has a length in nm and in px."""
    if not isinstance(scale_bars, list):
        raise SourceError(f"{location} is not a list")
    readings = [
        _scale(scale_bar, f"{location}[{index}]", size) for index, scale_bar in enumerate(scale_bars[:MAX_PANELS])
    ]
    return max(
        (reading for reading in readings if reading is not None),
        key=lambda reading: reading.confidence,
        default=None,
    )


def _scale(scale_bar: Any, location: str, size: tuple[int, int] | None) -> ScaleReading | None:
    if not isinstance(scale_bar, dict):
        raise SourceError(f"{location} is not an object")
    label = scale_bar.get("label")
    if label is None:
        return None
    if not isinstance(label, dict):
        raise SourceError(f"{location}.label is not an object")
    bar_box = (
        _clip_box(_box(scale_bar["geometry"], f"{location}.geometry"), size) if scale_bar.get("geometry") else None
    )
    length_nm, length_px = parse_number(label.get("nm")), parse_number(scale_bar.get("length"))
    if length_px is None and bar_box is not None:
        length_px = float(bar_box[2] - bar_box[0])
    if not length_nm or not length_px or length_nm <= 0 or length_px <= 0:
        return None
    nm_per_px = length_nm / length_px
    if not 1e-6 < nm_per_px < 1e9:
        return None
    return ScaleReading(
        nm_per_px=nm_per_px,
        length_nm=length_nm,
        length_px=length_px,
        bar=bar_box,
        label_text=_label_text(label),
        source="label",
        confidence=_confidence(scale_bar.get("confidence", 1.0)) * _confidence(label.get("label_confidence", 1.0)),
    )


def _label_text(label: Mapping[str, Any]) -> str | None:
    text = label.get("text")
    return (clean_text(text, 60) or None) if isinstance(text, str) else None
