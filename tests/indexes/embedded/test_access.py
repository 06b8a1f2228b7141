"""Tests of opening an index, of its error messages, and of the write lock."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mirsearch.errors import (
    IndexAccessError,
    IndexBusyError,
    IndexMismatchError,
    MissingDependencyError,
    PluginError,
)
from mirsearch.indexes import backend_name, open_index
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded.database import access as sqlite_access
from mirsearch.indexes.embedded.database import schema as sqlite_schema
from mirsearch.indexes.embedded.database.access import DATABASE
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.query import Filters, SearchRequest
from tests.conftest import REPOSITORY
from tests.support import index_records as made

RECORDS = [made.record(number) for number in range(12)]


@pytest.fixture
def location(tmp_path: Path) -> str:
    path = str(tmp_path / "index")
    with EmbeddedIndex.open(path, create=made.IDENTITY) as index, index.writer() as writer:
        for record in RECORDS:
            writer.put(record)
    return path


def search_ids(location: str) -> list[str]:
    with EmbeddedIndex.open(location) as index:
        return [
            panel.panel_id for panel in index.search(SearchRequest(RECORDS[5].vectors[0], 1e3, "gold", top=99)).panels
        ]


def test_locations_choose_their_back_end() -> None:
    assert backend_name("mirsearch-index") == "embedded"
    assert backend_name("C:\\some\\folder") == "embedded"
    assert backend_name("HTTPS://cluster:9200/name") == "elasticsearch"
    assert backend_name("qdrant+http://host") == "qdrant"
    with pytest.raises(PluginError, match="qdrant"):
        open_index("qdrant+http://host")


def test_an_absent_back_end_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mirsearch.plugins.names", lambda group: ["embedded"])
    with pytest.raises(MissingDependencyError, match=r"mirsearch\[elasticsearch\]"):
        open_index("http://127.0.0.1:1")


def test_opening_without_create_creates_no_files(tmp_path: Path) -> None:
    with pytest.raises(IndexAccessError, match=r"no index at .*mirsearch ingest PATH --index"):
        EmbeddedIndex.open(str(tmp_path / "nothing"))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(IndexAccessError, match="no index at"):
        EmbeddedIndex.open(str(tmp_path / "empty"))
    assert list((tmp_path / "empty").iterdir()) == []


def test_an_interrupted_creation_is_no_index_and_can_be_repeated(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / DATABASE).touch()
    with pytest.raises(IndexAccessError, match="no index at"):
        EmbeddedIndex.open(str(folder))
    EmbeddedIndex.open(str(folder), create=made.IDENTITY).close()
    EmbeddedIndex.open(str(folder)).close()


def test_a_file_or_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("mine")
    for create in (None, made.IDENTITY):
        with pytest.raises(IndexAccessError, match="is a file, not an index"):
            EmbeddedIndex.open(str(tmp_path / "file"), create=create)
        with pytest.raises(IndexAccessError, match="other files"):
            EmbeddedIndex.open(str(tmp_path / "folder"), create=create)
        with pytest.raises(IndexAccessError, match="can't be used"):
            EmbeddedIndex.open(str(tmp_path / "file" / "below"), create=made.IDENTITY)
    assert [each.name for each in (tmp_path / "folder").iterdir()] == ["thesis.tex"]


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    before = path.read_bytes()
    for create in (None, made.IDENTITY):
        with pytest.raises(IndexAccessError, match="another program"):
            EmbeddedIndex.open(str(tmp_path), create=create)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["half", "few bytes", "noise", "holes"])
def test_a_damaged_database_gives_an_error_with_a_remedy(location: str, damage: str) -> None:
    path = Path(location) / DATABASE
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    data = path.read_bytes()
    broken = {
        "half": data[: len(data) // 2],
        "few bytes": data[:50],
        "noise": os.urandom(len(data)),
        "holes": data[:8192] + b"\xff" * (len(data) - 8192),
    }[damage]
    path.write_bytes(broken)
    with pytest.raises(IndexAccessError, match=r"damaged.*mirsearch verify --repair .*restore it from a copy"):
        read_everything(location)
    assert path.read_bytes() == broken


def read_everything(location: str) -> None:
    with EmbeddedIndex.open(location) as index:
        index.stats()
        list(index.select_panels(Filters()))
        for each in Path(location).glob("matrix*"):
            each.unlink()
        index.search(SearchRequest(RECORDS[5].vectors[0], text="gold"))


@pytest.mark.parametrize("state", ["empty", "missing", "blank"])
def test_an_empty_database_beside_its_remains_is_damage(location: str, state: str) -> None:
    path = Path(location) / DATABASE
    path.unlink()
    if state == "empty":
        path.touch()
    elif state == "blank":
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 1")
    before = {each.name: each.read_bytes() for each in Path(location).iterdir()}
    for create in (None, made.IDENTITY):
        with pytest.raises(IndexAccessError, match=r"damaged: its database .* is still there") as caught:
            EmbeddedIndex.open(location, create=create)
        assert "from a copy" in caught.value.remedy
    assert {each.name: each.read_bytes() for each in Path(location).iterdir()} == before


def test_a_database_without_its_facts_is_damaged(location: str) -> None:
    with closing(sqlite3.connect(Path(location) / DATABASE)) as connection, connection:
        connection.execute("DELETE FROM meta WHERE name = 'dims'")
    with pytest.raises(IndexAccessError, match=r"damaged.*dims"):
        EmbeddedIndex.open(location)


def test_another_extractor_is_refused_with_the_remedy(location: str) -> None:
    for other, remedy in (
        (ExtractorIdentity("other", "1", made.DIMS), "--extractor made"),
        (ExtractorIdentity("made", "2", made.DIMS), "made 1"),
        (ExtractorIdentity("made", "1", 99), "another --index"),
    ):
        with pytest.raises(IndexMismatchError) as caught:
            EmbeddedIndex.open(location, create=other)
        assert remedy in caught.value.remedy


def test_a_newer_index_names_the_version_it_needs(location: str) -> None:
    with closing(sqlite3.connect(Path(location) / DATABASE)) as connection, connection:
        connection.execute("PRAGMA user_version = 8")
        connection.execute("UPDATE meta SET value = '3.1' WHERE name = 'readable_from'")
    for create in (None, made.IDENTITY):
        with pytest.raises(IndexMismatchError, match=r"schema 8.*install mirsearch 3\.1"):
            EmbeddedIndex.open(location, create=create)


def test_an_older_index_is_migrated_all_or_nothing(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = search_ids(location)

    def first(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE panels ADD COLUMN color TEXT")

    def second(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE panels SET color = 'gray'")
        connection.execute("INSERT INTO nowhere VALUES (1)")

    monkeypatch.setattr(sqlite_schema, "CURRENT_VERSION", 8)
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", {6: first})
    with pytest.raises(IndexMismatchError, match="schema 7"):
        EmbeddedIndex.open(location)
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", {6: first, 7: second})
    with pytest.raises(IndexAccessError, match="nowhere"):
        EmbeddedIndex.open(location)
    with closing(sqlite3.connect(Path(location) / DATABASE)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (6,)
        assert "color" not in [row[1] for row in connection.execute("PRAGMA table_info(panels)")]
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", {6: first, 7: lambda connection: None})
    assert search_ids(location) == expected
    with EmbeddedIndex.open(location) as index:
        assert index.stats()["schema_version"] == 8


def test_words_of_another_tokenizer_version_are_rebuilt(location: str) -> None:
    with closing(sqlite3.connect(Path(location) / DATABASE)) as connection, connection:
        connection.execute("UPDATE words SET caption = 'spoiled', title = ''")
        sqlite_schema.write_meta(connection, analysis="older")
    with EmbeddedIndex.open(location) as index:
        assert index.search(SearchRequest(text="spoiled")).panels == []
        assert len(index.search(SearchRequest(text="gold nanorods", top=99)).panels) == 6
        assert len(index.search(SearchRequest(text="made article", top=99)).panels) == 24


def test_a_second_writer_learns_who_the_first_is(location: str) -> None:
    with EmbeddedIndex.open(location) as first, EmbeddedIndex.open(location) as second, first.writer():
        with pytest.raises(IndexBusyError, match=f"process {os.getpid()} is writing"), second.writer():
            pytest.fail("two writers")
        with pytest.raises(IndexBusyError), first.writer():
            pytest.fail("two writers")
        assert second.stats()["figures"] == 12
    with EmbeddedIndex.open(location) as index, index.writer() as writer:
        assert writer.delete_figures([RECORDS[0].figure.id]) == 1


def test_a_killed_writer_frees_the_lock(location: str) -> None:
    code = (
        "import sys, time\nfrom mirsearch.indexes.embedded.index import EmbeddedIndex\n"
        "index = EmbeddedIndex.open(sys.argv[1])\n"
        "with index.writer() as writer:\n    print('in', flush=True)\n    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, location], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        with EmbeddedIndex.open(location) as index:
            with pytest.raises(IndexBusyError, match=f"process {process.pid}"), index.writer():
                pytest.fail("two writers")
            process.kill()
            process.wait()
            with index.writer() as writer:
                assert writer.delete_figures([RECORDS[0].figure.id]) == 1


def test_a_lock_of_another_program_is_reported_after_a_wait(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_access, "BUSY_SECONDS", 0.05)
    with closing(sqlite3.connect(Path(location) / DATABASE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with EmbeddedIndex.open(location) as index:
            with pytest.raises(IndexBusyError, match="locked"), index.writer() as writer:
                writer.put(made.record(70))
            assert index.stats()["figures"] == 12


@pytest.mark.parametrize("commits", [1, 4])
def test_a_full_disk_loses_nothing_that_was_committed(
    location: str, monkeypatch: pytest.MonkeyPatch, commits: int
) -> None:
    connect = sqlite_access.connect

    def small(path: Path, mode: str) -> sqlite3.Connection:
        connection = connect(path, mode)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 40}")
        return connection

    monkeypatch.setattr("mirsearch.indexes.embedded.index.connect", small)
    kept: list[str] = []
    with EmbeddedIndex.open(location) as index:
        with pytest.raises(IndexAccessError, match=r"the disk is full.*free some disk space"), index.writer() as writer:  # noqa: PT012
            for number in range(100, 1000):
                writer.put(made.record(number, 8))
                if number % commits == 0:
                    writer.commit()
                    kept = [made.record(each, 1).figure.id for each in range(100, number + 1)]
        monkeypatch.undo()
        assert kept
        assert set(index.known_figures(kept)) == set(kept)
        assert index.stats()["figures"] == 12 + len(kept)
        with index.writer() as writer:
            writer.put(made.record(999))
        assert index.stats()["figures"] == 13 + len(kept)


def test_a_failed_session_accepts_no_more_writes(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedIndex.open(location) as index:
        with pytest.raises(IndexAccessError, match="an earlier write"), index.writer() as writer:  # noqa: PT012
            writer.put(made.record(80))
            with monkeypatch.context() as patch:
                patch.setattr(
                    "mirsearch.indexes.embedded.database.words.add_panel",
                    lambda *_: (_ for _ in ()).throw(sqlite3.OperationalError("disk I/O error")),
                )
                with pytest.raises(IndexAccessError, match="disk I/O error"):
                    writer.put(made.record(81))
            writer.commit()
        assert index.stats()["figures"] == 12


def test_a_closed_index_raises_an_error(location: str) -> None:
    index = EmbeddedIndex.open(location)
    stream = index.select_panels(Filters())
    next(stream)
    index.close()
    index.close()
    with pytest.raises(IndexAccessError, match="closed"):
        index.stats()
    assert len(list(stream)) == 23


@pytest.fixture
def open_folder(location: str) -> Iterator[Path]:
    """Return a copy of the index in a folder that any user can access."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        copy = Path(folder) / "index"
        shutil.copytree(location, copy)
        yield copy
        copy.chmod(0o755)


