"""The page of the corpus: its counts by many properties, and what failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mirsearch.report.wording import clean_text
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
    return render(
        "corpus.html",
        totals=totals,
        facets=make_facets(counts, PageState(SearchFields())) + scale_facets(site.corpus, counts["scale_sources"]),
        extractor=f"{counts['extractor']} {counts['extractor_version']}, {counts['dims']} numbers a panel",
        failures=failures[:_MAX_FAILURES],
        failed=len(failures),
    )
