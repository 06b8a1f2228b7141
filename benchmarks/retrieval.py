"""Measures how well an extractor's vectors find micrographs, on the 107 classed ones of ../shared/data.

    python benchmarks/retrieval.py [--extractor NAME[:ARGUMENT]] [--extractor-weights FILE] [--data FOLDER]
    python benchmarks/retrieval.py --choose

Three tasks: the same imaging technique in another paper (hits of the query's own paper are left out), another image of
the same paper, the other half of the same image (left halves ask, right halves are found); and how often the left half
finds its own whole image among the first ten. Intervals are 95 % bootstrap, resampling queries, and resampling papers.
retrieval_hybrid.py measures the whole score: looks, scale, words and technique.
--choose compares ways to make the default extractor's vector, cross-validated by paper: retrieval_choice.py.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from retrieval_choice import choose
from retrieval_tasks import Task, Vectors, interval, tasks
from truth_images import DATA, Classed, classed, left_half, right_half

from mirsearch.extractors.opening import open_extractor
from mirsearch.settings import DEFAULT_EXTRACTOR


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extractor", default=DEFAULT_EXTRACTOR, help="as for mirsearch ingest")
    parser.add_argument("--extractor-weights", type=Path, help="a file, for an extractor that takes one")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--choose", action="store_true", help="compare levels, weights and sizes, cross-validated")
    options = parser.parse_args()
    if not (options.data / "class_truth.csv").is_file():
        parser.error(f"{options.data} has no class_truth.csv: give --data FOLDER")
    images = classed(options.data)
    if options.choose:
        print(json.dumps(choose(images, options.data)))
        return
    extractor = open_extractor(options.extractor, options.extractor_weights)
    found, seconds = measure(extractor, images)
    lines = report(found, np.array([image.paper for image in images]))
    name = f"{extractor.name} {extractor.version}, {extractor.dims} dims"
    print(f"{name}; {1000 * seconds:.1f} ms an image, {len(images)} images")
    print(json.dumps({"extractor": name, "ms_an_image": round(1000 * seconds, 2), "tasks": lines}))


if __name__ == "__main__":
    main()
