"""Computes the constant reference means of the default extractor's version 1, which are part of the package.

    python -m benchmarks.extractors.reference_means [--data ../shared/data] [--out
    mirsearch/extractors/efficientnet/reference_means.npz]

The images are not used in the three tasks of benchmarks/search/retrieval.py. They are the nanoballs and emps
collections, and micrograph, map and diffraction panels of open-access articles. Each image is also used with the colors
of other techniques (truth_images.tinted_references). The file contains one mean for each level of the vector, and
nothing of a single image.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.extractors.pooled import weighted_means
from benchmarks.search.truth_images import DATA, tinted_references
from mirsearch.extractors.efficientnet.levels import RECIPES

OUT = Path(__file__).resolve().parents[2] / "mirsearch" / "extractors" / "efficientnet" / "reference_means.npz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    recipe = RECIPES["1"]
    images = tinted_references(options.data)
    means = weighted_means(images, recipe.levels, recipe.side)
    np.savez(options.out, allow_pickle=False, **means)
    for key, mean in means.items():
        print(f"{key:16} {mean.size:5} channels  mean {mean.mean():8.4f}  length {np.linalg.norm(mean):8.3f}")
    print(json.dumps({"images": len(images), "dims": sum(mean.size for mean in means.values()), "side": recipe.side}))


if __name__ == "__main__":
    main()
