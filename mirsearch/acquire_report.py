"""What an acquisition did, for people and for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class AcquisitionReport:
    """What an acquisition did so far. `skipped_…` count reasons; `present` figures were there already.

    `unplanned` articles' figures are known only once their source is fetched, which a dry run does not do.
    """

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

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "articles": {"hits": self.hits, "found": self.found, "taken": self.articles, "unplanned": self.unplanned,
                         "skipped": dict(self.skipped_articles.most_common())},
            "figures": {"seen": self.figures, "wanted": self.wanted, "fetched": self.fetched, "present": self.present,
                        "skipped": dict(self.skipped_figures.most_common())},
            "failed": self.failed, "bytes": self.bytes, "requests": dict(self.requests.most_common()),
        }  # fmt: skip
