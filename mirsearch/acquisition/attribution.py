"""Credit the authors of figures by article, and give the provenance of each figure from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mirsearch.acquisition.ledger import Ledger
from mirsearch.corpus import Article, Figure
from mirsearch.licenses import license_address
from mirsearch.query import StoredPanel

_MAX_NAMED_AUTHORS = 6
"""Authors that a credit names before "et al."."""


@dataclass(slots=True)
class _Credit:
    """An article to credit, with the labels of its figures, notes of others' rights, and the rights holder."""

    article: Article
    labels: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    holder: str | None = None


def provenance(figure: Figure, ledger: Ledger) -> list[dict[str, Any]]:
    """Return the places from which the figure was acquired: address, hashes, time, rights holder."""
    return [
        {
            "article": state.article,
            "url": state.figure.url,
            "md5": state.figure.md5,
            "sha256": state.fetched and state.fetched.sha256,
            "retrieved": state.fetched and state.fetched.retrieved,
            "rights_holder": plan.holder,
            "retracted": plan.terms.retracted,
            "covered_by_license": figure.permission_note is None,
        }
        for state, plan in ledger.provenance(figure.id.partition(".")[0])
    ]


class CreditList:
    """Collects figures, and tells whom to credit: one line per article."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._credits: dict[str, _Credit] = {}
        self._without_article: set[str] = set()
        self._last: str | None = None

    def add(self, figure: Figure) -> None:
        """Add a figure. A figure may be added several times."""
        if figure.id == self._last:
            return
        self._last = figure.id
        if figure.article is None:
            self._without_article.add(figure.id)
            return
        credit = self._credits.setdefault(figure.article.id, _Credit(figure.article))
        label = figure.label or figure.id
        credit.labels[label] = None
        if figure.permission_note:
            credit.notes[f"{label}: {figure.permission_note}"] = None
        if credit.holder is None:
            plans = self._ledger.provenance(figure.id.partition(".")[0])
            credit.holder = next((plan.holder for _, plan in plans), None)

    def lines(self) -> Iterator[str]:
        """Yield the lines in order of the articles' ids: authors, title, address, license, rights, figures, notes."""
        for _, credit in sorted(self._credits.items()):
            yield _credit_line(credit)
        if self._without_article:
            yield f"{len(self._without_article)} figures have no article, so their authors are unknown."


def credit_lines(panels: Iterable[StoredPanel], ledger: Ledger) -> Iterator[str]:
    """Yield one line per article in order of ids; see CreditList."""
    credited = CreditList(ledger)
    for stored in panels:
        credited.add(stored.figure)
    yield from credited.lines()


def _credit_line(credit: _Credit) -> str:
    article = credit.article
    names = ", ".join(article.authors[:_MAX_NAMED_AUTHORS]) + (
        " et al." if len(article.authors) > _MAX_NAMED_AUTHORS else ""
    )
    year = f" ({article.year})" if article.year else ""
    parts = [
        names,
        f"“{article.title}”" if article.title else "",
        f"{article.journal or ''}{year}".strip(),
        article.url or article.id,
        _license_text(article),
        f"Rights: {credit.holder}" if credit.holder else "",
        f"Shown: {', '.join(sorted(credit.labels))}, cut into panels",
        "RETRACTED" if article.retracted else "",
        f"Not covered by the license: {'; '.join(credit.notes)}" if credit.notes else "",
    ]
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def _license_text(article: Article) -> str:
    if not article.license:
        return "License not known"
    address = license_address(article.license)
    return f"License: {article.license}" + (f" ({address})" if address else "")
