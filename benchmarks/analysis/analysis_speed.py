"""Measure the time of a figure's whole analysis, embedding included, against one rapidocr pass over the figure.

Run: python -m benchmarks.analysis.analysis_speed [--figures N] [--truth FILE]. All use one thread in the same run. The
figures are taken evenly from panel_truth.csv, or with --truth from a truth.json beside its figures, as
../shared/data/composite/truth.json. rapidocr runs at its own defaults. The first figure, mirrored, only warms up and is
not counted: as it is, its lines would then be known. Seconds are those of the thread, so that other programs disturb
them little.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path

os.environ["MIRSEARCH_THREADS"] = "1"

import cv2
import numpy as np

from benchmarks.analysis.figure_truth import read_figures
from mirsearch.analysis.analyzer import FigureAnalyzer
from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.scalebars.detector import RunLengthDetector
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.imaging.images import read_pages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=int, default=14)
    parser.add_argument("--truth", type=Path)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    all_figures = _read_figures(arguments.truth)
    chosen = all_figures[:: max(1, len(all_figures) // arguments.figures)]
    rapidocr = _build_rapidocr()
    analyzer, extractor = FigureAnalyzer(RapidOcrEngine(threads=1), RunLengthDetector()), EfficientNetExtractor()
    rows = []
    print(f"{'figure':<34}{'rapidocr s':>11}{'analysis s':>11}{'embed s':>9}{'ratio':>7}")
    for number, (path, caption) in enumerate([chosen[0], *chosen]):
        pixels = next(iter(read_pages(path))).pixels
        if number == 0:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
        started = time.thread_time()
        rapidocr(np.ascontiguousarray(pixels[:, :, ::-1]))
        ocr_done = time.thread_time()
        panels = analyzer.analyze(pixels, caption)
        analysis_done = time.thread_time()
        crops = [pixels[p.box[1] : p.box[3], p.box[0] : p.box[2]] for p in panels]
        extractor.embed([np.ascontiguousarray(crop) for crop in crops])
        embedding_done = time.thread_time()
        if number == 0:
            continue
        row = (ocr_done - started, analysis_done - ocr_done, embedding_done - analysis_done)
        rows.append(row)
        print(
            f"{path.name:<34}{row[0]:>11.2f}{row[1]:>11.2f}{row[2]:>9.2f}{(row[1] + row[2]) / row[0]:>7.2f}",
            flush=True,
        )
    _print_summary(np.array(rows))


def _read_figures(truth: Path | None) -> Sequence[tuple[Path, str]]:
    """Return path and caption of each figure of a truth.json, or of panel_truth.csv without one."""
    if truth is None:
        return [(figure.path, figure.caption) for figure in read_figures()]
    figures = json.loads(truth.read_text(encoding="utf-8")).values()
    return [(truth.parent / figure["file"], figure.get("caption", "")) for figure in figures]


def _build_rapidocr():  # type: ignore[no-untyped-def]
    """Return rapidocr at its own defaults, on one thread."""
    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").disabled = True
    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1}
    return RapidOCR(params={"Global.log_level": "critical", **threads})


def _print_summary(rows: np.ndarray) -> None:
    """Print the sums and ratios of all figures as one JSON line."""
    ours = rows[:, 1] + rows[:, 2]
    print(json.dumps({
        "benchmark": "analysis_speed", "figures": len(rows), "rapidocr_s": round(float(rows[:, 0].sum()), 2),
        "analysis_s": round(float(ours.sum()), 2),
        "ratio_of_sums": round(float(ours.sum() / rows[:, 0].sum()), 3),
        "ratio_median": round(float(np.median(ours / rows[:, 0])), 3),
        "ratio_worst": round(float((ours / rows[:, 0]).max()), 3),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
