"""Compare a trained scale-bar detector with the default one on the bars of ../shared/data, with labels or captions.

    python -m benchmarks.analysis.detector MODEL [--data FOLDER] [--every N]

MODEL is the name of an installed model or a .mirmodel file. AP50 and AP75 compare boxes grown as in training. `found`
is the share of panels whose best candidate is the panel's bar. `right` is the share whose length is also within 3 % or
2 px. A bar that the truth does not name counts as wrong.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from benchmarks.search.truth_images import DATA
from mirsearch.analysis.scalebars.faster_rcnn import BAR, FasterRcnnDetector
from mirsearch.imaging.images import open_picture
from mirsearch.training.detection_data import Sample, make_sample
from mirsearch.training.detector_comparison import compare_detectors

TABLES = ("scale_truth.csv", "caption_scale_truth.csv")


def load_panels(data: Path, every: int) -> list[Sample]:
    """Return every n-th panel with a measured bar."""
    rows = []
    for table in TABLES:
        with (data / table).open(newline="", encoding="utf-8") as stream:
            rows += [row for row in csv.DictReader(stream) if row["bar_bbox"]]
    samples = []
    for row in rows[::every]:
        pixels = open_picture(data / row["file"]).pixels
        whole_image = f"0,0,{pixels.shape[1]},{pixels.shape[0]}"
        x0, y0, x1, y1 = (int(edge) for edge in (row["panel_bbox"] or whole_image).split(","))
        bar = [int(edge) for edge in row["bar_bbox"].split(",")]
        samples.append(make_sample(pixels[y0:y1, x0:x1], [bar], [BAR], [float(row["bar_length_px"])], (x0, y0)))
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--every", type=int, default=1, help="take every n-th panel only")
    options = parser.parse_args()
    if not (options.data / TABLES[0]).is_file():
        parser.error(f"{options.data} has no {TABLES[0]}: give its folder with --data FOLDER")
    measured = compare_detectors(FasterRcnnDetector(options.model), load_panels(options.data, options.every))
    print(f"{'detector':8} {'AP50':>6} {'AP75':>6} {'found':>6} {'right':>6} {'length error':>12}  panels")
    for name, scores in measured.items():
        print(
            f"{name:8} {scores.ap50:6.3f} {scores.ap75:6.3f} {scores.found:6.3f} {scores.right:6.3f} "
            f"{100 * scores.length_error:11.2f}%  {scores.pictures:6}"
        )
    print(json.dumps({name: scores.as_json() for name, scores in measured.items()}))


if __name__ == "__main__":
    main()
