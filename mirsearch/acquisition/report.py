"""What an acquisition did, for people and for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class AcquisitionReport:
    """What an acquisition did so far; `most_…` bound it. `skipped_…` count reasons; `present`: in the index before.

    `unplanned` articles' figures are known only once their source is fetched, which a dry run does not do.
    """

    most_articles: int | None = None
    most_figures: int | None = None
    hits: int = 0
    found: int = 0
    articles: int = 0
    unplanned: int = 0
    figures: int = 0
    wanted: int = 0
    fetched: int = 0
    present: int = 0
    failed: int = 0
    bytes: int = 0
    skipped_articles: Counter[str] = field(default_factory=Counter)
    skipped_figures: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)

    @property
    def expected(self) -> int:
        """Figures there will be in all: those wanted so far, carried on over the articles not looked at yet."""
        looked = self.articles + self.skipped_articles.total()
        if not looked:
            return 0
        more = self.hits / looked
        if self.most_articles is not None and self.articles:
            more = min(more, self.most_articles / self.articles)
        found = round(self.wanted * max(more, 1.0))
        return found if self.most_figures is None else min(found, self.most_figures)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "articles": {"hits": self.hits, "found": self.found, "taken": self.articles, "unplanned": self.unplanned,
                         "skipped": dict(self.skipped_articles.most_common())},
            "figures": {"seen": self.figures, "wanted": self.wanted, "fetched": self.fetched, "present": self.present,
                        "skipped": dict(self.skipped_figures.most_common())},
            "failed": self.failed, "bytes": self.bytes, "requests": dict(self.requests.most_common()),
        }  # fmt: skip
