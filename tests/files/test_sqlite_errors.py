"""Errors of SQLite are explained by their code and the free disk space, with the remedy that fits."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from mirsearch.acquisition.http.cache import CachedAnswer, HttpCache
from mirsearch.acquisition.ledger import Ledger
from mirsearch.errors import IndexAccessError, IndexBusyError, MirsearchError
from mirsearch.files.sqlite_errors import Database
from mirsearch.indexes.base import ExtractorIdentity, Failure
from mirsearch.indexes.embedded.index import EmbeddedIndex
from tests.support.small_disk import fill, small_disk

__all__ = ["small_disk"]


def _explain(folder: Path, action: Callable[[], object]) -> str:
    database = Database("the list", folder, "choose another folder", "start anew")
    with pytest.raises(sqlite3.Error) as caught:
        action()
    told = database.explain(caught.value)
    return f"{told.kind}: {told.message} ({told.remedy})"


def _filled(path: Path) -> Path:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE numbers (n)")
        db.executemany("INSERT INTO numbers VALUES (?)", [(bytes(500),)] * 200)
    db.close()
    return path


def test_each_kind_is_told_with_its_remedy(tmp_path: Path) -> None:
    path = _filled(tmp_path / "list.sqlite")
    db = sqlite3.connect(path, timeout=0, isolation_level=None)
    db.execute("PRAGMA max_page_count = 1")
    full = _explain(tmp_path, lambda: db.executemany("INSERT INTO numbers VALUES (?)", [(bytes(5000),)] * 9))
    assert full == (
        "full: the disk is full; the list keeps everything that was committed before "
        "(free some disk space and run the same command again)"
    )
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert _explain(tmp_path, lambda: db.execute("SELECT * FROM numbers")).startswith("busy: another program has")
    other.close()
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    read_only = _explain(tmp_path, lambda: reader.execute("DELETE FROM numbers"))
    assert read_only == "read-only: the list is read-only (make the folder writable or choose another folder)"
    assert _explain(tmp_path, lambda: db.execute("CREATE VIRTUAL TABLE a USING absent")).startswith("search: ")
    assert _explain(tmp_path, lambda: db.execute("SELECT * FROM absent")).startswith("damaged: ")
    missing = _explain(tmp_path, lambda: sqlite3.connect(tmp_path / "absent" / "list.sqlite"))
    assert missing.startswith("other: the list can't be used: unable to open database file (SQLITE_CANTOPEN")


def test_damage_is_told_as_damage(tmp_path: Path) -> None:
    path = _filled(tmp_path / "list.sqlite")
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(b ^ 0x5A for b in content[4096:])
    path.write_bytes(content)
    db = sqlite3.connect(path)
    assert _explain(tmp_path, lambda: db.execute("SELECT sum(length(n)) FROM numbers").fetchall()) == (
        "damaged: the list is damaged: database disk image is malformed (start anew)"
    )
    path.write_bytes(b"no database " * 1000)
    assert _explain(tmp_path, lambda: sqlite3.connect(path).execute("SELECT 1 FROM numbers")).startswith("damaged: ")


def test_a_full_disk_of_the_file_system_is_told(tmp_path: Path) -> None:
    told = Database("the list", tmp_path, "", "").explain(OSError(errno.ENOSPC, "No space left on device"))
    assert told.kind == "full"


def _write(index: EmbeddedIndex) -> None:
    with index.writer() as writer:
        writer.record_failures([Failure("a.png", "read", "damaged " * 9000)])


def test_on_a_full_disk_no_sound_database_is_called_damaged(small_disk: Path) -> None:
    EmbeddedIndex.open(str(small_disk / "index"), create=ExtractorIdentity("drawn", "1", 8)).close()
    Ledger(small_disk / "ledger.sqlite").close()
    filler = fill(small_disk)
    actions: list[Callable[[], object]] = [
        lambda: _write(EmbeddedIndex.open(str(small_disk / "index"))),
        lambda: Ledger(small_disk / "ledger.sqlite").reset_attempts(),
        lambda: HttpCache(small_disk / "cache", 1 << 20),
    ]
    for action in actions:
        with pytest.raises(MirsearchError) as caught:
            action()
        assert "the disk is full" in str(caught.value)
        assert "free some disk space" in caught.value.remedy
    filler.unlink()
    assert EmbeddedIndex.open(str(small_disk / "index")).stats()["figures"] == 0
    assert Ledger(small_disk / "ledger.sqlite").failures() == []


def test_a_damaged_ledger_is_told_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(
        MirsearchError, match=r"ledger\.sqlite is damaged: .*move .* away to start with an empty ledger"
    ):
        Ledger(path)
    path.unlink()
    Ledger(path).close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(MirsearchError, match="is damaged"):
        Ledger(path).failures()


def test_a_locked_ledger_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mirsearch.acquisition.ledger._BUSY_SECONDS", 0.1)
    ledger = Ledger(tmp_path / "ledger.sqlite")
    other = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(IndexBusyError, match="another program has locked the ledger"):
        ledger.reset_attempts()


def test_a_cache_that_is_damaged_meanwhile_starts_empty(tmp_path: Path) -> None:
    cache = HttpCache(tmp_path, 1 << 20)
    with cache.new_part() as part:
        part.write_bytes(b"answer")
        cache.put(part, CachedAnswer("http://a/1", part, "0" * 64, "", 6, None, None, 0.0), "a")
    cache.close()
    content = bytearray((tmp_path / "answers.sqlite").read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    (tmp_path / "answers.sqlite").write_bytes(content)
    cache = HttpCache(tmp_path, 1 << 20)
    assert cache.get("http://a/1") is None
    assert cache.stats()["hosts"] == {}
    with cache.new_part() as part:
        part.write_bytes(b"answer")
        cache.put(part, CachedAnswer("http://a/1", part, "0" * 64, "", 6, None, None, 0.0), "a")
    assert cache.stats()["hosts"] == {"a": {"answers": 1, "bytes": 6}}


def test_a_damaged_index_is_never_called_full(tmp_path: Path) -> None:
    location = str(tmp_path / "index")
    EmbeddedIndex.open(location, create=ExtractorIdentity("drawn", "1", 8)).close()
    (tmp_path / "index" / "corpus.sqlite3").write_bytes(b"no database " * 1000)
    with pytest.raises(IndexAccessError, match=r"is damaged: .*restore it from a copy"):
        EmbeddedIndex.open(location)
