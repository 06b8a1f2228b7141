"""Measures what each term adds to finding the same imaging technique in another paper, on 107 labeled micrographs.

    python -m benchmarks.search.retrieval_hybrid [--extractor NAME[:ARGUMENT]] [--extractor-weights FILE] [--data
    FOLDER]

The micrographs are ingested with their captions. Each of them is a query with its picture, the scale that was read, and
its caption; hits of the same paper do not count. The terms are those of the index's answers. The technique is read from
pixels (by discriminants fitted without the paper: 5 folds by paper), from the caption's words, and from both. It is
used as a whole distribution, and as an index stores it (a name and a confidence).
The weight of the technique is chosen on the other folds' papers. Intervals are 95 % bootstrap, by query and by paper.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.analysis.kind_examples import NAMES, read_captions
from benchmarks.search.retrieval_tasks import average_precisions, bootstrap_interval
from benchmarks.search.truth_images import DATA, LabeledImage, read_labeled_images
from mirsearch.analysis.analyzer import FigureAnalyzer
from mirsearch.analysis.kinds.model import CLASSES, fit_model
from mirsearch.analysis.kinds.texture import measure_texture
from mirsearch.analysis.kinds.words import technique_votes
from mirsearch.cli.parts import load_detector, load_ocr
from mirsearch.extractors.factory import open_extractor
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.ingest.ingest import Ingest
from mirsearch.query import SearchRequest
from mirsearch.ranking import Weights
from mirsearch.settings import DEFAULT_EXTRACTOR, DEFAULT_OCR, DEFAULT_SCALEBARS
from mirsearch.sources.base import FoundFigure
from mirsearch.sources.discover import find_figures

Floats = NDArray[np.float64]
FOLDS, SEEDS = 5, 5
WEIGHTS = (0.0, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
"""Weights of the technique that are compared, with weights of .6 for looks, .3 for scale and .3 for words."""
TECHNIQUE_SOURCES = ("pixels", "words", "pixels and words")
TERM_SETS: dict[str, tuple[str, ...]] = {
    "looks": ("visual",), "words": ("text",), "looks, scale": ("visual", "scale"), "looks, words": ("visual", "text"),
    "looks, scale, words": ("visual", "scale", "text"),
}  # fmt: skip
_TEXTURE_CACHE: dict[tuple[str, ...], NDArray[np.float32]] = {}
PENALTY = 0.03
"""Penalty of the weights of the textures' model."""
_RARE, _FLOOR, _WORDS = math.log(0.02), -6.0, 2.0
"""How pixels and words are weighed for a technique."""


@dataclass(frozen=True)
class Terms:
    """The index's terms for every pair (query, panel); NaN where a term is missing."""

    visual: Floats
    scale: Floats
    text: Floats

    def score(self, used: tuple[str, ...], extra: Floats | None = None, weight: float = 0.0) -> Floats:
        """Return the weighted mean of the terms `used` that both sides have, and of one additional term."""
        weights = Weights()
        total, mass = np.zeros_like(self.visual), np.zeros_like(self.visual)
        for name in used:
            term = getattr(self, name)
            total += np.where(np.isnan(term), 0.0, weights.of(name) * term)
            mass += weights.of(name) * ~np.isnan(term)
        if extra is not None:
            total, mass = total + weight * extra, mass + weight
        return total / np.maximum(mass, 1e-12)


def index_terms(images: list[LabeledImage], data: Path, extractor: Any) -> Terms:
    """Ingest the micrographs into a temporary index, and query it with each of them."""
    wanted = {Path(image.file).name: place for place, image in enumerate(images)}
    identity = ExtractorIdentity(extractor.name, extractor.version, extractor.dims)
    folder = data / Path(images[0].file).parent
    found = [each for each in find_figures([folder]) if isinstance(each, FoundFigure) and each.path.name in wanted]
    with tempfile.TemporaryDirectory() as place:
        index = open_index(str(Path(place) / "index"), create=identity)
        analyzer = FigureAnalyzer(load_ocr(DEFAULT_OCR), load_detector(DEFAULT_SCALEBARS))
        Ingest(index, analyzer, extractor).run(found)
        terms = _query_terms(index, images, extractor, wanted)
        index.close()
    return terms


