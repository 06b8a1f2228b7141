"""`mirsearch reembed` on the embedded index: queries use the old vectors until all new ones are there."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mirsearch.corpus import Figure, Origin, Panel, figure_id, panel_ids
from mirsearch.errors import IndexMismatchError
from mirsearch.imaging.images import content_hash
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord, Index
from mirsearch.indexes.embedded.database import reembed as sqlite_reembed
from mirsearch.indexes.embedded.database.access import DATABASE
from mirsearch.query import Filters, SearchRequest
from tests.support.cli_runner import run

OLD = ExtractorIdentity("old", "1", 8)
NEW = ExtractorIdentity("new", "2", 12)
FIGURES = 40


def record(path: Path, number: int) -> FigureRecord:
    """Return a figure of two panels. Its old vectors depend on its number."""
    name = figure_id(content_hash(path))
    boxes = [(0, 0, 80, 120), (80, 0, 160, 120)]
    read = [
        Panel(box, label=label, figure_id=name, caption=f"gold rods {number}")
        for box, label in zip(boxes, "ab", strict=True)
    ]
    panels = tuple(replace(panel, id=panel_id) for panel, panel_id in zip(read, panel_ids(name, read), strict=True))
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


def new_vectors(panels) -> np.ndarray:
    """Return new vectors that depend on the ids of the panels."""
    rows = [np.random.default_rng(int(each.panel.id[:8], 16) + ord(each.panel.id[-1])) for each in panels]
    vectors = np.stack([each.normal(size=NEW.dims) for each in rows]).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def finds_itself(index: Index) -> int:
    """Return how many panels are the best result for their own vector, with distance 0."""
    found = 0
    for each in index.select_panels(Filters()):
        best = index.search(SearchRequest(vector=index.vector(each.panel.id), top=1)).panels[0]
        found += best.panel_id == each.panel.id and best.visual_distance < 1e-3
    return found


def test_every_panel_has_the_new_vector_and_all_else_stays(location):
    with open_index(location) as index:
        before = list(index.select_panels(Filters()))
        assert finds_itself(index) == 2 * FIGURES
        assert sqlite_reembed.reembed(location, NEW, new_vectors) == 2 * FIGURES
        with pytest.raises(IndexMismatchError, match="replaced by those of new 2"):
            index.search(SearchRequest(vector=np.ones(OLD.dims, np.float32)))
        with pytest.raises(IndexMismatchError, match="open it again"), index.writer():
            pass
    with open_index(location) as index:
        assert index.extractor == NEW
        assert list(index.select_panels(Filters())) == before
        assert np.abs(index.vector(before[0].panel.id) - new_vectors(before[:1])[0]).max() < 1e-3
        assert finds_itself(index) == 2 * FIGURES
        assert len(index.search(SearchRequest(text="gold rods", top=5)).panels) == 5
    assert not (Path(location) / sqlite_reembed.SIDE_FILE).exists()


def test_an_interrupted_reembedding_keeps_the_old_vectors_and_continues(location):
    first_call: list[str] = []

    def cut_short(panels):
        if first_call:
            raise KeyboardInterrupt
        first_call.extend(each.panel.id for each in panels)
        return new_vectors(panels)

    with pytest.raises(KeyboardInterrupt):
        sqlite_reembed.reembed(location, NEW, cut_short)
    with open_index(location) as index:
        assert index.extractor == OLD
        assert finds_itself(index) == 2 * FIGURES
        first = sorted(
            each.panel.figure_id for each in index.select_panels(Filters()) if each.panel.id not in first_call
        )[0]
        with index.writer() as writer:  # what was embedded of a figure that is gone is no longer wanted
            writer.delete_figures([first_call[0][:16], first])
    second_call: list[str] = []
    progress: list[tuple[int, int]] = []

    def counted(panels):
        second_call.extend(each.panel.id for each in panels)
        return new_vectors(panels)

    left = sqlite_reembed.reembed(location, NEW, counted, lambda done, all_: progress.append((done, all_)))
    assert left == 2 * FIGURES - 4
    assert progress[-1] == (left, left)
    assert len(first_call) == sqlite_reembed.PAGE_PANELS
    assert not set(first_call) & set(second_call)
    with open_index(location) as index:
        assert finds_itself(index) == left


def test_vectors_of_an_interrupted_call_fit_a_database_that_was_put_back(location):
    """Panels that came under the same keys since then must not get the vectors of those that were there."""
    database = Path(location) / DATABASE
    with open_index(location) as index:
        stored = sorted(index.select_panels(Filters()), key=lambda each: each.panel.id)
        vectors = {each.panel.id: index.vector(each.panel.id) for each in stored}
        figures = list(dict.fromkeys(each.figure.id for each in stored))
        with index.writer() as writer:
            writer.delete_figures(figures[5:])
    copy = database.read_bytes()

    def put(names):
        with open_index(location) as index, index.writer() as writer:
            for name in names:
                own = [each for each in stored if each.figure.id == name]
                rows = np.stack([vectors[each.panel.id] for each in own])
                writer.put(FigureRecord(own[0].figure, tuple(each.panel for each in own), rows, (b"", b"")))

    put(figures[5:])
    calls = []

    def stop_after_a_page(panels):
        calls.append(panels)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return new_vectors(panels)

    with pytest.raises(KeyboardInterrupt):
        sqlite_reembed.reembed(location, NEW, stop_after_a_page)
    database.write_bytes(copy)
    for ending in ("-wal", "-shm"):
        database.with_name(database.name + ending).unlink(missing_ok=True)
    put(reversed(figures[5:]))
    fresh = []
    sqlite_reembed.reembed(location, NEW, lambda panels: fresh.append(len(panels)) or new_vectors(panels))
    assert sum(fresh) == 2 * FIGURES - sqlite_reembed.PAGE_PANELS  # the others are right wherever they are
    with open_index(location) as index:
        for each in index.select_panels(Filters()):
            assert np.abs(index.vector(each.panel.id) - new_vectors([each])[0]).max() < 1e-3


def test_vectors_begun_for_another_extractor_or_damaged_are_left_out(location):
    other = ExtractorIdentity("other", "1", NEW.dims)

    def stop(panels):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sqlite_reembed.reembed(location, other, stop)
    (Path(location) / sqlite_reembed.SIDE_FILE).write_bytes(b"no database" * 100)
    sqlite_reembed.reembed(location, NEW, new_vectors)

    def damage(panels):
        if connections:
            connections[0].execute("UPDATE vectors SET vector = zeroblob(24)")
            raise KeyboardInterrupt
        connections.append(sqlite3.connect(Path(location) / sqlite_reembed.SIDE_FILE, isolation_level=None))
        return new_vectors(panels)

    connections: list[sqlite3.Connection] = []
    with pytest.raises(KeyboardInterrupt):
        sqlite_reembed.reembed(location, other, damage)
    connections[0].close()
    sqlite_reembed.reembed(location, other, new_vectors)
    with open_index(location) as index:
        assert (index.extractor, finds_itself(index)) == (other, 2 * FIGURES)
    sqlite_reembed.reembed(location, NEW, new_vectors)
    with open_index(location) as index:
        assert (index.extractor, finds_itself(index)) == (NEW, 2 * FIGURES)


def test_the_command_reads_the_images_again(location):
    result = run("reembed", "--index", location)
    told = (result.out + result.err).replace("\n", " ")
    assert f"embedded {2 * FIGURES} panels of {location} with efficientnet" in told
    with open_index(location) as index:
        assert finds_itself(index) == 2 * FIGURES
        picture = next(iter(index.select_panels(Filters()))).figure.origins[0].location
    assert run("query", picture, "--index", location, "--format", "json", "--all-kinds").json()["hits"]
    Path(picture).unlink()
    result = run("reembed", "--index", location, code=1)
    assert "is not where it was" in result.out + result.err
    assert (Path(location) / DATABASE).exists()


def test_a_missing_index_is_reported(tmp_path):
    result = run("reembed", "--index", tmp_path / "none", code=1)
    assert "no index at" in result.out + result.err
