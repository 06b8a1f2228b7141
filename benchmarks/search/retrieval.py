"""Measures how well extractors find micrographs, alone and within the whole score: 107 micrographs of ../shared/data.

    python -m benchmarks.search.retrieval [--data FOLDER]                       every available extractor
    python -m benchmarks.search.retrieval --extractor NAME[:ARGUMENT] [--extractor-weights FILE] [--looks-only]
    python -m benchmarks.search.retrieval --choose

There are three tasks by looks alone: find the same imaging technique in another paper (hits of the query's paper do not
count), find another image of the same paper, and find the other half of the same image (left halves are queries, right
halves are candidates). A fourth measure is how often the left half finds its whole image among the first ten. For the
first task, a second table shows the mean average precision of looks with caption and scale, and with the technique read
from pixels and caption; retrieval_hybrid.py shows more. Intervals are 95 % bootstrap, resampling queries or papers.

Without --extractor, the benchmark measures the default extractor, all installed models, and those extractors of the
extra `torch` whose weights are cached or can be downloaded. For the others it prints the reason.
--choose compares ways to make the default extractor's vector, cross-validated by paper (retrieval_choice.py).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.retrieval_choice import compare_recipes
from benchmarks.search.retrieval_hybrid import index_terms, measure_main_terms
from benchmarks.search.retrieval_tasks import Task, Vectors, bootstrap_interval, measure_tasks
from benchmarks.search.truth_images import DATA, LabeledImage, left_half, read_labeled_images, right_half
from mirsearch.errors import MirsearchError
from mirsearch.extractors.factory import open_extractor
from mirsearch.models.artifact import Artifact, list_installed
from mirsearch.settings import DEFAULT_EXTRACTOR

WITH_TORCH = (
    "resnet18-gem", "resnet50-gem", "resnet101-gem", "resnet152-gem", "open-clip:ViT-B-32/laion2b_s34b_b79k",
    "timm:vit_small_patch14_dinov2.lvd142m",
)  # fmt: skip
"""Extractors of the extra `torch` that are measured without --extractor."""
KINDS = {"extractor": "onnx", "projection": "trained"}
"""Kinds of installed models, and the names of the extractors that use them."""


def measure(extractor: Any, images: list[LabeledImage]) -> tuple[list[Task], float]:
    """Return the tasks' values, and the seconds per image that embedding took with all threads."""
    extractor.embed([images[0].pixels])
    started = time.perf_counter()
    whole = extractor.embed([image.pixels for image in images])
    seconds = (time.perf_counter() - started) / len(images)
    left = extractor.embed([left_half(image.pixels) for image in images])
    right = extractor.embed([right_half(image.pixels) for image in images])
    return measure_tasks(images, Vectors(whole, left, right)), seconds


def print_tasks(measured: list[Task], papers: np.ndarray) -> list[dict[str, Any]]:
    """Print the table of tasks, and return it as data."""
    print(f"{'task':34} {'measure':7} {'chance':>6} {'value':>6}  {'by query':13} {'by paper':13} queries")
    lines = []
    for task in measured:
        value = float(np.nanmean(task.values))
        by_query, by_paper = bootstrap_interval(task.values), bootstrap_interval(task.values, papers)
        queries = int((~np.isnan(task.values)).sum())
        spans = "  ".join(f"[{low:.3f},{high:.3f}]" for low, high in (by_query, by_paper))
        print(f"{task.name:34} {task.measure:7} {task.chance:6.3f} {value:6.3f}  {spans} {queries:5}")
        lines.append(
            {"task": task.name, "measure": task.measure, "value": round(value, 4), "chance": round(task.chance, 4)}
            | {"by_query": by_query, "by_paper": by_paper, "queries": queries}
        )
    return lines


def available_extractors(options: argparse.Namespace) -> Iterator[Any]:
    """Yield the extractors to measure, each ready to embed; print the reason for each unavailable one."""
    if options.extractor:
        yield open_extractor(options.extractor, options.extractor_weights)
        return
    models = [model.card for model in list_installed() if isinstance(model, Artifact) and model.card.kind in KINDS]
    for name in (DEFAULT_EXTRACTOR, *(f"{KINDS[card.kind]}:{card.name}" for card in models), *WITH_TORCH):
        try:
            extractor = open_extractor(name)
            _ = extractor.dims
        except MirsearchError as error:
            print(f"{name}: not measured: {error}")
            continue
        yield extractor


def measure_extractor(extractor: Any, images: list[LabeledImage], options: argparse.Namespace) -> dict[str, Any]:
    """Measure one extractor, print its tables, and return them as data."""
    name = f"{extractor.name} {extractor.version}, {extractor.dims} dims"
    measured, seconds = measure(extractor, images)
    print(f"\n{name}; {1000 * seconds:.1f} ms an image, {len(images)} images")
    result: dict[str, Any] = {"extractor": name, "ms_an_image": round(1000 * seconds, 2)}
    result["tasks"] = print_tasks(measured, np.array([image.paper for image in images]))
    if not options.looks_only:
        result["whole"] = measure_main_terms(images, index_terms(images, options.data, extractor))
        print(f"{'same technique, other paper, by':57} {'mAP':>6}  {'by query':13} {'by paper':13}")
        for line in result["whole"]:
            spans = "  ".join("[{:.3f},{:.3f}]".format(*line[key]) for key in ("by_query", "by_paper"))
            print(f"{line['terms']:57} {line['map']:6.3f}  {spans}")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extractor", help="as for mirsearch ingest (default: every available one)")
    parser.add_argument("--extractor-weights", type=Path, help="a file, for an extractor that takes one")
    parser.add_argument("--looks-only", action="store_true", help="do not measure the whole score, which takes minutes")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--choose", action="store_true", help="compare levels, weights and sizes, cross-validated")
    options = parser.parse_args()
    if not (options.data / "class_truth.csv").is_file():
        parser.error(f"{options.data} has no class_truth.csv: give --data FOLDER")
    images = read_labeled_images(options.data)
    if options.choose:
        print(json.dumps(compare_recipes(images, options.data)))
        return
    print(
        "\n"
        + json.dumps([measure_extractor(extractor, images, options) for extractor in available_extractors(options)])
    )


if __name__ == "__main__":
    main()
