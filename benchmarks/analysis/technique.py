"""Measure how often the technique of a micrograph is recognized: class_truth.csv, 9 classes, 5 folds by paper.

Run: python -m benchmarks.analysis.technique [--fit]. A sheet of the images that are wrong in most splits, with their
captions, is written to benchmarks/out/. `--fit` writes the discriminants that ship, fitted on all examples.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.analysis.figure_truth import OUT
from benchmarks.analysis.miss_sheet import write_cells
from mirsearch.analysis.kinds import technique
from mirsearch.analysis.kinds.kind import best_technique
from mirsearch.imaging.images import read_pages

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
NAMES = {"STEM-DF": "STEM", "Optical": "optical", "Fluorescence": "fluorescence", "EDX-map": "EDX"}
SEEDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true")
    arguments = parser.parse_args()
    rows = list(csv.DictReader((DATA / "class_truth.csv").open(encoding="utf-8")))
    captions = _read_captions()
    textures = np.array([technique.measure_texture(next(iter(read_pages(DATA / row["file"]))).pixels) for row in rows])
    truth = [NAMES.get(row["class"], row["class"]) for row in rows]
    words = [captions.get(Path(row["file"]).name, "") for row in rows]
    papers = np.array([row["paper"] for row in rows])
    results = [_cross_validate(textures, truth, words, papers, seed) for seed in range(SEEDS)]
    _print(truth, results)
    _write_sheet(rows, truth, results)
    if arguments.fit:
        target = Path(technique.__file__).with_name("technique.npz")
        target.write_bytes(technique.pack_discriminants(technique.fit_discriminants(textures, truth)))
        print(f"wrote {target.name}, {target.stat().st_size} bytes")


def _read_captions() -> dict[str, str]:
    with (DATA / "micrograph_extractor" / "captions.csv").open(encoding="utf-8") as file:
        return {row["file"]: row["caption"] for row in csv.DictReader(file)}


def _cross_validate(
    textures: np.ndarray, truth: list[str], words: list[str], papers: np.ndarray, seed: int
) -> tuple[list[str], list[str]]:
    """Return answers from pixels alone and from pixels with captions; no model has seen the paper it is asked about."""
    order = np.random.default_rng(seed).permutation(np.unique(papers))
    alone, both = [""] * len(truth), [""] * len(truth)
    for fold in range(5):
        held_out = np.isin(papers, order[fold::5])
        model = technique.fit_discriminants(
            textures[~held_out], [name for name, out in zip(truth, held_out, strict=True) if not out]
        )
        for n in np.flatnonzero(held_out):
            log_probs = model.log_probs(textures[n])
            alone[n] = max(log_probs, key=lambda name: log_probs[name])
            both[n] = best_technique(log_probs, words[n], "micrograph")[0] or ""
    return alone, both


def _print(truth: list[str], results: list[tuple[list[str], list[str]]]) -> None:
    scores = np.array(
        [[np.mean([a == t for a, t in zip(way, truth, strict=True)]) for way in both] for both in results]
    )
    print(f"{'technique':<14}{'images':>7}{'pixels':>8}{'+ caption':>11}")
    for name, count in sorted(Counter(truth).items()):
        shares = [
            np.mean([way[n] == name for both in results for way in [both[k]] for n, t in enumerate(truth) if t == name])
            for k in (0, 1)
        ]
        print(f"{name:<14}{count:>7}{shares[0]:>8.2f}{shares[1]:>11.2f}")
    for way, answers in (("pixels", 0), ("pixels + caption", 1)):
        wrong = Counter((t, a) for both in results for t, a in zip(truth, both[answers], strict=True) if t != a)
        print(
            f"most often mistaken, {way}: "
            + ", ".join(f"{t} for {a} ({n / SEEDS:.1f})" for (t, a), n in wrong.most_common(6))
        )
    summary = {"benchmark": "technique", "images": len(truth), "pixels": round(float(scores[:, 0].mean()), 3),
               "pixels_and_caption": round(float(scores[:, 1].mean()), 3),
               "spread_over_splits": [round(float(s), 3) for s in scores.std(axis=0)]}  # fmt: skip
    print(json.dumps(summary))


def _write_sheet(rows: list[dict[str, str]], truth: list[str], results: list[tuple[list[str], list[str]]]) -> None:
    """Write the images that are wrong, with their captions, in most splits."""
    cells = []
    for number, (row, true) in enumerate(zip(rows, truth, strict=True)):
        answer, times = Counter(both[number] for _, both in results).most_common(1)[0]
        if answer != true and times > SEEDS // 2:
            pixels = next(iter(read_pages(DATA / row["file"]))).pixels
            cells.append((f"{Path(row['file']).stem[:30]}: {true}, told {answer}", pixels))
    write_cells(cells, OUT / "technique_misses.png")


if __name__ == "__main__":
    main()
