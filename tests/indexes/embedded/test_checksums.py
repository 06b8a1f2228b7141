"""A row that does not match its checksum is refused, with its name and the remedy, wherever it is read."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mirsearch.corpus import Origin
from mirsearch.errors import IndexAccessError
from mirsearch.indexes.base import Failure
from mirsearch.indexes.embedded.database import core_pages, held_maps
from mirsearch.indexes.embedded.database.access import DATABASE, connect
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.query import Filters, SearchRequest
from tests.support import index_records as made

RECORDS = [made.record(number) for number in range(8)]
PANEL = RECORDS[3].panels[1].id
FIGURE = RECORDS[3].figure.id
Read = Callable[[EmbeddedIndex], Any]


@pytest.fixture
def location(tmp_path: Path) -> str:
    path = str(tmp_path / "index")
    with EmbeddedIndex.open(path, create=made.IDENTITY) as index, index.writer() as writer:
        for record in RECORDS:
            writer.put(record)
        writer.record_failures([Failure("a.png", "read", "it is no image")])
    return path


def change(location: str, statement: str, *values: object) -> None:
    """Change the database as damage does: without its checksums."""
    with closing(sqlite3.connect(Path(location) / DATABASE)) as connection, connection:
        assert connection.execute(statement, values).rowcount


def filtered(index: EmbeddedIndex) -> Any:
    return index.search(SearchRequest(RECORDS[0].vectors[0], filters=Filters(kinds=("plot",))))


def default(index: EmbeddedIndex) -> Any:
    return index.search(SearchRequest(RECORDS[0].vectors[0], filters=Filters(retracted=False)))


CASES: dict[str, tuple[str, list[Read]]] = {
    "panel": (
        f"UPDATE panels SET kind = 'gel' WHERE id = '{PANEL}'",
        [lambda index: index.panels([PANEL]), filtered, lambda index: index.stats(),
         lambda index: list(index.select_panels(Filters())),
         lambda index: index.search(SearchRequest(RECORDS[3].vectors[1], top=1))],
    ),
    "id": (
        f"UPDATE panels SET id = 'x' WHERE id = '{PANEL}'",
        [lambda index: index.panels([PANEL]), lambda index: index.vector(PANEL),
         lambda index: index.search(SearchRequest(RECORDS[3].vectors[1], top=1))],
    ),
    "texts": (
        "UPDATE panel_texts SET caption = 'silver' WHERE panel = "
        f"(SELECT key FROM panels WHERE id = '{PANEL}')",
        [lambda index: index.panels([PANEL]), lambda index: index.figure_panels(FIGURE)],
    ),
    "vector": (
        f"UPDATE vectors SET vector = zeroblob({2 * made.DIMS}) WHERE panel = "
        f"(SELECT key FROM panels WHERE id = '{PANEL}')",
        [lambda index: index.vector(PANEL)],
    ),
    "thumbnail": (
        f"DELETE FROM thumbnails WHERE panel = (SELECT key FROM panels WHERE id = '{PANEL}')",
        [lambda index: index.thumbnail(PANEL)],
    ),
    "figure": (
        f"UPDATE figures SET width = 7 WHERE id = '{FIGURE}'",
        [lambda index: index.panels([PANEL]), lambda index: index.known_figures([FIGURE]),
         lambda index: index.figure_notes([FIGURE]), filtered],
    ),
    "origin": (
        f"DELETE FROM origins WHERE figure = (SELECT key FROM figures WHERE id = '{FIGURE}')",
        [lambda index: index.panels([PANEL]), lambda index: index.stats()],
    ),
    "article": (
        "UPDATE articles SET retracted = 1 WHERE id = 'doi:10.1000/a1'",
        [default, filtered, lambda index: index.panels([PANEL])],
    ),
    "failure": ("UPDATE failures SET reason = 'other'", [lambda index: index.failures()]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_damage_is_refused_with_its_remedy(location: str, name: str) -> None:
    statement, reads = CASES[name]
    for read in reads:
        with EmbeddedIndex.open(location) as index:
            read(index)
    change(location, statement)
    for read in reads:
        with EmbeddedIndex.open(location) as index, pytest.raises(IndexAccessError) as caught:
            read(index)
        assert "damaged" in caught.value.message
        assert f"mirsearch verify --repair --index {location}" in caught.value.remedy


def test_a_panel_that_vanished_from_a_figure_is_missed(location: str) -> None:
    with closing(sqlite3.connect(Path(location) / DATABASE)) as connection, connection:
        connection.execute("DELETE FROM panels WHERE id = ?", (PANEL,))
    with EmbeddedIndex.open(location) as index:
        with pytest.raises(IndexAccessError, match=f"figure {FIGURE} has 1 of 2 panels"):
            index.figure_panels(FIGURE)
        with pytest.raises(IndexAccessError, match="panels"):
            list(index.select_panels(Filters()))


def test_the_facts_about_the_index_are_checked(location: str) -> None:
    change(location, "UPDATE meta SET value = 'mada' WHERE name = 'extractor'")
    with pytest.raises(IndexAccessError, match="the facts about the index do not match"):
        EmbeddedIndex.open(location)


def test_writing_does_not_make_damage_look_right(location: str) -> None:
    change(location, "UPDATE articles SET title = 'other' WHERE id = 'doi:10.1000/a1'")
    with EmbeddedIndex.open(location) as index:
        with pytest.raises(IndexAccessError, match=r"article doi:10\.1000/a1"), index.writer() as writer:
            writer.put(RECORDS[3])
        with pytest.raises(IndexAccessError, match=r"article doi:10\.1000/a1"), index.writer() as writer:
            writer.mark_retracted(["doi:10.1000/a1"])
    change(location, f"UPDATE figures SET label = 'other' WHERE id = '{RECORDS[0].figure.id}'")
    with EmbeddedIndex.open(location) as index:
        for write in (
            lambda writer: writer.put(RECORDS[0]),
            lambda writer: writer.add_origin(RECORDS[0].figure.id, Origin("other", "b.png")),
        ):
            with pytest.raises(IndexAccessError, match="does not match"), index.writer() as writer:
                write(writer)


def test_sums_of_pages_save_the_second_check_and_notice_damage(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedIndex.open(location) as index:
        expected = filtered(index)
    assert (Path(location) / core_pages.FILE).exists()
    database = Path(location) / DATABASE
    with monkeypatch.context() as patch:
        patch.setattr("mirsearch.indexes.embedded.database.checking.check_core", lambda _: pytest.fail("checked again"))
        with EmbeddedIndex.open(location) as index:
            assert filtered(index) == expected
    data = bytearray(database.read_bytes())
    at = data.index(b"doi:10.1000/a1")
    data[at + 13] ^= 2
    database.write_bytes(data)
    with EmbeddedIndex.open(location) as index, pytest.raises(IndexAccessError, match="damaged"):
        filtered(index)


def test_sums_of_pages_cost_no_lock(location: str) -> None:
    """Another program that closes the database must not take itself for the last one, and remove the log."""
    log = Path(location) / f"{DATABASE}-wal"
    opened = f"import sqlite3; c = sqlite3.connect({str(Path(location) / DATABASE)!r})"
    for _ in range(2):  # the sums are kept, then compared
        with EmbeddedIndex.open(location) as index:
            filtered(index)
            before = log.stat().st_ino
            subprocess.run(
                [sys.executable, "-c", f"{opened}; c.execute('SELECT * FROM meta').fetchone(); c.close()"], check=True
            )
            assert log.stat().st_ino == before
            assert filtered(index).panels
    status = (Path(location) / DATABASE).stat()
    assert (status.st_dev, status.st_ino) not in held_maps._files


def test_a_process_checks_what_a_later_commit_adds(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedIndex.open(location) as index:
        filtered(index)
        monkeypatch.setattr(
            "mirsearch.indexes.embedded.database.checking.check_core", lambda _: pytest.fail("all again")
        )
        with index.writer() as writer:
            writer.put(made.record(20))
            writer.put(made.record(21))
            writer.delete_figures([RECORDS[1].figure.id])
        assert filtered(index).panels
        with index.writer() as writer:
            writer.put(made.record(22))
        new = made.record(22).panels[0].id
        change(location, f"UPDATE panels SET kind = 'gel' WHERE id = '{new}'")
        with pytest.raises(IndexAccessError, match=f"panel {new}"):
            filtered(index)


def test_the_pages_of_tables_are_those_that_sqlite_tells(location: str) -> None:
    with closing(sqlite3.connect(Path(location) / DATABASE)) as connection, connection:
        connection.execute("UPDATE figures SET caption = ?", ("long " * 5_000,))  # on overflow pages
    with closing(sqlite3.connect(Path(location) / DATABASE)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        try:
            connection.execute("SELECT 1 FROM dbstat").fetchone()
        except sqlite3.OperationalError:
            pytest.skip("this SQLite has no dbstat")
        names = "SELECT name FROM sqlite_schema WHERE tbl_name IN ('figures', 'panels')"
        query = f"SELECT pageno FROM dbstat WHERE name IN ({names}) OR name = 'sqlite_schema'"
        wanted = {row[0] for row in connection.execute(query)}
        with closing(connect(Path(location) / DATABASE, "ro")) as ours:
            pages = core_pages._open_pages(Path(location) / DATABASE, ours)
            assert pages is not None
            assert core_pages._find_pages(pages, connection, ("figures", "panels")) == wanted
        assert len(wanted) > 8 * 5
