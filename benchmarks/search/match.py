"""Fit and check how likely a hit shows the same kind of thing: the constants of mirsearch/search/match.py.

    python -m benchmarks.search.match --micrographs FOLDER [--steel FOLDER] [--judged CSV]

FOLDER has pictures of preprints named STUDY_fig_…, as `micrographs/` of tldr-group/micrograph_extractor (MIT). --steel
has the pictures micrographN.jpg of UHCS-3 with label_list.pkl beside their folder, as examples/data/dataset2 of
mikedwhite/microstructural-fingerprinting-tools. judged_pairs.csv has pairs of a picture and the nearest of another
study, with whether they show the same kind of thing: 1, 0, or 0.5 for doubtful, judged by eye by one person.

Corpora of 50 to 800 panels are drawn, whole studies at a time (at most 10 pictures of each), with and without other
pictures of the query's study. It prints the fits, and reliability tables in which a study's own pictures had no part in
the fit, for the nearest hit and for the next nine; and how often each word is said with and without such pictures.
"""

from __future__ import annotations

import argparse
import csv
import json
import pickletools
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.truth_images import DATA
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.imaging.images import open_picture
from mirsearch.search.match import MOST_SAME_KIND, NONE, STRONG

Floats = NDArray[np.float64]
SIZES = (50, 100, 200, 400, 800)
PER_STUDY, QUERIES_PER_STUDY, FOLDS, FIRST = 10, 15, 10, 10
JUDGED = Path(__file__).parent / "judged_pairs.csv"
BINS = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.001)


def read_pictures(micrographs: Path, steel: Path | None) -> tuple[list[Path], NDArray[np.str_]]:
    """Return picture files and the study or class of each."""
    files = sorted(micrographs.glob("*.jpg"))
    studies = [re.sub(r"_fig_.*|_f\d+_s\d+.*", "", path.stem) for path in files]
    if steel is not None:
        data = next(steel.rglob("label_list.pkl")).read_bytes()  # read op by op: unpickling could run code
        labels = [value for op, value, _ in pickletools.genops(data) if op.name == "BININT1"]
        for path in sorted(steel.rglob("micrograph*.jpg")):
            files.append(path)
            studies.append(f"steel {labels[int(path.stem.removeprefix('micrograph'))]}")
    return files, np.array(studies)


def embed(files: Sequence[Path]) -> Floats:
    """Return the vectors of pictures, (pictures, dims)."""
    extractor = EfficientNetExtractor()
    return np.array([extractor.embed([open_picture(path).pixels])[0] for path in files], np.float64)


def draw_trials(distance: Floats, studies: NDArray[np.str_]) -> dict[str, NDArray]:
    """Return the first hits of questions in drawn corpora: study, panels, has_kin, rank, distance, is_same."""
    rng = np.random.default_rng(0)
    names = sorted(set(studies))
    members = {name: np.flatnonzero(studies == name) for name in names}
    rows = []
    for name in names:
        own = members[name]
        for query in rng.permutation(own)[:QUERIES_PER_STUDY] if len(own) > 1 else ():
            for size in SIZES:
                for has_kin in (False, True):
                    kin = rng.permutation(own[own != query])[:PER_STUDY] if has_kin else own[:0]
                    others = [rng.permutation(members[other])[:PER_STUDY] for other in rng.permutation(names)
                              if other != name]  # fmt: skip
                    corpus = np.concatenate([kin, *others])[:size]
                    nearest = corpus[np.argsort(distance[query, corpus])[:FIRST]]
                    rows += [
                        (name, len(corpus), has_kin, rank, distance[query, panel], studies[panel] == name)
                        for rank, panel in enumerate(nearest, 1)
                    ]
    columns = ("study", "panels", "has_kin", "rank", "distance", "is_same")
    return {column: np.array(values) for column, values in zip(columns, zip(*rows, strict=True), strict=True)}


def fit_logistic(features: Floats, truth: Floats) -> Floats:
    """Return the factors of a logistic regression, by Newton's method. `truth` may lie between 0 and 1."""
    factors = np.zeros(features.shape[1])
    for _ in range(50):
        expected = predict(features, factors)
        weight = expected * (1 - expected) + 1e-9
        curvature = (features.T * weight) @ features + 1e-6 * np.eye(len(factors))
        factors += np.linalg.solve(curvature, features.T @ (truth - expected) - 1e-6 * factors)
    return factors


