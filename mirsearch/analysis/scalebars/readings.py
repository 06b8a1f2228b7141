"""Turn the bars of one image into a reading of its scale, with what speaks for and against it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mirsearch.analysis.base import BarCandidate
from mirsearch.analysis.panels.boxes import distance_from_corner
from mirsearch.analysis.scalebars.caption_lengths import CaptionLength
from mirsearch.analysis.scalebars.confidence import Evidence, bar_confidence, caption_confidence, label_confidence
from mirsearch.analysis.scalebars.images import ImageBars, SeenBar, agree
from mirsearch.analysis.scalebars.pairing import Pair
from mirsearch.corpus import Box, ScaleReading

_MIN_PAIR_SCORE = 0.38
"""Pair score below which a label and a bar are taken not to belong together."""

_MIN_PLAUSIBILITY = 0.45
"""Plausibility below which a label is more likely a spacing, a roughness, or a size than a bar's length."""

_PICOMETERS = re.compile(r"\d ?pm\b")
"""A length in picometers. Hardly any bar is so short, and OCR reads "pm" in place of "µm"."""

_LEAST_OF_LABEL = 0.25
"""Least length of a bar as a share of its label's width; what is shorter is rather a part of the bar, as a head."""

_MIN_READING = 0.42
"""Least product of plausibility and OCR's confidence: a repaired label must have been read clearly."""

_MIN_DOUBTFUL_SHARE = 0.75
"""Share of each of these that a doubtful reading must have."""

_MAX_DOUBTFUL = 0.4
"""Greatest confidence of a reading that may be right but is not good enough to be told."""

_MIN_RIVAL_SHARE = 0.9
"""Least confidence of a bar, as a share of the best one's, that is taken because it lies nearer to a corner.

The bar of an inset looks as good, and lies further inside.
"""

_USUAL_SHARES = (0.05, 0.5)
"""Usual lengths of a bar as shares of the image's width."""

_MAX_LENGTH_DIFFERENCE = 0.03
"""Greatest relative difference in length of the same bar in two images; 1.5 px are always allowed."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A reading, the evidence for it, and whether it is good enough to be told."""

    reading: ScaleReading
    evidence: Evidence
    believable: bool = True


def read_label(image: ImageBars, length: CaptionLength) -> Observation | None:
    """Return the reading of the bar with a printed label, or None without a pair that may be right."""
    pair = image.pair
    if pair is None:
        return None
    is_misread = (
        bool(_PICOMETERS.search(pair.label.length.text)) and _caption_agreement(pair.label.length.nm, length) <= 0
    )
    is_part = pair.bar.length_px < _LEAST_OF_LABEL * (pair.label.box[2] - pair.label.box[0])
    believable = _is_believable(pair, length, 1.0) and not (is_misread or is_part)
    if not believable and not _is_believable(pair, length, _MIN_DOUBTFUL_SHARE):
        return None
    label = pair.label
    evidence = _observe_bar(pair.bar, image)
    evidence = replace(
        evidence,
        pair=pair.score,
        reading=label.length.plausibility * label.confidence,
        caption=_caption_agreement(label.length.nm, length),
        unsure=float(not believable),
    )
    confidence = label_confidence(evidence) if believable else min(label_confidence(evidence), _MAX_DOUBTFUL)
    reading = ScaleReading(
        nm_per_px=label.length.nm / pair.bar.length_px, length_nm=label.length.nm, length_px=pair.bar.length_px,
        bar=pair.bar.box, label_text=label.length.text, source="label", confidence=confidence,
    )  # fmt: skip
    return Observation(reading, evidence, believable)


