"""Filters as lists of values with their counts in the corpus; each value is a link that adds or removes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mirsearch.errors import MirsearchError
from mirsearch.query import Filters
from mirsearch.report.wording import clean_text, format_length, license_name
from mirsearch.web.fields import make_filters
from mirsearch.web.state import PageState

if TYPE_CHECKING:
    from mirsearch.web.corpus import Corpus

_MAX_NAME = 60
_MAX_VALUES = 12
"""Most values that a facet lists; the page has room for these."""


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value: its name, the panels (or figures) that have it, its share of the most frequent one, and its link."""

    name: str
    count: int
    share: float
    chosen: bool
    address: str


@dataclass(frozen=True, slots=True)
class Facet:
    """A filter with its most frequent values. `more` values are not listed. `widths` shows them with two handles."""

    title: str
    values: tuple[FacetValue, ...]
    more: int = 0
    widths: WidthRange | None = None

    @property
    def has_chosen(self) -> bool:
        """Return whether one of its values is chosen."""
        return any(value.chosen for value in self.values)


@dataclass(frozen=True, slots=True)
class WidthRange:
    """The panels by decade of their field of view, as a histogram with two handles.

    It goes from `least` to `most`, whole decades in nm; the handles are at `low` and `high`, with `texts` as lengths.
    `rest` are the other fields of the search, `open_address` leads to it without the condition (None: there is none).
    """

    least: int
    most: int
    low: float
    high: float
    texts: tuple[str, str]
    bars: tuple[FacetValue, ...]
    rest: tuple[tuple[str, str], ...]
    open_address: str | None


def facet_counts(corpus: Corpus, state: PageState) -> Mapping[str, Mapping[str, int]]:
    """Return the counts of the panels that pass the filters of a search: each facet without its own, so that another
    value of it can be chosen. Without filters, or where they make no sense, the counts are those of the whole corpus.
    """
    try:
        filters = make_filters(state.fields)
    except MirsearchError:  # it is told where the question is answered
        return corpus.counts()
    if filters.is_empty:
        return corpus.counts()
    names_retracted = any(condition.name == "article.retracted" for condition in filters.fields)
    if not state.fields.retracted and not names_retracted:
        filters = replace(filters, retracted=False)
    filters = replace(filters, doubtful=state.fields.doubtful)
    without: dict[str, Filters] = {
        "techniques": replace(filters, techniques=()),
        "kinds": replace(filters, kinds=()),
        "fields_of_view": replace(filters, fov_min_nm=None, fov_max_nm=None),
        "years": replace(filters, year_from=None, year_to=None),
        "journals": replace(filters, journals=()),
        "licenses": replace(filters, licenses=()),
        "sources": replace(filters, fields=tuple(each for each in filters.fields if each.name != "source")),
    }
    return {name: corpus.counts_of(others)[name] for name, others in without.items()}


def make_facets(counts: Mapping[str, Any], state: PageState) -> tuple[Facet, ...]:
    """Return the facets of a corpus for a search, those without a value left out."""
    facets = (
        _listed("Technique", counts["techniques"], state, "technique"),
        _listed("Kind", counts["kinds"], state, "kind", keeps_unknown=True),
        widths_facet(counts["fields_of_view"], state),
        _years(counts["years"], state),
        _listed("Journal", counts["journals"], state, "journal"),
        _listed("License", counts["licenses"], state, "license", license_name),
        _listed("Source (figures)", counts["sources"], state, "filter", value_of=lambda key: f"source={key}"),
    )
    return tuple(facet for facet in facets if facet.values)


def _listed(
    title: str,
    counts: Mapping[str, int],
    state: PageState,
    field: str,
    name_of: Callable[[str], str] = lambda key: key,
    value_of: Callable[[str], str] = lambda key: key,
    keeps_unknown: bool = False,
) -> Facet:
    known = {key: count for key, count in counts.items() if key and (keeps_unknown or key != "unknown")}
    chosen = {value.lower() for value in getattr(state.fields, field)}
    most = max(known.values(), default=1)
    ordered = sorted(known, key=lambda key: (value_of(key).lower() not in chosen, -known[key], key))
    listed = [key for key in ordered if len(value_of(key)) <= 200][:_MAX_VALUES]
    values = tuple(
        FacetValue(
            clean_text(name_of(key), _MAX_NAME),
            known[key],
            known[key] / most,
            value_of(key).lower() in chosen,
            state.toggle_address(field, value_of(key)),
        )
        for key in listed
    )
    return Facet(title, values, len(known) - len(listed))


def _years(counts: Mapping[str, int], state: PageState) -> Facet:
    known = {key: count for key, count in counts.items() if key.isdigit()}
    most = max(known.values(), default=1)
    listed = sorted(known, key=int, reverse=True)[:_MAX_VALUES]
    values = []
    for key in listed:
        chosen = state.fields.year == key
        address = state.changed(year=None if chosen else key).address()
        values.append(FacetValue(key, known[key], known[key] / most, chosen, address))
    return Facet("Year", tuple(values), len(known) - len(listed))


def _chosen_decades(state: PageState, least: int, most: int) -> tuple[float, float]:
    """Return the decades between which the search asks for fields of view, within the histogram."""
    try:
        filters = make_filters(state.fields)
    except MirsearchError:  # it is told where the question is answered
        return least, most
    ends = (least, filters.fov_min_nm), (most, filters.fov_max_nm)
    low, high = (end if not nm else round(min(max(math.log10(nm), least), most), 1) for end, nm in ends)
    return low, high


def widths_facet(counts: Mapping[str, int], state: PageState) -> Facet:
    """Return the fields of view by decade: "3" counts the panels of 1 to 10 µm. It has no value if no panel has one."""
    decades = sorted(int(key) for key in counts if key.lstrip("-").isdigit() and abs(int(key)) < 12)
    most = max((counts[str(decade)] for decade in decades), default=1)
    values = {}
    for decade in decades:
        low, high = (format_length(10.0**exponent) for exponent in (decade, decade + 1))
        value = f"{low}..{high}"
        chosen = state.fields.fov == value
        address = state.changed(fov=None if chosen else value).address()
        count = counts[str(decade)]
        values[decade] = FacetValue(f"{low} – {high}", count, count / most, chosen, address)
    widths = _width_range(values, state) if values else None
    return Facet("Field of view", tuple(values.values()), widths=widths)


def _width_range(by_decade: Mapping[int, FacetValue], state: PageState) -> WidthRange:
    least, most = min(by_decade), max(by_decade) + 1
    low, high = _chosen_decades(state, least, most)
    empty = FacetValue("", 0, 0.0, False, "")
    bars = tuple(
        replace(by_decade.get(decade, empty), chosen=low <= decade + 0.5 <= high) for decade in range(least, most)
    )
    texts = format_length(10.0**low), format_length(10.0**high)
    without = state.changed(fov=None)
    opened = without.address() if state.fields.fov else None
    return WidthRange(least, most, low, high, texts, bars, tuple(without.pairs()), opened)
