"""Generated figures with random vectors, for tests of indexes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mirsearch.corpus import Article, Figure, Origin, Panel, ScaleReading, panel_ids
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord
from mirsearch.indexes.embedded.index import EmbeddedIndex

DIMS = 48
IDENTITY = ExtractorIdentity("made", "1", DIMS)
KINDS = ("micrograph", "diffraction", "plot")
CAPTIONS = (
    "SEM image of carbon nanotubes grown at 700 °C",
    "TEM image of gold nanorods",
    "TiO₂ nanotube arrays, α-Fe2O3 particles",
    "Diffraction pattern along (111)",
)


def vectors(seed: int, count: int, dims: int = DIMS) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((count, dims)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def article(number: int, **changes: Any) -> Article:
    fields: dict[str, Any] = {
        "id": f"doi:10.1000/a{number}",
        "doi": f"10.1000/A{number}",
        "pmcid": f"PMC{1000 + number}",
        "title": f"Made article {number}",
        "journal": ("Nano Letters", "Ultramicroscopy")[number % 2],
        "year": 2010 + number,
        "license": ("CC BY 4.0", "https://creativecommons.org/licenses/by-nc/4.0/", None)[number % 3],
        "authors": ("A. Ø. One", "B. Two"),
    }
    return Article(**(fields | changes))


def record(number: int, panels: int = 2, seed: int | None = None, **changes: Any) -> FigureRecord:
    """Return figure `number` of article `number // 3`. Figures with odd numbers have scales."""
    identity = changes.pop("id", f"{number * 0x9E3779B97F4A7C15 % (1 << 64):016x}")
    caption = changes.pop("caption", CAPTIONS[number % len(CAPTIONS)])
    labels: list[str | None] = list("abcdefgh"[:panels]) if panels > 1 else [None]
    panel_list = tuple(
        Panel(
            box=(100 * position, 0, 100 * position + 100, 80),
            label=labels[position],
            kind=KINDS[(number + position) % 3],
            kind_confidence=0.9,
            technique=("SEM", "TEM", None)[number % 3],
            technique_confidence=0.8,
            caption=f"({labels[position]}) {caption}" if labels[position] else caption,
            text=("500 nm", "Mag 20.0 kx", "")[number % 3],
            scale=ScaleReading(10.0 ** (number % 4), 500.0, 50.0, (1, 2, 51, 6), "500 nm", "label", 0.8)
            if number % 2
            else None,
            id=name,
            figure_id=identity,
        )
        for position, name in enumerate(panel_ids(identity, [Panel((0, 0, 1, 1), label=label) for label in labels]))
    )
    figure = {
        "id": identity,
        "width": 100 * panels,
        "height": 80,
        "label": f"Figure {number}",
        "caption": caption,
        "article": article(number // 3),
        "origins": (Origin("folder", f"figures/{number}.png", "2026-01-01T00:00:00Z"),),
    }
    rows = vectors(number if seed is None else seed, panels)
    jpegs = tuple(f"jpeg {number} {position}".encode() for position in range(panels))
    return FigureRecord(Figure(**(figure | changes)), panel_list, rows, jpegs)


def put(index: EmbeddedIndex, records: Iterable[FigureRecord]) -> None:
    """Write figures to the index in one commit."""
    with index.writer() as writer:
        for record in records:
            writer.put(record)


@contextmanager
def filled(folder: Path, records: Iterable[FigureRecord]) -> Iterator[EmbeddedIndex]:
    """Open an embedded index with some figures."""
    with EmbeddedIndex.open(str(folder / "index"), create=IDENTITY) as index:
        put(index, records)
        yield index
