"""One bar for several panels: where the caption says that it holds for others, they have its scale too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mirsearch.analysis.captions.tokens import LIST, parse_letters
from mirsearch.corpus import Box, ScaleReading
from mirsearch.settings import LIMITS
from mirsearch.text.lengths import normalize_all

_PANELS = r"(?:panels?|images?|micrographs?|figures?|pictures?|subfigures?|frames?)"
_ALL = (
    rf"(?:all|both|every|each|the other|the remaining|the rest)(?: of)?(?: the| these)?(?: other)?(?: \w+)? ?{_PANELS}?"
)
_BAR = r"\bscale ?-?bar\b"
_SAME = r"\b(?:same|identical|equal) (?:scale|magnification|field of view)"
_STATEMENTS = tuple(
    (re.compile(pattern, re.IGNORECASE), same)
    for pattern, same in (
        (
            rf"{_BAR}[^.;]{{0,60}}?\b(?:applies|apply|holds?|is valid|is the same|is common|is shared|is identical)"
            rf"\b(?: to| for| by| in)* (?P<whom>[^.;]{{1,60}})",
            True,
        ),
        (rf"(?P<whom>{_ALL}|{_PANELS} \(?{LIST}\)?)[^.;]{{0,40}}?{_SAME}", True),
        (rf"{_BAR}[^.;]{{0,40}}?\b(?:for|in) (?P<whom>{_ALL}|{_PANELS} \(?{LIST}\)?)", False),
    )
)
"""What says that a bar holds for panels (`whom`), and whether these are of one scale even with bars of their own."""

_LIST = re.compile(rf"\(?\b(?P<list>{LIST})\b\)?", re.IGNORECASE)
_EVERY = re.compile(r"\b(?:all|both|every|each|other|remaining|rest)\b", re.IGNORECASE)
_ALIKE = 1.06
_SURE, _UNLIKE_SURE = 0.7, 0.4
"""What the giver's confidence counts for a panel as wide as its own, and for one that is not."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Panels a bar is said to hold for, by lower-case labels (none: all), and whether all these are of one scale."""

    labels: frozenset[str]
    same: bool


def shared_bar(caption: str, labels: Sequence[str | None]) -> Shared | None:
    """What a caption says of one bar that holds for several panels; None where it says nothing of the kind."""
    text = normalize_all(caption[: LIMITS.caption_chars])
    known = frozenset(label.lower() for label in labels if label)
    for pattern, same in _STATEMENTS:
        for match in pattern.finditer(text):
            if _EVERY.search(match["whom"]):
                return Shared(frozenset(), same)
            lists = (parse_letters(part["list"], known, strict=True) for part in _LIST.finditer(match["whom"]))
            letters = frozenset(letter for each in lists for letter in each)
            if len(letters) > 1:
                return Shared(letters, same)
    return None


def share(
    readings: Sequence[ScaleReading | None], boxes: Sequence[Box], labels: Sequence[str | None], caption: str
) -> list[ScaleReading | None]:
    """`readings` with the scale of a figure's one bar given to the panels its caption says that it holds for."""
    result = list(readings)
    givers = [n for n, reading in enumerate(readings) if reading is not None and reading.bar is not None]
    said = shared_bar(caption, labels) if givers and len(readings) > 1 else None
    if said is None or (len(givers) > 1 and not said.same):
        return result
    best = max(givers, key=lambda n: _sureness(readings[n]))
    given, width = readings[best], boxes[best][2] - boxes[best][0]
    for n, reading in enumerate(readings):
        label = labels[n]
        meant = not said.labels or (label is not None and label.lower() in said.labels)
        if given is None or not meant or (reading is not None and _agree(reading, given)):
            continue
        own = max(1, boxes[n][2] - boxes[n][0])
        part = _SURE if max(own, width) < _ALIKE * min(own, width) else _UNLIKE_SURE
        result[n] = ScaleReading(given.nm_per_px, source="caption", confidence=round(given.confidence * part, 4))
    return result


def _sureness(reading: ScaleReading | None) -> tuple[bool, float]:
    """Readings of printed labels before others, then by confidence."""
    return (False, 0.0) if reading is None else (reading.source == "label", reading.confidence)


def _agree(one: ScaleReading, other: ScaleReading) -> bool:
    return max(one.nm_per_px, other.nm_per_px) < _ALIKE * min(one.nm_per_px, other.nm_per_px)
