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
_ALL_PANELS = (
    rf"(?:all|both|every|each|the other|the remaining|the rest)(?: of)?(?: the| these)?(?: other)?(?: \w+)? ?{_PANELS}?"
)
_SCALE_BAR = r"\bscale ?-?bar\b"
_SAME_SCALE = r"\b(?:same|identical|equal) (?:scale|magnification|field of view)"
_STATEMENTS = tuple(
    (re.compile(pattern, re.IGNORECASE), same)
    for pattern, same in (
        (
            rf"{_SCALE_BAR}[^.;]{{0,60}}?\b(?:applies|apply|holds?|is valid|is the same|is common|is shared|is identical)"
            rf"\b(?: to| for| by| in)* (?P<whom>[^.;]{{1,60}})",
            True,
        ),
        (rf"(?P<whom>{_ALL_PANELS}|{_PANELS} \(?{LIST}\)?)[^.;]{{0,40}}?{_SAME_SCALE}", True),
        (rf"{_SCALE_BAR}[^.;]{{0,40}}?\b(?:for|in) (?P<whom>{_ALL_PANELS}|{_PANELS} \(?{LIST}\)?)", False),
    )
)
"""What says that a bar holds for panels (`whom`), and whether these are of one scale even with bars of their own."""

_LETTER_LIST = re.compile(rf"\(?\b(?P<list>{LIST})\b\)?", re.IGNORECASE)
_ALL_WORDS = re.compile(r"\b(?:all|both|every|each|other|remaining|rest)\b", re.IGNORECASE)
_MAX_RATIO = 1.06
_EQUAL_WIDTH_WEIGHT, _OTHER_WIDTH_WEIGHT = 0.7, 0.4
"""What the giver's confidence counts for a panel as wide as its own, and for one that is not."""


@dataclass(frozen=True, slots=True)
class SharedBar:
    """Panels a bar is said to hold for, by lower-case labels (none: all), and whether all these are of one scale."""

    labels: frozenset[str]
    same: bool


def find_shared_bar(caption: str, labels: Sequence[str | None]) -> SharedBar | None:
    """What a caption says of one bar that holds for several panels; None where it says nothing of the kind."""
    text = normalize_all(caption[: LIMITS.caption_chars])
    known = frozenset(label.lower() for label in labels if label)
    for pattern, same in _STATEMENTS:
        for match in pattern.finditer(text):
            if _ALL_WORDS.search(match["whom"]):
                return SharedBar(frozenset(), same)
            lists = (parse_letters(part["list"], known, strict=True) for part in _LETTER_LIST.finditer(match["whom"]))
            letters = frozenset(letter for each in lists for letter in each)
            if len(letters) > 1:
                return SharedBar(letters, same)
    return None


def share_scale(
    readings: Sequence[ScaleReading | None], boxes: Sequence[Box], labels: Sequence[str | None], caption: str
) -> list[ScaleReading | None]:
    """`readings` with the scale of a figure's one bar given to the panels its caption says that it holds for."""
    result = list(readings)
    givers = [n for n, reading in enumerate(readings) if reading is not None and reading.bar is not None]
    said = find_shared_bar(caption, labels) if givers and len(readings) > 1 else None
    if said is None or (len(givers) > 1 and not said.same):
        return result
    best = max(givers, key=lambda n: _rank_reading(readings[n]))
    given, width = readings[best], boxes[best][2] - boxes[best][0]
    for n, reading in enumerate(readings):
        label = labels[n]
        meant = not said.labels or (label is not None and label.lower() in said.labels)
        if given is None or not meant or (reading is not None and _scales_agree(reading, given)):
            continue
        own = max(1, boxes[n][2] - boxes[n][0])
        part = _EQUAL_WIDTH_WEIGHT if max(own, width) < _MAX_RATIO * min(own, width) else _OTHER_WIDTH_WEIGHT
        result[n] = ScaleReading(given.nm_per_px, source="caption", confidence=round(given.confidence * part, 4))
    return result


def _rank_reading(reading: ScaleReading | None) -> tuple[bool, float]:
    """Readings of printed labels before others, then by confidence."""
    return (False, 0.0) if reading is None else (reading.source == "label", reading.confidence)


def _scales_agree(one: ScaleReading, other: ScaleReading) -> bool:
    return max(one.nm_per_px, other.nm_per_px) < _MAX_RATIO * min(one.nm_per_px, other.nm_per_px)
