"""The page of the corpus: its counts by many properties, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mirsearch.report.wording import article_title, clean_text
from mirsearch.web.addresses import figure_address, panel_address
from mirsearch.web.corpus import public_name
from mirsearch.web.facets import make_facets
from mirsearch.web.fields import SearchFields
from mirsearch.web.rendering import render
from mirsearch.web.scale_facets import scale_facets
from mirsearch.web.site import Site
from mirsearch.web.state import PageState

_MAX_FAILURES = 200
_TOTALS = {
    "articles": "articles", "figures": "figures", "panels": "panels", "with_scale": "panels with a scale",
    "with_doubtful_scale": "panels with a doubtful scale", "with_lone_bar": "panels with a bar of unknown length",
    "failures": "inputs that failed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FailureView:
    """An input that failed: its name without folders, the stage, and why."""

    name: str
    stage: str
    reason: str


@dataclass(frozen=True, slots=True)
class NewFigure:
    """A figure that was added lately: its page, the small picture of its first panel, its name and its article."""

    address: str
    picture: str
    name: str
    article: str


def corpus_page(site: Site) -> str:
    """Return the page of the corpus."""
    counts: Mapping[str, Any] = site.corpus.counts()
    failures = [
        FailureView(
            clean_text(public_name(failure.input), 200),
            failure.stage,
            clean_text(site.hide(failure.reason.replace(failure.input, public_name(failure.input) or "it")), 400),
        )
        for failure in site.corpus.index.failures()
    ]
    totals = [(title, counts[name]) for name, title in _TOTALS.items() if counts.get(name) is not None]
    newest = [view for name in counts["newest_figures"] if (view := _new_figure(site, name)) is not None]
    return render(
        "corpus.html",
        newest=newest,
        totals=totals,
        facets=make_facets(counts, PageState(SearchFields())) + scale_facets(site.corpus, counts["scale_sources"]),
        extractor=f"{counts['extractor']} {counts['extractor_version']}, {counts['dims']} numbers a panel",
        failures=failures[:_MAX_FAILURES],
        failed=len(failures),
    )


def _new_figure(site: Site, figure_id: str) -> NewFigure | None:
    panels = site.corpus.index.figure_panels(figure_id)
    if not panels:  # it was deleted since the figures were counted
        return None
    first = panels[0]
    name = clean_text(first.figure.label, 40) or clean_text(public_name(first.figure.image), 40) or figure_id
    address = figure_address(first).partition("#")[0]
    return NewFigure(address, panel_address(first.panel.id), name, article_title(first.figure.article, 80))
