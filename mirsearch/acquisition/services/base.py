"""The protocol of a service: find articles → plan an article's figures → fetch a figure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Protocol

from mirsearch.corpus import Article
from mirsearch.errors import UsageError
from mirsearch.licenses import canonical_license
from mirsearch.settings import Service

SEARCH_FIELDS = ("all", "title", "abstract", "captions")
"""Where a keyword may be looked for."""

REUSABLE_LICENSES = ("cc0", "public-domain", "cc-by", "cc-by-sa")
"""Licenses that let anybody reuse and change a figure: what is taken where nothing else is asked for."""

ANY_LICENSE = "any"


@dataclass(frozen=True, slots=True)
class KeywordQuery:
    """What is asked of a service. `ids` are articles asked for by name; dates are YYYY-MM-DD, ends included.

    `licenses` are canonical names or "any"; `micrographs` leaves figures out whose caption speaks of something else.
    """

    keywords: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    where: str = "all"
    since: str | None = None
    until: str | None = None
    journal: str | None = None
    licenses: tuple[str, ...] = REUSABLE_LICENSES
    max_articles: int | None = None
    max_figures: int | None = None
    micrographs: bool = True
    retracted: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> KeywordQuery:
        """The query of `as_json`."""
        fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
        return cls(**fields)

    def key(self, service: str) -> str:
        """A name for this query of a service, the same whenever it is asked."""
        data = json.dumps([service, self.as_json()], sort_keys=True)
        return hashlib.sha256(data.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Hit:
    """An article a search found. `id` is the service's own; `revision` changes where the article did.

    `closed` tells why its figures can't be had, where that is known already.
    """

    id: str
    title: str | None = None
    doi: str | None = None
    journal: str | None = None
    year: int | None = None
    license: str | None = None
    authors: tuple[str, ...] = ()
    revision: str | None = None
    retracted: bool = False
    closed: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**asdict(self), "authors": list(self.authors)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Hit:
        """The hit of `as_json`."""
        return cls(**{**data, "authors": tuple(data["authors"])})


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of a search: hits, how many there are in all, and the next page's cursor (None: this was the last)."""

    hits: tuple[Hit, ...]
    total: int
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedFigure:
    """A figure that can be fetched: its file's name, address and MD5 (hex, where told), and what the article says."""

    name: str
    url: str
    md5: str | None = None
    caption: str = ""
    label: str | None = None
    permission_note: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an article may be used: every license told of it, and whether it was retracted.

    `partial` where its text, which may tell a license, was not read; `closed` is why its figures can't be had.
    """

    licenses: tuple[str, ...] = ()
    retracted: bool = False
    closed: str | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class ArticlePlan:
    """An article's terms and figures; `figures` is None where the terms were not wanted and nothing more was asked.

    `lost` are images of its figures that can't be had, as (reason, how many).
    """

    terms: Terms
    article: Article | None = None
    figures: tuple[PlannedFigure, ...] | None = None
    holder: str | None = None
    note: str | None = None
    lost: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class FetchedFigure:
    """A figure on this machine: hash, size in bytes, and when it was retrieved (ISO 8601, UTC)."""

    sha256: str
    size: int
    retrieved: str


AcceptsTerms = Callable[[Terms], bool]


class ArticleService(Protocol):
    """A service that articles' figures come from, made with an HTTP client that may ask its `hosts`."""

    name: ClassVar[str]
    origin: ClassVar[str]
    hosts: ClassVar[tuple[Service, ...]]

    @staticmethod
    def check_query(query: KeywordQuery) -> None:
        """UsageError where the query can't be asked of this service."""

    def search(self, query: KeywordQuery, cursor: str | None) -> SearchPage:
        """A page of hits, the first one where `cursor` is None. SourceError where the service could not be asked."""

    def plan_article(self, hit: Hit, accepts_terms: AcceptsTerms) -> ArticlePlan:
        """The article's terms, and its figures where those are wanted. SourceError where they can't be had."""

    def fetch_figure(self, figure: PlannedFigure, into: Path) -> FetchedFigure:
        """Get a figure's image into a file. SourceError."""

    def figure_size(self, figure: PlannedFigure) -> int | None:
        """Bytes a figure's image will be, without getting it; None where that can't be known."""


def rejection_reason(terms: Terms, query: KeywordQuery) -> str | None:
    """Why a query does not want an article of such terms; None where it does."""
    if terms.closed:
        return terms.closed
    if terms.retracted and not query.retracted:
        return "retracted"
    if ANY_LICENSE in query.licenses:
        return None
    if not terms.licenses:
        return None if terms.partial else "no license told"
    for license_text in terms.licenses:
        name = canonical_license(license_text)
        if name not in query.licenses:
            return f"license {name or license_text[:60]}"
    return None


def parse_licenses(text: str | None) -> tuple[str, ...]:
    """Canonical names of a list with commas; UsageError for what is none."""
    if not text:
        return REUSABLE_LICENSES
    names = []
    for part in (part_text.strip() for part_text in text.split(",")):
        name = ANY_LICENSE if part.lower() == ANY_LICENSE else canonical_license(part)
        if name is None:
            raise UsageError(f"--license {part!r} is no license known here", "cc-by, cc-by-sa, cc-by-nc, cc0, … or any")
        names.append(name)
    return tuple(dict.fromkeys(names))


def parse_day(text: str | None, option: str, last: bool = False) -> str | None:
    """A day as YYYY-MM-DD, from a year, a month or a day; with `last` the last one of it. UsageError."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?", text.strip())
    try:
        if match is None:
            raise ValueError
        year, month = int(match[1]), int(match[2] or (12 if last else 1))
        if match[3]:
            return date(year, month, int(match[3])).isoformat()
        return date(year, month, _last_day(year, month) if last else 1).isoformat()
    except ValueError:
        raise UsageError(f"{option} {text!r} is no date", "give 2020, 2020-05 or 2020-05-31") from None


def _last_day(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - date.resolution).day


def _is_balanced(text: str) -> bool:
    """Whether every quote and bracket of a query closes."""
    depth, in_quotes = 0, False
    for character in text:
        if character == '"':
            in_quotes = not in_quotes
        elif not in_quotes:
            depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0 and not in_quotes


def clean_keywords(keywords: tuple[str, ...]) -> tuple[str, ...]:
    """Keywords without surplus space; UsageError for an empty one and for quotes or brackets that don't close."""
    clean = []
    for keyword in keywords:
        text = " ".join("".join(character if character.isprintable() else " " for character in keyword).split())
        if not re.search(r"\w", text):
            raise UsageError(f"--keyword {keyword!r} says nothing", "give a word, or a phrase in quotes")
        if not _is_balanced(text):
            raise UsageError(f"--keyword {keyword!r} has a quote or bracket that does not close", "close it")
        clean.append(text)
    return tuple(clean)
