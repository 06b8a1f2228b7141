"""Where the scales of a corpus come from, and how sure they are, as lists with links."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mirsearch.field_filters import FieldFilter
from mirsearch.query import Filters
from mirsearch.report.wording import clean_text
from mirsearch.web.corpus import Corpus
from mirsearch.web.facets import Facet, FacetValue
from mirsearch.web.fields import SearchFields
from mirsearch.web.state import PageState

_LEAST = (0.99, 0.95, 0.9, 0.8, 0.0)
"""Least confidence of each row, from the surest on."""


def scale_facets(corpus: Corpus, sources: Mapping[str, int]) -> tuple[Facet, ...]:
    """Return the lists for a corpus, `sources` being its panels by where their scale comes from. Empty ones are left
    out."""
    facets = (_sources(sources), _confidences(corpus))
    return tuple(facet for facet in facets if facet.values)


def _sources(counts: Mapping[str, int]) -> Facet:
    most = max(counts.values(), default=1)
    values = []
    for name, count in counts.items():
        fields = SearchFields(has_scale=False) if name == "unknown" else _filtered(f"scale.source={name}")
        shown = "no scale" if name == "unknown" else clean_text(name, 40)
        values.append(FacetValue(shown, count, count / most, False, PageState(fields).address()))
    return Facet("Where scales come from", tuple(values))


def _confidences(corpus: Corpus) -> Facet:
    rows = []
    for number, least in enumerate(_LEAST):
        above = _LEAST[number - 1] if number else None
        most = 1.0 if above is None else math.nextafter(above, 0.0)
        condition = FieldFilter("scale.confidence", ranges=((least, most),))
        count = sum(corpus.counts_of(Filters(fields=(condition,)))["kinds"].values())
        name = (
            f"{least:.0%} or more"
            if above is None
            else f"{least:.0%} to {above:.0%}"
            if least
            else f"below {above:.0%}"
        )
        rows.append((name, count, PageState(_filtered(f"scale.confidence={least!r}..{most!r}")).address()))
    largest = max(count for _, count, _ in rows) or 1
    values = [FacetValue(name, count, count / largest, False, address) for name, count, address in rows if count]
    return Facet("How sure scales are", tuple(values))


def _filtered(condition: str) -> SearchFields:
    return SearchFields(filter=[condition], all_kinds=True)
