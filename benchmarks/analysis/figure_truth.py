"""Read the figures of panel_truth.csv with their panels and captions, for the benchmarks of panels."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from mirsearch.corpus import Box

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
OUT = Path(__file__).resolve().parents[1] / "out"


@dataclass(frozen=True, slots=True)
class TruePanel:
    """A panel as drawn by eye: box, letter in lower case or None, kind."""

    box: Box
    label: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class TrueFigure:
    """A figure with its panels and its caption."""

    path: Path
    caption: str
    panels: tuple[TruePanel, ...]


def read_figures() -> list[TrueFigure]:
    """Return the figures of panel_truth.csv in its order."""
    captions = _read_captions()
    by_file: dict[str, list[TruePanel]] = {}
    with (DATA / "panel_truth.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            box = (int(row["x0"]), int(row["y0"]), int(row["x1"]), int(row["y1"]))
            by_file.setdefault(row["file"], []).append(TruePanel(box, row["label"] or None, row["kind"]))
    return [
        TrueFigure(DATA / name, captions.get(Path(name).name, ""), tuple(panels)) for name, panels in by_file.items()
    ]


def _read_captions() -> dict[str, str]:
    """Return captions by image name, from the articles' own files."""
    found = {}
    for path in sorted((DATA / "articles").glob("*/figures.json")):
        for figure in json.loads(path.read_text(encoding="utf-8"))["figures"]:
            if figure.get("image"):
                found[figure["image"]] = figure["caption"]
    for path in sorted((DATA / "articles").glob("*/exsclaim*.json")):
        for name, figure in json.loads(path.read_text(encoding="utf-8")).items():
            found[name] = figure.get("full_caption", "")
    return found


def intersection_over_union(first: Box, second: Box) -> float:
    """Return the intersection over union of two boxes."""
    across = min(first[2], second[2]) - max(first[0], second[0])
    down = min(first[3], second[3]) - max(first[1], second[1])
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / (_area(first) + _area(second) - shared)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
