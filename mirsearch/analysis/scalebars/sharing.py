"""Share the scale of one bar between several panels: images of one letter, or panels that the caption names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from mirsearch.analysis.captions.tokens import LIST, parse_letters
from mirsearch.analysis.scalebars.caption_lengths import CaptionLength
from mirsearch.analysis.scalebars.images import agree
from mirsearch.corpus import Box, Panel, ScaleReading
from mirsearch.settings import LIMITS
from mirsearch.text.lengths import normalize_all

_PANELS = r"(?:panels?|images?|micrographs?|figures?|pictures?|subfigures?|frames?)"
_ALL_PANELS = (
    rf"(?:all|both|every|each|the other|the remaining|the rest)(?: of)?(?: the| these)?(?: other)?(?: \w+)? ?{_PANELS}?"
)
_SCALE_BAR = r"\bscale ?-?bar\b"
_SAME_SCALE = r"\b(?:same|identical|equal) (?:scale|magnification|field of view)"
_STATEMENTS = tuple(
    (re.compile(pattern, re.IGNORECASE), same_scale)
    for pattern, same_scale in (
        (
            rf"{_SCALE_BAR}[^.;]{{0,60}}?"
            r"\b(?:applies|apply|holds?|is valid|is the same|is common|is shared|is identical)"
            rf"\b(?: to| for| by| in)* (?P<whom>[^.;]{{1,60}})",
            True,
        ),
        (rf"(?P<whom>{_ALL_PANELS}|{_PANELS} \(?{LIST}\)?)[^.;]{{0,40}}?{_SAME_SCALE}", True),
        (rf"{_SCALE_BAR}[^.;]{{0,40}}?\b(?:for|in) (?P<whom>{_ALL_PANELS}|{_PANELS} \(?{LIST}\)?)", False),
    )
)
"""Patterns of statements that a bar holds for panels (`whom`).

