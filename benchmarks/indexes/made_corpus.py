"""Generated panels for benchmarks of indexes: clustered vectors, captions with natural word frequencies, scales."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mirsearch.corpus import Article, Figure, Origin, Panel, ScaleReading
from mirsearch.indexes.base import FigureRecord

PANELS_A_FIGURE = 4
KINDS = ("micrograph", "micrograph", "micrograph", "diffraction", "plot", "map")
TECHNIQUES = ("SEM", "TEM", "HRTEM", "AFM", None)
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ar", "en", "is", "ol", "un")]


@dataclass(frozen=True)
class World:
    """The distribution of all panels of a run: cluster centers (clusters, dims), directions inside, and words."""

    centers: NDArray[np.float32]
    directions: NDArray[np.float32]
    words: NDArray[np.str_]
    cumulative_odds: NDArray[np.float64]

    def draw_words(self, rng: np.random.Generator, count: int) -> list[str]:
        """Return words with their frequencies in captions: what `rng.choice` does with their odds, in less time."""
        drawn: list[str] = self.words[self.cumulative_odds.searchsorted(rng.random(count), side="right")].tolist()
        return drawn


def world(dims: int, seed: int = 1, clusters: int = 400, inner: int = 48, vocabulary: int = 30_000) -> World:
    """Return centers that share directions, like vectors of real panels, and words with Zipf's law."""
    rng = np.random.default_rng(seed)
    basis = rng.standard_normal((64, dims), dtype=np.float32)
    centers = rng.standard_normal((clusters, 64), dtype=np.float32) @ basis / 8
    directions = rng.standard_normal((inner, dims), dtype=np.float32) * (1 / np.sqrt(np.arange(1, inner + 1)))[:, None]
    words: dict[str, None] = {}
    while len(words) < vocabulary:
        words["".join(rng.choice(SYLLABLES, size=rng.integers(2, 5)))] = None
    odds = 1 / np.arange(10, vocabulary + 10) ** 1.05
    cumulative = (odds / odds.sum()).cumsum()
    return World(centers, directions.astype(np.float32), np.array(list(words)), cumulative / cumulative[-1])


def vectors(world: World, rng: np.random.Generator, count: int) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return unit vectors float32 (count, dims), and the cluster of each."""
    clusters = rng.integers(0, len(world.centers), count)
    inside = rng.standard_normal((count, len(world.directions)), dtype=np.float32) @ world.directions
    noise = rng.standard_normal((count, world.centers.shape[1]), dtype=np.float32)
    rows = world.centers[clusters] + 0.5 * inside + 0.3 * noise
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), clusters


def caption(world: World, rng: np.random.Generator, cluster: int) -> str:
    """Return about 45 words, two of them from the topic of the cluster."""
    topic = world.words[500 + 7 * cluster : 504 + 7 * cluster]
    words = world.draw_words(rng, int(rng.integers(25, 65)))
    return " ".join([*rng.choice(topic, size=2), *words])


def question(world: World, rng: np.random.Generator, cluster: int) -> str:
    """Return three words: one from the topic of a cluster, two with their frequencies in captions."""
    topic = world.words[500 + 7 * cluster : 504 + 7 * cluster]
    return " ".join([str(rng.choice(topic)), *world.draw_words(rng, 2)])


def common_question(world: World, rng: np.random.Generator) -> str:
    """Return two or three words, with their frequencies in captions."""
    return " ".join(world.draw_words(rng, int(rng.integers(2, 4))))


def records(world: World, count: int, seed: int = 2) -> Iterator[FigureRecord]:
    """Yield figures of four panels, `count` panels in all. Two thirds of the panels have a scale."""
    rng = np.random.default_rng(seed)
    for start in range(0, count, 4096):
        size = min(4096, count - start)
        rows, clusters = vectors(world, rng, size)
        for start_row in range(0, size, PANELS_A_FIGURE):
            yield _figure(
                world,
                rng,
                (start + start_row) // PANELS_A_FIGURE,
                rows[start_row : start_row + 4],
                clusters[start_row : start_row + 4],
            )


def _figure(
    world: World, rng: np.random.Generator, number: int, rows: NDArray[np.float32], clusters: NDArray[np.intp]
) -> FigureRecord:
    identity = f"{number:016x}"
    text = caption(world, rng, int(clusters[0]))
    panels = tuple(
        Panel(
            box=(500 * number_in_figure, 0, 500 * number_in_figure + 500, 400),
            label="abcd"[number_in_figure],
            kind=KINDS[int(rng.integers(len(KINDS)))],
            technique=TECHNIQUES[int(rng.integers(len(TECHNIQUES)))],
            caption=text,
            text="500 nm",
            scale=ScaleReading(10 ** float(rng.uniform(-2, 3))) if rng.random() < 0.67 else None,
        )
        for number_in_figure in range(len(rows))
    )
    article = Article(
        id=f"doi:10.1/{number // 5}",
        doi=f"10.1/{number // 5}",
        title=" ".join(world.draw_words(np.random.default_rng(number // 5), 9)),
        journal=f"Journal {number // 5 % 40}",
        year=2000 + number // 5 % 25,
        license=("CC BY 4.0", "CC BY-NC 4.0", None)[number // 5 % 3],
    )
    figure = Figure(identity, 2000, 400, caption=text, article=article, origins=(Origin("made", identity),))
    return FigureRecord(figure, panels, rows, (b"",) * len(panels))
