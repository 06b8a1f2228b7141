"""Filters as SQL. Searching and listing both use these conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mirsearch.indexes.comparison import article_keys, fold_name
from mirsearch.indexes.embedded.database.checksums import placeholders
from mirsearch.indexes.embedded.database.fields import field_condition
from mirsearch.query import Filters

if TYPE_CHECKING:
    from mirsearch.text.word_query import Node

    WordCondition = Callable[[Node], tuple[str, list[Any]]]

_NOT_RETRACTED = "p.figure NOT IN (SELECT f.key FROM figures f JOIN articles a ON a.key = f.article WHERE a.retracted)"
"""A condition on panels. Panels without an article meet it, too."""


@dataclass(slots=True)
class Where:
    """Conditions joined by AND, with their values: on panels (p) and on their articles (a).

    Conditions on articles go into a subquery, so that a search does not read the large table of figures.
    """

    panel: list[str] = field(default_factory=list)
    panel_values: list[Any] = field(default_factory=list)
    article: list[str] = field(default_factory=list)
    article_values: list[Any] = field(default_factory=list)

    def add(self, condition: str, *values: Any) -> None:
        """Add a condition. It is on p or on a, depending on its first letter."""
        on_article = condition.startswith(("a.", "substr(a."))
        (self.article if on_article else self.panel).append(f"({condition})")
        (self.article_values if on_article else self.panel_values).extend(values)

    @property
    def clause(self) -> str:
        """Return `WHERE …` for a statement with panels as p, or an empty string."""
        conditions = list(self.panel)
        if self.article:
            articles = f"SELECT a.key FROM articles a WHERE {' AND '.join(self.article)}"
            conditions.append(f"p.figure IN (SELECT key FROM figures WHERE article IN ({articles}))")
        return f"WHERE {' AND '.join(conditions)} " if conditions else ""

    @property
    def values(self) -> list[Any]:
        """Return the values of the clause, in order."""
        return [*self.panel_values, *self.article_values]


def build_where(filters: Filters, word_condition: WordCondition) -> Where:
    """Return the conditions of `filters`. `word_condition` returns that on a panel that meets a tree of words."""
    where = Where()
    _add_one_of(where, "p.kind COLLATE NOCASE", filters.kinds)
    _add_one_of(where, "p.technique COLLATE NOCASE", filters.techniques)
    _add_one_of(where, "a.journal_folded", tuple(fold_name(journal) for journal in filters.journals))
    _add_licenses(where, filters.licenses)
    _add_articles(where, filters.articles)
    if filters.label_text is not None:
        _add_words(where, word_condition, filters.label_text, "--label-text", "text")
    if filters.text is not None:
        _add_words(where, word_condition, filters.text, "--text")
    width = "coalesce(p.field_of_view_nm, p.doubtful_field_of_view_nm)" if filters.doubtful else "p.field_of_view_nm"
    if filters.has_scale is not None:
        where.add(f"{width} IS {'NOT ' if filters.has_scale else ''}NULL")
    if filters.retracted is not None:
        where.add("a.retracted" if filters.retracted else _NOT_RETRACTED)
    bounds = (
        ("a.year >= ?", filters.year_from),
        ("a.year <= ?", filters.year_to),
        (f"{width} >= ?", filters.fov_min_nm),
        (f"{width} <= ?", filters.fov_max_nm),
    )
    for condition, bound in bounds:
        if bound is not None:
            where.add(condition, bound)
    for field_filter in filters.fields:
        condition, values = field_condition(field_filter)
        where.add(condition, *values)
    return where


def _add_one_of(where: Where, column: str, values: tuple[str, ...]) -> None:
    if values:
        where.add(f"{column} IN ({placeholders(values)})", *values)


def _add_licenses(where: Where, values: tuple[str, ...]) -> None:
    """Add the condition on licenses. A known license matches only itself (cc-by isn't cc-by-nc), others as a prefix."""
    if not values:
        return
    from mirsearch.licenses import canonical_license

    alternatives: list[str] = []
    wanted: list[str] = []
    for value in values:
        short_form = canonical_license(value)
        alternatives.append("a.license_short = ?" if short_form else "substr(a.license_short, 1, length(?)) = ?")
        wanted.extend([short_form] if short_form else [fold_name(value)] * 2)
    where.add(" OR ".join(alternatives), *wanted)


def _add_articles(where: Where, values: tuple[str, ...]) -> None:
    if not values:
        return
    keys = [article_keys(value) for value in values]
    ids = sorted({key for ids, _, _ in keys for key in ids})
    dois = sorted({doi for _, doi, _ in keys})
    pmcids = sorted({pmcid for _, _, pmcid in keys})
    where.add(
        f"a.id IN ({placeholders(ids)}) OR lower(a.doi) IN ({placeholders(dois)}) "
        f"OR lower(a.pmcid) IN ({placeholders(pmcids)})",
        *ids, *dois, *pmcids,
    )  # fmt: skip


def _add_words(where: Where, word_condition: WordCondition, text: str, origin: str, field: str | None = None) -> None:
    """Add the condition that a panel meets a text; `field` is that of words without one."""
    from mirsearch.text.word_query import parse_condition

    tree = parse_condition(text, origin, field)
    condition, values = ("0", []) if tree is None else word_condition(tree)
    where.add(condition, *values)
