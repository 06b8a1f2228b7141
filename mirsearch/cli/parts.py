"""Opens the index, and loads the extractor, the OCR engine and the scale-bar detector that options name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mirsearch.settings import DEFAULT_EXTRACTOR

if TYPE_CHECKING:
    from mirsearch.analysis.base import OcrEngine, ScaleBarDetector
    from mirsearch.extractors.base import Extractor
    from mirsearch.indexes.base import Index
    from mirsearch.ingest.remote.client import RemoteWorkers


def open_index(location: str | None) -> Index:
    """Open an existing index."""
    from mirsearch import indexes
    from mirsearch.settings import index_location

    return indexes.open_index(index_location(location))


class ExtractorChoice(NamedTuple):
    """The options of an extractor: its name (None: that of the index), a file of weights, and a device."""

    spec: str | None
    weights: Path | None = None
    device: str | None = None


Parts = tuple[str | ExtractorChoice, str, str]
"""Extractor, OCR engine, scale-bar detector."""


def load_extractor(chosen: str | ExtractorChoice) -> Extractor:
    """Load an extractor by name, or by `NAME:ARGUMENT` if it takes one. Remember where its weights are."""
    from mirsearch.extractors.factory import open_extractor, remember_weights

    choice = ExtractorChoice(chosen) if isinstance(chosen, str) else chosen
    extractor = open_extractor(choice.spec or DEFAULT_EXTRACTOR, choice.weights, choice.device)
    remember_weights(extractor)
    return extractor


_NO_CHOICE = ExtractorChoice(None)


def load_index_extractor(index: Index, choice: ExtractorChoice = _NO_CHOICE) -> Extractor:
    """Load the extractor of an index, unless the user named another one."""
    if choice.spec is not None:
        return load_extractor(choice)
    from mirsearch.extractors.factory import open_recorded_extractor

    return open_recorded_extractor(index.extractor, choice.weights, choice.device)


def choose_workers(text: str | None, parts: Parts, shared: Sequence[Path] = ()) -> int | RemoteWorkers | None:
    """Return what `--workers` and `--shared` say. Raises UsageError for workers that are not known."""
    if text is None and not shared:
        return None
    from mirsearch.ingest.remote.choice import choose_workers as choose
    from mirsearch.ingest.remote.client import RemoteWorkers

    chosen = parts[0] if isinstance(parts[0], ExtractorChoice) else ExtractorChoice(parts[0])
    spec = chosen.spec or DEFAULT_EXTRACTOR
    return choose(text, RemoteWorkers("", spec, parts[1], parts[2], chosen.weights, chosen.device, tuple(shared)))


def load_ocr(name: str) -> OcrEngine:
    """Load an OCR engine by name."""
    from mirsearch import plugins

    engine: OcrEngine = plugins.load("ocr", name)()
    return engine


def load_detector(name: str) -> ScaleBarDetector:
    """Load a scale-bar detector by name, or by `NAME:ARGUMENT` if it takes one."""
    from mirsearch import plugins

    detector: ScaleBarDetector = plugins.create("scalebars", name)
    return detector