def _query_terms(index: Any, images: list[LabeledImage], extractor: Any, wanted: dict[str, int]) -> Terms:
    """Return each query's terms with each micrograph. If a picture has several panels, the best one counts."""
    from mirsearch.query import Filters

    by_image: dict[int, list[Any]] = {}
    for stored in index.select_panels(Filters()):
        by_image.setdefault(wanted[Path(stored.figure.image).name], []).append(stored)
    size = len(images)
    empty = np.full((3, size, size), np.nan)
    vectors = extractor.embed([image.pixels for image in images])
    captions = read_captions()
    for row, image in enumerate(images):
        largest = max(by_image[row], key=lambda each: each.panel.width * each.panel.height)
        request = SearchRequest(vector=vectors[row], field_of_view_nm=largest.panel.field_of_view_nm,
                                text=captions.get(Path(image.file).name), top=10_000, exact=True)  # fmt: skip
        scored = {each.panel_id: each for each in index.search(request).panels}
        for column, panels in by_image.items():
            best = max((scored[each.panel.id] for each in panels if each.panel.id in scored), key=lambda s: s.score)
            empty[:, row, column] = [math.nan if v is None else v for v in (best.visual, best.scale, best.text)]
    return Terms(*empty)


def technique_distributions(images: list[LabeledImage], seed: int) -> tuple[dict[str, list[dict[str, float]]], Floats]:
    """Return each micrograph's probabilities of techniques from pixels, words and both, and its fold.

    The model for its pixels is fitted without its paper, to textures alone.
    """
    textures = _textures(images)
    named = [NAMES.get(image.technique, image.technique) for image in images]
    names = sorted(set(named))
    truth, known = np.array([names.index(name) for name in named]), np.array([CLASSES.index(name) for name in names])
    flat = dict.fromkeys(names, -math.log(len(names)))
    papers = np.array([image.paper for image in images])
    captions = read_captions()
    order = np.random.default_rng(seed).permutation(np.unique(papers))
    found: dict[str, list[dict[str, float]]] = {way: [{} for _ in images] for way in TECHNIQUE_SOURCES}
    folds = np.zeros(len(images))
    for fold in range(FOLDS):
        held = np.isin(papers, order[fold::FOLDS])
        model = fit_model(textures[~held], truth[~held], known, np.ones(int((~held).sum()), np.float32), PENALTY)
        for at in np.flatnonzero(held):
            folds[at] = fold
            words, shares = captions.get(Path(images[at].file).name, ""), model.probabilities(textures[at])
            odds = {name: math.log(max(float(shares[CLASSES.index(name)]), 1e-9)) for name in names}
            found["pixels"][at] = _probabilities(odds, "")
            found["words"][at] = _probabilities(flat, words)
            found["pixels and words"][at] = _probabilities(odds, words)
    return found, folds


def _textures(images: list[LabeledImage]) -> NDArray[np.float32]:
    key = tuple(image.file for image in images)
    if key not in _TEXTURE_CACHE:
        _TEXTURE_CACHE[key] = np.array([measure_texture(image.pixels) for image in images])
    return _TEXTURE_CACHE[key]


def _probabilities(odds: dict[str, float], words: str) -> dict[str, float]:
    votes = technique_votes(words)
    votes.pop("diffraction", None)
    names = [*odds, *(name for name in votes if name not in odds)]
    scores = {name: max(odds.get(name, _RARE), _FLOOR) + _WORDS * votes.get(name, 0.0) for name in names}
    total = sum(math.exp(score) for score in scores.values())
    return {name: math.exp(score) / total for name, score in scores.items()}


def same_technique_chances(found: list[dict[str, float]], stored: bool) -> Floats:
    """Return for each pair the probability that both have the same technique.

    It uses whole distributions, or what an index stores: a name with its confidence, the rest spread evenly.
    """
    names = sorted({name for each in found for name in each})
    table = np.array([[each.get(name, 0.0) for name in names] for each in found])
    if stored:
        best, sure = table.argmax(axis=1), table.max(axis=1)
        table = np.repeat(((1 - sure) / max(1, len(names) - 1))[:, None], len(names), axis=1)
        table[np.arange(len(found)), best] = sure
    return table @ table.T


def measure_terms(images: list[LabeledImage], terms: Terms) -> list[dict[str, Any]]:
    """Return the mAP of each set of terms, also with the technique, whose weight is chosen on other papers."""
    papers = np.array([image.paper for image in images])
    precisions = _precisions(images)
    lines = [_line(name, precisions(terms.score(used)), papers) for name, used in TERM_SETS.items()]
    whole = TERM_SETS["looks, scale, words"]
    base = precisions(terms.score(whole))
    for way in TECHNIQUE_SOURCES:
        for stored in (False, True):
            read = f"technique by {way}{' as stored' if stored else ''}"
            alone, values, picked = _held_out(images, terms, (way, stored), precisions)
            lines.append(_line(read, alone, papers))
            lines.append(_line(f"looks, scale, words, {read}", values, papers) | {"weight": picked})
            lines.append(_line("  gain", values - base, papers))
    return lines + _same_paper(images, terms, papers)


