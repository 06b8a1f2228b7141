"""The service `europepmc`: search by keyword at Europe PMC; figures come from the PMC open-access bucket."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

from mirsearch.acquisition.http.client import HttpClient
from mirsearch.acquisition.http.kinds import ARTICLE, SEARCH
from mirsearch.acquisition.services.base import (
    AcceptsTerms,
    ArticlePlan,
    FetchedFigure,
    Hit,
    KeywordQuery,
    PlannedFigure,
    SearchPage,
    clean_keywords,
)
from mirsearch.acquisition.services.pmc_bucket import PmcBucket, read_text
from mirsearch.errors import FetchError, SourceError, UsageError
from mirsearch.settings import EUROPEPMC, PMC, Service
from mirsearch.sources.articles import clean_text, find_year, normalize_doi, normalize_pmcid
from mirsearch.text.foreign import parse_integer, parse_json

PAGE_SIZE = 100
MAX_QUERY_CHARS = 1_500
_FIELDS = {"title": "TITLE", "abstract": "ABSTRACT", "captions": "FIG"}
_ANYWHERE = "anywhere "
"""Prefix of the cursor if a search in captions had to become a search in all text."""
_RETRACTED_TYPE = "retracted publication"
_RETRACTED_TITLE = re.compile(r"\s*+\[?+\s*+retracted\b", re.IGNORECASE)
_NO_TEXT = b"<errorBean"
_REMEDY = "run the command again later; finished work is kept"


class EuropePmc:
    """Europe PMC's search, with figures and texts from the PMC bucket. If a text fails there, Europe PMC's serves."""

    name: ClassVar[str] = "europepmc"
    origin: ClassVar[str] = "pmc"
    hosts: ClassVar[tuple[Service, ...]] = (EUROPEPMC, PMC)

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self._bucket = PmcBucket(client, full_text=lambda pmcid: fetch_full_text(client, pmcid))

    @staticmethod
    def check_query(query: KeywordQuery) -> None:
        """Raise UsageError if Europe PMC can't answer the query."""
        query_text(query)

    def search(self, query: KeywordQuery, cursor: str | None) -> SearchPage:
        """Return a page of up to 100 hits. Raises SourceError if the search fails."""
        return search_page(self._client, query, cursor)

    def plan_article(self, hit: Hit, accepts_terms: AcceptsTerms) -> ArticlePlan:
        """Return the article's terms and figures in the bucket."""
        return self._bucket.plan_article(hit, accepts_terms)

    def fetch_figure(self, figure: PlannedFigure, into: Path) -> FetchedFigure:
        """Download a figure's image from the bucket, and check its MD5."""
        return self._bucket.fetch_figure(figure, into)

    def figure_size(self, figure: PlannedFigure) -> int | None:
        """Return the bytes of a figure's image, as the bucket lists them."""
        return self._bucket.figure_size(figure)


def search_page(client: HttpClient, query: KeywordQuery, cursor: str | None) -> SearchPage:
    """Return a page of Europe PMC's hits."""
    anywhere = (cursor or "").startswith(_ANYWHERE)
    cursor_mark = (cursor or "").removeprefix(_ANYWHERE) or "*"
    sent_query = replace(query, where="all") if anywhere else query
    parameters = {
        "query": query_text(sent_query),
        "format": "json",
        "resultType": "core",
        "pageSize": PAGE_SIZE,
        "cursorMark": cursor_mark,
    }
    page = parse_page(client.fetch(f"{EUROPEPMC.base}/search?{urlencode(parameters)}", SEARCH).data, cursor_mark)
    if query.where == "captions" and cursor is None and page.total == 0:
        # Not every version of the API documents the field of legends, so search all text; captions are checked here.
        return search_page(client, query, _ANYWHERE)
    return replace(page, cursor=f"{_ANYWHERE}{page.cursor}") if anywhere and page.cursor else page


def query_text(query: KeywordQuery) -> str:
    """Return the query in Europe PMC's syntax: open access with full text, and the user's conditions."""
    words = " AND ".join(f"({keyword})" for keyword in clean_keywords(query.keywords))
    parts = [f"{_FIELDS[query.where]}:({words})" if query.where in _FIELDS else f"({words})"]
    parts += ["OPEN_ACCESS:y", "HAS_FT:y"]
    if query.since or query.until:
        parts.append(f"FIRST_PDATE:[{query.since or '1600-01-01'} TO {query.until or '2999-12-31'}]")
    if query.journal:
        journal = clean_text(query.journal.replace('"', " "))
        parts.append(f'JOURNAL:"{journal}"')
    text = " AND ".join(parts)
    if len(text) >= MAX_QUERY_CHARS:
        raise UsageError(
            f"the query has {len(text)} characters; Europe PMC takes {MAX_QUERY_CHARS}", "use fewer keywords"
        )
    return text


