"""Compares levels, weights and sizes of the default extractor's vector (version 1), cross-validated by paper.

For each fold, a recipe is chosen on the queries of the other folds' papers, by the score of the technique task plus
half of the other two. It is then measured on the fold's queries: these held-out scores show how well the choice works
on other papers. The best recipe of each size and the shipped recipe are also measured on the references, which are not
used for the choice: finding the other half, and finding the same article's other panels. Differences of .01 are noise.
Among equally good recipes, the one that is best on the references was shipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.extractors.pooled import Pooled, pool_levels, weighted_means
from benchmarks.search.retrieval_tasks import Vectors, average_precisions, diagonal_ranks, measure_tasks
from benchmarks.search.truth_images import (
    LabeledImage,
    Reference,
    left_half,
    read_references,
    right_half,
    tinted_references,
)
from mirsearch.extractors.efficientnet.levels import RECIPES, Level

LEVELS, SIDE = RECIPES["1"].levels, RECIPES["1"].side
SIDES = (224, 256, 288, 320, 384)
TEXTURE = tuple(Level(f"block{n}") for n in (4, 5, 6, 7))
CONTENT = (*(Level(f"block{n}") for n in (10, 12, 13, 14)), Level("head", "gem"), Level("head"))
WEIGHTS = (0.5, 0.7, 0.85, 1.0, 1.4)
FIVE = (Level("head", "gem"), *(Level(f"block{n}", weight=0.4) for n in (4, 7, 10, 14)))
GOAL_WEIGHTS = (1.0, 0.5, 0.5)
FOLDS, ROUNDS = 5, 10


@dataclass(frozen=True)
class Recipe:
    """A way to make the vector: the image size and the levels."""

    side: int
    levels: tuple[Level, ...]

    def __str__(self) -> str:
        return f"{self.side} px: " + " + ".join(f"{level.weight:g} × {level.key}" for level in self.levels)


@dataclass(frozen=True)
class Features:
    """Pooled values at one size, of whole images and their left and right halves, and the means for centering."""

    whole: Pooled
    left: Pooled
    right: Pooled
    means: Pooled

    def vectors(self, levels: Sequence[Level]) -> Vectors:
        """Return unit vectors, as the shipped graph makes them."""
        return Vectors(*(self._joined(part, levels) for part in (self.whole, self.left, self.right)))

    def _joined(self, pooled: Pooled, levels: Sequence[Level]) -> NDArray[np.floating]:
        parts = [level.weight * _normalize_rows(pooled[level.key] - self.means[level.key]) for level in levels]
        return _normalize_rows(np.concatenate(parts, axis=1))


def _normalize_rows(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def all_recipes() -> list[Recipe]:
    """Return all recipes: one texture level alone, one texture with one content level, and five levels."""
    recipes = []
    for side in SIDES:
        recipes += [Recipe(side, (level,)) for level in TEXTURE]
        for texture, content, weight in product(TEXTURE, CONTENT, WEIGHTS):
            recipes.append(Recipe(side, (texture, Level(content.tap, content.pool, weight, content.p))))
        recipes.append(Recipe(side, FIVE))
    shipped = Recipe(SIDE, LEVELS)
    return recipes if shipped in recipes else [*recipes, shipped]


def compare_recipes(images: list[LabeledImage], data: Path) -> dict[str, Any]:
    """Compare all recipes, print the table, and return it as data."""
    tinted, reference_images = tinted_references(data), read_references(data)
    levels = list({level.key: level for level in (*TEXTURE, *CONTENT, *FIVE, *LEVELS)}.values())
    compared = all_recipes()
    features, elsewhere = {}, {}
    for side in sorted({recipe.side for recipe in compared}):
        print(f"embedding at {side} px …", flush=True)
        centers = weighted_means(tinted, levels, side)
        features[side] = _features([image.pixels for image in images], levels, side, centers)
        elsewhere[side] = _features([image.pixels for image in reference_images], levels, side, centers)
    table = np.array([_task_values(images, features[recipe.side], recipe) for recipe in compared])
    held_out, picks = _cross_validate(table, np.array([image.paper for image in images]))
    lines = []
    for i in _select_recipes(compared, np.nanmean(table, axis=2)):
        outside = _reference_scores(reference_images, elsewhere[compared[i].side].vectors(compared[i].levels))
        scores = [round(float(value), 4) for value in (*np.nanmean(table[i], axis=1), *outside)]
        lines.append({"recipe": str(compared[i]), "picked": picks[i], "scores": scores})
    return _print_recipes(lines, held_out, len(compared))


def _task_values(images: list[LabeledImage], features: Features, recipe: Recipe) -> list[NDArray[np.float64]]:
    """Return a value for each query in each of the three tasks."""
    return [task.values for task in measure_tasks(images, features.vectors(recipe.levels))[:3]]


def _reference_scores(reference_images: list[Reference], vectors: Vectors) -> tuple[float, float]:
    """Return the scores on the references: MRR of the other half, and mAP of the same article's other panels."""
    halves = float(np.mean(1 / diagonal_ranks(vectors.left @ vectors.right.T)))
    rows = [i for i, image in enumerate(reference_images) if image.article]
    names = np.array([reference_images[i].article for i in rows])
    same, others = names[:, None] == names, ~np.eye(len(rows), dtype=bool)
    whole = np.asarray(vectors.whole[rows], np.float64)
    return halves, float(np.nanmean(average_precisions(whole @ whole.T, same, others)))