def measure_main_terms(images: list[LabeledImage], terms: Terms) -> list[dict[str, Any]]:
    """Return the mean average precision of looks, of words, of looks with scale and words, and with the technique."""
    papers = np.array([image.paper for image in images])
    precisions = _precisions(images)
    sums = ("looks", "words", "looks, scale, words")
    lines = [_line(name, precisions(terms.score(TERM_SETS[name])), papers) for name in sums]
    values = _held_out(images, terms, (TECHNIQUE_SOURCES[-1], True), precisions)[1]
    return [*lines, _line("looks, scale, words, technique from pixels and caption", values, papers)]


def _precisions(images: list[LabeledImage]) -> Callable[[Floats], Floats]:
    """Return a function from scores (n, n) to each query's average precision of its technique in other papers."""
    papers = np.array([image.paper for image in images])
    truth = np.array([image.technique for image in images])
    return partial(average_precisions, relevant=truth[:, None] == truth, candidates=papers[:, None] != papers)


def _same_paper(images: list[LabeledImage], terms: Terms, papers: NDArray[np.str_]) -> list[dict[str, Any]]:
    """Measure how the technique, read from pixels, changes finding the same paper's other images by looks and scale."""
    apart = papers[:, None] == papers, ~np.eye(len(images), dtype=bool)
    found = technique_distributions(images, 0)[0]["pixels"]
    base = average_precisions(terms.score(TERM_SETS["looks, scale"]), *apart)
    lines = [_line("same paper: looks, scale", base, papers)]
    for weight in (0.1, 0.2, 0.3, 0.6):
        score = terms.score(TERM_SETS["looks, scale"], same_technique_chances(found, True), weight)
        lines.append(
            _line(f"same paper: gain by technique × {weight}", average_precisions(score, *apart) - base, papers)
        )
    return lines


def _held_out(
    images: list[LabeledImage], terms: Terms, read: tuple[str, bool], precisions: Callable[[Floats], Floats]
) -> tuple[Floats, Floats, list[float]]:
    """Return the average precisions of the technique alone and with the other terms, and the picked weights.

    The precisions are means over splits. Each fold uses the weight that is best on the other folds.
    """
    gathered, picked, alone = [], [], []
    for seed in range(SEEDS):
        found, folds = technique_distributions(images, seed)
        agreed = same_technique_chances(found[read[0]], read[1])
        whole = TERM_SETS["looks, scale, words"]
        table = np.array([precisions(terms.score(whole, agreed, weight)) for weight in WEIGHTS])
        values = np.full(len(images), np.nan)
        for fold in range(FOLDS):
            best = int(np.nanmean(table[:, folds != fold], axis=1).argmax())
            picked.append(WEIGHTS[best])
            values[folds == fold] = table[best][folds == fold]
        gathered.append(values)
        alone.append(precisions(agreed))
    return np.mean(alone, axis=0), np.mean(gathered, axis=0), sorted(set(picked))


def _line(name: str, values: Floats, papers: NDArray[np.str_]) -> dict[str, Any]:
    return {"terms": name, "map": round(float(np.nanmean(values)), 4),
            "by_query": [round(each, 3) for each in bootstrap_interval(values)],
            "by_paper": [round(each, 3) for each in bootstrap_interval(values, papers)]}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extractor", default=DEFAULT_EXTRACTOR, help="as for mirsearch ingest")
    parser.add_argument("--extractor-weights", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    images = read_labeled_images(options.data)
    extractor = open_extractor(options.extractor, options.extractor_weights)
    terms = index_terms(images, options.data, extractor)
    with_scale = float(np.mean(~np.isnan(np.diag(terms.scale))))
    lines = measure_terms(images, terms)
    print(f"{'same technique, other paper':62} {'mAP':>6}  {'by query':15} {'by paper':15} weight")
    for line in lines:
        spans = "  ".join("[{:6.3f},{:6.3f}]".format(*line[key]) for key in ("by_query", "by_paper"))
        print(f"{line['terms']:62} {line['map']:6.3f}  {spans}  {line.get('weight', '')}")
    name = f"{extractor.name} {extractor.version}, {extractor.dims} dims"
    print(json.dumps({"extractor": name, "images": len(images), "with_scale": round(with_scale, 3), "lines": lines}))


if __name__ == "__main__":
    main()
