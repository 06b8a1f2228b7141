"""The protocols of the analysis: OCR engines and scale-bar detectors, and what they hand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mirsearch.corpus import Box

Pixels = NDArray[np.uint8]
"""RGB image, uint8 (h, w, 3)."""


@dataclass(frozen=True, slots=True)
class TextBox:
    """A line of text OCR read: where, what, and how sure (0 to 1)."""

    text: str
    box: Box
    confidence: float


class OcrEngine(Protocol):
    """Reads text in images."""

    name: str

    def read(self, pixels: Pixels, side_limit: int | None = None, longest: int | None = None) -> list[TextBox]:
        """Find and read lines; `side_limit` is the size in px the detector works at (smaller is faster).

        `longest` bounds the longer side of what the detector sees, for a quick pass over a whole figure.
        """

    def recognize(self, crops: Sequence[Pixels]) -> list[tuple[str, float]]:
        """Read crops that hold one line each, without looking for it: (text, confidence) each."""


@dataclass(frozen=True, slots=True)
class BarCandidate:
    """Something that may be a scale bar: box, sub-pixel length along its axis, how bar-like it is (0 to 1).

    `broken` ones are made of ticks or of two ends: they are a bar only where a label goes with them.
    """

    box: Box
    length_px: float
    score: float
    vertical: bool = False
    broken: bool = False


class ScaleBarDetector(Protocol):
    """Finds scale bars, without reading their labels."""

    name: str

    def detect(self, pixels: Pixels) -> list[BarCandidate]:
        """Candidates in a panel, best first."""