READ_ONLY = """
import mmap, os, sys
import numkong
import mirsearch.text.word_ranking  # later, another user may not read the interpreter's files
from mirsearch.errors import IndexAccessError
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.query import SearchRequest
sys.path.insert(0, sys.argv[2])
from tests.support import index_records as made
if os.geteuid() == 0:  # permissions don't bind root
    os.setuid(65534)
with EmbeddedIndex.open(sys.argv[1]) as index:
    request = SearchRequest(made.vectors(3, 1)[0], text="gold", top=99)
    print(index.stats()["figures"], len(index.search(request).panels), len(index.search(request).panels))
    try:
        with index.writer() as writer:
            writer.delete_figures([])
    except IndexAccessError as error:
        print(error)
"""


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("keep", [("corpus.sqlite3",), ("corpus.sqlite3", "matrix*"), ("*",)])
def test_a_folder_that_can_not_be_written_is_read(open_folder: Path, keep: tuple[str, ...]) -> None:
    kept = {each for pattern in keep for each in open_folder.glob(pattern)}
    for each in open_folder.iterdir():
        each.chmod(0o444)
        if each not in kept:
            each.unlink()
    open_folder.chmod(0o555)
    names = sorted(each.name for each in open_folder.iterdir())
    command = [sys.executable, "-c", READ_ONLY, str(open_folder), str(REPOSITORY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.startswith("12 24 24\n"), done.stderr
    assert "Permission denied" in done.stdout
    assert "permissions" in done.stdout
    assert sorted(each.name for each in open_folder.iterdir()) == names
