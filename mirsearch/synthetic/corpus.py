"""Draws a corpus: image files, captions.csv, and the truth of every panel. The same seed gives the same corpus."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image as PillowImage

from mirsearch.corpus import Panel, to_json
from mirsearch.settings import thread_count
from mirsearch.synthetic.articles import PlannedFigure, plan_figures
from mirsearch.synthetic.fields import make_rng
from mirsearch.synthetic.figures import FigureStyle, SyntheticFigure, draw_figure
from mirsearch.synthetic.specimens.families import Specimen

__all__ = ["CorpusTruth", "FigureStyle", "FigureTruth", "SyntheticFigure", "draw_figure", "write_corpus"]

CAPTION_COLUMNS = ("file", "caption", "label", "title", "doi", "journal", "year", "license", "url", "authors")


@dataclass(frozen=True, slots=True)
class FigureTruth:
    """The truth of a written figure, without pixels; `file` is its file's name in the folder."""

    file: str
    label: str
    caption: str
    doi: str
    layout: str
    panels: tuple[Panel, ...]
    specimens: tuple[Specimen | None, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CorpusTruth:
    """A written corpus: its folder, and its figures in the order of captions.csv."""

    folder: Path
    figures: tuple[FigureTruth, ...]

    @property
    def panels(self) -> int:
        """Number of panels of all figures."""
        return sum(len(figure.panels) for figure in self.figures)


def draw_planned_figure(plan: PlannedFigure) -> SyntheticFigure:
    """Draw a figure of a plan."""
    return draw_figure(plan.seed, plan.style, plan.article)


def encode_figure(figure: SyntheticFigure) -> tuple[bytes, str]:
    """Return a figure as a file's bytes and suffix: mostly PNG, sometimes JPEG, as from journals."""
    rng = make_rng(figure.seed, 0x0F11E)
    image, data = PillowImage.fromarray(figure.pixels), io.BytesIO()
    if rng.uniform() < 0.35:
        image.save(data, "JPEG", quality=int(rng.integers(86, 96)))
        return data.getvalue(), ".jpg"
    image.save(data, "PNG", compress_level=1)
    return data.getvalue(), ".png"


def write_corpus(folder: Path, figures: int = 60, seed: int = 7, families: Sequence[str] | None = None) -> CorpusTruth:
    """Draw `figures` figures into `folder` with captions.csv and truth.jsonl; OSError if it can't be written.

    The folder is created if needed. `families`, names in specimens.families.FAMILIES, limits the specimens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plan = plan_figures(figures, seed, families)
    truths = list(_write_figures(folder, plan))
    _write_captions(folder, plan, truths)
    lines = [json.dumps(_truth_json(truth), ensure_ascii=False) for truth in truths]
    (folder / "truth.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return CorpusTruth(folder, tuple(truths))


def _write_figures(folder: Path, plan: Sequence[PlannedFigure]) -> Iterator[FigureTruth]:
    """Draw and write the figures, a few in parallel, and yield their truths in the plan's order."""
    with ThreadPoolExecutor(min(4, thread_count())) as pool:
        yield from pool.map(lambda entry: _write_figure(folder, entry), plan)


def _write_figure(folder: Path, entry: PlannedFigure) -> FigureTruth:
    figure = draw_planned_figure(entry)
    data, suffix = encode_figure(figure)
    name = f"{str(entry.article.doi).rsplit('.', 1)[-1]}_fig{entry.number}{suffix}"
    (folder / name).write_bytes(data)
    return FigureTruth(
        name, f"Figure {entry.number}", figure.caption, str(entry.article.doi), figure.layout, figure.panels,
        figure.specimens, figure.parts,
    )  # fmt: skip


def _write_captions(folder: Path, plan: Sequence[PlannedFigure], truths: Sequence[FigureTruth]) -> None:
    with (folder / "captions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(CAPTION_COLUMNS)
        for entry, truth in zip(plan, truths, strict=True):
            article = entry.article
            writer.writerow(
                (truth.file, truth.caption, truth.label, article.title, article.doi, article.journal, article.year,
                 article.license, article.url, "; ".join(article.authors))
            )  # fmt: skip


def _truth_json(truth: FigureTruth) -> dict[str, Any]:
    """Return a figure's truth in plain JSON types."""
    return {
        "file": truth.file, "label": truth.label, "caption": truth.caption, "doi": truth.doi, "layout": truth.layout,
        "panels": [to_json(panel) for panel in truth.panels], "parts": list(truth.parts),
        "specimens": [None if shown is None else asdict(shown) for shown in truth.specimens],
    }  # fmt: skip