def read_lone_bar(image: ImageBars, length: CaptionLength, siblings: Sequence[ImageBars]) -> Observation | None:
    """Return the likeliest reading of a bar without a label that has the caption's length, or None.

    `siblings` are the bars of the other images under the same letter.
    """
    if length.bar is None or not length.bar.nm:
        return None
    observations = []
    for seen in image.lone:
        bar = seen.bar
        evidence = replace(
            _observe_bar(bar, image),
            looks=seen.looks,
            reading=length.bar.confidence,
            siblings=float(any(has_bar_like(bar, image.box, other) for other in siblings)),
            caption=float(length.own),
            unsure=float(not length.certain),
        )
        confidence = caption_confidence(evidence)
        reading = ScaleReading(
            nm_per_px=length.bar.nm / bar.length_px, length_nm=length.bar.nm, length_px=bar.length_px, bar=bar.box,
            label_text=None, source="caption",
            confidence=min(confidence, _MAX_DOUBTFUL) if length.misplaced else confidence,
        )  # fmt: skip
        observations.append(Observation(reading, evidence))
    best = max((observation.reading.confidence for observation in observations), default=0.0)
    rivals = [each for each in observations if each.reading.confidence >= _MIN_RIVAL_SHARE * best]
    rivals = [each for each in rivals if not _is_upright(each)] or rivals
    return min(rivals, key=lambda each: each.evidence.corner, default=None)


def _is_upright(observation: Observation) -> bool:
    """Return whether a bar is vertical: beside a horizontal one it rather is a stroke of a letter."""
    bar = observation.reading.bar
    return bar is not None and bar[3] - bar[1] > bar[2] - bar[0]


def confidence_of_bar(seen: SeenBar, image: ImageBars) -> float:
    """Return the probability that a line without a label is a bar."""
    return bar_confidence(replace(_observe_bar(seen.bar, image), looks=seen.looks))


def has_bar_like(bar: BarCandidate, box: Box, other: ImageBars) -> bool:
    """Return whether another image has a bar of the same length at the same distance from the same corner."""
    slack = max(1.5, _MAX_LENGTH_DIFFERENCE * bar.length_px)
    return any(
        abs(bar.length_px - twin.bar.length_px) <= slack
        and _is_same_place(_offsets(bar.box, box), _offsets(twin.bar.box, other.box), 2 * slack + 2)
        for twin in other.lone
    )


def _offsets(bar: Box, image: Box) -> tuple[int, int, int, int]:
    """Return the distances of a bar from the left, top, right and bottom of its image."""
    return bar[0] - image[0], bar[1] - image[1], image[2] - bar[2], image[3] - bar[3]


def _is_same_place(one: tuple[int, int, int, int], other: tuple[int, int, int, int], slack: float) -> bool:
    """Return whether two bars are as far from the left or right, and from the top or bottom, of their images."""
    near = [abs(first - second) <= slack for first, second in zip(one, other, strict=True)]
    return (near[0] or near[2]) and (near[1] or near[3])


def _observe_bar(bar: BarCandidate, image: ImageBars) -> Evidence:
    """Return the evidence of a bar's looks and place."""
    x0, y0, x1, y1 = image.box
    box = (bar.box[0] - x0, bar.box[1] - y0, bar.box[2] - x0, bar.box[3] - y0)
    share = bar.length_px / max(1, (y1 - y0) if bar.vertical else (x1 - x0))
    thickness = min(bar.box[2] - bar.box[0], bar.box[3] - bar.box[1])
    others = [other.bar.score for other in image.lone if other.bar.box != bar.box]
    return Evidence(
        bar=bar.score,
        corner=distance_from_corner(box, (y1 - y0, x1 - x0)),
        short=max(0.0, 1 - share / _USUAL_SHARES[0]),
        long=max(0.0, share - _USUAL_SHARES[1]) * 2,
        thick=min(1.0, thickness / max(1.0, bar.length_px)),
        rivals=min(1.0, max(others, default=0.0) / max(0.01, bar.score)),
    )


def _is_believable(pair: Pair, length: CaptionLength, share: float) -> bool:
    """Return whether a pair is good enough for an answer. An unusual length must agree with the caption."""
    found = pair.label.length
    quality = found.plausibility * pair.label.confidence
    is_usual = found.plausibility >= share * _MIN_PLAUSIBILITY and quality >= share * _MIN_READING
    return pair.score >= share * _MIN_PAIR_SCORE and (is_usual or _caption_agreement(found.nm, length) > 0)


def _caption_agreement(nm: float, length: CaptionLength) -> float:
    """Return 1 if the caption gives this length for the panel, -1 if it surely gives another, else 0."""
    if length.bar is None or not length.bar.nm:
        return 0.0
    return 1.0 if agree(nm, length.bar.nm) else -1.0 if length.certain else 0.0
