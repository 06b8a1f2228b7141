"""Figures with one panel a letter: reading them again makes each image a panel, and keeps what a person put right."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mirsearch.corpus import Box, Figure, Origin, Panel, ScaleReading, figure_id, panel_ids
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.imaging import images
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord, Index
from mirsearch.indexes.embedded.database import schema
from mirsearch.indexes.embedded.database.access import DATABASE
from mirsearch.ingest.correcting import correct_panel, undo_corrections
from mirsearch.ingest.reanalysis import Reanalysis
from mirsearch.query import Filters, Pixels, StoredPanel
from mirsearch.search.scale_options import ScaleOptions
from mirsearch.synthetic.composites import CompositeFigure, draw_composite
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.cli_runner import run

SEEDS = (4100, 4101, 4106)
EXTRACTOR = EfficientNetExtractor()
IDENTITY = ExtractorIdentity(EXTRACTOR.name, EXTRACTOR.version, EXTRACTOR.dims)


class TrueCuts:
    """An analysis without mistakes: it knows the images of the drawn figures."""

    version = "2 true"

    def __init__(self, drawn: Sequence[CompositeFigure]) -> None:
        self._panels = {figure.pixels.shape: list(figure.panels) for figure in drawn}

    def analyze(
        self, pixels: Pixels, caption: str = "", *, nm_per_px: float | None = None,
        known_panels: tuple[Panel, ...] | None = None,
    ) -> list[Panel]:  # fmt: skip
        """Return the images of the figure of this size."""
        return self._panels[pixels.shape]


def bounds(boxes: Sequence[Box]) -> Box:
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def as_before(figure: CompositeFigure, path: Path) -> FigureRecord:
    """Return a figure as it was read before: one panel for each letter, or one for a figure without letters."""
    identity = figure_id(images.content_hash(path))
    labels = list(dict.fromkeys(panel.label for panel in figure.panels))
    read = [
        Panel(bounds([panel.box for panel in figure.panels if panel.label == label]), label, "micrograph", 0.9,
              "Cryo-TEM", 0.42, caption="read")
        for label in labels
    ]  # fmt: skip
    panels = tuple(
        dataclasses.replace(panel, id=name, figure_id=identity)
        for panel, name in zip(read, panel_ids(identity, read), strict=True)
    )
    crops = [images.crop(figure.pixels, panel.box) for panel in panels]
    height, width = figure.pixels.shape[:2]
    told = Figure(identity, width, height, "Figure 1", figure.caption, origins=(Origin("folder", str(path)),))
    vectors = np.asarray(EXTRACTOR.embed(crops))
    return FigureRecord(told, panels, vectors, tuple(images.thumbnail(crop) for crop in crops), "1 of before")


@pytest.fixture(scope="module")
def drawn() -> list[CompositeFigure]:
    return [draw_composite(seed) for seed in SEEDS]


@pytest.fixture(params=BACKENDS)
def location(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, drawn: list[CompositeFigure]
) -> str:
    """An index of the drawn figures as an earlier mirsearch made it."""
    where = new_location(request.param, request, tmp_path_factory)
    folder = tmp_path_factory.mktemp("figures")
    with open_index(where, create=IDENTITY) as index, index.writer() as writer:
        for number, figure in enumerate(drawn):
            path = folder / f"{number}.png"
            Image.fromarray(figure.pixels).save(path)
            writer.put(as_before(figure, path))
    if request.param == "embedded":
        take_back_schema(Path(where) / DATABASE)
    return where


def take_back_schema(path: Path) -> None:
    """Make the database one of schema 2, with the guessed techniques that it had."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP INDEX panels_doubtful")
        connection.execute("DROP TABLE entries")
        connection.execute("DROP TABLE meanings")
        for column in schema.PARTS + schema.DOUBTS:
            connection.execute(f"ALTER TABLE panels DROP COLUMN {column.split()[0]}")
        for table, columns in schema.ADDED.items():
            for column in columns:
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {column.split()[0]}")
        connection.execute("UPDATE panels SET technique = 'Cryo-TEM'")
        connection.execute("PRAGMA user_version = 2")


def stored_panels(index: Index) -> Iterator[StoredPanel]:
    return index.select_panels(Filters())


def correct_all(index: Index) -> dict[tuple[str, str | None], str]:
    """Correct every panel; return the new captions by figure and letter."""
    captions = {}
    for at, stored in enumerate(list(stored_panels(index))):
        panel = stored.panel
        assert panel.technique is None  # 0.42: a guess
        captions[(panel.figure_id, panel.label)] = f"put right {at}"
        changes = {"caption": f"put right {at}", "technique": "AFM"}
        correct_panel(index, panel.id, changes, ScaleOptions(nm_per_px=7.0))
    return captions


def test_each_image_becomes_a_panel_with_what_a_person_put_right(location, drawn) -> None:
    with open_index(location) as index:
        captions = correct_all(index)
        figures = list(dict.fromkeys(stored.figure.id for stored in stored_panels(index)))
        done = Reanalysis(index, TrueCuts(drawn), EXTRACTOR).run(figures)
        assert (done.figures["reanalyzed"], done.failures) == (len(SEEDS), [])
        assert (done.corrections_kept, done.corrections_without_panel) == (len(captions), [])
        after = list(stored_panels(index))
        assert len(after) == sum(len(figure.panels) for figure in drawn) > 2 * len(captions)
        for stored in after:
            panel = stored.panel
            assert panel.caption == captions[(panel.figure_id, panel.label)]
            if panel.part is not None and (panel.kind in ("plot", "schematic") or panel.inset_of):
                assert stored.corrected_fields == ("caption",)
            else:
                assert (panel.technique, panel.scale) == ("AFM", ScaleReading(7.0, source="user"))
                assert (panel.doubtful_scale, panel.bar) == (None, None)
        truth = {(panel.label, panel.part, panel.box, panel.group) for figure in drawn for panel in figure.panels}
        assert {(each.panel.label, each.panel.part, each.panel.box, each.panel.group) for each in after} == truth
        again = Reanalysis(index, TrueCuts(drawn), EXTRACTOR, force=True).run(figures)
        assert again.panels_embedded == 0
        assert list(stored_panels(index)) == after
        assert sum(undo_corrections(index, [figure]) for figure in figures) == len(after)
        assert "AFM" not in {stored.panel.technique for stored in stored_panels(index)}


@pytest.mark.slow
def test_the_command_loses_no_correction(location) -> None:
    with open_index(location) as index:
        captions = correct_all(index)
        figure = next(name for name, _ in captions if (name, "c") in captions and (name, "d") not in captions)
    made = {caption for (name, _), caption in captions.items() if name == figure}
    assert len(made) == 3
    done = run("reanalyze", figure, "--index", location, "--format", "json").json()
    assert done["figures"]["reanalyzed"] == 1
    assert done["corrections"]["kept"] + len(done["corrections"]["without_panel"]) == len(made)
    lines = run("export", "--filter", f"figure.id={figure}", "--index", location).out.splitlines()
    rows = [json.loads(line) for line in lines]
    found = {row["caption"] for row in rows} & made
    assert len(found) == done["corrections"]["kept"] >= 2
    with open_index(location) as index:
        kept = {each.changes["caption"] for each in index.figure_notes([figure])[figure].corrections}
    assert kept == made
