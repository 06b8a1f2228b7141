"""The parts that a corpus is read and asked with: extractor, OCR engine, scale-bar detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mirsearch import plugins, settings

if TYPE_CHECKING:
    from mirsearch.analysis.base import OcrEngine, ScaleBarDetector
    from mirsearch.extractors.base import Extractor
    from mirsearch.indexes.base import ExtractorIdentity
    from mirsearch.ingest.remote.client import RemoteWorkers


@dataclass(frozen=True, slots=True)
class PartNames:
    """The parts that a corpus is read and asked with, by name. `extractor` None: that of the index, else the default.

    `weights` is a file, for an extractor that takes one; `device` is auto, cuda, mps or cpu.
    """

    extractor: str | None = None
    weights: Path | None = None
    device: str | None = None
    ocr: str = settings.DEFAULT_OCR
    scalebars: str = settings.DEFAULT_SCALEBARS


class Parts:
    """The parts of a corpus. Each is loaded when it is first needed. `recorded` is the extractor of the index."""

    def __init__(self, names: PartNames, recorded: ExtractorIdentity | None = None) -> None:
        self._names = names
        self._recorded = recorded

    @cached_property
    def extractor(self) -> Extractor:
        """Return the extractor that was asked for, else that of the index, else the default."""
        from mirsearch.extractors.factory import open_extractor, open_recorded_extractor, remember_weights

        names = self._names
        if names.extractor is None and self._recorded is not None:
            return open_recorded_extractor(self._recorded, names.weights, names.device)
        extractor = open_extractor(names.extractor or settings.DEFAULT_EXTRACTOR, names.weights, names.device)
        remember_weights(extractor)
        return extractor

    def workers(self, asked: int | str | None, shared: Sequence[str] = ()) -> int | RemoteWorkers | None:
        """Return what analyzes figures, as `--workers` and `--shared` say. Raises UsageError for what is not known."""
        if asked is None and not shared:
            return None
        from mirsearch.ingest.remote.choice import choose_workers
        from mirsearch.ingest.remote.client import RemoteWorkers

        names = self._names
        recorded = None if self._recorded is None else self._recorded.name
        spec = names.extractor or recorded or settings.DEFAULT_EXTRACTOR
        folders = tuple(Path(folder) for folder in shared)
        parts = RemoteWorkers("", spec, names.ocr, names.scalebars, names.weights, names.device, folders)
        return choose_workers(asked, parts)

    @cached_property
    def ocr(self) -> OcrEngine:
        """Return the OCR engine."""
        engine: OcrEngine = plugins.load("ocr", self._names.ocr)()
        return engine

    @cached_property
    def detector(self) -> ScaleBarDetector:
        """Return the scale-bar detector."""
        detector: ScaleBarDetector = plugins.create("scalebars", self._names.scalebars)
        return detector
