"""What each term adds to finding the same imaging technique in another paper: 107 classed micrographs.

    python -m benchmarks.search.retrieval_hybrid [--extractor NAME[:ARGUMENT]] [--extractor-weights FILE] [--data
    FOLDER]

The micrographs are ingested with their captions as a person would, and every one asks with its picture, its scale as it
was read, and its caption; hits of its own paper are left out. The terms are those of the index's answers. The technique
is read from pixels (by discriminants that never saw the paper: 5 folds by paper), from the caption's words, and from
both; once as whole distributions, once as an index stores it (a name and a confidence).
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

from benchmarks.analysis.technique import NAMES, _read_captions
from benchmarks.search.retrieval_tasks import average_precisions, interval
from benchmarks.search.truth_images import DATA, Classed, classed
from mirsearch.analysis.analyzer import FigureAnalyzer
from mirsearch.analysis.kinds import technique
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
"""Weights of the technique that are tried, beside .6 for looks, .3 for scale and .3 for words."""
READ = ("pixels", "words", "pixels and words")
SUMS: dict[str, tuple[str, ...]] = {
    "looks": ("visual",), "words": ("text",), "looks, scale": ("visual", "scale"), "looks, words": ("visual", "text"),
    "looks, scale, words": ("visual", "scale", "text"),
}  # fmt: skip
_KNOWN: dict[tuple[str, ...], NDArray[np.float32]] = {}
_RARE, _FLOOR, _WORDS = math.log(0.02), -6.0, 2.0
"""As mirsearch.analysis.kinds.kind weighs pixels and words for a technique."""


@dataclass(frozen=True)
class Terms:
    """The index's terms for every pair (query, panel), nan where there is none."""

    visual: Floats
    scale: Floats
    text: Floats

    def score(self, used: tuple[str, ...], extra: Floats | None = None, weight: float = 0.0) -> Floats:
        """The weighted mean of the terms used that both sides have, and of one more term."""
        weights = Weights()
        total, mass = np.zeros_like(self.visual), np.zeros_like(self.visual)
        for name in used:
            term = getattr(self, name)
            total += np.where(np.isnan(term), 0.0, weights.of(name) * term)
            mass += weights.of(name) * ~np.isnan(term)
        if extra is not None:
            total, mass = total + weight * extra, mass + weight
        return total / np.maximum(mass, 1e-12)


def index_terms(images: list[Classed], data: Path, extractor: Any) -> Terms:
    """Ingest the micrographs into an index of its own and ask it with every one of them."""
    wanted = {Path(image.file).name: place for place, image in enumerate(images)}
    identity = ExtractorIdentity(extractor.name, extractor.version, extractor.dims)
    folder = data / Path(images[0].file).parent
    found = [each for each in find_figures([folder]) if isinstance(each, FoundFigure) and each.path.name in wanted]
    with tempfile.TemporaryDirectory() as place:
        index = open_index(str(Path(place) / "index"), create=identity)
        analyzer = FigureAnalyzer(load_ocr(DEFAULT_OCR), load_detector(DEFAULT_SCALEBARS))
        Ingest(index, analyzer, extractor).run(found)
        told = _asked(index, images, extractor, wanted)
        index.close()
    return told


def _asked(index: Any, images: list[Classed], extractor: Any, wanted: dict[str, int]) -> Terms:
    """Every query's terms with every micrograph; of a picture cut into several, its best panel answers."""
    from mirsearch.query import Filters

    by_image: dict[int, list[Any]] = {}
    for stored in index.select_panels(Filters()):
        by_image.setdefault(wanted[Path(stored.figure.image).name], []).append(stored)
    size = len(images)
    empty = np.full((3, size, size), np.nan)
    vectors = extractor.embed([image.pixels for image in images])
    captions = _read_captions()
    for row, image in enumerate(images):
        largest = max(by_image[row], key=lambda each: each.panel.width * each.panel.height)
        request = SearchRequest(vector=vectors[row], field_of_view_nm=largest.panel.field_of_view_nm,
                                text=captions.get(Path(image.file).name), top=10_000, exact=True)  # fmt: skip
        scored = {each.panel_id: each for each in index.search(request).panels}
        for column, panels in by_image.items():
            best = max((scored[each.panel.id] for each in panels if each.panel.id in scored), key=lambda s: s.score)
            empty[:, row, column] = [math.nan if v is None else v for v in (best.visual, best.scale, best.text)]
    return Terms(*empty)


def distributions(images: list[Classed], seed: int) -> tuple[dict[str, list[dict[str, float]]], Floats]:
    """Each micrograph's probabilities of techniques by pixels, by words and by both, and its fold.

    The discriminants of pixels never saw its paper.
    """
    textures = _textures(images)
    truth = [NAMES.get(image.technique, image.technique) for image in images]
    papers = np.array([image.paper for image in images])
    captions = _read_captions()
    order = np.random.default_rng(seed).permutation(np.unique(papers))
    found: dict[str, list[dict[str, float]]] = {way: [{} for _ in images] for way in READ}
    folds = np.zeros(len(images))
    for fold in range(FOLDS):
        held = np.isin(papers, order[fold::FOLDS])
        model = technique.fit_discriminants(
            textures[~held], [name for name, out in zip(truth, held, strict=True) if not out]
        )
        flat = dict.fromkeys(model.names, -math.log(len(model.names)))
        for at in np.flatnonzero(held):
            folds[at] = fold
            words, odds = captions.get(Path(images[at].file).name, ""), model.log_probs(textures[at])
            found["pixels"][at] = _probabilities(odds, "")
            found["words"][at] = _probabilities(flat, words)
            found["pixels and words"][at] = _probabilities(odds, words)
    return found, folds


