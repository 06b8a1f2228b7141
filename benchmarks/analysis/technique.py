"""Measure how often kind and technique of single images are recognized, and whether their probabilities are true.

Run: python -m benchmarks.analysis.technique [--fit] [--stored]. Examples are the pictures of class_truth.csv, the
panels of panel_truth.csv, changed forms of both, and drawn pictures (benchmarks/analysis/kind_examples.py). Every paper
is judged by models that have not seen it. Then the models fitted on all judge the true boxes of composite/truth.json,
which is in no fit. `--fit` writes the models that ship; `--stored` only judges composite, with them. Sheets of the
wrong images are written to benchmarks/out/.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.analysis.figure_truth import DATA, OUT
from benchmarks.analysis.kind_examples import Example, all_examples
from benchmarks.analysis.miss_sheet import write_cells
from mirsearch.analysis.captions.split import split_caption
from mirsearch.analysis.kinds import kind as judging
from mirsearch.analysis.kinds.features import FEATURE_NAMES, measure_features
from mirsearch.analysis.kinds.model import CLASSES, KIND_OF, Model, fit_model, load_model
from mirsearch.analysis.kinds.texture import measure_texture
from mirsearch.imaging.images import read_pages

FOLDS = 5
PENALTY = 0.01
"""Of 0.003, 0.01 and 0.03 the one with the best likelihood on papers held out."""

DRAWN_WEIGHT = 0.3
"""How much a drawn picture counts against a real one, of 0.3, 0.6 and 1 chosen in the same way."""

EVENNESS = 0.7
"""Power of a form's total weight by which its pictures are divided: 1 makes all forms count the same."""

LEAST_EXAMPLES = 12
"""Least examples of a form with weights of its own; a rarer one joins the most frequent form of its class."""

SEED = 1


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Values of all examples: features and texture (n, …), class and form (n,), group, weight, realness, words."""

    features: np.ndarray
    textures: np.ndarray
    truth: np.ndarray
    groups: np.ndarray
    weights: np.ndarray
    real: np.ndarray
    words: list[str]
    thumbnails: list[np.ndarray]

    @property
    def both(self) -> np.ndarray:
        """Features and texture together."""
        return np.hstack([self.features, self.textures])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--stored", action="store_true")
    arguments = parser.parse_args()
    if arguments.stored:
        _judge_composite(load_model("features"), load_model("texture"))
        return
    examples = _measure(all_examples(SEED))
    forms, classes = number_forms(examples.features, examples.truth)
    print(f"{len(examples.truth)} examples, {int(examples.real.sum())} of them real; {len(classes)} forms")
    by_features, by_both = _cross_validate(examples, forms, classes)
    _print_techniques(examples, by_both)
    _print_kinds(examples, by_both)
    _print_reliability(examples, by_both)
    _print_surely_drawn(examples, by_features)
    _write_sheet(examples, by_both)
    models = _fit_both(examples, forms, classes, examples.weights > 0)
    _judge_composite(*models)
    if arguments.fit:
        for name, model in zip(("features", "texture"), models, strict=True):
            target = Path(judging.__file__).with_name(f"{name}.npy")
            target.write_bytes(model.pack())
            print(f"wrote {target.name}, {target.stat().st_size} bytes")


def _measure(examples: Iterable[Example]) -> Examples:
    rows = [
        (measure_features(e.pixels), measure_texture(e.pixels), CLASSES.index(e.name), e.group, e.weight, e.real,
         e.words, e.pixels if e.real else e.pixels[:1, :1])
        for e in examples
    ]  # fmt: skip
    features, textures, truth, groups, weights, real, words, pictures = zip(*rows, strict=True)
    return Examples(np.array(features), np.array(textures), np.array(truth), np.array(groups), np.array(weights),
                    np.array(real), list(words), list(pictures))  # fmt: skip


def number_forms(features: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each example's form, and the class of each form: gray or colored, on light ground or not."""
    column = {name: features[:, number] for number, name in enumerate(FEATURE_NAMES)}
    gray = (column["gray_lit"] > 0.93) | (column["tinted"] + column["colored"] < 0.02)
    form = 4 * truth + 2 * (column["light"] > 0.5) + gray
    counts = Counter(form.tolist())
    for name in set(truth.tolist()):
        own = [key for key in counts if key // 4 == name]
        largest = max(own, key=lambda key: counts[key])
        for key in own:
            if counts[key] < LEAST_EXAMPLES:
                form[form == key] = largest
    kept = np.unique(form)
    return np.searchsorted(kept, form), kept // 4


def _fit(values: np.ndarray, forms: np.ndarray, classes: np.ndarray, examples: Examples, chosen: np.ndarray) -> Model:
    """Fit a model to the chosen examples."""
    drawn = np.array([group.startswith("drawn") for group in examples.groups])
    weights = np.where(drawn, 2 * DRAWN_WEIGHT, 1.0) * examples.weights * chosen
    for form in range(len(classes)):
        total = weights[forms == form].sum()
        weights[forms == form] /= max(total, 1e-9) ** EVENNESS
    return fit_model(values[chosen], forms[chosen], classes, weights[chosen], PENALTY)


def _fit_both(examples: Examples, forms: np.ndarray, classes: np.ndarray, chosen: np.ndarray) -> tuple[Model, Model]:
    """Return the model of features alone, and that of features and texture, made less sure."""
    by_features = _fit(examples.features, forms, classes, examples, chosen)
    return by_features, _fit(examples.both, forms, classes, examples, chosen).tempered(judging.TEMPERATURE)


def _cross_validate(examples: Examples, forms: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of classes of all real pictures by features alone, and by features and texture."""
    results = [np.zeros((len(forms), len(CLASSES))) for _ in range(2)]
    order = np.random.default_rng(0).permutation(np.unique(examples.groups[examples.real]))
    for fold in range(FOLDS):
        held_out = np.isin(examples.groups, order[fold::FOLDS])
        models = _fit_both(examples, forms, classes, ~held_out)
        for model, values, result in zip(models, (examples.features, examples.both), results, strict=True):
            result[held_out] = model.probabilities(values[held_out])
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


def _judge_composite(features_model: Model, both_model: Model) -> None:
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
