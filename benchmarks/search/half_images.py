"""Measure how often one half of an image finds its whole, among the images of figures whose letters name several.

    python -m benchmarks.search.half_images --truth ../shared/data/composite/truth.json [--top 10]

The truth's boxes of micrographs are embedded as a whole; then the left and the right half of each are queries. It
prints the share of halves whose whole is among the first TOP by visual distance. Chance is TOP over the
number of images.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.imaging.images import read_pages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--top", type=int, default=10)
    arguments = parser.parse_args()
    images = _read_images(arguments.truth)
    extractor = EfficientNetExtractor()
    wholes = np.array([extractor.embed([image])[0] for image in images])
    found = []
    for number, image in enumerate(images):
        middle = image.shape[1] // 2
        for half in (image[:, :middle], image[:, middle:]):
            vector = extractor.embed([np.ascontiguousarray(half)])[0]
            rank = int(np.count_nonzero(wholes @ vector > wholes[number] @ vector)) + 1
            found.append(rank <= arguments.top)
    share = float(np.mean(found))
    print(
        f"{sum(found)} of {len(found)} halves find their whole among the first {arguments.top} of {len(images)} images"
    )
    print(
        json.dumps({"benchmark": "half_images", "images": len(images), "top": arguments.top, "found": round(share, 4)})
    )


def _read_images(truth: Path) -> list[np.ndarray]:
    """Return the micrographs of the figures in a truth.json, RGB uint8 (h, w, 3)."""
    images = []
    for figure in json.loads(truth.read_text(encoding="utf-8")).values():
        pixels = next(iter(read_pages(truth.parent / figure["file"]))).pixels
        for panel in figure["panels"]:
            if "micrograph" in panel["kind"]:
                x0, y0, x1, y1 = panel["box"]
                images.append(np.ascontiguousarray(pixels[y0:y1, x0:x1]))
    return images


if __name__ == "__main__":
    main()
