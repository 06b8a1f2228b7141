"""Learns the constants of the default extractor's version 2: means, whitening, and how a technique is told.

    python -m benchmarks.extractors.learned --micrographs FOLDER [--data ../shared/data] [--out learned.npz]

FOLDER has pictures of preprints and their labels.csv, as `micrographs/` of tldr-group/micrograph_extractor (MIT).
Preprints with a picture in class_truth.csv have no part in it, so that benchmarks/search/look.py measures on others.

- Means: of the references and their tinted copies (truth_images.tinted_references), as in version 1.
- Whitening of each level: directions in which the left and right halves of one picture differ get small (Mikolajczyk,
  Matas, ICCV 2007), then those in which all pictures vary most (Jégou, Chum, ECCV 2012), each by a part of the way.
- Techniques: a logistic model of what captions tell (as a language model read them), each preprint and each technique
  weighing no more than its square root; references tinted as fluorescence, elemental map and AFM take part.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.extractors.pooled import Pooled
from benchmarks.search.truth_images import (
    DATA,
    Pixels,
    left_half,
    read_labeled_images,
    read_references,
    right_half,
    tinted_references,
)
from mirsearch.extractors.efficientnet.extractor import open_session, resize_area, weights_path
from mirsearch.extractors.efficientnet.graph import pooled_model
from mirsearch.extractors.efficientnet.levels import RECIPES, VERSION
from mirsearch.extractors.efficientnet.weights import read_state_dict
from mirsearch.imaging.images import open_picture
from mirsearch.settings import thread_count

Floats = NDArray[np.float64]
OUT = Path(__file__).resolve().parents[2] / "mirsearch" / "extractors" / "efficientnet" / RECIPES[VERSION].constants
WITHIN, ACROSS, FLOOR = 0.5, 0.4, 0.1
"""How far each whitening goes, from 0 (not at all) to 1, and what is added to each variance, of their mean."""
RIDGE = 3e-4
TECHNIQUES = {
    "EDX": ("EDX", "EDS", "ENERGY-DISP", "MAPPING"), "STEM": ("STEM", "HAADF", "SCANNING TRANSM"),
    "Cryo-TEM": ("CRYO",), "HRTEM": ("HRTEM", "HR-TEM", "HIGH-RES"), "SEM": ("SEM", "SCANNING ELECTRON"),
    "TEM": ("TEM", "TRANSMISSION ELECTRON"), "AFM": ("AFM", "ATOMIC FORCE"), "STM": ("STM", "TUNNEL"),
    "fluorescence": ("FLUOR", "CONFOCAL", "SUPER-RES"), "optical": ("OPTICAL", "BRIGHT", "LIGHT", "POLAR"),
}  # fmt: skip
"""Words of a label that tell a technique: the first technique that has one counts."""
TINTS = ("fluorescence", "EDX", "AFM")


def technique_of(label: str) -> str:
    """Return the technique that a label tells, "" for none."""
    words = label.upper()
    return next((name for name, tells in TECHNIQUES.items() if any(word in words for word in tells)), "")


def read_micrographs(folder: Path, left_out: set[str]) -> tuple[list[Pixels], list[str], list[str]]:
    """Return the pictures of preprints, their techniques and preprints."""
    csv.field_size_limit(1 << 24)
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.reader(table, delimiter="|", quoting=csv.QUOTE_NONE))
    labels = {re.sub(r"_f(\d+)_s(\d+)$", r"_fig_\1_\2", row[1]): row[3] for row in rows if len(row) > 3}
    pictures, techniques, papers = [], [], []
    for path in sorted(folder.glob("*.jpg")):
        paper = re.sub(r"_fig_.*$", "", path.stem)
        if paper not in left_out:
            pictures.append(open_picture(path).pixels)
            techniques.append(technique_of(labels.get(path.stem, "")))
            papers.append(paper)
    return pictures, techniques, papers


def pool(images: Sequence[Pixels]) -> Pooled:
    """Return the pooled values of each level of version 2, (images, channels)."""
    recipe = RECIPES[VERSION]
    model = open_session(pooled_model(read_state_dict(weights_path()), recipe.levels, None).SerializeToString())

    def run(pixels: Pixels) -> list[NDArray[np.float32]]:
        return [values[0] for values in model.run(None, {"image": resize_area(pixels, recipe.side)[None]})]

    with ThreadPoolExecutor(thread_count()) as workers:
        rows = list(workers.map(run, images))
    return {level.key: np.stack([row[i] for row in rows]) for i, level in enumerate(recipe.levels)}


def unit(rows: NDArray[Any]) -> Floats:
    """Return rows of unit length."""
    wide = np.asarray(rows, np.float64)
    return wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)


def shrink(rows: Floats, power: float) -> Floats:
    """Return the matrix that divides each main direction of rows (n, d) by a power of its deviation."""
    variances, directions = np.linalg.eigh(rows.T @ rows / len(rows))
    variances = np.maximum(variances, 0)
    return directions * (variances + FLOOR * variances.mean()) ** (-power / 2)


def learn_whitening(left: Floats, right: Floats, whole: Floats) -> Floats:
    """Return the whitening (d, d) of unit rows, from halves of the same pictures and from whole pictures."""
    first = shrink(left - right, WITHIN)
    matrix = first @ shrink(whole @ first, ACROSS)
    return matrix / np.abs(matrix).max()


def learn_techniques(rows: Floats, techniques: NDArray[np.str_], papers: NDArray[np.str_]) -> tuple[Floats, Floats]:
    """Return the weights (d, techniques) and the bias of a logistic model, techniques in the order of their names."""
    from scipy.optimize import minimize

    names = np.unique(techniques)
    truth = (techniques[:, None] == names).astype(np.float64)
    number = np.unique(papers, return_inverse=True)[1]
    weight = 1 / np.sqrt(np.bincount(number))[number]
    weight = weight * (truth @ (weight @ truth) ** -0.5)
    weight /= weight.sum()
    mean = weight @ rows
    inputs = np.c_[rows - mean, np.ones(len(rows))]

    def loss(flat: Floats) -> tuple[float, Floats]:
        factors = flat.reshape(inputs.shape[1], len(names))
        strengths = inputs @ factors
        strengths -= strengths.max(axis=1, keepdims=True)
        log_sums = np.log(np.exp(strengths).sum(axis=1))
        chances = np.exp(strengths - log_sums[:, None])
        value = -weight @ ((truth * strengths).sum(axis=1) - log_sums) + RIDGE / 2 * (factors[:-1] ** 2).sum()
        slope = inputs.T @ ((chances - truth) * weight[:, None])
        slope[:-1] += RIDGE * factors[:-1]
        return float(value), slope.ravel()

    start = np.zeros(inputs.shape[1] * len(names))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    factors = found.reshape(inputs.shape[1], len(names))
    return factors[:-1], factors[-1] - mean @ factors[:-1]


def learn(data: Path, micrographs: Path) -> dict[str, NDArray[Any]]:
    """Return all constants by name."""
    left_out = {image.paper for image in read_labeled_images(data)}
    pictures, techniques, papers = read_micrographs(micrographs, left_out)
    tinted, references = tinted_references(data), [image.pixels for image in read_references(data)]
    own = [*pictures, *references]
    halves = pool([left_half(image) for image in own]), pool([right_half(image) for image in own])
    whole, tints = pool(pictures), pool([pixels for pixels, _ in tinted])
    constants: dict[str, NDArray[Any]] = {}
    units: dict[str, tuple[Floats, Floats]] = {}
    for key in whole:
        mean = np.average(tints[key], axis=0, weights=[weight for _, weight in tinted])
        rows, tint_rows = unit(whole[key] - mean), unit(tints[key] - mean)
        left, right = (unit(half[key] - mean) for half in halves)
        # the references stand among the tinted images, too: they count twice, as pictures and as references
        every = np.concatenate([rows, tint_rows[: len(references)], tint_rows])
        constants |= {key: mean, f"{key}-whitening": learn_whitening(left, right, every)}
        units[key] = rows, tint_rows[len(references) :]
    labeled = np.array([bool(technique) for technique in techniques])
    inputs = np.concatenate([np.concatenate([rows[labeled] for rows, _ in units.values()], axis=1),
                             np.concatenate([rows for _, rows in units.values()], axis=1)])  # fmt: skip
    count = len(tinted) - len(references)
    names = np.array([*np.array(techniques)[labeled], *(TINTS[i % 3] for i in range(count))])
    groups = np.array([*np.array(papers)[labeled], *(f"tint {i % 10}" for i in range(count))])
    weights, bias = learn_techniques(inputs, names, groups)
    constants |= {"technique-weights": weights, "technique-bias": bias}
    single = {name: np.asarray(values, np.float32) for name, values in constants.items()}
    return single | {"techniques": np.unique(names)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--micrographs", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    constants = learn(options.data, options.micrographs)
    np.savez_compressed(options.out, allow_pickle=False, **constants)
    shapes = {name: list(values.shape) for name, values in constants.items()}
    print(json.dumps({"benchmark": "learned", "constants": shapes, "techniques": constants["techniques"].tolist()}))


if __name__ == "__main__":
    main()
