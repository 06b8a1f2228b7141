"""The progress of queries, articles and figures, as the ledger gives it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mirsearch.acquisition.services.base import ArticlePlan, FetchedFigure, PlannedFigure, Terms
from mirsearch.corpus import Article

_MIN_TITLE_WORDS = 4
"""Fewest words of a title that identifies an article."""


@dataclass(frozen=True, slots=True)
class QueryState:
    """The progress of a query: `state` is searching, searched or complete; `cursor` is that of the next page."""

    state: str
    cursor: str | None
    total: int
    started: float


@dataclass(frozen=True, slots=True)
class ArticleState:
    """The progress of an article: `state` is planned, refused (because of its terms) or failed (`attempts` times)."""

    state: str
    plan: ArticlePlan
    revision: str | None
    attempts: int = 0
    cause: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FigureState:
    """A figure of an article: `state` is seen, done or failed."""

    article: str
    position: int
    figure: PlannedFigure
    state: str = "seen"
    fetched: FetchedFigure | None = None
    attempts: int = 0
    cause: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure: an article's id or `id/file`, cause, reason, attempts, and time of the last one (seconds)."""

    item: str
    cause: str
    reason: str
    attempts: int
    when: float


def paper_keys(article: Article | None) -> list[str]:
    """Return the keys that identify an article in every service: its DOI, and its title if it is long enough."""
    if article is None:
        return []
    words = re.findall(r"\w+", (article.title or "").casefold())
    title = [f"title:{' '.join(words)}"] if len(words) >= _MIN_TITLE_WORDS else []
    return [article.id, *title]


def parse_plan(fields: dict[str, Any]) -> ArticlePlan:
    """Return an article's plan, without figures, from the ledger's JSON."""
    terms = Terms(**{**fields["terms"], "licenses": tuple(fields["terms"]["licenses"])})
    article = fields["article"]
    if article is not None:
        article = Article(**{**article, "authors": tuple(article["authors"])})
    lost = tuple((str(reason), int(count)) for reason, count in fields.get("lost", ()))
    return ArticlePlan(terms, article, None, fields["holder"], fields["note"], lost)
