"""The service `pmc`: articles of PubMed Central by id, a file of ids, or keyword (searched at Europe PMC)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from mirsearch.errors import UsageError
from mirsearch.http.client import HttpClient
from mirsearch.settings import EUROPEPMC, PMC, Service
from mirsearch.sources.articles import normal_pmcid
from mirsearch.sources.europepmc import full_text, query_text, search
from mirsearch.sources.pmc_bucket import Bucket
from mirsearch.sources.services import ArticlePlan, FetchedFigure, Hit, KeywordQuery, PlannedFigure, SearchPage, Wants

_MOST_BYTES = 50 << 20


class Pmc:
    """Articles of PMC, from its open-access bucket."""

    name: ClassVar[str] = "pmc"
    origin: ClassVar[str] = "pmc"
    hosts: ClassVar[tuple[Service, ...]] = (EUROPEPMC, PMC)

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self._bucket = Bucket(client, full_text=lambda pmcid: full_text(client, pmcid))

    @staticmethod
    def check(query: KeywordQuery) -> None:
        """UsageError where the query can't be asked."""
        if not query.ids:
            query_text(query)

    def search(self, query: KeywordQuery, cursor: str | None) -> SearchPage:
        """The articles asked for by id; with keywords, a page of Europe PMC's hits."""
        if query.ids:
            return SearchPage(tuple(Hit(each) for each in query.ids), len(query.ids))
        return search(self._client, query, cursor)

    def plan(self, hit: Hit, wants: Wants) -> ArticlePlan:
        """The article's terms and figures."""
        return self._bucket.plan(hit, wants)

    def fetch(self, figure: PlannedFigure, into: Path) -> FetchedFigure:
        """A figure's image, its MD5 checked."""
        return self._bucket.fetch(figure, into)

    def size(self, figure: PlannedFigure) -> int | None:
        """Bytes of a figure's image, as the bucket lists it."""
        return self._bucket.size(figure)


def pmc_ids(words: Iterable[str]) -> tuple[str, ...]:
    """PMC ids from words: ids themselves, or names of text files with ids in them. UsageError for anything else."""
    found: list[str] = []
    for word in words:
        if re.fullmatch(r"PMC\d{1,10}(?:\.\d+)?", word.strip(), re.IGNORECASE):
            found.append(str(normal_pmcid(word)))
            continue
        path = Path(word)
        try:
            with path.open("rb") as file:
                text = file.read(_MOST_BYTES).decode("utf-8", "replace")
        except (OSError, ValueError):
            raise UsageError(f"{word!r} is no PMC id, and no file of ids", "PMC ids look like PMC7040616") from None
        inside = re.findall(r"\bPMC\d{1,10}\b", text, re.IGNORECASE)
        if not inside:
            raise UsageError(f"{word}: no PMC ids in it", "PMC ids look like PMC7040616")
        found += [str(normal_pmcid(each)) for each in inside]
    return tuple(dict.fromkeys(found))
