"""The panels and vectors of an index as something to learn from: split by article, with weak truth of what is alike."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappush, heappushpop
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mirsearch.errors import UsageError
from mirsearch.indexes.base import Index
from mirsearch.query import Filters, StoredPanel

KINDS = ("micrograph", "diffraction", "map", "photo")
"""What is learned from: images, not plots or schematics."""

SAME_SCALE_FACTOR = 2.0
"""Fields of view no further apart than this are the same scale."""

OTHER_SCALE_FACTOR = 5.0
"""Fields of view further apart than this show different things."""

MAX_PARTNERS = 10
"""How many panels of other articles one is paired with, where the technique alone says that they are alike."""

PairRule = Literal["figure", "technique"]
Floats = NDArray[np.float32]
Pairs = NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """Panels, their vectors float32 (n, dims), the article (else figure) of each, and log10 of its field of view.

    The field of view is in nm, NaN where it is not known; the technique is what the analysis read, "" where it is not.
    """

    panels: tuple[StoredPanel, ...]
    vectors: Floats
    articles: NDArray[np.str_]
    figures: NDArray[np.str_]
    techniques: NDArray[np.str_]
    log_fov: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.panels)

    def part(self, chosen: NDArray[np.bool_]) -> Corpus:
        """The panels where `chosen`, bool (n,), is true."""
        panels = tuple(panel for panel, keep in zip(self.panels, chosen, strict=True) if keep)
        return Corpus(
            panels, self.vectors[chosen], self.articles[chosen], self.figures[chosen], self.techniques[chosen],
            self.log_fov[chosen],
        )  # fmt: skip

    def with_vectors(self, vectors: Floats) -> Corpus:
        """The same panels with other vectors."""
        return Corpus(self.panels, vectors, self.articles, self.figures, self.techniques, self.log_fov)


def read_corpus(index: Index, limit: int) -> Corpus:
    """The images of an index, at most `limit` panels; of a larger index whole articles, chosen by their hash.

    UsageError where the index holds too little to learn from.
    """
    stored = list(_sample_panels(index, limit))
    if len(stored) < 8:
        raise UsageError(
            f"{index.location} holds {len(stored)} images, too few to learn from", "ingest more figures first"
        )
    vectors = np.stack([index.vector(each.panel.id) for each in stored])
    return build_corpus(stored, vectors)


def build_corpus(stored: Sequence[StoredPanel], vectors: Floats) -> Corpus:
    """Panels with their vectors as a corpus."""
    fov = [each.panel.field_of_view_nm or np.nan for each in stored]
    return Corpus(
        tuple(stored),
        np.asarray(vectors, np.float32),
        np.array([_article_id(each) for each in stored]),
        np.array([each.figure.id for each in stored]),
        np.array([each.panel.technique or "" for each in stored]),
        np.log10(np.array(fov, np.float64)),
    )


def _article_id(stored: StoredPanel) -> str:
    return stored.figure.article.id if stored.figure.article else stored.figure.id


def _sample_panels(index: Index, limit: int) -> Iterator[StoredPanel]:
    """The panels of the articles whose hashes are smallest, so that a larger corpus is sampled the same way again."""
    kept: list[tuple[int, int, StoredPanel]] = []
    for number, stored in enumerate(index.select_panels(Filters(kinds=KINDS))):
        item = (-_hash_rank(_article_id(stored), 0), number, stored)
        if len(kept) < limit:
            heappush(kept, item)
        else:
            heappushpop(kept, item)
    for _, _, stored in sorted(kept, key=lambda item: item[1]):
        yield stored


def _hash_rank(article: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {article}".encode()).digest()[:8], "big")


def held_out_mask(corpus: Corpus, share: float, seed: int) -> NDArray[np.bool_]:
    """Which panels are kept for testing, bool (n,): those of a share of the articles, chosen by hash, never by look.

    Articles that say nothing (one panel, or none alike) are split apart from those that do, so that both sides can
    be trained and tested on. UsageError where fewer than two articles have panels that are alike.
    """
    telling = {str(corpus.articles[first]) for first, _ in weak_pairs(corpus)}
    if len(telling) < 2:
        raise UsageError(
            f"only {len(telling)} articles have figures with panels of the same technique and scale",
            "ingest more articles; one is needed to learn from and one to test on",
        )
    test: set[str] = set()
    for group in (telling, {str(each) for each in corpus.articles} - telling):
        ordered = sorted(group, key=lambda article: _hash_rank(article, seed))
        least = 1 if group is telling else 0
        test.update(ordered[: max(least, round(share * len(ordered)))])
    return np.isin(corpus.articles, sorted(test))


def weak_pairs(corpus: Corpus, alike: PairRule = "figure") -> Pairs:
    """Pairs (m, 2) of panels taken to be alike: of one figure, of the same technique, at the same scale or none known.

    One known and one unknown field of view make no pair: a figure's panels are often zooms of each other. With
    "technique" also panels of other articles, of the same technique and scale, at most PARTNERS for each.
    """
    found = _figure_pairs(corpus)
    if alike == "technique":
        found |= _technique_pairs(corpus)
    return np.array(sorted(found), np.int64).reshape(-1, 2)


def _figure_pairs(corpus: Corpus) -> set[tuple[int, int]]:
    by_figure: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, (figure, technique) in enumerate(zip(corpus.figures, corpus.techniques, strict=True)):
        if technique:
            by_figure[str(figure), str(technique)].append(number)
    return {
        pair
        for members in by_figure.values()
        for pair in combinations(members, 2)
        if _has_same_scale(corpus.log_fov, pair)
    }


def _technique_pairs(corpus: Corpus) -> set[tuple[int, int]]:
    """Pairs of the same technique in different articles, scales not known to differ; chosen by a fixed seed."""
    rng = np.random.default_rng(0)
    found: set[tuple[int, int]] = set()
    for number in np.flatnonzero(corpus.techniques != ""):
        same = (corpus.techniques == corpus.techniques[number]) & (corpus.articles != corpus.articles[number])
        same &= ~(np.abs(corpus.log_fov - corpus.log_fov[number]) > np.log10(SAME_SCALE_FACTOR))
        others = np.flatnonzero(same)
        for other in rng.choice(others, min(MAX_PARTNERS, len(others)), replace=False):
            found.add((min(int(number), int(other)), max(int(number), int(other))))
    return found


def _has_same_scale(log_fov: NDArray[np.float64], pair: tuple[int, int]) -> bool:
    one, other = log_fov[pair[0]], log_fov[pair[1]]
    if np.isnan(one) or np.isnan(other):
        return bool(np.isnan(one) and np.isnan(other))
    return bool(abs(one - other) <= np.log10(SAME_SCALE_FACTOR))


def dissimilar_mask(corpus: Corpus, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which panels (columns) are surely unlike those of `rows`, bool (rows, n): hard negatives may be picked from them.

    Another article, and another technique or, where both are known, a scale far apart. A panel of the same technique
    and scale in another article may be just what is looked for: it is nobody's negative.
    """
    other_article = corpus.articles[rows][:, None] != corpus.articles[None]
    mine, theirs = corpus.techniques[rows][:, None], corpus.techniques[None]
    other_technique = (mine != theirs) & (mine != "") & (theirs != "")
    decades = np.abs(corpus.log_fov[rows][:, None] - corpus.log_fov[None])
    return np.asarray(other_article & (other_technique | (np.nan_to_num(decades) > np.log10(OTHER_SCALE_FACTOR))))
