"""`mirsearch verify` finds each fault of an index, and --repair mends what can be without losing corrections."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mirsearch.corpus import Origin, figure_id
from mirsearch.errors import IndexAccessError
from mirsearch.imaging import images
from mirsearch.indexes.base import Failure, FigureRecord
from mirsearch.indexes.embedded import verify
from mirsearch.indexes.embedded.database import salvage
from mirsearch.indexes.embedded.database.access import DATABASE, connect
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.indexes.embedded.vectors import matrix_file
from mirsearch.ingest.correcting import correct_panel
from mirsearch.ingest.mending import FigureMender
from mirsearch.query import Filters, SearchRequest
from mirsearch.search.scale_options import ScaleOptions
from tests.support import index_records as made
from tests.support.cli_runner import run

FIGURES = 8


def record(folder: Path, number: int) -> FigureRecord:
    """Return a figure with a file of its own."""
    path = folder / f"{number}.png"
    pixels = np.random.default_rng(number).integers(0, 255, (80, 200, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    identity = figure_id(images.content_hash(path))
    origins = (Origin("folder", str(path)),)
    read = made.record(number, id=identity, origins=origins)
    crops = [images.crop(pixels, panel.box) for panel in read.panels]
    return replace(read, thumbnails=tuple(images.thumbnail(crop) for crop in crops))


@pytest.fixture
def records(tmp_path: Path) -> list[FigureRecord]:
    return [record(tmp_path, number) for number in range(FIGURES)]


@pytest.fixture
def location(tmp_path: Path, records: list[FigureRecord]) -> str:
    path = str(tmp_path / "index")
    with EmbeddedIndex.open(path, create=made.IDENTITY) as index:
        with index.writer() as writer:
            for each in records:
                writer.put(each)
            writer.record_failures([Failure("a.png", "read", "it is no image")])
        correct_panel(index, records[3].panels[1].id, {"technique": "AFM"}, ScaleOptions())
    return path


def change(location: str, *statements: str) -> None:
    with closing(connect(Path(location) / DATABASE, "rw")) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for statement in statements:
            connection.execute(statement)


def faults(location: str) -> set[tuple[str, str]]:
    return {(fault.part, fault.subject) for fault in verify.find_faults(location)}


def everything(location: str) -> tuple[list, list, list]:
    with EmbeddedIndex.open(location) as index:
        stored = list(index.select_panels(Filters()))
        blobs = [(index.vector(each.panel.id).tobytes(), index.thumbnail(each.panel.id)) for each in stored]
        hits = index.search(SearchRequest(made.vectors(2, 1)[0], 1e3, "gold", top=99)).panels
        return stored, blobs, hits


def read_again(records: list[FigureRecord]) -> salvage.Mend:
    """Return a mend function that knows every figure."""
    by_id = {each.figure.id: each for each in records}

    def mend(damaged: salvage.DamagedFigure) -> FigureRecord | salvage.Blobs | str:
        known = by_id[damaged.id]
        if damaged.row is None:
            return "its own data can't be trusted"
        if not damaged.lost:
            return known
        ids = [panel.id for panel in known.panels]
        vectors = {("vector", panel): known.vectors[at].astype("<f2").tobytes() for at, panel in enumerate(ids)}
        jpegs = {("thumbnail", panel): known.thumbnails[at] for at, panel in enumerate(ids)}
        return {lost: (vectors | jpegs)[lost] for lost in damaged.lost}

    return mend


def key(panel: str) -> str:
    return f"(SELECT key FROM panels WHERE id = '{panel}')"


def test_a_whole_index_has_no_faults(location: str) -> None:
    assert faults(location) == set()
    shown = run("verify", "--index", location)
    assert "is whole" in shown.out
    assert run("verify", "--index", location, "--format", "json").json() == {
        "index": location, "whole": True, "faults": [], "repaired": None
    }  # fmt: skip


def test_each_kind_of_damage_is_told_and_repaired(location: str, records: list[FigureRecord]) -> None:
    before = everything(location)
    panels = [each.panels[0].id for each in records]
    with EmbeddedIndex.open(location) as index:
        notes = index.figure_notes([records[3].figure.id])
    damage = {
        ("panel", panels[0]): f"UPDATE panels SET x1 = x1 + 1 WHERE id = '{panels[0]}'",
        ("texts", panels[1]): f"UPDATE panel_texts SET text = 'x' WHERE panel = {key(panels[1])}",
        ("vector", panels[2]): f"UPDATE vectors SET vector = zeroblob(96) WHERE panel = {key(panels[2])}",
        ("thumbnail", panels[3]): f"UPDATE thumbnails SET jpeg = x'00' WHERE panel = {key(panels[3])}",
        ("words", panels[4]): f"UPDATE words SET caption = 'x' WHERE rowid = {key(panels[4])}",
        ("failures", "a.png"): "UPDATE failures SET reason = 'x'",
        ("vector", panels[3]): f"DELETE FROM vectors WHERE panel = {key(panels[3])}",
        ("facts", ""): "UPDATE meta SET value = 'x' WHERE name = 'created_by'",
    }
    change(location, *damage.values())
    assert faults(location) >= set(damage)
    shown = run("verify", "--index", location, code=3)
    assert len(shown.out.splitlines()) >= len(damage)
    assert "verify --repair" in shown.err
    done = verify.repair(location, read_again(records))
    assert any("was analyzed again" in line for line in done)
    assert faults(location) == set()
    stored, blobs, hits = everything(location)
    assert (stored, blobs) == before[:2]
    assert [hit.panel_id for hit in hits] == [hit.panel_id for hit in before[2]]
    with EmbeddedIndex.open(location) as index:
        assert index.figure_notes([records[3].figure.id]) == notes
        assert index.panels([records[3].panels[1].id])[0].panel.technique == "AFM"
        assert index.failures() == []


def test_a_figure_that_cannot_be_mended_waits_for_the_next_ingest(location: str, records: list[FigureRecord]) -> None:
    lost = records[3].figure.id
    change(location, f"UPDATE figures SET caption = 'x' WHERE id = '{lost}'")
    assert faults(location) == {("figure", lost)}
    verify.repair(location, read_again(records))
    assert faults(location) == set()
    with EmbeddedIndex.open(location) as index:
        assert index.stats()["figures"] == FIGURES - 1
        assert index.known_figures([lost]) == {}
        assert {each.input for each in index.failures()} == {"a.png", records[3].figure.origins[0].location}
        with index.writer() as writer:
            writer.put(records[3])
        assert index.panels([records[3].panels[1].id])[0].panel.technique == "AFM"  # the correction was kept
    assert faults(location) == set()


def test_damaged_articles_and_missing_rows_are_noticed(location: str, records: list[FigureRecord]) -> None:
    change(
        location,
        "UPDATE articles SET title = 'x' WHERE id = 'doi:10.1000/a0'",
        f"DELETE FROM panels WHERE id = '{records[4].panels[1].id}'",
        f"DELETE FROM origins WHERE figure = (SELECT key FROM figures WHERE id = '{records[6].figure.id}')",
    )
    told = faults(location)
    assert {("article", "doi:10.1000/a0"), ("figure", records[4].figure.id), ("figure", records[6].figure.id),
            ("counts", "panels")} <= told  # fmt: skip
    verify.repair(location, read_again(records))
    assert faults(location) == set()
    with EmbeddedIndex.open(location) as index:
        kept = {each.figure.id for each in index.select_panels(Filters())}
    assert kept == {each.figure.id for each in (*records[3:6], records[7])}


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: flip(next(folder.glob("matrix-*.f16")), 100),
        lambda folder: flip(folder / matrix_file.TABLE, -3),
        lambda folder: flip(next(folder.glob("words-*.postings")), -3),
    ],
)
def test_files_made_from_the_database_are_checked_and_made_again(
    location: str, records: list[FigureRecord], damage: Callable[[Path], None]
) -> None:
    before = everything(location)
    damage(Path(location))
    assert {part for part, _ in faults(location)} == {"file"}
    verify.repair(location, read_again(records))
    assert faults(location) == set()
    assert everything(location) == before


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_a_wrong_text_index_is_noticed(location: str, records: list[FigureRecord]) -> None:
    change(location, "UPDATE words_content SET c0 = 'unheard'")
    assert ("words", "") in faults(location)
    verify.repair(location, read_again(records))
    assert faults(location) == set()


def test_pages_of_noise_cost_only_what_was_on_them(location: str, records: list[FigureRecord]) -> None:
    path, rnd = Path(location) / DATABASE, random.Random(5)
    whole, repaired = path.read_bytes(), 0
    for _ in range(6):
        data = bytearray(whole)
        page = rnd.randrange(2, len(data) // 4096)
        data[page * 4096 : page * 4096 + 4096] = os.urandom(4096)
        path.write_bytes(data)
        for name in ("-wal", "-shm"):
            path.with_name(path.name + name).unlink(missing_ok=True)
        try:
            verify.repair(location, read_again(records))
        except IndexAccessError:  # the schema itself or the facts are on the page
            continue
        repaired += 1
        assert faults(location) == set(), page
        with EmbeddedIndex.open(location) as index:
            assert {each.figure.id for each in index.select_panels(Filters())} <= {each.figure.id for each in records}
    assert repaired >= 4


def test_what_was_lost_comes_back_from_the_files_of_figures(location: str, records: list[FigureRecord]) -> None:
    """The command draws thumbnails from the figures' own files; a figure whose file changed is taken out."""
    panels = [each.panels[0].id for each in records]
    change(location, *(f"DELETE FROM thumbnails WHERE panel = {key(panel)}" for panel in panels[:2]))
    Image.new("RGB", (200, 80)).save(records[1].figure.origins[0].location)
    shown = run("verify", "--repair", "--index", location, "--format", "json").json()
    assert shown["whole"]
    assert any("thumbnail" in line for line in shown["repaired"])
    with EmbeddedIndex.open(location) as index:
        assert index.thumbnail(panels[0]) == records[0].thumbnails[0]
        assert index.known_figures([records[1].figure.id]) == {}
        assert any("another content" in each.reason for each in index.failures())


def test_a_mender_loads_nothing_that_it_does_not_need(records: list[FigureRecord]) -> None:
    mender = FigureMender(lambda: pytest.fail("analysis"), lambda: pytest.fail("extractor"))
    assert isinstance(mender(salvage.DamagedFigure(records[0].figure.id, None, [])), str)


def test_what_is_no_index_is_reported(tmp_path: Path) -> None:
    assert "no index at" in run("verify", "--index", str(tmp_path / "nowhere"), code=1).err
    (tmp_path / DATABASE).write_bytes(b"noise" * 1000)
    shown = run("verify", "--index", str(tmp_path), code=1)
    assert "damaged" in shown.err
