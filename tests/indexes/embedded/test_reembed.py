"""`mirsearch reembed` on the embedded index: old vectors answer until the new ones are whole, and then only these."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mirsearch.cli import app
from mirsearch.corpus import Figure, Origin, Panel, figure_id, panel_ids
from mirsearch.errors import IndexMismatchError
from mirsearch.imaging.images import content_hash
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord, Index
from mirsearch.indexes.embedded.database import reembed as sqlite_reembed
from mirsearch.indexes.embedded.database.access import DATABASE
from mirsearch.query import Filters, SearchRequest

OLD = ExtractorIdentity("old", "1", 8)
NEW = ExtractorIdentity("new", "2", 12)
FIGURES = 40


def record(path: Path, number: int) -> FigureRecord:
    """A figure of two panels, whose old vectors are of its number."""
    name = figure_id(content_hash(path))
    boxes = [(0, 0, 80, 120), (80, 0, 160, 120)]
    panels = tuple(
        Panel(box, label=label, id=panel_id, figure_id=name, caption=f"gold rods {number}")
        for box, label, panel_id in zip(boxes, "ab", panel_ids(name, ["a", "b"]), strict=True)
    )
    noise = np.random.default_rng(number)
    vectors = noise.normal(size=(2, OLD.dims)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return FigureRecord(Figure(name, 160, 120, origins=(Origin("folder", str(path)),)), panels, vectors, (b"", b""))


@pytest.fixture
def location(tmp_path: Path) -> str:
    noise = np.random.default_rng(3)
    where = tmp_path / "index"
    with open_index(str(where), create=OLD) as index, index.writer() as writer:
        for number in range(FIGURES):
            path = tmp_path / f"{number}.png"
            Image.fromarray(noise.integers(0, 255, (120, 160, 3), dtype=np.uint8)).save(path)
            writer.put(record(path, number))
    return str(where)


def made(panels) -> np.ndarray:
    """New vectors, told by the panels' ids."""
    rows = [np.random.default_rng(int(each.panel.id[:8], 16) + ord(each.panel.id[-1])) for each in panels]
    vectors = np.stack([each.normal(size=NEW.dims) for each in rows]).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def finds_itself(index: Index) -> int:
    """How many panels are the best answer to their own vector, at no distance."""
    found = 0
    for each in index.select(Filters()):
        best = index.search(SearchRequest(vector=index.vector(each.panel.id), top=1)).panels[0]
        found += best.panel_id == each.panel.id and best.visual_distance < 1e-3
    return found


def test_every_panel_has_the_new_vector_and_all_else_stays(location):
    with open_index(location) as index:
        before = list(index.select(Filters()))
        assert finds_itself(index) == 2 * FIGURES
        assert sqlite_reembed.reembed(location, NEW, made) == 2 * FIGURES
        with pytest.raises(IndexMismatchError, match="embedded anew with new 2"):
            index.search(SearchRequest(vector=np.ones(OLD.dims, np.float32)))
        with pytest.raises(IndexMismatchError, match="open it again"), index.writer():
            pass
    with open_index(location) as index:
        assert index.extractor == NEW
        assert list(index.select(Filters())) == before
        assert np.abs(index.vector(before[0].panel.id) - made(before[:1])[0]).max() < 1e-3
        assert finds_itself(index) == 2 * FIGURES
        assert len(index.search(SearchRequest(text="gold rods", top=5)).panels) == 5
    assert not (Path(location) / sqlite_reembed.SIDE).exists()


def test_cut_short_the_old_vectors_answer_and_it_is_gone_on_with(location):
    asked: list[str] = []

    def cut_short(panels):
        if asked:
            raise KeyboardInterrupt
        asked.extend(each.panel.id for each in panels)
        return made(panels)

    with pytest.raises(KeyboardInterrupt):
        sqlite_reembed.reembed(location, NEW, cut_short)
    with open_index(location) as index:
        assert index.extractor == OLD
        assert finds_itself(index) == 2 * FIGURES
        first = sorted(each.panel.figure_id for each in index.select(Filters()) if each.panel.id not in asked)[0]
        with index.writer() as writer:  # what was embedded of a figure that is gone is no longer wanted
            writer.delete([asked[0][:16], first])
    later: list[str] = []
    told: list[tuple[int, int]] = []

    def counted(panels):
        later.extend(each.panel.id for each in panels)
        return made(panels)

    left = sqlite_reembed.reembed(location, NEW, counted, lambda done, all_: told.append((done, all_)))
    assert left == 2 * FIGURES - 4
    assert told[-1] == (left, left)
    assert len(asked) == sqlite_reembed.PAGE
    assert not set(asked) & set(later)
    with open_index(location) as index:
        assert finds_itself(index) == left


def test_vectors_begun_for_another_extractor_or_damaged_are_left_out(location):
    other = ExtractorIdentity("other", "1", NEW.dims)

    def stop(panels):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sqlite_reembed.reembed(location, other, stop)
    (Path(location) / sqlite_reembed.SIDE).write_bytes(b"no database" * 100)
    sqlite_reembed.reembed(location, NEW, made)
    with open_index(location) as index:
        assert (index.extractor, finds_itself(index)) == (NEW, 2 * FIGURES)


def test_as_typed_it_reads_the_images_again(location):
    told = CliRunner().invoke(app, ["reembed", "--index", location])
    assert told.exit_code == 0, told.output
    assert f"{2 * FIGURES} panels of {location} embedded anew with efficientnet" in told.output.replace("\n", " ")
    with open_index(location) as index:
        assert finds_itself(index) == 2 * FIGURES
        picture = next(iter(index.select(Filters()))).figure.origins[0].location
    told = CliRunner().invoke(app, ["query", picture, "--index", location, "--format", "json", "--all-kinds"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["hits"]
    Path(picture).unlink()
    told = CliRunner().invoke(app, ["reembed", "--index", location])
    assert told.exit_code == 1
    assert "is not where it was" in told.output
    assert (Path(location) / DATABASE).exists()


def test_where_there_is_no_index_it_says_so(tmp_path):
    told = CliRunner().invoke(app, ["reembed", "--index", str(tmp_path / "none")])
    assert (told.exit_code, "no index at" in told.output) == (1, True)
