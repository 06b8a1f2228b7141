"""A write-ahead log whose bits are wrong holds commits that SQLite does not see."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mirsearch.errors import IndexAccessError
from mirsearch.indexes.embedded.database import log
from mirsearch.indexes.embedded.database.access import DATABASE
from mirsearch.indexes.embedded.index import EmbeddedIndex
from tests.support import index_records as made

ROWS = 12


@pytest.fixture(scope="module", params=[512, 4096])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database and its log, as a killed process leaves them."""
    folder = tmp_path_factory.mktemp("log")
    with closing(sqlite3.connect(folder / "open.db", isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {request.param}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE numbers (data)")
        for _ in range(ROWS):
            connection.execute("INSERT INTO numbers VALUES (?)", (os.urandom(1500),))
        for ending in ("", "-wal"):
            shutil.copy(folder / f"open.db{ending}", folder / f"data.db{ending}")
    return folder / "data.db"


def count_rows(path: Path) -> int | None:
    with closing(sqlite3.connect(path)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM numbers").fetchone()[0])
        except sqlite3.DatabaseError:
            return None


def test_a_log_is_damaged_where_sqlite_loses_commits(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_WAIT_SECONDS", 0.0)
    source, rnd = database.with_name("data.db-wal").read_bytes(), random.Random(3)
    assert not log.is_damaged(database.with_name("data.db-wal"))
    lost = 0
    for trial in range(40):
        folder = tmp_path / str(trial)
        folder.mkdir()
        data, at = bytearray(source), rnd.randrange(len(source))
        data[at] ^= 1 << rnd.randrange(8)
        shutil.copy(database, folder / "data.db")
        path = folder / "data.db-wal"
        path.write_bytes(data)
        is_damaged = log.is_damaged(path)
        assert is_damaged == (count_rows(folder / "data.db") != ROWS), at
        lost += is_damaged
    assert lost > 20


def test_the_end_of_a_killed_writers_log_is_no_damage(database: Path, tmp_path: Path) -> None:
    source = database.with_name("data.db-wal").read_bytes()
    for size in (0, 20, 40, len(source) // 2, len(source) - 1):
        path = tmp_path / f"{size}-wal"
        path.write_bytes(source[:size])
        assert not log.is_damaged(path)
    assert not log.is_damaged(tmp_path / "absent-wal")


def test_an_index_with_such_a_log_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_WAIT_SECONDS", 0.0)
    source, copy = tmp_path / "index", tmp_path / "copy"
    with EmbeddedIndex.open(str(source), create=made.IDENTITY) as index, index.writer() as writer:
        for number in range(6):
            writer.put(made.record(number))
            writer.commit()
        shutil.copytree(source, copy)
    path = copy / f"{DATABASE}-wal"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(IndexAccessError, match=r"log has wrong bits.*mirsearch verify --repair"):
        EmbeddedIndex.open(str(copy))
