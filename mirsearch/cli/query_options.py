"""What the options of `mirsearch query` say, checked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mirsearch.cli.query_types import MissingScale
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.corpus import Box
    from mirsearch.query import Filters
    from mirsearch.ranking import Formula
    from mirsearch.search.query_image import ScaleOptions


def parse_box(text: str) -> Box:
    """`X0,Y0,X1,Y1` as a box; UsageError otherwise."""
    parts = re.fullmatch(r"\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*", text)
    if not parts:
        raise UsageError(f"--crop {text!r} is not X0,Y0,X1,Y1", "four whole numbers in px, for instance 0,0,400,300")
    x0, y0, x1, y1 = (int(part) for part in parts.groups())
    return (x0, y0, x1, y1)


def scale_options(
    scale: str | None, bar_px: float | None, nm_per_px: float | None, field_of_view: str | None, no_scale: bool
) -> ScaleOptions:
    """What was said of the query's scale, with lengths in nm."""
    from mirsearch.search.query_image import ScaleOptions

    for name, value in (("--bar-px", bar_px), ("--nm-per-px", nm_per_px)):
        if value is not None and not 0 < value < float("inf"):
            raise UsageError(f"{name} {value} is no length", "give a number above 0")
    return ScaleOptions(
        length_nm=None if scale is None else _length("--scale", scale),
        bar_px=bar_px,
        nm_per_px=nm_per_px,
        field_of_view_nm=None if field_of_view is None else _length("--field-of-view", field_of_view),
        read=not no_scale,
    )


def _length(option: str, text: str) -> float:
    from mirsearch.text.lengths import parse_user_length

    try:
        return parse_user_length(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", error.remedy) from error


def formula(weights: list[str], missing: MissingScale, sigma: float) -> Formula:
    """The score's weights, σ and what becomes of panels without a scale."""
    from mirsearch.ranking import TERMS, Formula, Weights

    chosen: dict[str, float] = {}
    for pair in weights:
        term, _, value = pair.partition("=")
        try:
            chosen[term.strip()] = float(value)
        except ValueError as error:
            raise UsageError(f"--weight {pair!r} is not TERM=NUMBER", "for instance --weight visual=0.6") from error
    unknown = set(chosen) - set(TERMS)
    if unknown:
        raise UsageError(f"--weight: no term {', '.join(sorted(unknown))}", f"terms are {', '.join(TERMS)}")
    try:
        return Formula(Weights(**chosen), sigma=sigma, missing=missing.value)
    except ValueError as error:
        raise UsageError(f"--weight/--sigma: {error}", "give numbers ≥ 0, one of them above 0") from error


def filters_of(
    kind: list[str] | None,
    technique: list[str] | None,
    year: str | None,
    journal: list[str] | None,
    licenses: list[str] | None,
    article: list[str] | None,
) -> Filters:
    """The conditions that are words and years."""
    from mirsearch.corpus import KINDS, TECHNIQUES
    from mirsearch.query import Filters

    first, last = _years(year)
    return Filters(
        kinds=_known("--kind", kind, KINDS),
        techniques=_known("--technique", technique, TECHNIQUES),
        journals=tuple(journal or ()),
        licenses=tuple(licenses or ()),
        articles=tuple(article or ()),
        year_from=first,
        year_to=last,
    )


def more_filters(
    filters: Filters, has_scale: bool | None, fov: str | None, label_text: str | None, fields: list[str] | None = None
) -> Filters:
    """The filters with the conditions that are about scale and text, and about any field."""
    import dataclasses

    low = high = None
    if fov is not None:
        start, dots, end = fov.partition("..")
        if not dots:
            raise UsageError(
                f"--fov {fov!r} is not FROM..TO", 'for instance --fov "100nm..5um"; either end may be left out'
            )
        low = _length("--fov", start) if start.strip() else None
        high = _length("--fov", end) if end.strip() else None
        if low is not None and high is not None and low > high:
            raise UsageError(f"--fov {fov!r} runs backwards", "the smaller field of view comes first")
    from mirsearch.field_filters import parse_field_filters

    asked = parse_field_filters(fields or (), lambda text: _length("--filter", text))
    return dataclasses.replace(
        filters, has_scale=has_scale, fov_min_nm=low, fov_max_nm=high, label_text=label_text or None, fields=asked
    )


def _known(option: str, given: list[str] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    by_name = {name.lower(): name for name in known}
    for name in given or []:
        if name.lower() not in by_name:
            raise UsageError(f"{option} {name!r} is not known", f"one of {', '.join(known)}")
    return tuple(by_name[name.lower()] for name in given or [])


def _years(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    parts = re.fullmatch(r"\s*(\d{4})?\s*(-)?\s*(\d{4})?\s*", text)
    if not parts or not (parts[1] or parts[3]):
        raise UsageError(f"--year {text!r} is no year or range", "for instance 2021, 2015-2020, 2015- or -2020")
    first = int(parts[1]) if parts[1] else None
    last = int(parts[3]) if parts[3] else None
    if not parts[2]:
        return first, first
    if first is not None and last is not None and first > last:
        raise UsageError(f"--year {text!r} runs backwards", "the earlier year comes first")
    return first, last
