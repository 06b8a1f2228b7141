"""Filters as SQL: the one place that says which panels they leave, for searching and for listing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mirsearch.indexes.embedded.database.fields import condition as field_condition
from mirsearch.indexes.embedded.database.rows import marks
from mirsearch.licenses import canonical
from mirsearch.query import Filters
from mirsearch.text.tokens import tokens

_NOT_RETRACTED = "p.figure NOT IN (SELECT f.key FROM figures f JOIN articles a ON a.key = f.article WHERE a.retracted)"
"""Of panels: those without an article, too, are left."""


@dataclass(slots=True)
class Where:
    """Conditions joined by AND, with their values: on panels (p), and on the articles (a) that panels are of.

    Those on articles are settled on the articles alone, so that a search reads no row of the wide table of figures.
    """

    panel: list[str] = field(default_factory=list)
    panel_values: list[Any] = field(default_factory=list)
    article: list[str] = field(default_factory=list)
    article_values: list[Any] = field(default_factory=list)

    def add(self, condition: str, *values: Any) -> None:
        """One more condition on p or on a, as its first letter says."""
        on_article = condition.startswith(("a.", "substr(a."))
        (self.article if on_article else self.panel).append(f"({condition})")
        (self.article_values if on_article else self.panel_values).extend(values)

    @property
    def clause(self) -> str:
        """`WHERE …` for a statement that has panels as p, or nothing."""
        conditions = list(self.panel)
        if self.article:
            articles = f"SELECT a.key FROM articles a WHERE {' AND '.join(self.article)}"
            conditions.append(f"p.figure IN (SELECT key FROM figures WHERE article IN ({articles}))")
        return f"WHERE {' AND '.join(conditions)} " if conditions else ""

    @property
    def values(self) -> list[Any]:
        """Values of the clause, in order."""
        return [*self.panel_values, *self.article_values]


def where(filters: Filters) -> Where:
    """The conditions of `filters`."""
    built = Where()
    _one_of(built, "p.kind COLLATE NOCASE", filters.kinds)
    _one_of(built, "p.technique COLLATE NOCASE", filters.techniques)
    _one_of(built, "a.journal_folded", tuple(folded(each) for each in filters.journals))
    _licenses(built, filters.licenses)
    _articles(built, filters.articles)
    if filters.label_text is not None:
        _label_text(built, filters.label_text)
    if filters.has_scale is not None:
        built.add(f"p.field_of_view_nm IS {'NOT ' if filters.has_scale else ''}NULL")
    if filters.retracted is not None:
        built.add("a.retracted" if filters.retracted else _NOT_RETRACTED)
    bounds = (
        ("a.year >= ?", filters.year_from),
        ("a.year <= ?", filters.year_to),
        ("p.field_of_view_nm >= ?", filters.fov_min_nm),
        ("p.field_of_view_nm <= ?", filters.fov_max_nm),
    )
    for condition, bound in bounds:
        if bound is not None:
            built.add(condition, bound)
    for each in filters.fields:
        told, values = field_condition(each)
        built.add(told, *values)
    return built


def folded(text: str) -> str:
    """A name as names are compared: without case and outer or repeated space."""
    return " ".join(text.casefold().split())


def short_license(text: str | None) -> str | None:
    """What a license is filtered by: its short form, or its words where it has none."""
    return canonical(text) or (folded(text)[:200] if text else None)


def _one_of(built: Where, column: str, values: tuple[str, ...]) -> None:
    if values:
        built.add(f"{column} IN ({marks(values)})", *values)


def _licenses(built: Where, values: tuple[str, ...]) -> None:
    """A license we know matches itself only (cc-by isn't cc-by-nc); other words match as a beginning."""
    if not values:
        return
    choices: list[str] = []
    wanted: list[str] = []
    for value in values:
        known = canonical(value)
        choices.append("a.license_short = ?" if known else "substr(a.license_short, 1, length(?)) = ?")
        wanted.extend([known] if known else [folded(value)] * 2)
    built.add(" OR ".join(choices), *wanted)


def _articles(built: Where, values: tuple[str, ...]) -> None:
    if not values:
        return
    wanted = [article_keys(each) for each in values]
    ids = sorted({each for ids, _, _ in wanted for each in ids})
    dois = sorted({doi for _, doi, _ in wanted})
    pmcids = sorted({pmcid for _, _, pmcid in wanted})
    built.add(
        f"a.id IN ({marks(ids)}) OR lower(a.doi) IN ({marks(dois)}) OR lower(a.pmcid) IN ({marks(pmcids)})",
        *ids, *dois, *pmcids,
    )  # fmt: skip


def article_keys(some_id: str) -> tuple[tuple[str, str], str, str]:
    """What an article may be called: ids as given and lower, DOI and PMC id, lower, without address or prefix."""
    bare = some_id.strip()
    low = bare.lower()
    for prefix in ("https://", "http://", "dx.doi.org/", "doi.org/", "doi:", "pmcid:"):
        low = low.removeprefix(prefix).strip()
    return (bare, bare.lower()), low, low if low.startswith("pmc") else f"pmc{low}"


def _label_text(built: Where, text: str) -> None:
    """All words of `text` among those that OCR read in the panel."""
    asked = tokens(text)
    if not asked:
        built.add("0")
        return
    match = "text : (" + " AND ".join(f'"{word}"' for word in dict.fromkeys(asked)) + ")"
    built.add("p.key IN (SELECT rowid FROM words WHERE words MATCH ?)", match)
