"""Count what an acquisition did, for people and for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class AcquisitionReport:
    """What an acquisition did so far. `max_…` are its limits, `skipped_…` count reasons.

    `figures_present` were in the index before. The figures of `articles_unplanned` are known only after a download,
    which a dry run does not do.
    """

    max_articles: int | None = None
    max_figures: int | None = None
    total_hits: int = 0
    hits_seen: int = 0
    articles_taken: int = 0
    articles_unplanned: int = 0
    figures_seen: int = 0
    figures_wanted: int = 0
    figures_fetched: int = 0
    figures_present: int = 0
    failed: int = 0
    bytes: int = 0
    skipped_articles: Counter[str] = field(default_factory=Counter)
    skipped_figures: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)

    @property
    def expected_figures(self) -> int:
        """Estimated number of figures in the end, extrapolated from the articles so far."""
        articles_seen = self.articles_taken + self.skipped_articles.total()
        if not articles_seen:
            return 0
        factor = self.total_hits / articles_seen
        if self.max_articles is not None and self.articles_taken:
            factor = min(factor, self.max_articles / self.articles_taken)
        expected = round(self.figures_wanted * max(factor, 1.0))
        return expected if self.max_figures is None else min(expected, self.max_figures)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON types."""
        return {
            "articles": {
                "hits": self.total_hits,
                "found": self.hits_seen,
                "taken": self.articles_taken,
                "unplanned": self.articles_unplanned,
                "skipped": dict(self.skipped_articles.most_common()),
            },
            "figures": {
                "seen": self.figures_seen,
                "wanted": self.figures_wanted,
                "fetched": self.figures_fetched,
                "present": self.figures_present,
                "skipped": dict(self.skipped_figures.most_common()),
            },
            "failed": self.failed,
            "bytes": self.bytes,
            "requests": dict(self.requests.most_common()),
        }
