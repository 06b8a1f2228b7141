"""Measure what a version of the default extractor gains on three sets, without the pictures of one paper or specimen.

    python -m benchmarks.search.look [--steel FOLDER] [--data ../shared/data] [--versions 1 2]

The sets: the micrographs of class_truth.csv (the same technique in another paper); with --steel, UHCS-3, whose folder
has micrographs/ and label_list.pkl, as examples/data/dataset2 of mikedwhite/microstructural-fingerprinting-tools (the
same microconstituent); and drawn micrographs (the same family, another specimen). It prints the mean average precision
of each version, and the difference to the first with its 95 % interval, resampling papers or specimens; and the
processor time of a picture.
"""

from __future__ import annotations

import argparse
import json
import pickletools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.retrieval_tasks import average_precisions
from benchmarks.search.truth_images import DATA, Pixels, read_labeled_images
from mirsearch.evaluation.intervals import compare_values
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.extractors.efficientnet.levels import RECIPES
from mirsearch.imaging.images import open_picture
from mirsearch.synthetic.fields import View, make_rng
from mirsearch.synthetic.specimens.families import FAMILIES, specimen

SPECIMENS, VIEWS = 8, 2
SIZES = ((320, 240), (280, 280), (360, 220))


@dataclass(frozen=True)
class Set:
    """Pictures with what they are to be found by, and the group whose pictures never answer each other."""

    name: str
    pictures: tuple[Pixels, ...]
    labels: NDArray[np.str_]
    groups: NDArray[np.str_]


def read_sets(data: Path, steel: Path | None) -> Iterator[Set]:
    """Yield the sets."""
    images = read_labeled_images(data)
    yield Set("class_truth", tuple(image.pixels for image in images),
              np.array([image.technique for image in images]), np.array([image.paper for image in images]))  # fmt: skip
    if steel is not None:
        yield _read_steel(steel)
    yield _draw()


def _read_steel(folder: Path) -> Set:
    data = next(folder.rglob("label_list.pkl")).read_bytes()  # read op by op: unpickling could run code
    labels = [str(value) for op, value, _ in pickletools.genops(data) if op.name == "BININT1"]
    files = {int(path.stem.removeprefix("micrograph")): path for path in folder.rglob("micrograph*.jpg")}
    numbers = sorted(files)
    pictures = tuple(open_picture(files[number]).pixels for number in numbers)
    return Set("UHCS-3", pictures, np.array([labels[number] for number in numbers]), np.array(numbers).astype(str))


def _draw() -> Set:
    pictures, labels, groups = [], [], []
    for number, family in enumerate(sorted(FAMILIES)):
        for which in range(SPECIMENS):
            made = specimen(900_000 + which * 101 + number * 7919, family)
            for view in range(VIEWS):
                rng = make_rng(4242, which, view, number)
                size = SIZES[int(rng.integers(len(SIZES)))]
                pictures.append(made.micrograph(View(*size, made.nm_per_px(float(rng.uniform()))), rng))
                labels.append(family)
                groups.append(f"{family} {which}")
    return Set("drawn", tuple(pictures), np.array(labels), np.array(groups))


def measure(one: Set, versions: Sequence[str]) -> dict[str, object]:
    """Print and return the mean average precision of each version."""
    precisions: dict[str, NDArray[np.float64]] = {}
    cost = {}
    same, others = one.labels[:, None] == one.labels, one.groups[:, None] != one.groups
    for version in versions:
        extractor = EfficientNetExtractor(version)
        extractor.embed(one.pictures[:1])
        started = time.process_time()
        vectors = extractor.embed(one.pictures)
        cost[version] = round(1000 * (time.process_time() - started) / len(one.pictures), 2)
        precisions[version] = average_precisions(vectors @ vectors.T, same, others)
    known = ~np.isnan(precisions[versions[0]])
    before = precisions[versions[0]][known]
    lines: dict[str, object] = {}
    for version in versions:
        test = compare_values(before, precisions[version][known], one.groups[known])
        low, high = test.interval
        print(f"{one.name:12} version {version}: mAP {test.after:.3f}  {test.difference:+.3f} [{low:+.3f}, {high:+.3f}]"
              f"  {cost[version]:.1f} ms of a processor")  # fmt: skip
        lines[version] = test.as_json() | {"cpu_ms": cost[version]}
    return {"set": one.name, "pictures": len(one.pictures), "versions": lines}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steel", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--versions", nargs="+", choices=list(RECIPES), default=list(RECIPES))
    options = parser.parse_args()
    results = [measure(one, options.versions) for one in read_sets(options.data, options.steel)]
    print(json.dumps({"benchmark": "look", "results": results}))


if __name__ == "__main__":
    main()
