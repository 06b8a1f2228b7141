"""A generated corpus for tests of indexes: clustered vectors, scales over six decades, captions with typical words."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mirsearch.corpus import Article, Figure, Origin, Panel, ScaleReading, figure_id, panel_ids
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord
from mirsearch.query import Filters, SearchRequest
from mirsearch.ranking import Formula, Weights

EXTRACTOR = ExtractorIdentity("made", "1", 48)
_WORDS = [
    "nanoparticles",
    "TiO2",
    "film",
    "surface",
    "grain",
    "boundary",
    "scale",
    "bar",
    "cross-section",
    "sp3",
    "carbon",
    "α-Fe2O3",
    "(111)",
    "plane",
    "gold",
    "rods",
    "lattice",
    "fringes",
    "annealed",
    "500",
    "nm",
    "2",
    "µm",
    "fracture",
    "porous",
    "membrane",
    "cells",
    "mitochondria",
    "dislocation",
    "oxide",
    "layer",
    "silver",
    "nanowires",
    "spheres",
    "diameter",
    "after",
    "before",
    "sample",
    "coating",
    "image",
    "shows",
    "arrow",
    "indicates",
    "inset",
    "FFT",
    "pattern",
    "dark",
    "field",
]
_JOURNALS = ("Nature Communications", "ACS Nano", "PLoS One", "Nanoscale Advances")
_LICENSES = ("CC BY 4.0", "cc-by-nc", "https://creativecommons.org/licenses/by/4.0/", "CC0 1.0", None)
_KINDS = ("micrograph", "micrograph", "micrograph", "diffraction", "map", "unknown")
_TECHNIQUES = ("SEM", "TEM", "HRTEM", "AFM", None)


@dataclass
class MadeCorpus:
    """Figures generated from a seed. `records(n)` yields n of them, always the same."""

    seed: int = 1
    dims: int = EXTRACTOR.dims
    clusters: int = 40

    def __post_init__(self) -> None:
        self.centers = np.random.default_rng(self.seed).normal(size=(self.clusters, self.dims))

    def records(self, figures: int) -> Iterator[FigureRecord]:
        """Yield figures of 1 to 6 panels."""
        chance = random.Random(self.seed)
        noise = np.random.default_rng(self.seed + 1)
        for number in range(figures):
            yield self._record(number, chance, noise)

    def _record(self, number: int, chance: random.Random, noise: np.random.Generator) -> FigureRecord:
        name = figure_id(f"{(number + 1) * 2654435761 % 2**32:08x}{number:08x}")
        count = chance.randint(1, 6)
        labels = [letter if count > 1 else None for letter in "abcdef"[:count]]
        panels = tuple(
            Panel(
                box=(0, 100 * position, 800, 100 * position + 90),
                label=label,
                kind=chance.choice(_KINDS),
                kind_confidence=round(chance.random(), 3),
                technique=chance.choice(_TECHNIQUES),
                technique_confidence=round(0.5 + chance.random() / 2, 3),
                caption=" ".join(chance.choices(_WORDS, k=chance.randint(0, 25))),
                text=" ".join(chance.choices(_WORDS, k=chance.randint(0, 4))),
                scale=_scale(chance),
                id=panel_id,
                figure_id=name,
            )
            for position, (label, panel_id) in enumerate(
                zip(labels, panel_ids(name, [Panel((0, 0, 1, 1), label=label) for label in labels]), strict=True)
            )
        )
        vectors = np.stack([self.vector(chance.randrange(self.clusters), noise) for _ in panels])
        origin = Origin("folder", f"figures/{number}.png", "2026-01-02T03:04:05+00:00")
        figure = Figure(
            name, 800, 700, f"Figure {number}", " ".join(chance.choices(_WORDS, k=12)), _article(chance), (origin,)
        )
        return FigureRecord(figure, panels, vectors, tuple(f"jpeg {panel.id}".encode() for panel in panels))

    def vector(self, cluster: int, noise: np.random.Generator) -> np.ndarray:
        """Return a unit vector near the center of a cluster, float32 (dims,)."""
        vector = self.centers[cluster] + 0.6 * noise.normal(size=self.dims)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def requests(self, count: int, *, text: bool = True, exact: bool = False) -> list[SearchRequest]:
        """Return mixed requests: vector, vector and scale, text, all three; with and without filters."""
        chance = random.Random(self.seed + 2)
        noise = np.random.default_rng(self.seed + 3)
        requests = []
        for number in range(count):
            shape = number % (5 if text else 3)
            has_vector = shape != 3
            requests.append(
                SearchRequest(
                    vector=self.vector(chance.randrange(self.clusters), noise) if has_vector else None,
                    field_of_view_nm=10 ** chance.uniform(1, 6) if shape in (1, 2, 4) else None,
                    text=" ".join(chance.choices(_WORDS, k=chance.randint(1, 4))) if shape in (3, 4) else None,
                    formula=Formula(Weights(), missing=chance.choice(("neutral", "neutral", "penalize", "exclude"))),
                    filters=_filters(chance) if number % 2 else Filters(),
                    top=10,
                    exact=exact,
                )
            )
        return requests


def _scale(chance: random.Random) -> ScaleReading | None:
    if chance.random() < 0.3:
        return None
    px = chance.randint(40, 300)
    length = round(10 ** chance.uniform(0, 5), 3)
    return ScaleReading(length / px, length, float(px), (10, 20, 10 + px, 24), f"{length:g} nm", "label", 0.9)


def _article(chance: random.Random) -> Article | None:
    number = chance.randrange(400)
    if number % 20 == 0:
        return None
    return Article(
        id=f"doi:10.1/{number}",
        title=f"On {_WORDS[number % len(_WORDS)]} and {_WORDS[number * 7 % len(_WORDS)]}",
        doi=f"10.1/{number}",
        pmcid=f"PMC{1000 + number}",
        journal=_JOURNALS[number % len(_JOURNALS)],
        year=2000 + number % 25,
        license=_LICENSES[number % len(_LICENSES)],
        url=f"https://example.org/{number}",
        authors=("A. One", "B. Two"),
        retracted=number % 50 == 1,
    )


def _filters(chance: random.Random) -> Filters:
    return chance.choice(
        (
            Filters(kinds=("Micrograph",)),
            Filters(techniques=("sem", "TEM")),
            Filters(licenses=("cc-by",)),
            Filters(year_from=2005, year_to=2015),
            Filters(has_scale=True),
            Filters(has_scale=False),
            Filters(fov_min_nm=100.0, fov_max_nm=50_000.0),
            Filters(journals=("acs nano",), kinds=("micrograph", "map")),
            Filters(label_text="nm"),
            Filters(retracted=False),
            Filters(retracted=True),
            Filters(articles=("10.1/7", "doi:10.1/8", "PMC1009", "https://doi.org/10.1/13")),
        )
    )