def _features(pixels: Sequence[Any], levels: Sequence[Level], side: int, centers: Pooled) -> Features:
    parts = [list(pixels), [left_half(image) for image in pixels], [right_half(image) for image in pixels]]
    return Features(*(pool_levels(part, levels, side) for part in parts), centers)


def _goal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the maximized score of each recipe, for values (recipes, tasks, queries)."""
    goal: NDArray[np.float64] = np.nanmean(values, axis=2) @ np.array(GOAL_WEIGHTS)
    return goal


def _cross_validate(table: NDArray[np.float64], papers: NDArray[np.str_]) -> tuple[NDArray[np.float64], Counter[int]]:
    """Return the held-out mean of each task (rounds, tasks), and how often each recipe was picked."""
    names, numbers = np.unique(papers, return_inverse=True)
    picks: Counter[int] = Counter()
    rounds = []
    for seed in range(ROUNDS):
        fold_of = np.random.default_rng(seed).permutation(len(names))[numbers] % FOLDS
        held_out = np.full(table.shape[1:], np.nan)
        for fold in range(FOLDS):
            best = int(np.argmax(_goal(table[:, :, fold_of != fold])))
            picks[best] += 1
            held_out[:, fold_of == fold] = table[best][:, fold_of == fold]
        rounds.append(np.nanmean(held_out, axis=1))
    return np.array(rounds), picks


def _select_recipes(compared: list[Recipe], overall: NDArray[np.float64]) -> list[int]:
    """Return the recipes to print: the best ones, the best of each size, five levels at each size, the shipped one."""
    order = [int(i) for i in np.argsort(-(overall @ np.array(GOAL_WEIGHTS)))]
    best = [next(i for i in order if compared[i].side == side) for side in SIDES]
    five = [i for i in order if compared[i].levels == FIVE]
    return list(dict.fromkeys([*order[:6], *best, *five, compared.index(Recipe(SIDE, LEVELS))]))


def _print_recipes(lines: list[dict[str, Any]], held_out: NDArray[np.float64], count: int) -> dict[str, Any]:
    """Print the table, and return it as data."""
    print(f"{'goal':5} technique paper halves | references: halves article | picked recipe")
    for line in lines:
        goal = float(np.dot(line["scores"][:3], GOAL_WEIGHTS))
        technique, paper, halves, reference_images, article = line["scores"]
        mark = "  ← shipped" if line["recipe"] == str(Recipe(SIDE, LEVELS)) else ""
        print(
            f"{goal:.3f} {technique:9.3f} {paper:5.3f} {halves:6.3f} | {reference_images:18.3f} {article:7.3f}", end=""
        )
        print(f" | {line['picked']:6} {line['recipe']}{mark}")
    mean, spread = held_out.mean(axis=0), held_out.std(axis=0)
    print("held out: " + "  ".join(f"{m:.3f} ± {s:.3f}" for m, s in zip(mean, spread, strict=True)), end="")
    print(f" (technique, paper, halves; {FOLDS} folds by paper, {ROUNDS} rounds; {count} recipes)")
    return {"recipes": count, "held_out": [round(float(value), 4) for value in mean], "shown": lines}
