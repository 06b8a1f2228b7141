"""Computes the constant reference means that ship with the default extractor.

    python benchmarks/reference_means.py [--data ../shared/data] [--out mirsearch/extractors/reference_means.npz]

The images are micrographs that have no part in benchmarks/retrieval.py: the nanoballs and emps collections whole, and
the micrograph, map and diffraction panels of the open-access articles. Each collection counts by its images; an
article's panels share the weight of at most three images, so that no article outweighs the rest. What is stored is one
mean for each level of the vector, nothing of any single image.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mirsearch.extractors.efficientnet import prepare, session, weights_path
from mirsearch.extractors.graph import pooled_model
from mirsearch.extractors.levels import LEVELS, SIDE
from mirsearch.extractors.weights import read_state_dict

REPOSITORY = Path(__file__).resolve().parent.parent
KINDS = {"micrograph", "map", "diffraction"}
ARTICLE_SHARE = 3.0

Pixels = NDArray[np.uint8]


def reference_images(data: Path) -> list[tuple[Pixels, float]]:
    """The images with the weight of each."""
    paths = sorted((data / "nanoballs").glob("*.tif")) + sorted((data / "emps").glob("*.png"))
    images = [(_rgb(path), 1.0) for path in paths]
    with (data / "panel_truth.csv").open(newline="", encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["kind"] in KINDS]
    counts = Counter(row["file"].split("/")[1] for row in rows)
    for row in rows:
        x0, y0, x1, y1 = (int(row[key]) for key in ("x0", "y0", "x1", "y1"))
        share = min(1.0, ARTICLE_SHARE / counts[row["file"].split("/")[1]])
        images.append((_rgb(data / row["file"])[y0:y1, x0:x1], share))
    return images


def _rgb(path: Path) -> Pixels:
    with Image.open(path) as image:
        if image.mode.startswith("I"):
            values = np.asarray(image, np.float64)
            span = max(float(np.ptp(values)), 1.0)
            image = Image.fromarray(((values - values.min()) / span * 255).astype(np.uint8))  # noqa: PLW2901
        return np.asarray(image.convert("RGB"))


def reference_means(images: list[tuple[Pixels, float]]) -> dict[str, NDArray[np.float32]]:
    """Weighted mean of each level over the images, by the level's key."""
    model = session(pooled_model(read_state_dict(weights_path()), LEVELS, SIDE).SerializeToString())
    weights = np.array([weight for _, weight in images])
    pooled = [model.run(None, {"image": prepare(image)[None]}) for image, _ in images]
    return {
        level.key: np.average([row[i][0] for row in pooled], axis=0, weights=weights).astype(np.float32)
        for i, level in enumerate(LEVELS)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "mirsearch" / "extractors" / "reference_means.npz")
    options = parser.parse_args()
    images = reference_images(options.data)
    means = reference_means(images)
    np.savez(options.out, allow_pickle=False, **means)
    for key, mean in means.items():
        print(f"{key:16} {mean.size:5} channels  mean {mean.mean():8.4f}  length {np.linalg.norm(mean):8.3f}")
    print(json.dumps({"images": len(images), "dims": sum(m.size for m in means.values()), "side": SIDE}))


if __name__ == "__main__":
    main()
