"""Sentences that speak of a figure reach an index that has the figure, and its panels keep what was read of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mirsearch.corpus import Origin, Panel
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, Index, KnownFigure
from mirsearch.ingest.correcting import correct_panel
from mirsearch.ingest.ingest import Ingest
from mirsearch.ingest.merging import has_new_mentions, merge_figure
from mirsearch.ingest.summary import IngestSummary
from mirsearch.query import Filters, Pixels, SearchRequest
from mirsearch.search.scale_options import ScaleOptions
from mirsearch.sources.base import FoundFigure
from tests.cli.test_end_to_end import BACKENDS, new_location

EXTRACTOR = EfficientNetExtractor()
MENTIONS = ("Figure 1 shows zirconia whiskers.", "The odd one \ud800 is Fig. 1.")
OTHER = Origin("pdf", "paper.pdf#1")


class Whole:
    """An analysis that takes every figure for one panel, and counts its calls."""

    version = "1 whole"
    calls = 0

    def analyze(
        self, pixels: Pixels, caption: str = "", *, nm_per_px: float | None = None,
        known_panels: tuple[Panel, ...] | None = None,
    ) -> list[Panel]:  # fmt: skip
        """Return one panel."""
        self.calls += 1
        return [Panel((0, 0, pixels.shape[1], pixels.shape[0]), caption=caption)]


@pytest.fixture(params=BACKENDS)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    where = new_location(request.param, request, tmp_path_factory)
    with open_index(where, create=ExtractorIdentity(EXTRACTOR.name, EXTRACTOR.version, EXTRACTOR.dims)) as made:
        yield made


@pytest.fixture
def found(tmp_path: Path) -> FoundFigure:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (60, 80), np.uint8)).save(path)
    return FoundFigure(path, Origin("jats", "paper.xml#f1"), "Rods.", "Figure 1")


def ingest(index: Index, found: FoundFigure, analyzer: Whole) -> IngestSummary:
    return Ingest(index, analyzer, EXTRACTOR, workers=1).run([found])


def hits(index: Index, words: str) -> int:
    return len(index.search(SearchRequest(text=words, top=5)).panels)


def test_mentions_of_a_known_figure_are_written_without_a_new_analysis(index: Index, found: FoundFigure) -> None:
    analyzer = Whole()
    assert ingest(index, found, analyzer).figures_new == 1
    (panel,) = [stored.panel.id for stored in index.select_panels(Filters())]
    correct_panel(index, panel, {"caption": "Mine"}, ScaleOptions())
    vector, thumbnail = index.vector(panel), index.thumbnail(panel)
    assert hits(index, "zirconia") == 0

    told = dataclasses.replace(found, mentions=MENTIONS, other_origins=(OTHER,))
    summary = ingest(index, told, analyzer)
    assert (summary.figures_updated, summary.figures_new, summary.figures_present, analyzer.calls) == (1, 0, 0, 1)
    assert hits(index, "zirconia") == 1
    (stored,) = index.panels([panel])
    assert (stored.panel.caption, stored.figure.label) == ("Mine", "Figure 1")
    assert [origin.source for origin in stored.figure.origins] == ["jats", "pdf"]
    assert stored.figure.mentions[0] == MENTIONS[0]
    assert np.array_equal(index.vector(panel), vector)
    assert index.thumbnail(panel) == thumbnail

    summary = ingest(index, told, analyzer)
    assert (summary.figures_updated, summary.figures_present, analyzer.calls) == (0, 1, 1)


def test_only_the_first_origin_changes_mentions(index: Index, found: FoundFigure) -> None:
    analyzer = Whole()
    first = dataclasses.replace(found, mentions=MENTIONS)
    ingest(index, first, analyzer)
    other = dataclasses.replace(found, origin=OTHER, mentions=("Fig. 1 is of gold.",))
    assert ingest(index, other, analyzer).figures_present == 1
    assert ingest(index, found, analyzer).figures_present == 1  # what an origin no longer says is kept
    assert (hits(index, "zirconia"), hits(index, "gold")) == (1, 0)
    assert ingest(index, dataclasses.replace(first, mentions=("Fig. 1 is of silver.",)), analyzer).figures_updated == 1
    assert (hits(index, "zirconia"), hits(index, "silver"), analyzer.calls) == (0, 1, 1)


def test_mentions_are_compared_only_with_an_index_that_tells_them(found: FoundFigure) -> None:
    told = dataclasses.replace(found, mentions=("Fig. 1.",))
    silent = KnownFigure("f", "Rods.", None, (OTHER,))
    assert not has_new_mentions(told, silent)
    assert has_new_mentions(told, dataclasses.replace(silent, mentions=()))
    assert merge_figure(told, dataclasses.replace(silent, mentions=("Its own.",))).mentions == ("Its own.",)
    assert merge_figure(told, silent).mentions == told.mentions
