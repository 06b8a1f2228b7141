"""Computes the constant reference means that ship with the default extractor.

    python -m benchmarks.extractors.reference_means [--data ../shared/data] [--out
    mirsearch/extractors/reference_means.npz]

The images have no part in benchmarks/search/retrieval.py's three tasks: the nanoballs and emps collections, and
micrograph, map and diffraction panels of open-access articles; each is also taken tinted as other techniques show
their images (truth_images.tinted_references). What is stored is one mean for each level of the vector, nothing of any
single image.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.extractors.pooled import means
from benchmarks.search.truth_images import DATA, tinted_references
from mirsearch.extractors.efficientnet.levels import LEVELS, SIDE

OUT = Path(__file__).resolve().parents[2] / "mirsearch" / "extractors" / "efficientnet" / "reference_means.npz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    images = tinted_references(options.data)
    found = means(images, LEVELS, SIDE)
    np.savez(options.out, allow_pickle=False, **found)
    for key, mean in found.items():
        print(f"{key:16} {mean.size:5} channels  mean {mean.mean():8.4f}  length {np.linalg.norm(mean):8.3f}")
    print(json.dumps({"images": len(images), "dims": sum(mean.size for mean in found.values()), "side": SIDE}))


if __name__ == "__main__":
    main()
