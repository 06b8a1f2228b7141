"""Measure how often kind and technique of single images are recognized, and whether their probabilities are true.

Run: python -m benchmarks.analysis.technique --micrographs FOLDER [--fit], or --stored. Examples are the pictures of
class_truth.csv, the panels of panel_truth.csv, pictures of preprints (FOLDER, as benchmarks/extractors/learned.py has
it), changed and marked forms of these, and drawn pictures (benchmarks/analysis/kind_examples.py, kind_origins.py).
Every paper is judged by models that have not seen it. Then the models fitted on all judge the true boxes of
composite/truth.json, which is in no fit. `--fit` writes the models that ship; `--stored` only judges composite, with
them. Sheets of the wrong images are written to benchmarks/out/.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.analysis.figure_truth import DATA, OUT
from benchmarks.analysis.kind_examples import Example, all_examples
from benchmarks.analysis.kind_fitting import Examples, fit_models, measure_examples
from benchmarks.analysis.kind_origins import form_examples, marked_examples, preprint_forms
from benchmarks.analysis.miss_sheet import write_cells
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.kinds import kind as judging
from mirsearch.analysis.kinds.model import CLASSES, KIND_OF, Model, StagedModel, load_model, load_staged_model
from mirsearch.imaging.images import read_pages

FOLDS = 5
SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--stored", action="store_true")
    parser.add_argument("--micrographs", type=Path)
    arguments = parser.parse_args()
    if arguments.stored:
        _judge_composite(load_model("features"), load_staged_model())
        return
    if arguments.micrographs is None:
        parser.error("the folder of preprints' pictures is needed: --micrographs FOLDER")
    examples = measure_examples(_gather(arguments.micrographs))
    print(f"{len(examples.truth)} examples, {int(examples.real.sum())} of them real")
    by_features, by_both = _cross_validate(examples)
    for source in ("known", "preprints"):
        print(f"\npictures of the source {source!r}")
        own = replace(examples, real=examples.real & (examples.sources == source))
        _print_techniques(own, by_both)
        _print_kinds(own, by_both)
        _print_reliability(own, by_both)
        _print_surely_drawn(own, by_features)
    _write_sheet(examples, by_both)
    models = fit_models(examples, examples.weights > 0)
    _judge_composite(*models)
    if arguments.fit:
        staged = models[1]
        for name, model in (("features", models[0]), ("kinds", staged.kinds), ("texture", staged.classes)):
            target = Path(judging.__file__).with_name(f"{name}.npy")
            target.write_bytes(model.pack())
            print(f"wrote {target.name}, {target.stat().st_size} bytes")


def _gather(micrographs: Path) -> Iterator[Example]:
    yield from all_examples(SEED)
    yield from preprint_forms(micrographs)
    yield from form_examples()
    yield from marked_examples(micrographs)


def _cross_validate(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of classes of all real pictures by features alone, and by features and texture."""
    results = [np.zeros((len(examples.truth), len(CLASSES))) for _ in range(2)]
    order = np.random.default_rng(0).permutation(np.unique(examples.groups[examples.real]))
    for fold in range(FOLDS):
        held_out = np.isin(examples.groups, order[fold::FOLDS])
        by_features, by_both = fit_models(examples, ~held_out)
        results[0][held_out] = by_features.probabilities(examples.features[held_out])
        results[1][held_out] = by_both.probabilities(examples.both[held_out])
    return results[0], results[1]


def _judge(pixels: np.ndarray, words: str = "") -> tuple[str, str | None, float]:
    found = judging.judge(pixels, words, "", False)
    return found.kind, found.technique, found.technique_confidence


def _print_techniques(examples: Examples, probabilities: np.ndarray) -> None:
    """Print how often the technique of real micrographs and maps is told rightly, and how often it isn't told."""
    print(f"\n{'technique':<14}{'images':>7}{'pixels':>8}{'not told':>9}{'+ caption':>11}{'not told':>9}")
    summary = Counter[str]()
    for name in CLASSES[6:]:
        chosen = np.flatnonzero(examples.real & (examples.truth == CLASSES.index(name)))
        counts = Counter[str]()
        for n in chosen:
            for way, words in (("pixels", ""), ("caption", examples.words[n])):
                told = _judge(probabilities[n], words)[1]
                counts[way] += told == name
                counts[f"{way} None"] += told is None
        summary.update(counts)
        summary["images"] += len(chosen)
        if len(chosen):
            shares = [counts[key] / len(chosen) for key in ("pixels", "pixels None", "caption", "caption None")]
            print(f"{name:<14}{len(chosen):>7}{shares[0]:>8.2f}{shares[1]:>9.2f}{shares[2]:>11.2f}{shares[3]:>9.2f}")
    told = {key: round(value / summary["images"], 3) for key, value in summary.items() if key != "images"}
    print(json.dumps({"benchmark": "technique", "images": summary["images"], **told}))


