"""Measure what two images find together, against one of them, on the labeled micrographs of ../shared/data.

    python -m benchmarks.search.several_images [--data ../shared/data]

Two ways to combine the visual distances are compared: their mean (the distance to the mean vector, which mirsearch
uses), and the smaller of the two. Tasks: `same paper`: two images of one paper and technique find a third among the
images of all other papers (mean reciprocal rank); `technique`: two images of one technique, of two papers, find the
others of that technique (mean average precision).
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.retrieval_tasks import average_precisions
from benchmarks.search.truth_images import DATA, read_labeled_images
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor

PAIRS = 60
"""Most pairs of one technique."""
Floats = NDArray[np.floating]
Values = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    images = read_labeled_images(arguments.data)
    extractor = EfficientNetExtractor()
    vectors = np.array([extractor.embed([image.pixels])[0] for image in images], np.float64)
    papers, techniques = np.array([i.paper for i in images]), np.array([i.technique for i in images])
    tasks = {
        "same paper": _find_third(vectors, papers, techniques),
        "technique": _find_technique(vectors, papers, techniques),
    }
    print(f"{'task':12} {'one image':>9} {'mean':>6} {'best':>6}")
    for name, values in tasks.items():
        print(f"{name:12} {np.mean(values['one']):9.3f} {np.mean(values['mean']):6.3f} {np.mean(values['best']):6.3f}")
    measured = {
        name: {way: round(float(np.mean(found)), 4) for way, found in values.items()} for name, values in tasks.items()
    }
    print(json.dumps({"benchmark": "several_images", "images": len(images)} | measured))


def similarities(vectors: Floats, a: np.intp, b: np.intp) -> dict[str, list[Floats]]:
    """Return the similarity of each image to a question of image `a` or `b` alone, of their mean, and of the best."""
    first, second = vectors @ vectors[a], vectors @ vectors[b]
    return {"one": [first, second], "mean": [(first + second) / 2], "best": [np.maximum(first, second)]}


def _find_third(vectors: Floats, papers: NDArray[np.str_], techniques: NDArray[np.str_]) -> Values:
    values: Values = defaultdict(list)
    for wanted in range(len(vectors)):
        own = np.flatnonzero((papers == papers[wanted]) & (techniques == techniques[wanted]))
        candidates = (papers != papers[wanted]) | (np.arange(len(vectors)) == wanted)
        for a, b in combinations([each for each in own if each != wanted], 2):
            for way, found in similarities(vectors, a, b).items():
                ranks = [int((scores[candidates] >= scores[wanted]).sum()) for scores in found]
                values[way] += [1 / rank for rank in ranks]
    return values


def _find_technique(vectors: Floats, papers: NDArray[np.str_], techniques: NDArray[np.str_]) -> Values:
    values: Values = defaultdict(list)
    chance = np.random.default_rng(1)
    for technique in np.unique(techniques):
        own = np.flatnonzero(techniques == technique)
        pairs = [(a, b) for a, b in combinations(own, 2) if papers[a] != papers[b]]
        chance.shuffle(pairs)
        for a, b in pairs[:PAIRS]:
            others = (papers != papers[a]) & (papers != papers[b])
            for way, found in similarities(vectors, a, b).items():
                relevant = np.tile(techniques == technique, (len(found), 1))
                precisions = average_precisions(np.array(found), relevant, np.tile(others, (len(found), 1)))
                values[way] += [float(value) for value in precisions if not np.isnan(value)]
    return values


if __name__ == "__main__":
    main()
