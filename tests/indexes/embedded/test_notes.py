"""The migration from schema 1 adds corrections and keeps all data."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from mirsearch.indexes.base import FigureNotes
from mirsearch.indexes.embedded.database import schema as sqlite_schema
from mirsearch.indexes.embedded.database.access import DATABASE
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.ingest.correcting import correct_panel, undo_corrections
from mirsearch.query import Filters, SearchRequest
from mirsearch.search.scale_options import ScaleOptions
from tests.support import index_records as made

FIRST = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE commits (generation INTEGER PRIMARY KEY, token TEXT NOT NULL, removals INTEGER NOT NULL);
CREATE TABLE articles (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT, doi TEXT, pmcid TEXT,
    journal TEXT, year INTEGER, license TEXT, url TEXT, authors TEXT NOT NULL, retracted INTEGER NOT NULL,
    journal_folded TEXT, license_short TEXT);
CREATE INDEX articles_doi ON articles (lower(doi));
CREATE INDEX articles_pmcid ON articles (lower(pmcid));
CREATE TABLE figures (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, article INTEGER REFERENCES articles,
    label TEXT, caption TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, page INTEGER NOT NULL,
    permission_note TEXT);
CREATE INDEX figures_article ON figures (article);
CREATE TABLE origins (key INTEGER PRIMARY KEY, figure INTEGER NOT NULL REFERENCES figures, source TEXT NOT NULL,
    location TEXT NOT NULL, retrieved TEXT, UNIQUE (figure, source, location));
CREATE TABLE panels (key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    figure INTEGER NOT NULL REFERENCES figures, position INTEGER NOT NULL, label TEXT,
    x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL,
    kind TEXT NOT NULL, kind_confidence REAL NOT NULL, technique TEXT, technique_confidence REAL NOT NULL,
    nm_per_px REAL, length_nm REAL, length_px REAL, bar TEXT, label_text TEXT, scale_source TEXT,
    scale_confidence REAL, field_of_view_nm REAL);
CREATE INDEX panels_figure ON panels (figure, position);
CREATE TABLE panel_texts (panel INTEGER PRIMARY KEY REFERENCES panels, caption TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE vectors (panel INTEGER PRIMARY KEY REFERENCES panels, vector BLOB NOT NULL);
CREATE TABLE thumbnails (panel INTEGER PRIMARY KEY REFERENCES panels, jpeg BLOB NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (caption, text, title, tokenize = "ascii tokenchars '.'");
PRAGMA application_id = 1835627123;
PRAGMA user_version = 1;
"""
"""The statements of schema 1."""

COPIED = (
    "meta",
    "commits",
    "articles",
    "figures",
    "origins",
    "panels",
    "panel_texts",
    "vectors",
    "thumbnails",
    "words",
)
RECORDS = [made.record(number) for number in range(6)]


@pytest.fixture
def old(tmp_path: Path) -> str:
    """Create an index of schema 1 with the generated figures."""
    present, location = tmp_path / "present", tmp_path / "old"
    with EmbeddedIndex.open(str(present), create=made.IDENTITY) as index, index.writer() as writer:
        for each in RECORDS:
            writer.put(each)
    location.mkdir()
    with closing(sqlite3.connect(location / DATABASE)) as connection, connection:
        connection.executescript(FIRST)
        connection.execute("ATTACH ? AS present", (str(present / DATABASE),))
        for table in COPIED:
            names = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})").fetchall())
            keyed = f"rowid, {names}" if table == "words" else names
            connection.execute(f"INSERT INTO main.{table} ({keyed}) SELECT {keyed} FROM present.{table}")
    return str(location)


def everything(location: str) -> tuple[list, list, list]:
    with EmbeddedIndex.open(location) as index:
        stored = list(index.select_panels(Filters()))
        request = SearchRequest(RECORDS[3].vectors[0], 1e3, "gold", top=99)
        return stored, [index.vector(each.panel.id).tolist() for each in stored], index.search(request).panels


def test_schema_1_is_migrated_and_keeps_corrections(old: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(Path(old) / DATABASE)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM panels").fetchone() == (12,)
    before = everything(old)
    assert before == everything(str(tmp_path / "present"))
    record = RECORDS[3]
    panel = record.panels[0]
    with EmbeddedIndex.open(old) as index:
        assert index.stats()["schema_version"] == sqlite_schema.CURRENT_VERSION == 6
        assert index.figure_notes([record.figure.id, "absent"]) == {record.figure.id: FigureNotes()}
        shown = correct_panel(index, panel.id, {"label": "q"}, ScaleOptions(nm_per_px=8.0))
        assert (shown.corrected_fields, shown.panel.id) == (("label", "scale"), panel.id)
        assert shown.panel.field_of_view_nm == 800
    with EmbeddedIndex.open(old) as index:
        assert index.panels([panel.id])[0].panel.label == "q"
        assert index.thumbnail(panel.id) == record.thumbnails[0]
        assert undo_corrections(index, [panel.id]) == 1
    assert everything(old) == before


def test_guessed_techniques_of_an_earlier_version_are_none(old: str) -> None:
    with closing(sqlite3.connect(Path(old) / DATABASE)) as connection, connection:
        guessed = [row[0] for row in connection.execute("SELECT id FROM panels WHERE technique = 'SEM'")]
        connection.execute("UPDATE panels SET technique_confidence = 0.42 WHERE id = ?", guessed[:1])
    with EmbeddedIndex.open(old) as index:
        found = [stored.panel.id for stored in index.select_panels(Filters(techniques=("SEM",)))]
        assert found == sorted(guessed[1:])
        assert index.panels(guessed[:1])[0].panel.technique is None
        assert index.stats()["techniques"]["SEM"] == len(guessed) - 1
        assert len(index.search(SearchRequest(RECORDS[3].vectors[0], top=99)).panels) == 12


def test_a_migrated_index_has_the_same_tables_as_a_new_one(old: str, tmp_path: Path) -> None:
    EmbeddedIndex.open(old).close()

    def columns(location: Path) -> dict[str, list[str]]:
        with closing(sqlite3.connect(location / DATABASE)) as connection:
            names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema ORDER BY name")]
            return {name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")] for name in names}

    assert columns(Path(old)) == columns(tmp_path / "present")


def test_source_panels_and_the_analysis_version_are_kept(tmp_path: Path) -> None:
    given = RECORDS[1].panels
    with EmbeddedIndex.open(str(tmp_path / "index"), create=made.IDENTITY) as index:
        import dataclasses

        with index.writer() as writer:
            writer.put(dataclasses.replace(RECORDS[1], analysis_version="7 ocr bars", source_panels=given))
        identity = RECORDS[1].figure.id
        assert index.figure_notes([identity]) == {identity: FigureNotes("7 ocr bars", given)}
        correct_panel(index, given[0].id, {"kind": "map"}, ScaleOptions())
        notes = index.figure_notes([identity])[identity]
        assert (notes.analysis_version, notes.source_panels, len(notes.corrections)) == ("7 ocr bars", given, 1)
        assert np.allclose(index.vector(given[0].id), RECORDS[1].vectors[0], atol=1e-3)
