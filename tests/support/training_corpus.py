"""A synthetic training corpus: a panel's vector is its figure's direction plus strong noise along a few axes."""

from __future__ import annotations

import numpy as np

from mirsearch.corpus import Article, Figure, Panel, ScaleReading, panel_ids
from mirsearch.query import StoredPanel
from mirsearch.training.corpus_vectors import Corpus, build_corpus

DIMS = 16
NOISY = 4
TECHNIQUES = ("SEM", "TEM", "AFM")


def make_panels(
    article: int, figure: int, panels: int, technique: str | None, nm_per_px: float | None
) -> list[StoredPanel]:
    identity = f"{article * 100 + figure:016x}"
    told = Figure(identity, 100, 100, article=Article(f"doi:10.1/{article}"))
    scale = None if nm_per_px is None else ScaleReading(nm_per_px)
    return [
        StoredPanel(Panel((0, 0, 100, 100), None, "micrograph", 1.0, technique, 1.0, scale=scale, id=name), told)
        for name in panel_ids(identity, [Panel((0, 0, 100, 100))] * panels)
    ]


def make_corpus(articles: int = 12, noise: float = 2.0, seed: int = 0) -> Corpus:
    """Return a corpus with two figures of three panels in each article. Figures differ along the axes without noise."""
    rng = np.random.default_rng(seed)
    kept: list[StoredPanel] = []
    rows = []
    for article in range(articles):
        for figure in range(2):
            panels = make_panels(article, figure, 3, TECHNIQUES[(article + figure) % 3], 10.0)
            kept += panels
            own = np.concatenate([np.zeros(NOISY), rng.standard_normal(DIMS - NOISY)])
            for _ in panels:
                loud = np.concatenate([noise * rng.standard_normal(NOISY), 0.3 * rng.standard_normal(DIMS - NOISY)])
                rows.append(own + loud)
    vectors = np.array(rows, np.float32)
    return build_corpus(kept, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
