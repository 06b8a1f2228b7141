"""How much a hit's looks say: how likely it shows the same kind of thing, from its distance and the corpus's size.

The nearest of many unrelated panels is nearer than the nearest of few, as the least of N draws is. So a distance alone
says little. Two probabilities are fitted by logistic regression (benchmarks/search/match.py, November 2026):

- that the hit is of the same study, or of the same class of steel, against ln(distance) and ln(panels): 802 pictures of
  148 preprints and of UHCS-3 as questions, in drawn corpora of 50 to 800 panels, which have others of the study or
  class in half of the cases. On studies that had no part in the fit, what is told holds to 0.05;
- that it shows the same kind of thing although it is of another study, against the distance: 72 pairs of a picture and
  the nearest of another study, judged by eye. It is told as 0.65 at most: nearer pairs are of one kind no more often.

Both hold for the default extractor and single pictures alone, and each of its versions has its own. Beyond 800 panels,
the first is extrapolated. 484 of the pictures also had a part in what version 2 learned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.search.answer import Hit, Match, QueryView

MatchWord = Literal["strong", "weak", "none"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Log odds by the distances of one extractor.

    `same_study`: that a hit is of the same study or class: constant, and factors of ln(distance) and ln(panels).
    `same_kind`: that a hit of another study shows the same kind of thing: constant, and factor of the distance.
    """

    same_study: tuple[float, float, float]
    same_kind: tuple[float, float]


CALIBRATED = ("efficientnet", "2")
"""Name and version of the extractor of new indexes whose distances are calibrated."""
CALIBRATIONS = {
    ("efficientnet", "1"): Calibration((-2.652, -3.984, -0.631), (2.529, -9.643)),
    CALIBRATED: Calibration((-2.923, -5.889, -0.713), (4.57, -12.182)),
}
"""By name and version of the extractor."""
MOST_SAME_KIND = 0.65
"""Most that is told of that: of the 40 judged pairs nearer than 0.26, 28 are of one kind; of 383 pictures whose nearest
of another study is nearer than 0.3, 57 % share the technique with it, as labels written by a language model tell it, of
which 87 % agree within a study."""
STRONG, NONE = 0.8, 0.3
"""From this probability on, a match is strong; below that one, it is none."""
_LEAST_DISTANCE, _LEAST_PANELS = 0.005, 50


def is_calibrated(extractor: ExtractorIdentity, query: QueryView) -> bool:
    """Return whether a question's distances have a meaning: the default extractor, and one picture without marks."""
    pictures = (query.like is not None) + len(query.images) if query.like is None else 1
    return (
        (extractor.name, extractor.version) in CALIBRATIONS and pictures == 1 and not (query.alike or query.not_alike)
    )


def judge(distance: float, panels: int, calibration: Calibration = CALIBRATIONS[CALIBRATED]) -> Match:
    """Return how likely a panel at this visual distance, found among `panels`, shows the same kind of thing."""
    constant, by_distance, by_panels = calibration.same_study
    near, many = math.log(max(distance, _LEAST_DISTANCE)), math.log(max(panels, _LEAST_PANELS))
    same_study = _logistic(constant + by_distance * near + by_panels * many)
    same_kind = min(_logistic(calibration.same_kind[0] + calibration.same_kind[1] * distance), MOST_SAME_KIND)
    probability = same_study + (1 - same_study) * same_kind
    word: MatchWord = "strong" if probability >= STRONG else "weak" if probability >= NONE else "none"
    return Match(word, round(probability, 3))


def judge_hits(hits: Sequence[Hit], panels: int, extractor: ExtractorIdentity) -> tuple[Hit, ...]:
    """Return the hits, each with its judgment where it has a visual distance of a calibrated extractor."""
    calibration = CALIBRATIONS[extractor.name, extractor.version]
    distances = [hit.scored.visual_distance for hit in hits]
    return tuple(
        hit if distance is None else replace(hit, match=judge(distance, panels, calibration))
        for hit, distance in zip(hits, distances, strict=True)
    )


def _logistic(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(min(log_odds, 500.0), -500.0)))