def predict(features: Floats, factors: Floats) -> Floats:
    """Return the probabilities."""
    return np.asarray(1 / (1 + np.exp(-features @ factors)))


def study_features(distance: Floats, panels: Floats) -> Floats:
    """Return 1, ln(distance) and ln(panels)."""
    return np.c_[np.ones(len(distance)), np.log(np.maximum(distance, 0.005)), np.log(panels)]


def kind_features(distance: Floats) -> Floats:
    """Return 1 and the distance."""
    return np.c_[np.ones(len(distance)), distance]


def held_out(features: Floats, truth: Floats, studies: NDArray[np.str_], train: NDArray[np.bool_]) -> Floats:
    """Return the probabilities of each row, from fits to the rows of `train` of other studies."""
    fold = np.unique(studies, return_inverse=True)[1] % FOLDS
    found = np.zeros(len(truth))
    for number in range(FOLDS):
        chosen = train & (fold != number)
        found[fold == number] = predict(features[fold == number], fit_logistic(features[chosen], truth[chosen]))
    return found


def print_reliability(title: str, told: Floats, truth: Floats) -> list[tuple[float, float, int]]:
    """Print what was told and what was true, by bins of what was told."""
    print(f"{title}\n{'told':>12} {'mean':>6} {'true':>6} {'hits':>7}")
    lines = []
    for low, high in pairwise(BINS):
        inside = (told >= low) & (told < high)
        if inside.any():
            lines.append(
                (round(float(told[inside].mean()), 3), round(float(truth[inside].mean()), 3), int(inside.sum()))
            )
            print(f"{low:5.2f}-{min(high, 1):5.2f}  {lines[-1][0]:6.3f} {lines[-1][1]:6.3f} {lines[-1][2]:7}")
    return lines


def read_judged(path: Path, files: Sequence[Path], distance: Floats) -> tuple[Floats, Floats]:
    """Return the distance of each judged pair, and its verdict."""
    places = {file.name: number for number, file in enumerate(files)}
    with path.open(newline="", encoding="utf-8") as table:
        rows = [(places[row["image"]], places[row["nearest_of_another_paper"]], float(row["same_kind"]))
                for row in csv.DictReader(table)]  # fmt: skip
    return np.array([distance[one, other] for one, other, _ in rows]), np.array([verdict for *_, verdict in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--micrographs", type=Path, default=DATA / "micrograph_extractor")
    parser.add_argument("--steel", type=Path)
    parser.add_argument("--judged", type=Path, default=JUDGED)
    arguments = parser.parse_args()
    files, studies = read_pictures(arguments.micrographs, arguments.steel)
    vectors = embed(files)
    distance = np.clip(1 - vectors @ vectors.T, 0, 2)
    trials = draw_trials(distance, studies)
    is_first, truth = trials["rank"] == 1, trials["is_same"].astype(float)
    features = study_features(trials["distance"], trials["panels"])
    same_study = fit_logistic(features[is_first], truth[is_first])
    told = held_out(features, truth, trials["study"], is_first)
    tables = {
        "nearest": print_reliability("same study, nearest hit", told[is_first], truth[is_first]),
        "next": print_reliability("same study, hits 2 to 10", told[~is_first], truth[~is_first]),
    }
    pairs, verdicts = read_judged(arguments.judged, files, distance)
    same_kind = fit_logistic(kind_features(pairs), verdicts)
    each = np.arange(len(pairs)).astype(str)
    tables["judged"] = print_reliability("same kind, other study, judged by eye", held_out(
        kind_features(pairs), verdicts, each, np.ones(len(pairs), bool)), verdicts)  # fmt: skip
    other = np.minimum(predict(kind_features(trials["distance"]), same_kind), MOST_SAME_KIND)
    whole = told + (1 - told) * other
    words = {}
    for has_kin in (True, False):
        chosen = whole[is_first & (trials["has_kin"] == has_kin)]
        shares = {"strong": (chosen >= STRONG).mean(), "none": (chosen < NONE).mean()}
        words["with others of the study" if has_kin else "without"] = {k: round(float(v), 3) for k, v in shares.items()}
    print("share of questions told strong or none:", words)
    result = {"same_study": same_study.round(3).tolist(), "same_kind": same_kind.round(3).tolist()}
    print(json.dumps({"benchmark": "match", "pictures": len(files), **result, "tables": tables, "words": words}))


if __name__ == "__main__":
    main()
