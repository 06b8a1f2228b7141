"""The protocol of a service: search articles → plan an article's figures → download a figure."""

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
"""Where a keyword may be searched."""

REUSABLE_LICENSES = ("cc0", "public-domain", "cc-by", "cc-by-sa")
"""Licenses that let everybody reuse and change a figure. They are the default."""

ANY_LICENSE = "any"
"""Stands for all licenses."""


@dataclass(frozen=True, slots=True)
class KeywordQuery:
    """A query for a service. `ids` name articles directly. Dates are YYYY-MM-DD, and both ends are included.

    `licenses` are canonical names or "any". `micrographs` skips figures whose caption suggests something else.
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
        """Return the query as plain JSON types."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> KeywordQuery:
        """Make a query from the result of `as_json`."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**fields)

    def key(self, service: str) -> str:
        """Return a key for this query at a service; equal queries have equal keys."""
        data = json.dumps([service, self.as_json()], sort_keys=True)
        return hashlib.sha256(data.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Hit:
    """An article found by a search. `id` is the service's id; `revision` changes whenever the article does.

    `closed` is the reason why its figures are not available, if that is known already.
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
        """Return the hit as plain JSON types."""
        return {**asdict(self), "authors": list(self.authors)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Hit:
        """Make a hit from the result of `as_json`."""
        return cls(**{**data, "authors": tuple(data["authors"])})


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of a search: hits, the total number of hits, and the next page's cursor (None: the last page)."""

    hits: tuple[Hit, ...]
    total: int
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedFigure:
    """A figure to download: its file's name, address and MD5 (hex, if known), and the article's data about it."""

    name: str
    url: str
    md5: str | None = None
    caption: str = ""
    label: str | None = None
    permission_note: str | None = None
    mentions: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PlannedFigure:
        """Make a figure from its fields as plain JSON types."""
        return cls(**{**data, "mentions": tuple(data.get("mentions") or ())})


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of use of an article: all its known licenses, and whether it was retracted.

    `partial` means that its text, which may name a license, was not read.
    `closed` is the reason why its figures are not available.
    """

    licenses: tuple[str, ...] = ()
    retracted: bool = False
    closed: str | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class ArticlePlan:
    """An article's terms and figures. `figures` is None if the terms were not accepted and nothing else was requested.

    `lost` counts images of its figures that are not available, as (reason, number).
    """

    terms: Terms
    article: Article | None = None
    figures: tuple[PlannedFigure, ...] | None = None
    holder: str | None = None
    note: str | None = None
    lost: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class FetchedFigure:
    """A downloaded figure: hash, size in bytes, and time of download (ISO 8601, UTC)."""

    sha256: str
    size: int
    retrieved: str


AcceptsTerms = Callable[[Terms], bool]
"""Returns whether an article with these terms is wanted."""


class ArticleService(Protocol):
    """A service that gives articles' figures. A plug-in implements these members; it inherits nothing.

    It is made with an HTTP client that may ask its `hosts`. `origin` is the source's name in a figure's origin.
    A service whose plans download the figures sets `bundles_figures = True`.
    """

    name: ClassVar[str]
    origin: ClassVar[str]
    hosts: ClassVar[tuple[Service, ...]]

    @staticmethod
    def check_query(query: KeywordQuery) -> None:
        """Raise UsageError if the service can't answer the query."""

    def search(self, query: KeywordQuery, cursor: str | None) -> SearchPage:
        """Return a page of hits, the first page if `cursor` is None. Raise SourceError if the search fails."""

    def plan_article(self, hit: Hit, accepts_terms: AcceptsTerms) -> ArticlePlan:
        """Return the article's terms and, if those are accepted, its figures. Raise SourceError if that fails."""

    def fetch_figure(self, figure: PlannedFigure, into: Path) -> FetchedFigure:
        """Download a figure's image into a file. Raise SourceError if that fails."""

    def figure_size(self, figure: PlannedFigure) -> int | None:
        """Return the bytes of a figure's image without its download; None if they are unknown."""


def rejection_reason(terms: Terms, query: KeywordQuery) -> str | None:
    """Return why a query rejects an article with these terms; None if it accepts it."""
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
    """Return the canonical names in a list with commas. Raises UsageError for an unknown license."""
    if not text:
        return REUSABLE_LICENSES
    names = []
    for part in (part_text.strip() for part_text in text.split(",")):
        name = ANY_LICENSE if part.lower() == ANY_LICENSE else canonical_license(part)
        if name is None:
            raise UsageError(f"--license {part!r} is unknown", "give cc-by, cc-by-sa, cc-by-nc, cc0, … or any")
        names.append(name)
    return tuple(dict.fromkeys(names))


def parse_day(text: str | None, option: str, last: bool = False) -> str | None:
    """Return a day as YYYY-MM-DD from a year, a month or a day. Raises UsageError.

    With `last`, the last day of a year or month is returned, else the first.
    """
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
        raise UsageError(f"{option} {text!r} is not a date", "give 2020, 2020-05 or 2020-05-31") from None


def _last_day(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - date.resolution).day


def _is_balanced(text: str) -> bool:
    """Return whether every quote and bracket of a query is closed."""
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
    """Return the keywords with single spaces. Raises UsageError for an empty one, and for open quotes or brackets."""
    clean = []
    for keyword in keywords:
        text = " ".join("".join(character if character.isprintable() else " " for character in keyword).split())
        if not re.search(r"\w", text):
            raise UsageError(f"--keyword {keyword!r} contains no word", "give a word, or a phrase in quotes")
        if not _is_balanced(text):
            raise UsageError(f"--keyword {keyword!r} has an open quote or bracket", "close it")
        clean.append(text)
    return tuple(clean)
