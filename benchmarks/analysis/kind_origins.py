"""Gather more examples for the classifier of kinds: panels of preprints, more drawn forms, and pictures with marks."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.analysis import kind_beams, kind_forms
from benchmarks.analysis.kind_examples import Example, change_form, real_examples
from benchmarks.extractors.learned import technique_of
from benchmarks.search.truth_images import DATA, read_labeled_images
from mirsearch.analysis.kinds.model import CLASSES
from mirsearch.imaging.images import open_picture
from mirsearch.synthetic.fields import Random, make_rng
from mirsearch.synthetic.imaging import Pixels

PREPRINT_FORMS = 3
"""Changed forms of each picture of a preprint, beside the picture itself."""

_DRAWINGS: dict[str, tuple[tuple[Callable[[Random], Pixels], int], ...]] = {
    "AFM": ((kind_forms.draw_probe_scan, 80),),
    "fluorescence": ((kind_forms.draw_molecules, 80), (kind_forms.draw_glow, 60)),
    "optical": ((kind_forms.draw_polished_section, 70), (kind_forms.draw_phase_contrast, 70)),
    "SEM": ((kind_beams.draw_lone_objects, 80), (kind_beams.draw_scanned_surface, 80)),
    "TEM": ((kind_beams.draw_thick_particles, 90),),
    "diffraction": ((kind_beams.draw_transform, 60),),
    "HRTEM": ((kind_beams.draw_lattice_edge, 50),),
    "STEM": ((kind_beams.draw_dark_field, 70),),
    "EDX": ((kind_beams.draw_element_composite, 50),),
}
"""Functions that draw examples of a class, and how many each draws."""

_UNMARKED = ("plot", "schematic", "gel", "photo")
"""Classes on whose pictures authors draw nothing."""


def form_examples() -> Iterator[Example]:
    """Yield pictures of the forms of kind_forms.py and kind_beams.py, a third of them with marks."""
    for name, functions in _DRAWINGS.items():
        for number, (draw, count) in enumerate(functions):
            for k in range(count):
                rng = make_rng(3, 0xB0, sorted(_DRAWINGS).index(name), number, k)
                pixels = draw(rng)
                if rng.uniform() < 0.35:
                    pixels = kind_beams.draw_marks(pixels, rng)
                example = Example(name, f"drawn {draw.__name__[5:]} {k}", pixels, 0.5, False, "", "forms")
                yield replace(example, pixels=change_form(example, rng)) if rng.uniform() < 0.6 else example


def preprint_examples(folder: Path) -> Iterator[Example]:
    """Yield the pictures of preprints in a folder as benchmarks/extractors/learned.py reads it.

    Preprints with a picture in class_truth.csv have no part, so that it measures on others.
    """
    left_out = {image.paper for image in read_labeled_images(DATA)}
    csv.field_size_limit(1 << 24)
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.reader(table, delimiter="|", quoting=csv.QUOTE_NONE))
    labels = {re.sub(r"_f(\d+)_s(\d+)$", r"_fig_\1_\2", row[1]): row for row in rows if len(row) > 3}
    for path in sorted(folder.glob("*.jpg")):
        paper, row = re.sub(r"_fig_.*$", "", path.stem), labels.get(path.stem, [])
        name = technique_of(row[3]) if row else ""
        if paper not in left_out and name in CLASSES:
            words = row[5] if len(row) > 5 else ""
            share = 1 / (PREPRINT_FORMS + 1)
            yield Example(name, f"preprint {paper}", open_picture(path).pixels, share, True, words, "preprints")


def preprint_forms(folder: Path) -> Iterator[Example]:
    """Yield the pictures of preprints, each with its changed forms."""
    for number, example in enumerate(preprint_examples(folder), start=1):
        yield example
        for k in range(PREPRINT_FORMS):
            yield replace(example, pixels=change_form(example, make_rng(1, 0xE4, number, k)), real=False)


def marked_examples(folder: Path) -> Iterator[Example]:
    """Yield a changed form with marks of each known picture and of each picture of a preprint."""
    origins = ((91, 1 / 6, iter(real_examples())), (92, 1 / (PREPRINT_FORMS + 1), preprint_examples(folder)))
    for seed, share, examples in origins:
        for number, example in enumerate(examples):
            if example.name not in _UNMARKED:
                rng = make_rng(seed, number)
                pixels = kind_beams.draw_marks(change_form(example, rng), rng)
                source = f"marked {example.source}"
                yield replace(example, pixels=pixels, weight=share, real=False, source=source)