def parse_page(data: bytes, cursor: str) -> SearchPage:
    """Return the hits of an answer. Raises SourceError for an error, which may come with status 200."""
    try:
        answer = parse_json(data)
    except ValueError:
        raise SourceError("the search at Europe PMC failed: its answer is damaged", _REMEDY) from None
    results = answer.get("resultList") if isinstance(answer, dict) else None
    records = results.get("result") if isinstance(results, dict) else None
    count = answer.get("hitCount") if isinstance(answer, dict) else None
    total = parse_integer(count) if isinstance(count, int) else None
    if not isinstance(records, list) or total is None:
        reason = answer.get("errMsg") if isinstance(answer, dict) else None
        message = clean_text(str(reason), 200) if reason else "an answer without hits or their number"
        raise SourceError(
            f"the search at Europe PMC failed: {message}", "check the keywords, or run the command again later"
        )
    next_cursor = answer.get("nextCursorMark")
    has_more = isinstance(next_cursor, str) and next_cursor not in ("", cursor) and bool(records)
    hits = tuple(_parse_hit(record) for record in records[:PAGE_SIZE] if isinstance(record, dict))
    return SearchPage(hits, total, next_cursor if has_more else None)


def _parse_hit(record: dict[str, Any]) -> Hit:
    pmcid = normalize_pmcid(_text_field(record, "pmcid"))
    not_in_pmc = None if pmcid else "not in PMC"
    closed = not_in_pmc if _text_field(record, "isOpenAccess") == "Y" else "not open access"
    title = clean_text(_text_field(record, "title")).removesuffix(".") or None
    return Hit(
        id=pmcid or clean_text(f"{_text_field(record, 'source') or 'EPMC'}:{_text_field(record, 'id') or title}", 100),
        title=title,
        doi=normalize_doi(_text_field(record, "doi")),
        journal=clean_text(_journal_title(record)) or None,
        year=find_year(_text_field(record, "pubYear")),
        license=clean_text(_text_field(record, "license"), 100) or None,
        authors=tuple(
            clean_text(author, 200) for author in _text_field(record, "authorString").rstrip(".").split(", ") if author
        )[:500],
        revision=_text_field(record, "dateOfRevision") or None,
        retracted=_is_retracted(record, title or ""),
        closed=closed,
    )


def _text_field(record: dict[str, Any], name: str) -> str:
    value = record.get(name)
    return str(value) if isinstance(value, str | int) else ""


def _journal_title(record: dict[str, Any]) -> str:
    info = record.get("journalInfo")
    journal = info.get("journal") if isinstance(info, dict) else None
    return _text_field(journal, "title") if isinstance(journal, dict) else _text_field(record, "journalTitle")


def _is_retracted(record: dict[str, Any], title: str) -> bool:
    type_list = record.get("pubTypeList")
    names = type_list.get("pubType") if isinstance(type_list, dict) else None
    is_marked = isinstance(names, list) and any(str(type_name).lower() == _RETRACTED_TYPE for type_name in names)
    return is_marked or _RETRACTED_TITLE.match(title) is not None


def fetch_full_text(client: HttpClient, pmcid: str) -> bytes:
    """Return an article's JATS XML from Europe PMC. Raises FetchError if Europe PMC does not have it."""
    # For some existing articles it always answers 500, so many tries are useless.
    address = f"{EUROPEPMC.base}/{pmcid}/fullTextXML"
    data = client.fetch(address, ARTICLE, max_age=7 * 86_400.0, tries=2, is_valid=_is_readable_text).data
    if _NO_TEXT in data[:300]:
        raise FetchError(f"Europe PMC does not serve the text of {pmcid}", cause="gone")
    return data


def _is_readable_text(path: Path) -> bool:
    """Return whether a text is readable (or says that there is none). Without an MD5, this detects damaged texts."""
    data = path.read_bytes()
    try:
        return _NO_TEXT in data[:300] or bool(read_text(data, path.name))
    except SourceError:
        return False
