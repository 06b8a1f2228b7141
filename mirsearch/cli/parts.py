"""What every command shares: options, the border where errors become one line, and loading of parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mirsearch.settings import DEFAULT_EXTRACTOR

if TYPE_CHECKING:
    from mirsearch.analysis.base import OcrEngine, ScaleBarDetector
    from mirsearch.extractors.base import Extractor
    from mirsearch.indexes.base import Index


def open_index(location: str | None) -> Index:
    """The index to read."""
    from mirsearch.indexes import open_index as opened
    from mirsearch.settings import index_location

    return opened(index_location(location))


class ExtractorChoice(NamedTuple):
    """What was said of the extractor: its name, None for the index's own; a file of weights; a device."""

    spec: str | None
    weights: Path | None = None
    device: str | None = None


Parts = tuple[str | ExtractorChoice, str, str]
"""Extractor, OCR engine, scale-bar detector."""


def load_extractor(chosen: str | ExtractorChoice) -> Extractor:
    """The extractor of a name, or of `NAME:ARGUMENT` where it takes one; where its weights lie is remembered."""
    from mirsearch.extractors.factory import open_extractor, remember_weights

    choice = ExtractorChoice(chosen) if isinstance(chosen, str) else chosen
    extractor = open_extractor(choice.spec or DEFAULT_EXTRACTOR, choice.weights, choice.device)
    remember_weights(extractor)
    return extractor


_NO_CHOICE = ExtractorChoice(None)


def load_index_extractor(index: Index, choice: ExtractorChoice = _NO_CHOICE) -> Extractor:
    """The extractor that made an index's vectors, unless another is named."""
    if choice.spec is not None:
        return load_extractor(choice)
    from mirsearch.extractors.factory import open_recorded_extractor

    return open_recorded_extractor(index.extractor, choice.weights, choice.device)


def load_ocr(name: str) -> OcrEngine:
    """The OCR engine of a name."""
    from mirsearch import plugins

    engine: OcrEngine = plugins.load("ocr", name)()
    return engine


def load_detector(name: str) -> ScaleBarDetector:
    """The scale-bar detector of a name, or of `NAME:ARGUMENT` where it takes one."""
    from mirsearch import plugins

    detector: ScaleBarDetector = plugins.create("scalebars", name)
    return detector
