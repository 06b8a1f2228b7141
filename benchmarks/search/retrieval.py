"""Measures how well extractors find micrographs, alone and as a part of the whole score: 107 of ../shared/data.

    python -m benchmarks.search.retrieval [--data FOLDER]                       every extractor that can be had here
    python -m benchmarks.search.retrieval --extractor NAME[:ARGUMENT] [--extractor-weights FILE] [--looks-only]
    python -m benchmarks.search.retrieval --choose

Three tasks by looks alone: the same imaging technique in another paper (hits of the query's own paper are left out),
another image of the same paper, the other half of the same image (left halves ask, right halves are found); and how
often the left half finds its own whole image among the first ten. Then, for the first task, mean average precision with
caption and scale beside looks, and with the technique read from pixels and caption; retrieval_hybrid.py tells more.
Intervals are 95 % bootstrap, resampling queries, and resampling papers.

Without --extractor these are the default extractor, all installed models, and those of the extra `torch` whose weights
are here or can be fetched; what can't be had is named, with the reason.
--choose compares ways to make the default extractor's vector, cross-validated by paper: retrieval_choice.py.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.retrieval_choice import choose
from benchmarks.search.retrieval_hybrid import headlines, index_terms
from benchmarks.search.retrieval_tasks import Task, Vectors, interval, tasks
from benchmarks.search.truth_images import DATA, Classed, classed, left_half, right_half
from mirsearch.errors import MirsearchError
from mirsearch.extractors.factory import open_extractor
from mirsearch.models.artifact import Artifact, list_installed
from mirsearch.settings import DEFAULT_EXTRACTOR

WITH_TORCH = (
    "resnet18-gem", "resnet50-gem", "resnet101-gem", "resnet152-gem", "open-clip:ViT-B-32/laion2b_s34b_b79k",
    "timm:vit_small_patch14_dinov2.lvd142m",
)  # fmt: skip
"""Tried where none is named, of the extra `torch`."""
KINDS = {"extractor": "onnx", "projection": "trained"}
"""Kinds of installed models, and how they are named as extractors."""


def measure(extractor: Any, images: list[Classed]) -> tuple[list[Task], float]:
    """The tasks' values, and the seconds that embedding an image took, all threads together."""
    extractor.embed([images[0].pixels])
    started = time.perf_counter()
    whole = extractor.embed([image.pixels for image in images])
    seconds = (time.perf_counter() - started) / len(images)
    left = extractor.embed([left_half(image.pixels) for image in images])
    right = extractor.embed([right_half(image.pixels) for image in images])
    return tasks(images, Vectors(whole, left, right)), seconds


def report(found: list[Task], papers: np.ndarray) -> list[dict[str, Any]]:
    """Print the table; the same as data."""
    print(f"{'task':34} {'measure':7} {'chance':>6} {'value':>6}  {'by query':13} {'by paper':13} queries")
    lines = []
    for task in found:
        value = float(np.nanmean(task.values))
        by_query, by_paper = interval(task.values), interval(task.values, papers)
        queries = int((~np.isnan(task.values)).sum())
        spans = "  ".join(f"[{low:.3f},{high:.3f}]" for low, high in (by_query, by_paper))
        print(f"{task.name:34} {task.measure:7} {task.chance:6.3f} {value:6.3f}  {spans} {queries:5}")
        lines.append(
            {"task": task.name, "measure": task.measure, "value": round(value, 4), "chance": round(task.chance, 4)}
            | {"by_query": by_query, "by_paper": by_paper, "queries": queries}
        )
    return lines


def had(options: argparse.Namespace) -> Iterator[Any]:
    """The extractors to measure, each ready to embed; the reason is told for what can't be had."""
    if options.extractor:
        yield open_extractor(options.extractor, options.extractor_weights)
        return
    models = [each.card for each in list_installed() if isinstance(each, Artifact) and each.card.kind in KINDS]
    for name in (DEFAULT_EXTRACTOR, *(f"{KINDS[card.kind]}:{card.name}" for card in models), *WITH_TORCH):
        try:
            extractor = open_extractor(name)
            _ = extractor.dims
        except MirsearchError as error:
            print(f"{name}: not measured: {error}")
            continue
        yield extractor


def one(extractor: Any, images: list[Classed], options: argparse.Namespace) -> dict[str, Any]:
    """Measure one extractor and print its tables; the same as data."""
    name = f"{extractor.name} {extractor.version}, {extractor.dims} dims"
    found, seconds = measure(extractor, images)
    print(f"\n{name}; {1000 * seconds:.1f} ms an image, {len(images)} images")
    told = {"extractor": name, "ms_an_image": round(1000 * seconds, 2)}
    told["tasks"] = report(found, np.array([image.paper for image in images]))
    if not options.looks_only:
        told["whole"] = headlines(images, index_terms(images, options.data, extractor))
        print(f"{'same technique, other paper, by':57} {'mAP':>6}  {'by query':13} {'by paper':13}")
        for line in told["whole"]:
            spans = "  ".join("[{:.3f},{:.3f}]".format(*line[key]) for key in ("by_query", "by_paper"))
            print(f"{line['terms']:57} {line['map']:6.3f}  {spans}")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extractor", help="as for mirsearch ingest (default: every one that can be had)")
    parser.add_argument("--extractor-weights", type=Path, help="a file, for an extractor that takes one")
    parser.add_argument("--looks-only", action="store_true", help="leave the whole score out, which takes minutes")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--choose", action="store_true", help="compare levels, weights and sizes, cross-validated")
    options = parser.parse_args()
    if not (options.data / "class_truth.csv").is_file():
        parser.error(f"{options.data} has no class_truth.csv: give --data FOLDER")
    images = classed(options.data)
    if options.choose:
        print(json.dumps(choose(images, options.data)))
        return
    print("\n" + json.dumps([one(extractor, images, options) for extractor in had(options)]))


if __name__ == "__main__":
    main()
