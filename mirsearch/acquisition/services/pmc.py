"""The service `pmc`: articles of PubMed Central by id, by a file of ids, or by keyword (searched at Europe PMC)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from mirsearch.acquisition.services.base import Hit, KeywordQuery, SearchPage
from mirsearch.acquisition.services.europepmc import EuropePmc, query_text
from mirsearch.errors import UsageError
from mirsearch.sources.articles import normalize_pmcid

_MAX_BYTES = 50 << 20


class Pmc(EuropePmc):
    """Articles of PMC from its open-access bucket, also by their ids."""

    name: ClassVar[str] = "pmc"

    @staticmethod
    def check_query(query: KeywordQuery) -> None:
        """Raise UsageError if the query can't be answered."""
        if not query.ids:
            query_text(query)

    def search(self, query: KeywordQuery, cursor: str | None) -> SearchPage:
        """Return the articles given by id; for keywords, a page of Europe PMC's hits."""
        if query.ids:
            return SearchPage(tuple(Hit(pmcid) for pmcid in query.ids), len(query.ids))
        return super().search(query, cursor)


def parse_pmc_ids(words: Iterable[str]) -> tuple[str, ...]:
    """Return PMC ids from words: ids, or names of text files with ids. Raises UsageError for anything else."""
    ids: list[str] = []
    for word in words:
        if re.fullmatch(r"PMC\d{1,10}(?:\.\d+)?", word.strip(), re.IGNORECASE):
            ids.append(str(normalize_pmcid(word)))
            continue
        path = Path(word)
        try:
            with path.open("rb") as file:
                text = file.read(_MAX_BYTES).decode("utf-8", "replace")
        except (OSError, ValueError):
            raise UsageError(
                f"{word!r} is neither a PMC id nor a file of ids", "PMC ids look like PMC7040616"
            ) from None
        matches = re.findall(r"\bPMC\d{1,10}\b", text, re.IGNORECASE)
        if not matches:
            raise UsageError(f"{word} contains no PMC ids", "PMC ids look like PMC7040616")
        ids += [str(normalize_pmcid(match)) for match in matches]
    return tuple(dict.fromkeys(ids))