The flag tells whether these panels have one scale even if they have bars of their own.
"""

_LETTER_LIST = re.compile(rf"\(?\b(?P<list>{LIST})\b\)?", re.IGNORECASE)
_ALL_WORDS = re.compile(r"\b(?:all|both|every|each|other|remaining|rest)\b", re.IGNORECASE)

_MAX_RATIO = 1.06
"""Ratio up to which two panels have one size."""

_EQUAL_WIDTH_WEIGHT = 0.7
"""Weight of the confidence for a panel as wide as the panel with the bar."""

_OTHER_WIDTH_WEIGHT = 0.4
"""Weight of the confidence for a panel of another width, which may be drawn at another scale."""

_SAME_LETTER_WEIGHT = 0.9
"""Weight of the confidence for an image as large as the one with the bar, under the same letter."""

_DOUBTFUL_WEIGHT = 0.5
"""Further weight for an image that may show what a frame in the other one holds, or may have another letter."""

_MIN_SHARED_CONFIDENCE = 0.5
"""Least confidence of a reading that is shared under a letter."""

_MIN_PEERS, _MIN_PEER_SHARE, _MAX_PEER_DIFFERENCE, _MIN_ODD_DIFFERENCE = 2, 0.7, 0.03, 0.05
"""Least number and share of a letter's other images whose bars agree, the greatest relative difference of their lengths
in px, and the least one of a bar that differs from them."""

_MAX_PLACE_DIFFERENCE = 4
"""Greatest difference in px between the distances of bars from the borders of their images, where they are in one
place."""

_MAX_ODD_CONFIDENCE = 0.4
"""Greatest confidence of a bar that seems to touch something of its color."""

_OTHER_MAGNIFICATION = re.compile(
    r"\b(?:magnif\w+|enlarge\w*|zoom\w*|close-?ups?|blow-?ups?|detail\w*)\b", re.IGNORECASE
)
"""Words of a caption that tell images of one letter at several magnifications."""


@dataclass(frozen=True, slots=True)
class SharedBar:
    """The panels for which a bar holds, by lower-case labels; an empty set means all panels.

    `same_scale` tells whether all these panels have one scale, even if they have bars of their own.
    """

    labels: frozenset[str]
    same_scale: bool


def find_shared_bar(caption: str, labels: Sequence[str | None]) -> SharedBar | None:
    """Return what a caption states about one bar that holds for several panels, or None."""
    text = normalize_all(caption[: LIMITS.caption_chars])
    known_letters = frozenset(label.lower() for label in labels if label)
    for pattern, same_scale in _STATEMENTS:
        for match in pattern.finditer(text):
            if _ALL_WORDS.search(match["whom"]):
                return SharedBar(frozenset(), same_scale)
            letters = frozenset(
                letter
                for part in _LETTER_LIST.finditer(match["whom"])
                for letter in parse_letters(part["list"], known_letters, known_only=True)
            )
            if len(letters) > 1:
                return SharedBar(letters, same_scale)
    return None


def share_scale(
    readings: Sequence[ScaleReading | None], boxes: Sequence[Box], labels: Sequence[str | None], caption: str
) -> list[ScaleReading | None]:
    """Return `readings`, with the bar's scale for all panels for which the caption states that the bar holds.

    `boxes` are the boxes of the panels, `labels` their letters.
    """
    result = list(readings)
    sources = [n for n, reading in enumerate(readings) if reading is not None and reading.bar is not None]
    shared = find_shared_bar(caption, labels) if sources and len(readings) > 1 else None
    if shared is None or (len(sources) > 1 and not shared.same_scale):
        return result
    source = max(sources, key=lambda n: _rank_reading(readings[n]))
    source_reading, source_width = readings[source], boxes[source][2] - boxes[source][0]
    for n, reading in enumerate(readings):
        label = labels[n]
        is_meant = not shared.labels or (label is not None and label.lower() in shared.labels)
        if source_reading is None or not is_meant or (reading is not None and _scales_agree(reading, source_reading)):
            continue
        panel_width = max(1, boxes[n][2] - boxes[n][0])
        equal_width = agree(panel_width, source_width)
        confidence = source_reading.confidence * (_EQUAL_WIDTH_WEIGHT if equal_width else _OTHER_WIDTH_WEIGHT)
        result[n] = ScaleReading(source_reading.nm_per_px, source="caption", confidence=round(confidence, 4))
    return result


def _rank_reading(reading: ScaleReading | None) -> tuple[bool, float]:
    """Return a sort key: readings of printed labels are above others, then the confidence counts."""
    return (False, 0.0) if reading is None else (reading.source == "label", reading.confidence)


def _scales_agree(one: ScaleReading, other: ScaleReading) -> bool:
    """Return whether two readings have about the same pixel size."""
    return agree(one.nm_per_px, other.nm_per_px)


def share_in_letters(
    readings: Sequence[ScaleReading | None],
    panels: Sequence[Panel],
    shareable: Sequence[bool],
    lengths: Sequence[CaptionLength],
    windows: Sequence[bool],
) -> list[ScaleReading | None]:
    """Return `readings`, with the scale of a letter's bars for those of its images that have none.

    Only images of the same size are given it (insets and panels that are not `shareable` are not), and only if the bars
    of that size agree. It replaces a reading that is less sure. `lengths` are what the caption gives for each panel,
    `windows` tell which panels have a frame drawn in them: an image without one may magnify what the frame holds.
    """
    result = list(readings)
    for n, panel in enumerate(panels):
        if panel.label is None or panel.inset_of is not None or not shareable[n]:
            continue
        sources = [
            reading
            for m, (reading, other) in enumerate(zip(readings, panels, strict=True))
            if m != n and reading is not None and _may_share(reading, panel, other)
        ]
        best = max(sources, key=_rank_reading, default=None)
        if best is None or not all(_scales_agree(best, source) for source in sources):
            continue
        may_be_magnified = not windows[n] and windows[readings.index(best)]
        is_doubtful = may_be_magnified or lengths[n].unsure_label or _tells_magnified(panel)
        weight = _SAME_LETTER_WEIGHT * (_DOUBTFUL_WEIGHT if is_doubtful else 1.0)
        confidence = round(best.confidence * weight, 4)
        own = readings[n]
        if (own is None or own.confidence < confidence) and _allows_sharing(panel, lengths[n], best):
            result[n] = ScaleReading(best.nm_per_px, source="shared", confidence=confidence)
    return result


def doubt_odd_bars(readings: Sequence[ScaleReading | None], panels: Sequence[Panel]) -> list[ScaleReading | None]:
    """Return `readings`, less sure where a bar differs from those of the letter's other images at one end only.

    Images of one letter and size with bars of the same length in nm, in the same place, have bars of one length in px.
    A bar with one end elsewhere touches something of its color.
    """
    result = list(readings)
    for n, panel in enumerate(panels):
        own = readings[n]
        if own is None or own.bar is None or own.length_px is None:
            continue
        peers = [
            (reading, other)
            for m, (reading, other) in enumerate(zip(readings, panels, strict=True))
            if m != n and reading is not None and _may_share(reading, panel, other)
            and reading.length_nm == own.length_nm and reading.length_px is not None
        ]  # fmt: skip
        usual = median([reading.length_px or 0.0 for reading, _ in peers]) if peers else own.length_px
        alike = [abs((reading.length_px or 0.0) / usual - 1) <= _MAX_PEER_DIFFERENCE for reading, _ in peers]
        if sum(alike) < max(_MIN_PEERS, _MIN_PEER_SHARE * len(peers)):
            continue
        differs = abs(own.length_px / usual - 1) > _MIN_ODD_DIFFERENCE
        if differs and any(_shares_one_end(own, panel, reading, other) for reading, other in peers):
            result[n] = replace(own, confidence=min(own.confidence, _MAX_ODD_CONFIDENCE))
    return result


def _shares_one_end(own: ScaleReading, panel: Panel, reading: ScaleReading, other: Panel) -> bool:
    """Return whether two bars lie in one row of their images and begin or end at the same distance from a border."""
    assert own.bar is not None
    assert reading.bar is not None
    near = [
        abs((own.bar[side] - panel.box[side]) - (reading.bar[side] - other.box[side])) <= _MAX_PLACE_DIFFERENCE
        for side in range(4)
    ]
    return (near[1] and near[3] and near[0] != near[2]) or (near[0] and near[2] and near[1] != near[3])


def _tells_magnified(panel: Panel) -> bool:
    """Return whether the caption says that images of a letter are magnified, and does not speak of insets in them."""
    return _OTHER_MAGNIFICATION.search(panel.caption) is not None and "inset" not in panel.caption.lower()


def _may_share(reading: ScaleReading, panel: Panel, other: Panel) -> bool:
    """Return whether the reading of another panel's bar may hold for a panel."""
    same_letter = other.label is not None and panel.label is not None and other.label.lower() == panel.label.lower()
    sides = ((panel.width, other.width), (panel.height, other.height))
    same_size = all(max(pair) <= _MAX_RATIO * min(pair) for pair in sides)
    has_bar = reading.bar is not None and reading.confidence >= _MIN_SHARED_CONFIDENCE
    return same_letter and same_size and has_bar and other.inset_of is None


def _allows_sharing(panel: Panel, length: CaptionLength, source: ScaleReading) -> bool:
    """Return whether the caption gives no other length or magnification for a panel."""
    if length.bar is not None and source.length_nm is not None and length.bar.nm:
        return agree(length.bar.nm, source.length_nm)
    return _OTHER_MAGNIFICATION.search(panel.heading) is None
