"""Measures how marks (alike, not alike) change the ranking of the rest, and compares ways to use them.

    python -m benchmarks.search.feedback [--data ../shared/data] [--uhcs FOLDER] [--marks 5] [--choose]

Each labeled micrograph asks; images of its own paper are left out. The best hits, as many as `--marks`, are marked by
their truth: alike if they show the same class. The table has the mean average precision of the rest, before and after.
`new papers`: images of the marked papers are left out of the rest, too. Intervals are 95 % bootstrap of the rise, by
query and by paper.

--uhcs is the folder `examples/data/dataset2` of mikedwhite/microstructural-fingerprinting-tools: UHCS-3, 600 SEM images
of steel in three classes. Samples are not known there, so an image leaves out itself alone, and the best hits are often
other parts of one micrograph.

--choose compares Rocchio's rule and logistic models, with and without the bound on the turn, and with and without the
mean of what is searched subtracted ("centered"), over grids of their numbers. The numbers of each fold of papers are
chosen on the queries of all others, on class_truth.csv alone.
"""

from __future__ import annotations

import argparse
import json
import pickletools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.retrieval_tasks import average_precisions, bootstrap_interval
from benchmarks.search.truth_images import DATA, read_labeled_images
from mirsearch.extractors.factory import open_extractor
from mirsearch.imaging.images import open_picture
from mirsearch.search import feedback
from mirsearch.settings import DEFAULT_EXTRACTOR

Floats = NDArray[np.float64]
Turn = Callable[[Floats, Floats, Floats, Floats], Floats]
NUMBERS = ("ALIKE_WEIGHT", "NOT_ALIKE_WEIGHT", "LOGISTIC_MARKS", "MIN_COSINE")
NEVER, UNBOUNDED = 1_000, -1.0
WAYS: dict[str, list[tuple[float, float, int, float]]] = {
    "Rocchio, classic (β .75, γ .15)": [(0.75, 0.15, NEVER, UNBOUNDED)],
    "Rocchio": [(beta, gamma, NEVER, UNBOUNDED) for beta in (1, 2, 3, 4) for gamma in (0.5, 1, 1.5, 2)],
    "Rocchio, bounded": [
        (beta, gamma, NEVER, least) for beta in (2, 3, 4) for gamma in (1.5, 2, 3) for least in (0.75, 0.85, 0.9)
    ],
    "logistic": [(3, 2, 0, UNBOUNDED)],
    "logistic, bounded": [(beta, 2, 0, least) for beta in (2, 3, 4) for least in (0.75, 0.85, 0.9)],
}


@dataclass(frozen=True)
class LabeledVectors:
    """Vectors (n, dims) with their classes and papers; where no papers are known, each image is one."""

    vectors: Floats
    classes: NDArray[Any]
    papers: NDArray[Any]


@dataclass(frozen=True)
class Rise:
    """Average precision of the rest for each query, before and after the marks; NaN where nothing is left to find."""

    before: Floats
    after: Floats


def read_classes(data: Path) -> LabeledVectors:
    """Return the vectors of class_truth.csv."""
    images = read_labeled_images(data)
    vectors = _embed(image.pixels for image in images)
    return LabeledVectors(vectors, np.array([i.technique for i in images]), np.array([i.paper for i in images]))


def read_uhcs(folder: Path) -> LabeledVectors:
    """Return the vectors of UHCS-3. Its labels are a pickled list of small numbers, which is never unpickled."""
    operations = pickletools.genops((folder / "label_list.pkl").read_bytes())
    labels = [number for operation, number, _ in operations if operation.name == "BININT1"]
    paths = [folder / "micrographs" / f"micrograph{number}.jpg" for number in range(len(labels))]
    return LabeledVectors(_embed(open_picture(path).pixels for path in paths), np.array(labels), np.arange(len(labels)))


def _embed(images: Iterable[NDArray[np.uint8]]) -> Floats:
    extractor = open_extractor(DEFAULT_EXTRACTOR)
    return np.concatenate([extractor.embed([pixels]) for pixels in images]).astype(np.float64)


