"""Weigh what was read from a panel's pixels and caption against the pixel size that the file itself states."""

from __future__ import annotations

import math
from dataclasses import replace

from mirsearch.analysis.scalebars.confidence import MIN_TOLD
from mirsearch.analysis.scalebars.images import agree
from mirsearch.corpus import ScaleReading

_ALONE = 0.9
"""Confidence of the pixel size in a file's metadata where nothing that was read confirms it."""

_CONTRADICTED = 0.9
"""Greatest confidence of a reading that the file contradicts: the file may be a resized copy, or not be one."""

_CONFIRMED = 0.99
"""Confidence of a reading and the file's pixel size that agree."""


def weigh_file_size(
    reading: ScaleReading | None, nm_per_px: float | None
) -> tuple[ScaleReading | None, ScaleReading | None]:
    """Return the reading to go by, and the one that contradicts it (None if none does).

    `nm_per_px` is the pixel size in the file's metadata. Where it agrees with a bar, databar or caption that was read,
    the confidence rises. Where it does not, the likelier of the two stays with the odds of its being the right one.
    A reading too doubtful to be told contradicts nothing.
    """
    if nm_per_px is None or not (math.isfinite(nm_per_px) and nm_per_px > 0):
        return reading, None
    by_file = ScaleReading(nm_per_px=nm_per_px, source="metadata", confidence=_ALONE)
    if reading is None:
        return by_file, None
    if agree(reading.nm_per_px, nm_per_px):
        return replace(reading, nm_per_px=nm_per_px, source="metadata", confidence=_CONFIRMED), None
    if reading.confidence < MIN_TOLD:
        return by_file, None
    odds = reading.confidence * (1 - _ALONE) / (1 - reading.confidence + 1e-9) / _ALONE
    right = round(min(_CONTRADICTED, odds / (1 + odds)), 4)
    read, stated = replace(reading, confidence=right), replace(by_file, confidence=round(1 - right, 4))
    return (read, stated) if right >= MIN_TOLD else (stated, read)
