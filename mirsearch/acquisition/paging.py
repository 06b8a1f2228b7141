"""Tell when a search gives page after page without an end, whatever number of hits it claims."""

from __future__ import annotations

from collections.abc import Sequence

from mirsearch.acquisition.services.base import Hit, SearchPage

_MAX_PAGES = 10_000
"""Pages that one run reads of a search."""
_FRUITLESS_PAGES = 200
"""Pages in a row that may bring no new article whose figures are available: services are asked for these alone."""
_SURPLUS_HITS = 1_000
"""Hits beyond the number that a search claims: articles may appear while its pages are read."""


class PageCounter:
    """Counts the pages of a search and what they brought."""

    def __init__(self) -> None:
        self._pages = self._hits = self._fruitless = 0

    def is_endless(self, page: SearchPage, new_hits: Sequence[Hit]) -> bool:
        """Count a page, and return whether the search should end because it leads nowhere."""
        self._pages += 1
        self._hits += len(page.hits)
        self._fruitless = 0 if any(hit.closed is None for hit in new_hits) else self._fruitless + 1
        is_longer_than_claimed = self._hits > page.total + _SURPLUS_HITS
        return is_longer_than_claimed or self._fruitless >= _FRUITLESS_PAGES or self._pages > _MAX_PAGES
