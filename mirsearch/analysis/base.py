"""Protocols of the analysis, for OCR engines and scale-bar detectors, and the data they return."""

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
    """A line of text that OCR read, its box in px, and OCR's confidence (0 to 1)."""

    text: str
    box: Box
    confidence: float


class OcrEngine(Protocol):
    """Reads text in images."""

    name: str

    def read(self, pixels: Pixels, side_limit: int | None = None, longest: int | None = None) -> list[TextBox]:
        """Find and read lines of text in an RGB image, uint8 (h, w, 3).

        `side_limit` is the size in px at which the engine looks for lines: a smaller size is faster. `longest` bounds
        the longer side in px of the image in which it looks, for a quick pass over a whole figure.
        """

    def recognize(self, crops: Sequence[Pixels]) -> list[tuple[str, float]]:
        """Read crops that hold one line each, without looking for the line. Return (text, confidence) for each crop."""


@dataclass(frozen=True, slots=True)
class BarCandidate:
    """A possible scale bar: its box, its length along its axis to a fraction of a px, and its score (0 to 1).

    A high score means that it looks much like a scale bar. A `broken` candidate consists of ticks or of two separate
    ends. It counts as a bar only if it has a label.
    """

    box: Box
    length_px: float
    score: float
    vertical: bool = False
    broken: bool = False


class ScaleBarDetector(Protocol):
    """Finds scale bars. It does not read their labels."""

    name: str

    def detect(self, pixels: Pixels) -> list[BarCandidate]:
        """Return the candidates in a panel's RGB pixels, uint8 (h, w, 3), best first."""
