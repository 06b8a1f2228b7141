"""A stack in an index: it ends between planes, keeps what is ready, and goes on later, with other planes if asked."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from mirsearch.analysis.analyzer import FigureAnalyzer
from mirsearch.cli.parts import ExtractorChoice, load_detector, load_extractor, load_ocr
from mirsearch.corpus import figure_id
from mirsearch.files.interrupts import handle_interrupts
from mirsearch.imaging.images import content_hash
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, Index
from mirsearch.ingest.events import RunEvents
from mirsearch.ingest.ingest import Ingest
from mirsearch.ingest.summary import IngestSummary
from mirsearch.readers.selection import Selection, parse_selection
from mirsearch.sources.discover import find_figures


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    random = np.random.default_rng(4)
    smooth = np.cumsum(random.normal(0, 20, (5, 64, 64)), axis=2) + 1000
    path = tmp_path / "series.tif"
    tifffile.imwrite(path, smooth.astype(np.uint16), metadata=None)
    return path


def ingest(index: Index, path: Path, selection: Selection, stop_before: int | None = None) -> IngestSummary:
    """Ingest a file. Before plane `stop_before` is read, the process gets Ctrl-C."""

    def on_plane(name: str, done: int, total: int) -> None:
        if done == stop_before:
            os.kill(os.getpid(), signal.SIGINT)

    analyzer = FigureAnalyzer(load_ocr("rapidocr"), load_detector("runs"))
    extractor = load_extractor(ExtractorChoice("efficientnet", None, None))
    return Ingest(index, analyzer, extractor, workers=1, selection=selection, events=RunEvents(on_plane)).run(
        find_figures([path])
    )


def panels_of(index: Index, path: Path) -> list[tuple[str, str]]:
    found = index.figure_panels(figure_id(content_hash(path)))
    return [(stored.panel.heading, stored.figure.image or "") for stored in found]


def test_ctrl_c_keeps_the_planes_that_are_ready_and_the_rest_comes_later(
    tmp_path: Path, stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    extractor = load_extractor(ExtractorChoice("efficientnet", None, None))
    index = open_index(
        str(tmp_path / "index"), create=ExtractorIdentity(extractor.name, extractor.version, extractor.dims)
    )
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        handle_interrupts()
        summary = ingest(index, stack, Selection("all"), stop_before=3)
    finally:
        signal.signal(signal.SIGINT, before)
    assert summary.interrupted
    ready = panels_of(index, stack)
    assert 2 <= len(ready) <= 3
    assert all(image.endswith(f"#planes=all&projection=max&images={len(ready)}") for _, image in ready)
    summary = ingest(index, stack, Selection("all"))
    assert (summary.figures_updated, summary.figures_new) == (1, 0)
    assert [heading for heading, _ in panels_of(index, stack)] == [f"page {number}" for number in range(1, 6)]
    names = [index.figures_at(location) for location in (str(stack), "*/series.tif", "*/eries.tif", "*/series.ti")]
    assert names == [[figure_id(content_hash(stack))]] * 2 + [[]] * 2
    assert ingest(index, stack, Selection("all")).figures_present == 1
    assert ingest(index, stack, Selection()).figures_present == 1  # all planes are a choice, too
    assert ingest(index, stack, parse_selection("2,4")).figures_updated == 1
    assert [heading for heading, _ in panels_of(index, stack)] == ["page 2", "page 4"]
    index.close()
