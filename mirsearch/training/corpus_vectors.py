"""The panels and vectors of an index as training data: split by article, with weak labels of similar panels.

Nobody labels which panels are similar; figures, techniques and scales tell, with errors: hence "weak".
"""

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
"""Kinds of panels that are used: images, not plots or schematics."""

SAME_SCALE_FACTOR = 2.0
"""Two fields of view have the same scale if their ratio is at most this."""

OTHER_SCALE_FACTOR = 5.0
"""Two fields of view show different things if their ratio is greater than this."""

MAX_PARTNERS = 10
"""Maximum number of panels of other articles that a panel is paired with by technique and scale."""

PairRule = Literal["figure", "technique"]
Floats = NDArray[np.float32]
Pairs = NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """Panels with their vectors float32 (n, dims), articles (else figures), techniques, and log10 fields of view.

    Fields of view are in nm, NaN where unknown. Techniques are those that the analysis read, "" where unknown.
    """

    panels: tuple[StoredPanel, ...]
    vectors: Floats
    articles: NDArray[np.str_]
    figures: NDArray[np.str_]
    techniques: NDArray[np.str_]
    log_fov: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.panels)

    def subset(self, mask: NDArray[np.bool_]) -> Corpus:
        """Return the panels where `mask`, bool (n,), is true."""
        panels = tuple(panel for panel, keep in zip(self.panels, mask, strict=True) if keep)
        return Corpus(
            panels, self.vectors[mask], self.articles[mask], self.figures[mask], self.techniques[mask],
            self.log_fov[mask],
        )  # fmt: skip

    def with_vectors(self, vectors: Floats) -> Corpus:
        """Return the same panels with other vectors."""
        return Corpus(self.panels, vectors, self.articles, self.figures, self.techniques, self.log_fov)


def read_corpus(index: Index, limit: int) -> Corpus:
    """Return at most `limit` image panels of an index. Of a larger index, take whole articles, chosen by their hash.

    Raises UsageError if the index holds too few panels.
    """
    stored = list(_sample_panels(index, limit))
    if len(stored) < 8:
        raise UsageError(
            f"{index.location} holds {len(stored)} images, too few to learn from", "ingest more figures first"
        )
    vectors = np.stack([index.vector(each.panel.id) for each in stored])
    return build_corpus(stored, vectors)


def build_corpus(stored: Sequence[StoredPanel], vectors: Floats) -> Corpus:
    """Return panels and their vectors as a corpus."""
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
    """Yield the panels of the articles with the smallest hashes, so that the sample is the same each time."""
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
    """Return a mask, bool (n,), of the panels held out for testing: those of a share of the articles, chosen by hash.

    Articles with and without pairs of similar panels are split separately, so that both parts have pairs. Raises
    UsageError if fewer than two articles have pairs.
    """
    with_pairs = {str(corpus.articles[first]) for first, _ in weak_pairs(corpus)}
    if len(with_pairs) < 2:
        raise UsageError(
            f"only {len(with_pairs)} articles have figures with panels of the same technique and scale",
            "ingest more articles; training needs one and testing another",
        )
    test: set[str] = set()
    for group in (with_pairs, {str(article) for article in corpus.articles} - with_pairs):
        ordered = sorted(group, key=lambda article: _hash_rank(article, seed))
        minimum = 1 if group is with_pairs else 0
        test.update(ordered[: max(minimum, round(share * len(ordered)))])
    return np.isin(corpus.articles, sorted(test))


def weak_pairs(corpus: Corpus, rule: PairRule = "figure") -> Pairs:
    """Return pairs (m, 2) of panels that count as similar: of one figure and technique, at the same or unknown scale.

    A known and an unknown field of view make no pair, as a figure's panels are often zooms of each other. The rule
    "technique" adds panels of other articles with the same technique and scale, at most MAX_PARTNERS for each panel.
    """
    pairs = _figure_pairs(corpus)
    if rule == "technique":
        pairs |= _technique_pairs(corpus)
    return np.array(sorted(pairs), np.int64).reshape(-1, 2)


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
    """Return pairs of one technique in different articles whose scales are not known to differ, by a fixed seed."""
    rng = np.random.default_rng(0)
    pairs: set[tuple[int, int]] = set()
    for number in np.flatnonzero(corpus.techniques != ""):
        same = (corpus.techniques == corpus.techniques[number]) & (corpus.articles != corpus.articles[number])
        same &= ~(np.abs(corpus.log_fov - corpus.log_fov[number]) > np.log10(SAME_SCALE_FACTOR))
        others = np.flatnonzero(same)
        for other in rng.choice(others, min(MAX_PARTNERS, len(others)), replace=False):
            pairs.add((min(int(number), int(other)), max(int(number), int(other))))
    return pairs


def _has_same_scale(log_fov: NDArray[np.float64], pair: tuple[int, int]) -> bool:
    one, other = log_fov[pair[0]], log_fov[pair[1]]
    if np.isnan(one) or np.isnan(other):
        return bool(np.isnan(one) and np.isnan(other))
    return bool(abs(one - other) <= np.log10(SAME_SCALE_FACTOR))


def dissimilar_mask(corpus: Corpus, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which panels (columns) certainly differ from `rows`, bool (rows, n): candidates for hard negatives.

    They are of another article, and of another technique or a scale that is known to be very different. A panel of the
    same technique and scale in another article may be just what a user searches for, so it is no negative.
    """
    other_article = corpus.articles[rows][:, None] != corpus.articles[None]
    row_technique, technique = corpus.techniques[rows][:, None], corpus.techniques[None]
    other_technique = (row_technique != technique) & (row_technique != "") & (technique != "")
    decades = np.abs(corpus.log_fov[rows][:, None] - corpus.log_fov[None])
    return np.asarray(other_article & (other_technique | (np.nan_to_num(decades) > np.log10(OTHER_SCALE_FACTOR))))
