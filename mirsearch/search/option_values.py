"""Checks and converts the values of a query's options, as people write them on the command line and in an address."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mirsearch import settings
from mirsearch.configuration import configured_count
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.corpus import Box
    from mirsearch.indexes.base import Index
    from mirsearch.query import Filters
    from mirsearch.ranking import Formula, Missing
    from mirsearch.search.scale_options import ScaleOptions


OWN_SCORE = "score"
"""The name of the list in which an index keeps parameters of the score as its own (search.own_score)."""
IMAGE_OPTIONS = ("panel", "crop", "scale", "bar_px", "nm_per_px")
"""Options that speak of an image."""
_SINGLE_IMAGE_OPTIONS = ("panel", "crop", "page", "bar_px")


def check_image_options(
    images: int,
    options: Mapping[str, object],
    shown: Callable[[str], str] = lambda name: f"--{name.replace('_', '-')}",
) -> None:
    """Raise UsageError for options that need an image, or a single one.

    `options` are the values of IMAGE_OPTIONS and of "page", None where they are not given; `shown` names one of them.
    """

    def tell(names: tuple[str, ...]) -> str:
        *first, last = map(shown, names)
        return f"{', '.join(first)} and {last}"

    if not images and any(options[name] is not None for name in IMAGE_OPTIONS):
        raise UsageError(f"{tell(IMAGE_OPTIONS)} need an image", "give an image")
    if images > 1 and any(options[name] is not None for name in _SINGLE_IMAGE_OPTIONS):
        raise UsageError(f"{tell(_SINGLE_IMAGE_OPTIONS)} are for a single image", "ask with one image at a time")


def hits_per_article(given: int | None, is_for_people: bool, names_articles: bool) -> int:
    """Return the most hits of an article: as given; else few for people, unless they ask for the articles by name."""
    if given is not None:
        return given
    return configured_count("per_article", settings.PER_ARTICLE) if is_for_people and not names_articles else 0


def parse_box(text: str) -> Box:
    """Return `X0,Y0,X1,Y1` as a box. Raises UsageError for other text."""
    parts = re.fullmatch(r"\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*", text)
    if not parts:
        raise UsageError(f"--crop {text!r} is not X0,Y0,X1,Y1", "four whole numbers in px, for instance 0,0,400,300")
    x0, y0, x1, y1 = (int(part) for part in parts.groups())
    return (x0, y0, x1, y1)


def parse_scale_options(
    scale: str | None, bar_px: float | None, nm_per_px: float | None, field_of_view: str | None, no_scale: bool
) -> ScaleOptions:
    """Return the options of the scale, with lengths in nm."""
    from mirsearch.search.scale_options import ScaleOptions

    for name, value in (("--bar-px", bar_px), ("--nm-per-px", nm_per_px)):
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{name} {value} is not a length", "give a number above 0")
    return ScaleOptions(
        length_nm=None if scale is None else _parse_length("--scale", scale),
        bar_px=bar_px,
        nm_per_px=nm_per_px,
        field_of_view_nm=None if field_of_view is None else _parse_length("--field-of-view", field_of_view),
        read=not no_scale,
    )


def _parse_length(option: str, text: str) -> float:
    from mirsearch.text.lengths import parse_user_length

    try:
        return parse_user_length(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", error.remedy) from error


def parse_formula(weights: list[str], missing: Missing, sigma: float | None, own: Formula | None = None) -> Formula:
    """Return the formula of the score: weights, σ, and the rule for panels without a scale.

    What is not given is as in `own`, the formula of the index (search.own_score).
    """
    import dataclasses

    from mirsearch.ranking import TERMS, Formula

    own = own or Formula()
    if not weights and sigma is None and missing == own.missing:
        return own
    chosen: dict[str, float] = {}
    for pair in weights:
        term, _, value = pair.partition("=")
        try:
            chosen[term.strip()] = float(value)
        except ValueError as error:
            raise UsageError(f"--weight {pair!r} is not TERM=NUMBER", "for instance --weight visual=0.6") from error
    unknown = set(chosen) - set(TERMS)
    if unknown:
        raise UsageError(f"--weight: unknown term {', '.join(sorted(unknown))}", f"terms are {', '.join(TERMS)}")
    try:
        weighted = dataclasses.replace(own.weights, **chosen)
        return dataclasses.replace(own, weights=weighted, sigma=own.sigma if sigma is None else sigma, missing=missing)
    except ValueError as error:
        raise UsageError(f"--weight/--sigma: {error}", "give numbers ≥ 0, one of them above 0") from error


def index_formula(index: Index) -> Formula | None:
    """Return the formula that an index keeps as its own; None, and nothing more is loaded, where it keeps none."""
    if not index.entries(OWN_SCORE):
        return None
    from mirsearch.search.own_score import own_formula

    return own_formula(index)


def parse_filters(
    kind: list[str] | None,
    technique: list[str] | None,
    year: str | None,
    journal: list[str] | None,
    licenses: list[str] | None,
    article: list[str] | None,
) -> Filters:
    """Return the filters by words and years."""
    from mirsearch.corpus import KINDS, TECHNIQUES
    from mirsearch.query import Filters

    first, last = _parse_years(year)
    return Filters(
        kinds=_match_names("--kind", kind, KINDS),
        techniques=_match_names("--technique", technique, TECHNIQUES),
        journals=tuple(journal or ()),
        licenses=tuple(licenses or ()),
        articles=tuple(article or ()),
        year_from=first,
        year_to=last,
    )


def add_filters(
    filters: Filters, has_scale: bool | None, fov: str | None, label_text: str | None, fields: list[str] | None = None
) -> Filters:
    """Return the filters, with further conditions on scale, text in the panel, and any field."""
    import dataclasses

    low = high = None
    if fov is not None:
        start, dots, end = fov.partition("..")
        if not dots:
            raise UsageError(
                f"--fov {fov!r} is not FROM..TO", 'for instance --fov "100nm..5um"; either end may be left out'
            )
        low = _parse_length("--fov", start) if start.strip() else None
        high = _parse_length("--fov", end) if end.strip() else None
        if low is not None and high is not None and low > high:
            raise UsageError(f"--fov {fov!r}: the first value is larger than the second", "give the smaller one first")
    from mirsearch.field_filters import parse_field_filters

    conditions = parse_field_filters(fields or (), lambda text: _parse_length("--filter", text))
    return dataclasses.replace(
        filters, has_scale=has_scale, fov_min_nm=low, fov_max_nm=high, label_text=label_text or None, fields=conditions
    )


def _match_names(option: str, names: list[str] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    by_name = {name.lower(): name for name in known}
    for name in names or []:
        if name.lower() not in by_name:
            raise UsageError(f"{option} {name!r} is not known", f"one of {', '.join(known)}")
    return tuple(by_name[name.lower()] for name in names or [])


def _parse_years(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    parts = re.fullmatch(r"\s*(\d{4})?\s*(-)?\s*(\d{4})?\s*", text)
    if not parts or not (parts[1] or parts[3]):
        raise UsageError(f"--year {text!r} is not a year or range", "for instance 2021, 2015-2020, 2015- or -2020")
    first = int(parts[1]) if parts[1] else None
    last = int(parts[3]) if parts[3] else None
    if not parts[2]:
        return first, first
    if first is not None and last is not None and first > last:
        raise UsageError(f"--year {text!r}: the first year is later than the second", "give the earlier one first")
    return first, last