def _print_kinds(examples: Examples, probabilities: np.ndarray) -> None:
    """Print how often the kind of real pictures is told rightly, with their captions."""
    table, right, micrograph = Counter[tuple[str, str]](), 0, 0
    chosen = np.flatnonzero(examples.real)
    for n in chosen:
        true, told = KIND_OF[CLASSES[examples.truth[n]]], _judge(probabilities[n], examples.words[n])[0]
        table[true, told] += 1
        right += true == told
        micrograph += (true == "micrograph") == (told == "micrograph")
    _print_table(table)
    shares = {"kind": round(right / len(chosen), 3), "micrograph_or_not": round(micrograph / len(chosen), 3)}
    print(json.dumps({"benchmark": "kinds, papers held out", "images": len(chosen), **shares}))


def _print_table(table: Counter[tuple[str, str]]) -> None:
    answers = sorted({told for _, told in table})
    print("\nkind (rows: true)" + "".join(f"{name:>13}" for name in answers))
    for name in sorted({true for true, _ in table}):
        print(f"{name:<17}" + "".join(f"{table[name, answer]:>13}" for answer in answers))


def _print_reliability(examples: Examples, probabilities: np.ndarray) -> None:
    """Print, by confidence, how many techniques told were right, of real pictures with and without captions."""
    print(f"\n{'confidence':<12}{'pixels':>10}{'right':>8}{'+ caption':>12}{'right':>8}")
    edges = (0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.01)
    told = [
        [(confidence, technique == CLASSES[examples.truth[n]]) for n in np.flatnonzero(examples.real)
         for _, technique, confidence in [_judge(probabilities[n], examples.words[n] if captions else "")] if technique]
        for captions in (False, True)
    ]  # fmt: skip
    for low, high in pairwise(edges):
        bins = [[right for confidence, right in way if low <= confidence < high] for way in told]
        shares = [np.mean(bin_) if bin_ else float("nan") for bin_ in bins]
        print(f"{low:.2f}–{min(high, 1):.2f}   {len(bins[0]):>10}{shares[0]:>8.2f}{len(bins[1]):>12}{shares[1]:>8.2f}")


def _print_surely_drawn(examples: Examples, probabilities: np.ndarray) -> None:
    """Print how many real drawings are surely drawn, and how many pictures are so wrongly."""
    drawn = np.array([KIND_OF[CLASSES[n]] in judging.DRAWN for n in examples.truth])
    sure = np.array([judging.is_surely_drawn(*row) for row in zip(examples.features, probabilities, strict=True)])
    real = examples.real
    print(f"\nsurely drawn: {int((sure & drawn & real).sum())} of {int((drawn & real).sum())} drawings, "
          f"{int((sure & ~drawn & real).sum())} of {int((~drawn & real).sum())} pictures")  # fmt: skip


def _judge_composite(features_model: Model, both_model: StagedModel) -> None:
    """Print how the true boxes of composite/truth.json are judged, with their captions."""
    truth = json.loads((DATA / "composite" / "truth.json").read_text(encoding="utf-8"))
    table, counts, wrong, seconds = Counter[tuple[str, str]](), Counter[str](), [], []
    for name, figure in truth.items():
        pixels, parts = (
            next(iter(read_pages(DATA / "composite" / figure["file"]))).pixels,
            split_caption(figure["caption"]),
        )
        for panel in figure["panels"]:
            x0, y0, x1, y1 = panel["box"]
            crop = np.ascontiguousarray(pixels[y0:y1, x0:x1])
            words = parts.words_for(panel["letter"]) if panel["letter"] else parts.caption
            started = time.perf_counter()
            found = judging.classify_by(features_model, both_model, crop, words)
            seconds.append(time.perf_counter() - started)
            kinds, techniques = panel["kind"].split("|"), (panel["technique"] or "").split("|")
            table[panel["kind"], found.kind] += 1
            counts["surely drawn, wrongly"] += found.surely_drawn and "micrograph" in kinds
            counts["surely drawn"] += found.surely_drawn
            if len(kinds) == 1:
                counts["images"] += 1
                counts["micrograph or not"] += (found.kind == "micrograph") == (kinds == ["micrograph"])
            if panel["technique"] and "micrograph" in kinds:
                counts["techniques"] += 1
                counts["right"] += found.technique in techniques
                counts["not told"] += found.technique is None
            if (found.kind == "micrograph") != ("micrograph" in kinds):
                wrong.append((f"{name}{panel['letter']}: {panel['kind']}, told {found.kind}", crop))
    _print_table(table)
    write_cells(wrong, OUT / "composite_kinds.png")
    print(json.dumps({"benchmark": "composite", **counts, "ms_median": round(1e3 * float(np.median(seconds)), 1)}))


def _write_sheet(examples: Examples, probabilities: np.ndarray) -> None:
    """Write the real pictures whose technique or kind is told wrongly."""
    cells = []
    for n in np.flatnonzero(examples.real):
        true = CLASSES[examples.truth[n]]
        kind, technique, _ = _judge(probabilities[n], examples.words[n])
        if kind != KIND_OF[true] or (technique is not None and technique != true):
            cells.append((f"{true}, told {kind} {technique or ''}", examples.thumbnails[n]))
    write_cells(cells, OUT / "technique_misses.png")


if __name__ == "__main__":
    main()
