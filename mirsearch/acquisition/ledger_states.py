"""What the ledger tells of queries, articles and figures."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from mirsearch.acquisition.services.base import ArticlePlan, FetchedFigure, PlannedFigure, Terms
from mirsearch.corpus import Article

_MIN_TITLE_WORDS = 4


@dataclass(frozen=True, slots=True)
class QueryState:
    """How far a query got: `state` is searching, searched or complete; `cursor` that of the next page."""

    state: str
    cursor: str | None
    total: int
    started: float


@dataclass(frozen=True, slots=True)
class ArticleState:
    """How far an article got: `state` is planned, refused (its terms) or failed, so many times."""

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
    """Something that failed: an article's id or `id/file`, cause, reason, how often, and when last (seconds)."""

    item: str
    cause: str
    reason: str
    attempts: int
    when: float


def paper_keys(article: Article | None) -> list[str]:
    """Names a paper goes by in every source: its DOI, and its title where that has enough words to be its own."""
    if article is None:
        return []
    words = re.findall(r"\w+", (article.title or "").casefold())
    title = [f"title:{' '.join(words)}"] if len(words) >= _MIN_TITLE_WORDS else []
    return [article.id, *title]


def parse_plan(data: str | None) -> ArticlePlan:
    """An article's plan as the ledger keeps it, without figures."""
    if data is None:
        return ArticlePlan(Terms())
    fields = json.loads(data)
    terms = Terms(**{**fields["terms"], "licenses": tuple(fields["terms"]["licenses"])})
    article = fields["article"]
    if article is not None:
        article = Article(**{**article, "authors": tuple(article["authors"])})
    lost = tuple((str(reason), int(count)) for reason, count in fields.get("lost", ()))
    return ArticlePlan(terms, article, None, fields["holder"], fields["note"], lost)