def _textures(images: list[Classed]) -> NDArray[np.float32]:
    key = tuple(image.file for image in images)
    if key not in _KNOWN:
        _KNOWN[key] = np.array([technique.measure_texture(image.pixels) for image in images])
    return _KNOWN[key]


def _probabilities(odds: dict[str, float], words: str) -> dict[str, float]:
    votes = technique_votes(words)
    votes.pop("diffraction", None)
    names = [*odds, *(name for name in votes if name not in odds)]
    scores = {name: max(odds.get(name, _RARE), _FLOOR) + _WORDS * votes.get(name, 0.0) for name in names}
    total = sum(math.exp(score) for score in scores.values())
    return {name: math.exp(score) / total for name, score in scores.items()}


def agreement(found: list[dict[str, float]], stored: bool) -> Floats:
    """For every pair, the chance that both are of one technique.

    By whole distributions, or as an index stores them: a name with its confidence, the rest spread evenly.
    """
    names = sorted({name for each in found for name in each})
    table = np.array([[each.get(name, 0.0) for name in names] for each in found])
    if stored:
        best, sure = table.argmax(axis=1), table.max(axis=1)
        table = np.repeat(((1 - sure) / max(1, len(names) - 1))[:, None], len(names), axis=1)
        table[np.arange(len(found)), best] = sure
    return table @ table.T


def measure(images: list[Classed], terms: Terms) -> list[dict[str, Any]]:
    """Mean average precision of each sum of terms; with the technique, its weight chosen on the other folds' papers."""
    papers = np.array([image.paper for image in images])
    precisions = _precisions(images)
    lines = [_line(name, precisions(terms.score(used)), papers) for name, used in SUMS.items()]
    whole = SUMS["looks, scale, words"]
    base = precisions(terms.score(whole))
    for way in READ:
        for stored in (False, True):
            read = f"technique by {way}{' as stored' if stored else ''}"
            alone, values, picked = _held_out(images, terms, (way, stored), precisions)
            lines.append(_line(read, alone, papers))
            lines.append(_line(f"looks, scale, words, {read}", values, papers) | {"weight": picked})
            lines.append(_line("  gain", values - base, papers))
    return lines + _same_paper(images, terms, papers)


def headlines(images: list[Classed], terms: Terms) -> list[dict[str, Any]]:
    """Mean average precision by looks alone, with caption and scale, and with the technique as it is read besides."""
    papers = np.array([image.paper for image in images])
    precisions = _precisions(images)
    sums = ("looks", "words", "looks, scale, words")
    lines = [_line(name, precisions(terms.score(SUMS[name])), papers) for name in sums]
    values = _held_out(images, terms, (READ[-1], True), precisions)[1]
    return [*lines, _line("looks, scale, words, technique from pixels and caption", values, papers)]


def _precisions(images: list[Classed]) -> Callable[[Floats], Floats]:
    """Average precision of each query by a score (n, n): the same technique is looked for in other papers."""
    papers = np.array([image.paper for image in images])
    truth = np.array([image.technique for image in images])
    return partial(average_precisions, relevant=truth[:, None] == truth, candidates=papers[:, None] != papers)


def _same_paper(images: list[Classed], terms: Terms, papers: NDArray[np.str_]) -> list[dict[str, Any]]:
    """What the technique, read from pixels, does to finding the same paper's other images, by looks and scale."""
    apart = papers[:, None] == papers, ~np.eye(len(images), dtype=bool)
    found = distributions(images, 0)[0]["pixels"]
    base = average_precisions(terms.score(SUMS["looks, scale"]), *apart)
    lines = [_line("same paper: looks, scale", base, papers)]
    for weight in (0.1, 0.2, 0.3, 0.6):
        score = terms.score(SUMS["looks, scale"], agreement(found, True), weight)
        lines.append(
            _line(f"same paper: gain by technique × {weight}", average_precisions(score, *apart) - base, papers)
        )
    return lines


def _held_out(
    images: list[Classed], terms: Terms, read: tuple[str, bool], precisions: Callable[[Floats], Floats]
) -> tuple[Floats, Floats, list[float]]:
    """Average precisions of the technique alone and beside the other terms, mean over splits, and the weights picked.

    Each fold has the weight that does best on the others.
    """
    gathered, picked, alone = [], [], []
    for seed in range(SEEDS):
        found, folds = distributions(images, seed)
        agreed = agreement(found[read[0]], read[1])
        whole = SUMS["looks, scale, words"]
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
            "by_query": [round(each, 3) for each in interval(values)],
            "by_paper": [round(each, 3) for each in interval(values, papers)]}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extractor", default=DEFAULT_EXTRACTOR, help="as for mirsearch ingest")
    parser.add_argument("--extractor-weights", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    images = classed(options.data)
    extractor = open_extractor(options.extractor, options.extractor_weights)
    terms = index_terms(images, options.data, extractor)
    with_scale = float(np.mean(~np.isnan(np.diag(terms.scale))))
    lines = measure(images, terms)
    print(f"{'same technique, other paper':62} {'mAP':>6}  {'by query':15} {'by paper':15} weight")
    for line in lines:
        spans = "  ".join("[{:6.3f},{:6.3f}]".format(*line[key]) for key in ("by_query", "by_paper"))
        print(f"{line['terms']:62} {line['map']:6.3f}  {spans}  {line.get('weight', '')}")
    name = f"{extractor.name} {extractor.version}, {extractor.dims} dims"
    print(json.dumps({"extractor": name, "images": len(images), "with_scale": round(with_scale, 3), "lines": lines}))


if __name__ == "__main__":
    main()
