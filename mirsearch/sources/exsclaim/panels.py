"""Panels and scale bars of an exsclaim.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mirsearch.corpus import Box, Panel, ScaleReading
from mirsearch.errors import SourceError
from mirsearch.settings import LIMITS
from mirsearch.sources.articles import clean_text

KINDS = {
    "microscopy": "micrograph", "diffraction": "diffraction", "graph": "plot", "illustration": "schematic",
    "basic photo": "photo", "photo": "photo",
}  # fmt: skip
"""EXSCLAIM's classes, each with our kind; "parent" and "unclear" say nothing of what a panel shows."""
MAX_PANELS = 400
MAX_SIDE = 1_000_000


def panels_of(given: Any, size: tuple[int, int] | None) -> tuple[Panel, ...]:
    """Panels of `master_images`, cut to the picture's (width, height). SourceError says what is of a wrong type."""
    if not isinstance(given, list):
        raise SourceError("master_images is not a list")
    if len(given) > MAX_PANELS:
        raise SourceError(f"{len(given)} master_images are more than {MAX_PANELS}")
    panels = (_panel(each, f"master_images[{number}]", size) for number, each in enumerate(given))
    return tuple(each for each in panels if each is not None)


def _panel(given: Any, where: str, size: tuple[int, int] | None) -> Panel | None:
    """A panel; None where nothing of it lies in the picture."""
    if not isinstance(given, dict):
        raise SourceError(f"{where} is not an object")
    box = _within(_box(given.get("geometry"), f"{where}.geometry"), size)
    if box is None:
        return None
    kind = KINDS.get(str(given.get("classification") or "").strip().lower().replace("_", " "), "unknown")
    sure = given.get("classification_confidence")  # `confidence` is the box's; version 0.1 has no other
    return Panel(
        box=box,
        label=_label(given.get("subfigure_label"), where),
        kind=kind,
        kind_confidence=_share(sure) if kind != "unknown" else 0.0,
        caption=_caption(given.get("caption")),
        scale=_best_scale(given.get("scale_bars") or [], f"{where}.scale_bars", size),
    )


def _box(given: Any, where: str) -> Box:
    """The box around corners {x, y} in any order, or of {x0, y0, x1, y1} (also x1, y1, x2, y2)."""
    if isinstance(given, list) and given:
        xs = [_number(corner, "x", where) for corner in given]
        ys = [_number(corner, "y", where) for corner in given]
    elif isinstance(given, dict):
        names = ("x0", "x1", "y0", "y1") if "x0" in given else ("x1", "x2", "y1", "y2")
        values = [_number(given, name, where) for name in names]
        xs, ys = values[:2], values[2:]
    else:
        raise SourceError(f"{where} is no box")
    return math.floor(min(xs)), math.floor(min(ys)), math.ceil(max(xs)), math.ceil(max(ys))


def _number(given: Any, name: str, where: str) -> float:
    value = given.get(name) if isinstance(given, dict) else None
    number = _finite(value)
    if number is None or abs(number) > MAX_SIDE:
        raise SourceError(f"{where}.{name} is no pixel position")
    return number


def _finite(value: Any) -> float | None:
    """A number that is one and finite; None for everything else (true and false are no numbers here)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _within(box: Box, size: tuple[int, int] | None) -> Box | None:
    width, height = size or (MAX_SIDE, MAX_SIDE)
    cut = (max(0, box[0]), max(0, box[1]), min(width, box[2]), min(height, box[3]))
    return cut if cut[0] < cut[2] and cut[1] < cut[3] else None


def _label(given: Any, where: str) -> str | None:
    if given is None:
        return None
    text = given.get("text") if isinstance(given, dict) else given
    if text is None:
        return None
    if not isinstance(text, str):
        raise SourceError(f"{where}.subfigure_label.text is no text")
    return clean_text(text, 20).strip("()[]. ") or None


def _caption(given: Any) -> str:
    """The panel's caption: a text, a list of texts, or of objects that hold them; repeats once."""
    parts: list[str] = []
    for each in given if isinstance(given, list) else [given]:
        values = each.values() if isinstance(each, dict) else (each,)
        parts.extend(clean_text(value, LIMITS.caption_chars) for value in values if isinstance(value, str))
    return " ".join(dict.fromkeys(part for part in parts if part))[: LIMITS.caption_chars]


def _share(value: Any) -> float:
    number = _finite(value)
    return 0.0 if number is None else min(1.0, max(0.0, number))


def _best_scale(given: Any, where: str, size: tuple[int, int] | None) -> ScaleReading | None:
    """The reading that EXSCLAIM was surest of; None where no bar has a length in nm and in px."""
    if not isinstance(given, list):
        raise SourceError(f"{where} is not a list")
    readings = [_scale(each, f"{where}[{number}]", size) for number, each in enumerate(given[:MAX_PANELS])]
    return max((each for each in readings if each is not None), key=lambda each: each.confidence, default=None)


def _scale(given: Any, where: str, size: tuple[int, int] | None) -> ScaleReading | None:
    if not isinstance(given, dict):
        raise SourceError(f"{where} is not an object")
    label = given.get("label")
    if label is None:
        return None
    if not isinstance(label, dict):
        raise SourceError(f"{where}.label is not an object")
    bar = _within(_box(given["geometry"], f"{where}.geometry"), size) if given.get("geometry") else None
    length_nm, length_px = _finite(label.get("nm")), _finite(given.get("length"))
    if length_px is None and bar is not None:
        length_px = float(bar[2] - bar[0])
    if not length_nm or not length_px or length_nm <= 0 or length_px <= 0:
        return None
    nm_per_px = length_nm / length_px
    if not 1e-6 < nm_per_px < 1e9:
        return None
    return ScaleReading(
        nm_per_px=nm_per_px,
        length_nm=length_nm,
        length_px=length_px,
        bar=bar,
        label_text=_label_text(label),
        source="label",
        confidence=_share(given.get("confidence", 1.0)) * _share(label.get("label_confidence", 1.0)),
    )


def _label_text(label: Mapping[str, Any]) -> str | None:
    text = label.get("text")
    return (clean_text(text, 60) or None) if isinstance(text, str) else None
