"""Credit the authors of figures by article, and give the provenance of each figure from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mirsearch.acquisition.ledger import Ledger
from mirsearch.corpus import Article, Figure
from mirsearch.licenses import canonical_license
from mirsearch.query import StoredPanel

_MAX_NAMED_AUTHORS = 6
"""Authors that a credit names before "et al."."""
_LICENSE_URLS = {
    "cc0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "public-domain": "https://creativecommons.org/publicdomain/mark/1.0/",
}


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


def credit_lines(panels: Iterable[StoredPanel], ledger: Ledger) -> Iterator[str]:
    """Yield one line per article in order of ids: authors, title, address, license, rights, figures, notes."""
    credits_by_article: dict[str, _Credit] = {}
    without_article: set[str] = set()
    seen_figures: set[str] = set()
    for stored in panels:
        figure = stored.figure
        if figure.id in seen_figures:
            continue
        seen_figures.add(figure.id)
        if figure.article is None:
            without_article.add(figure.id)
            continue
        credit = credits_by_article.setdefault(figure.article.id, _Credit(figure.article))
        label = figure.label or figure.id
        credit.labels[label] = None
        if figure.permission_note:
            credit.notes[f"{label}: {figure.permission_note}"] = None
        if credit.holder is None:
            credit.holder = next((plan.holder for _, plan in ledger.provenance(figure.id.partition(".")[0])), None)
    for _, credit in sorted(credits_by_article.items()):
        yield _credit_line(credit)
    if without_article:
        yield f"{len(without_article)} figures have no article, so their authors are unknown."


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
    name = canonical_license(article.license)
    version = article.license.split()[-1] if article.license[-1:].isdigit() else "4.0"
    address = _LICENSE_URLS.get(name or "")
    if address is None and name and name.startswith("cc-"):
        address = f"https://creativecommons.org/licenses/{name.removeprefix('cc-')}/{version}/"
    return f"License: {article.license}" + (f" ({address})" if address else "")
