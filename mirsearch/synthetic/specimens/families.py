"""The families of specimens by name, with their physical sizes and magnifications, and single specimens of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from mirsearch.synthetic.fields import Image, Random, View, make_rng
from mirsearch.synthetic.imaging import Pixels, record_picture
from mirsearch.synthetic.specimens import atoms, colored, networks, particles, solids
from mirsearch.synthetic.specimens.subjects import SUBJECTS

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of specimen: the function that draws it, and the ranges of its features' sizes in nm and in px.

    `traits` are ranges of the function's parameters. They are chosen once for a specimen, so that its views agree.
    """

    draw: Callable[..., Image]
    technique: str
    size_nm: Range
    size_px: Range
    traits: Mapping[str, Range] = field(default_factory=dict)
    kind: str = "micrograph"
    inverted: bool = False


def _sem(draw: Callable[..., Image], nm: Range, px: Range, **traits: Range) -> Family:
    return Family(draw, "SEM", nm, px, traits)


def _tem(draw: Callable[..., Image], nm: Range, px: Range, **traits: Range) -> Family:
    return Family(draw, "TEM", nm, px, traits)


FAMILIES: dict[str, Family] = {
    "spheres": _sem(particles.spheres, (80, 4000), (18, 110), spread=(0.03, 0.3), layers=(1, 3)),
    "crystals": _sem(particles.crystals, (200, 20000), (26, 130), spread=(0.1, 0.35), planes=(4, 8), flat=(0.45, 0.85)),
    "rods": _sem(particles.rods, (300, 8000), (60, 240), aspect=(4, 9), order=(0.0, 0.95), layers=(2, 3)),
    "fibers": _sem(
        networks.fibers, (120, 9000), (10, 55), spread=(0.08, 0.3), order=(0.0, 0.8), bend=(0.02, 0.09), fill=(1.1, 1.8)
    ),
    "tube_mat": _sem(networks.tube_mat, (15, 120), (5, 16), bend=(0.1, 0.32), fill=(0.8, 1.3)),
    "dendrites": _sem(networks.dendrites, (100, 4000), (7, 26), arms=(2, 4), slender=(12, 20)),
    "petals": _sem(networks.petals, (200, 3000), (50, 190), thin=(0.03, 0.06), fill=(0.9, 1.6)),
    "polished_grains": _sem(solids.polished_grains, (800, 60000), (30, 170), twins=(0.0, 0.5), etched=(0.0, 1.0)),
    "sintered_grains": _sem(solids.sintered_grains, (150, 5000), (24, 130), groove=(0.2, 0.8)),
    "pores": _sem(solids.pores, (30, 3000), (16, 110), wall=(0.2, 0.6), order=(0.3, 1.0)),
    "foam": _sem(solids.foam, (1000, 300000), (50, 170), strut=(0.08, 0.16)),
    "layers": _sem(solids.layers, (40, 5000), (26, 120), count=(3, 9), rough=(0.02, 0.12)),
    "fracture": _sem(solids.fracture, (2000, 50000), (60, 240), sharp=(0.1, 0.9)),
    "crumpled_sheets": _sem(solids.crumpled_sheets, (200, 5000), (50, 180), folds=(0.3, 1.0)),
    "particles_on_film": _tem(
        particles.particles_on_film, (3, 60), (12, 70), spread=(0.05, 0.25), density=(0.3, 0.8), faceted=(0.0, 0.9)
    ),
    "core_shell": _tem(  # noqa: S604 (a particle's shell)
        particles.core_shell, (20, 300), (30, 120), shell=(0.12, 0.4), density=(0.35, 0.8)
    ),
    "wires_on_film": _tem(
        networks.wires_on_film, (5, 120), (9, 45), spread=(0.05, 0.2), bend=(0.005, 0.04), fill=(0.3, 0.9)
    ),
    "vesicles": Family(
        particles.vesicles, "Cryo-TEM", (60, 300), (40, 170), {"spread": (0.1, 0.35), "density": (0.25, 0.6)}
    ),
    "fringes": Family(atoms.fringes, "HRTEM", (0.19, 0.36), (6, 17), {"crystal": (14, 30), "film": (0.1, 0.5)}),
    "single_crystal": Family(atoms.single_crystal, "HRTEM", (0.2, 0.6), (6, 20), {"skew": (60, 90)}),
    "columns": Family(atoms.columns, "STEM", (0.38, 0.42), (16, 52), {"light": (0.2, 0.7), "interface": (0.0, 1.0)}),
    "dark_field_particles": Family(
        particles.particles_on_film,
        "STEM",
        (2, 30),
        (10, 50),
        {"spread": (0.1, 0.3), "density": (0.3, 0.7)},
        inverted=True,
    ),
    "afm": Family(
        colored.afm, "AFM", (60, 900), (18, 90), {"terraces": (0.0, 1.0), "islands": (0.0, 0.8), "tint": (0, 5)}
    ),
    "fluorescent_cells": Family(
        colored.fluorescent_cells, "fluorescence", (12000, 40000), (60, 210), {"density": (0.6, 1.0), "stain": (0, 4)}
    ),
    "stained_tissue": Family(colored.stained_tissue, "optical", (8000, 20000), (22, 80), {"density": (0.6, 1.0)}),
    "element_map": Family(
        colored.element_map, "EDX", (50, 8000), (40, 180), {"element": (0, 6), "counts": (1.2, 3.0)}, kind="map"
    ),
    "orientation_map": Family(
        colored.orientation_map, "EBSD", (1000, 60000), (24, 110), {"vivid": (0.6, 1.0)}, kind="map"
    ),
    "diffraction": Family(
        atoms.diffraction, "diffraction", (0.2, 0.2), (34, 70), {"rings": (0.0, 1.0)}, kind="diffraction"
    ),
}
"""Every family by name."""


@dataclass(frozen=True, slots=True)
class Specimen:
    """One specimen: its family, its subject (what captions call it), its features' size in nm, and its traits."""

    family: str
    subject: str
    size_nm: float
    traits: tuple[tuple[str, float], ...]

    @property
    def technique(self) -> str:
        """Imaging technique of the specimen's views."""
        return FAMILIES[self.family].technique

    @property
    def kind(self) -> str:
        """Kind of the specimen's panels, a word of corpus.KINDS."""
        return FAMILIES[self.family].kind

    def nm_per_px(self, zoom: float) -> float:
        """Return the pixel size at `zoom`, from 0 (the widest view that shows the features) to 1 (the closest)."""
        low, high = FAMILIES[self.family].size_px
        return float(self.size_nm / (low * (high / low) ** zoom))

    def signal(self, view: View, rng: Random) -> Image:
        """Return the noise-free signal of a new region of the specimen."""
        return FAMILIES[self.family].draw(view, rng, self.size_nm, **dict(self.traits))

    def micrograph(self, view: View, rng: Random) -> Pixels:
        """Return a micrograph of a new region of the specimen, RGB (h, w, 3)."""
        family = FAMILIES[self.family]
        return record_picture(self.signal(view, rng), family.technique, rng, family.inverted)


def specimen(seed: int, family: str | None = None) -> Specimen:
    """Return the specimen of a seed, of the given family or of a random one."""
    rng = make_rng(seed, 0x5EC)
    name = family or sorted(FAMILIES)[int(rng.integers(len(FAMILIES)))]
    chosen = FAMILIES[name]
    size = float(np.exp(rng.uniform(*np.log(chosen.size_nm))))
    traits = tuple((trait, float(rng.uniform(*bounds))) for trait, bounds in sorted(chosen.traits.items()))
    return Specimen(name, str(rng.choice(SUBJECTS[name])), size, traits)
