"""Lists that an index keeps besides figures, and origins that are taken from figures, on both indexes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mirsearch.corpus import Origin
from mirsearch.errors import IndexAccessError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import Index
from mirsearch.indexes.embedded.database import schema
from mirsearch.indexes.embedded.database.access import DATABASE
from mirsearch.indexes.embedded.index import EmbeddedIndex
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support import index_records as made
from tests.support.cli_runner import run

HERE = (Origin("folder", "/data/a/1.png"), Origin("folder", "/data/ab/1.png"), Origin("archive", "/data/a/x.zip#1.png"))
THERE = Origin("pmc", "https://example.org/1.png", "2026-01-01T00:00:00Z")
AWKWARD = "a name with 'quotes', µ and \udcff"


@pytest.fixture(params=BACKENDS)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    opened = open_index(new_location(request.param, request, tmp_path_factory), create=made.IDENTITY)
    yield opened
    opened.close()


def test_entries_are_written_replaced_and_removed(index: Index) -> None:
    assert index.entries("deleted") == {}
    with index.writer() as writer:
        writer.write_entries("deleted", {"b": {"at": "now", "of": [1, None]}, "a": {}, AWKWARD: {"x": "µ"}})
        writer.write_entries("watches", {"a": {"words": "nano"}})
    assert list(index.entries("deleted"))[-1] == "b"
    assert index.entries("deleted")["b"] == {"at": "now", "of": [1, None]}
    assert len(index.entries("deleted")) == 3
    with index.writer() as writer:
        writer.write_entries("deleted", {"b": {"at": "later"}}, removed=["a", AWKWARD, "unknown"])
    assert index.entries("deleted") == {"b": {"at": "later"}}
    assert index.entries("watches") == {"a": {"words": "nano"}}
    assert run("verify", "--index", index.location).code == 0


def test_entries_of_a_session_that_fails_are_not_kept(index: Index) -> None:
    def fail() -> None:
        with index.writer() as writer:
            writer.write_entries("deleted", {"a": {}})
            raise KeyError("a")

    with pytest.raises(KeyError):
        fail()
    assert index.entries("deleted") == {}


def test_origins_are_found_by_folder_and_removed(index: Index) -> None:
    both, other = made.record(1, origins=(*HERE, THERE)), made.record(2, origins=(HERE[1],))
    with index.writer() as writer:
        for record in (both, other):
            writer.put(record)
    (found,) = index.figures_below("/data/a")
    assert (found.id, found.origins) == (both.figure.id, (*HERE, THERE))
    assert [known.id for known in index.figures_below("/data")] == sorted((both.figure.id, other.figure.id))
    assert index.figures_below("/dat") == []
    with index.writer() as writer:
        writer.remove_origins(both.figure.id, [HERE[0], HERE[2], Origin("folder", "/elsewhere")])
        writer.remove_origins("unknown", HERE)
    assert index.figures_below("/data/a") == []
    assert index.known_figures([both.figure.id])[both.figure.id].origins == (HERE[1], THERE)
    assert [stored.figure.origins for stored in index.figure_panels(both.figure.id)] == [(HERE[1], THERE)] * 2
    assert run("verify", "--index", index.location).code == 0


def test_a_migration_on_the_cluster_keeps_entries(es_location: str) -> None:
    from mirsearch.indexes.elasticsearch.migrate import migrate, reembed

    with open_index(es_location, create=made.IDENTITY) as opened, opened.writer() as writer:
        writer.put(made.record(1))
        writer.write_entries("deleted", {"a": {"at": "now"}})
    migrate(es_location)
    reembed(es_location, made.IDENTITY, lambda panels: made.vectors(3, len(panels)))
    with open_index(es_location) as opened:
        assert opened.entries("deleted") == {"a": {"at": "now"}}


def test_a_damaged_entry_on_the_cluster_is_told_and_removed(es_location: str) -> None:
    from mirsearch.indexes.elasticsearch.client import connect, parse_address
    from mirsearch.indexes.elasticsearch.entries import entry_actions

    with open_index(es_location, create=made.IDENTITY) as opened, opened.writer() as writer:
        writer.write_entries("deleted", {"a": {}, "b": {}})
    address = parse_address(es_location)
    (action,) = entry_actions(address.name, "deleted", {"a": {}}, [])
    client = connect(address)
    client.update(index=address.name, id=action.doc_id, doc={"entry": {"content": {"name": "a", "value": 3}}})
    client.close()
    told = run("verify", "--index", es_location, "--format", "json", code=3).json()
    assert [(fault["part"], fault["subject"]) for fault in told["faults"]] == [("entry", action.doc_id)]
    assert "1 entries" in run("verify", "--repair", "--index", es_location).out
    with open_index(es_location) as opened:
        assert list(opened.entries("deleted")) == ["b"]


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "index" / DATABASE)) as connection, connection:
        connection.execute(statement)


def test_damaged_entries_are_refused_told_and_removed(tmp_path: Path) -> None:
    with made.filled(tmp_path, [made.record(1)]) as index, index.writer() as writer:
        writer.write_entries("deleted", {"a": {"x": 1}, "b": {}})
    change(tmp_path, "UPDATE entries SET value = '{}' WHERE name = 'a'")
    location = str(tmp_path / "index")
    with EmbeddedIndex.open(location) as index, pytest.raises(IndexAccessError, match=r"damaged.*entry a .*verify"):
        index.entries("deleted")
    told = run("verify", "--index", location, "--format", "json", code=3).json()
    assert [(fault["part"], fault["subject"]) for fault in told["faults"]] == [("entry", "deleted a")]
    assert "1 entries" in run("verify", "--repair", "--index", location).out
    with EmbeddedIndex.open(location) as index:
        assert list(index.entries("deleted")) == ["b"]
    change(tmp_path, "DELETE FROM entries")
    told = run("verify", "--index", location, "--format", "json", code=3).json()
    assert [(fault["part"], fault["subject"]) for fault in told["faults"]] == [("counts", "entries")]


def test_schema_4_gets_its_lists_and_keeps_what_it_should_count(tmp_path: Path) -> None:
    with made.filled(tmp_path, [made.record(1), made.record(2)]):
        pass
    with closing(sqlite3.connect(tmp_path / "index" / DATABASE)) as connection, connection:
        connection.execute("DROP TABLE entries")
        connection.execute("DROP TABLE meanings")
        schema.write_meta(connection, totals='{"articles": 1, "figures": 2, "panels": 5}')  # one panel got lost
        connection.execute("PRAGMA user_version = 4")
    location = str(tmp_path / "index")
    with EmbeddedIndex.open(location) as index, index.writer() as writer:
        writer.write_entries("deleted", {"a": {}})
    with EmbeddedIndex.open(location) as index:
        assert list(index.entries("deleted")) == ["a"]
    told = run("verify", "--index", location, "--format", "json", code=3).json()
    assert [(fault["part"], fault["subject"]) for fault in told["faults"]] == [("counts", "panels")]
