"""Invented articles, each about one specimen shown in a few figures, and the plan of a corpus of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mirsearch.corpus import Article
from mirsearch.synthetic.fields import Random, make_rng
from mirsearch.synthetic.figures import BIOLOGICAL_FAMILIES, FigureStyle
from mirsearch.synthetic.specimens.families import FAMILIES, Specimen, specimen

DOI_PREFIX = "10.5555/mirsearch.drawn"
"""A DOI prefix that no real article has."""

_NAMES = (
    "Ada Larch",
    "Ben Okoro",
    "Chiara Monte",
    "Dai Watanabe",
    "Elif Yilmaz",
    "Femi Ade",
    "Greta Holm",
    "Hugo Prado",
    "Ines Duarte",
)
_JOURNALS = (
    "Journal of Drawn Materials",
    "Imaginary Microscopy",
    "Letters on Made-up Matter",
    "Annals of Synthetic Cells",
)
_TITLES = (
    "Growth and structure of {subject}",
    "How preparation shapes {subject}",
    "{subject}: morphology across scales",
    "A microscopy study of {subject}",
    "Size control in {subject}",
)
_LAYOUTS = (
    "single", "single", "single", "single", "single-inset", "single-inset", "row", "row", "row", "strips", "grid-2x2",
    "uneven-rows", "big-left", "big-top", "hairline", "wide-gutters", "black-gutters", "mosaic-row", "insets",
    "letters-outside-row", "with-plot", "with-schematic", "with-diffraction", "with-maps",
)  # fmt: skip
_COMPANIONS = {
    "particles_on_film": "fringes", "dark_field_particles": "columns", "core_shell": "particles_on_film",
    "wires_on_film": "single_crystal", "rods": "single_crystal", "spheres": "core_shell", "crystals": "fracture",
    "tube_mat": "wires_on_film", "fluorescent_cells": "stained_tissue", "sintered_grains": "polished_grains",
    "petals": "crumpled_sheets", "layers": "columns",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlannedFigure:
    """A figure of the plan: its article, its number in the article, its seed, and its style."""

    article: Article
    number: int
    seed: int
    style: FigureStyle


def invent_article(number: int, subject: str, rng: Random) -> Article:
    """Return invented data of an article about `subject`."""
    authors = tuple(str(name) for name in rng.choice(_NAMES, int(rng.integers(1, 4)), replace=False))
    title = str(rng.choice(_TITLES)).format(subject=subject)
    doi = f"{DOI_PREFIX}.{number:04d}"
    return Article(
        id=f"doi:{doi}", title=title[0].upper() + title[1:], doi=doi, journal=str(rng.choice(_JOURNALS)),
        year=int(rng.integers(2012, 2026)), license=str(rng.choice(("CC BY 4.0", "CC0 1.0"))),
        url=f"https://example.org/drawn/{number:04d}", authors=authors,
    )  # fmt: skip


def article_specimens(families: Sequence[str], count: int, seed: int) -> list[Specimen]:
    """Return the main specimens of `count` articles. Families take turns; sizes within a family are far apart."""
    specimens: list[Specimen] = []
    for number in range(count):
        family = families[number % len(families)]
        drawn = specimen(seed * 1009 + number, family)
        low, high = np.log(FAMILIES[family].size_nm)
        others = [np.log(other.size_nm) for other in specimens if other.family == family]
        if others and high - low > 1.0:
            sizes = np.linspace(low + 0.05 * (high - low), high - 0.05 * (high - low), 25)
            gaps = [min(abs(size - other) for other in others) for size in sizes]
            drawn = replace(drawn, size_nm=float(np.exp(sizes[int(np.argmax(gaps))])))
        specimens.append(drawn)
    return specimens


def plan_figures(figures: int, seed: int, families: Sequence[str] | None = None) -> list[PlannedFigure]:
    """Return the plan of a corpus: articles of 2 to 4 figures, each about one specimen at several magnifications.

    `families` take turns in the given order. The default is all families of micrographs, shuffled.
    """
    rng = make_rng(seed, 0xA87)
    names = [name for name, family in FAMILIES.items() if family.kind == "micrograph"]
    names = list(families or [names[int(place)] for place in rng.permutation(len(names))])
    counts: list[int] = []
    while sum(counts) < figures:
        counts.append(min(int(rng.integers(2, 5)), figures - sum(counts)))
    plan: list[PlannedFigure] = []
    for number, (main, count) in enumerate(zip(article_specimens(names, len(counts), seed), counts, strict=True)):
        article = invent_article(number + 1, main.subject, rng)
        for place in range(count):
            style = _choose_figure_style(main, seed * 31 + number, rng)
            plan.append(PlannedFigure(article, place + 1, int(seed * 100_003 + len(plan)), style))
    return plan


def _choose_figure_style(main: Specimen, seed: int, rng: Random) -> FigureStyle:
    """Choose what a figure shows: the article's specimen from wide to close, sometimes also by another technique."""
    shown: tuple[Specimen, ...] = (main,)
    companion = _COMPANIONS.get(main.family)
    if companion and rng.uniform() < 0.3:
        shown = (main, main, replace(specimen(seed, companion), subject=main.subject))
    zooms = tuple(float(zoom) for zoom in np.clip(np.sort(rng.uniform(0, 1, 3)) + rng.normal(0, 0.05, 3), 0, 1))
    layouts = [
        name
        for name in _LAYOUTS
        if main.family not in BIOLOGICAL_FAMILIES
        or name not in ("with-plot", "with-diffraction", "with-schematic", "with-maps")
    ]
    return FigureStyle(layout=str(rng.choice(layouts)), specimens=shown, zooms=zooms)