def measure_rise(data: LabeledVectors, turn: Turn, marks: int, new_papers: bool = False) -> Rise:
    """Return how the rest is ranked before and after the best hits of each query were marked."""
    similarity, chance = data.vectors @ data.vectors.T, np.random.default_rng(0)
    before, after = np.full(len(similarity), np.nan), np.full(len(similarity), np.nan)
    for query, scores in enumerate(similarity):
        others = data.papers != data.papers[query]
        relevant = data.classes == data.classes[query]
        candidates = np.flatnonzero(others)
        marked = candidates[np.argsort(-scores[candidates], kind="stable")[:marks]]
        alike, not_alike = marked[relevant[marked]], marked[~relevant[marked]]
        rest = others & ~np.isin(np.arange(len(similarity)), marked)
        if new_papers:
            rest &= ~np.isin(data.papers, data.papers[marked])
        sample = data.vectors[chance.permutation(candidates)[: feedback.SAMPLE]]
        turned = data.vectors @ turn(data.vectors[query], data.vectors[alike], data.vectors[not_alike], sample)
        ranked = average_precisions(np.stack([scores, turned]), np.stack([relevant] * 2), np.stack([rest] * 2))
        before[query], after[query] = ranked
    return Rise(before, after)


@contextmanager
def numbers_of(values: tuple[float, float, int, float]) -> Iterator[None]:
    """Use other numbers of search/feedback.py for a while."""
    kept = [getattr(feedback, name) for name in NUMBERS]
    try:
        for name, value in zip(NUMBERS, values, strict=True):
            setattr(feedback, name, value)
        yield
    finally:
        for name, value in zip(NUMBERS, kept, strict=True):
            setattr(feedback, name, value)


def turn_vector(question: Floats, alike: Floats, not_alike: Floats, searched: Floats) -> Floats:
    """Return the turned vector of search/feedback.py."""
    turned = feedback.turn_vector(question, alike, not_alike, searched)  # type: ignore[arg-type]
    return np.asarray(question if turned is None else turned, np.float64)


def describe_rise(name: str, rise: Rise, papers: NDArray[Any]) -> dict[str, Any]:
    """Print a line, and return it as data."""
    change = rise.after - rise.before
    spans = [bootstrap_interval(change), bootstrap_interval(change, papers)]
    before, after = float(np.nanmean(rise.before)), float(np.nanmean(rise.after))
    told = "  ".join(f"[{low:+.3f},{high:+.3f}]" for low, high in spans)
    print(f"{name:44} {before:.3f} → {after:.3f}  {after - before:+.3f}  {told}  {int((~np.isnan(change)).sum()):4}")
    return {"name": name, "before": before, "after": after, "by_query": spans[0], "by_paper": spans[1]}


def choose_by_paper(
    data: LabeledVectors, grid: list[tuple[float, float, int, float]], marks: int, centered: bool
) -> Rise:
    """Return the rise of each paper's queries with the numbers that are best on the queries of all other papers.

    `centered`: the mean of what is searched is subtracted.
    """

    def turn(question: Floats, alike: Floats, not_alike: Floats, searched: Floats) -> Floats:
        return turn_vector(question, alike, not_alike, searched if centered else searched[:0])

    rises = []
    for values in grid:
        with numbers_of(values):
            rises.append(measure_rise(data, turn, marks))
    changes = np.stack([rise.after - rise.before for rise in rises])
    after = np.full(len(data.papers), np.nan)
    for paper in np.unique(data.papers):
        own = data.papers == paper
        best = int(np.argmax(np.nanmean(changes[:, ~own], axis=1)))
        after[own] = rises[best].after[own]
    return Rise(rises[0].before, after)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--uhcs", type=Path, help="the folder of UHCS-3")
    parser.add_argument("--marks", type=int, nargs="+", default=[1, 3, 5, 10])
    parser.add_argument("--choose", action="store_true", help="compare the ways, with 5 marks")
    options = parser.parse_args()
    classes = read_classes(options.data)
    lines = []
    print(f"{'set, marks':44} {'mAP of the rest':13}  {'rise':6}  {'by query':15}  {'by paper':15}  queries")
    for marks in options.marks:
        rise = measure_rise(classes, turn_vector, marks)
        lines.append(describe_rise(f"class_truth, {marks}", rise, classes.papers))
        rise = measure_rise(classes, turn_vector, marks, new_papers=True)
        lines.append(describe_rise(f"class_truth, new papers, {marks}", rise, classes.papers))
    if options.uhcs:
        steel = read_uhcs(options.uhcs)
        lines += [
            describe_rise(f"UHCS-3, {marks}", measure_rise(steel, turn_vector, marks), steel.papers)
            for marks in options.marks
        ]
    for name, grid in WAYS.items() if options.choose else ():
        for centered in (False, True):
            title = f"{name}{', centered' if centered else ''}"
            rise = choose_by_paper(classes, grid, 5, centered)
            lines.append(describe_rise(f"class_truth, 5, {title}", rise, classes.papers))
    print(json.dumps({"benchmark": "feedback", "lines": lines}))


if __name__ == "__main__":
    main()
