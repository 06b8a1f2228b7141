"""What the whole analysis of a figure costs, embedding included, against one whole-figure rapidocr pass.

Run: python -m benchmarks.analysis.analysis_speed [--figures N]. One thread each, same run, figures taken evenly from
panel_truth.csv; rapidocr runs at its own defaults. The first figure warms both up and is not counted.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time

os.environ["MIRSEARCH_THREADS"] = "1"

import cv2
import numpy as np

from benchmarks.analysis.figure_truth import figures
from mirsearch.analysis.analyzer import FigureAnalyzer
from mirsearch.analysis.ocr.rapid import RapidOcrEngine
from mirsearch.analysis.scalebars.detector import RunLengthDetector
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.imaging.images import read_pages


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=int, default=14)
    count = parser.parse_args().figures
    cv2.setNumThreads(1)
    everything = figures()
    chosen = everything[:: max(1, len(everything) // count)]
    whole = _rapidocr()
    analyzer, extractor = FigureAnalyzer(RapidOcrEngine(threads=1), RunLengthDetector()), EfficientNetExtractor()
    rows = []
    print(f"{'figure':<34}{'rapidocr s':>11}{'analysis s':>11}{'embed s':>9}{'ratio':>7}")
    for number, figure in enumerate([chosen[0], *chosen]):
        pixels = next(iter(read_pages(figure.path))).pixels
        started = time.perf_counter()
        whole(np.ascontiguousarray(pixels[:, :, ::-1]))
        passed = time.perf_counter()
        panels = analyzer.analyze(pixels, figure.caption)
        analyzed = time.perf_counter()
        crops = [pixels[p.box[1] : p.box[3], p.box[0] : p.box[2]] for p in panels]
        extractor.embed([np.ascontiguousarray(crop) for crop in crops])
        embedded = time.perf_counter()
        if number == 0:
            continue
        row = (passed - started, analyzed - passed, embedded - analyzed)
        rows.append(row)
        print(
            f"{figure.path.name:<34}{row[0]:>11.2f}{row[1]:>11.2f}{row[2]:>9.2f}{(row[1] + row[2]) / row[0]:>7.2f}",
            flush=True,
        )
    _print(np.array(rows))


def _rapidocr():  # type: ignore[no-untyped-def]
    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").disabled = True
    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1}
    return RapidOCR(params={"Global.log_level": "critical", **threads})


def _print(rows: np.ndarray) -> None:
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
