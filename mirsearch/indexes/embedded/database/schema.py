"""The tables of the embedded index, the version of the schema, and the migrations from older versions."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Mapping

from mirsearch import __version__
from mirsearch.errors import IndexMismatchError
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.comparison import MIN_TECHNIQUE_CONFIDENCE
from mirsearch.indexes.embedded.database import checksums
from mirsearch.indexes.embedded.database.checksums import DamagedRowError
from mirsearch.text.terms import ANALYSIS

APPLICATION_ID = 0x6D697273
"""`mirs` in ASCII. It marks an SQLite file as an index of mirsearch."""

CURRENT_VERSION = 6
RELATIVE_NAMES = "relative"
"""Value of the fact `names` of an index that names the files inside its folder relative to it."""
MAX_KEPT_COMMITS = 10_000
COUNTED = ("articles", "figures", "panels", "entries")
"""Tables whose number of rows the meta table knows."""
CORRECTIONS = (
    # figures by id: corrections survive when a figure is ingested again
    """CREATE TABLE corrections (key INTEGER PRIMARY KEY, figure TEXT NOT NULL, panel TEXT,
        correction TEXT NOT NULL)""",
    "CREATE INDEX corrections_figure ON corrections (figure)",
    "CREATE INDEX corrections_panel ON corrections (panel)",
)
PARTS = ("part INTEGER", "group_box TEXT", "heading TEXT", "inset_of TEXT")
DOUBTS = ("doubtful_scale TEXT", "doubtful_field_of_view_nm REAL", "lone_bar TEXT")
"""Columns of panels since version 3. Boxes and readings are JSON."""
DOUBTS_INDEX = """CREATE INDEX panels_doubtful ON panels (doubtful_field_of_view_nm)
    WHERE doubtful_field_of_view_nm IS NOT NULL"""
CRC = "crc INTEGER"
PANEL_SUMS = (CRC, "text_crc INTEGER", "vector_crc INTEGER", "thumbnail_crc INTEGER", "words_crc INTEGER")
"""Checksums of panels since version 4: of the row, and of what other tables have for it. None: it has no thumbnail."""
FAILURES = """CREATE TABLE IF NOT EXISTS failures (input TEXT PRIMARY KEY, stage TEXT NOT NULL, reason TEXT NOT NULL,
    noted_at TEXT NOT NULL) WITHOUT ROWID"""
"""An index of an earlier version has no such table until an input fails."""
ENTRIES = """CREATE TABLE entries (list TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, crc INTEGER,
    PRIMARY KEY (list, name)) WITHOUT ROWID"""
"""The lists that an index keeps besides figures, since version 5. A value is a JSON object."""
MEANINGS = """CREATE TABLE meanings (panel INTEGER PRIMARY KEY REFERENCES panels, text TEXT NOT NULL,
    vector BLOB NOT NULL, crc INTEGER)"""
"""Sentence vectors of panels since version 6, each with the key of the text that it was made from. Empty in an index
without them."""
ADDED = {"articles": (CRC,), "figures": ("mentions TEXT", "panels INTEGER", CRC), "panels": PANEL_SUMS,
         "failures": (CRC,)}  # fmt: skip
"""Columns since version 4, by table. `mentions` is a JSON list of sentences, `panels` a number."""
PANEL_TABLES = (
    ("panel_texts", "panel"),
    ("vectors", "panel"),
    ("thumbnails", "panel"),
    ("words", "rowid"),
    ("meanings", "panel"),
)
"""Tables that have a row for a panel, and their column with the panel's key."""
WORDS = "CREATE VIRTUAL TABLE words USING fts5 (caption, text, title, mentions, tokenize = \"ascii tokenchars '.'\")"
"""Holds tokens of text.tokens. SQLite does no stemming or folding, because its version may differ."""
TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE commits (generation INTEGER PRIMARY KEY, token TEXT NOT NULL, removals INTEGER NOT NULL)",
    """CREATE TABLE articles (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT, doi TEXT, pmcid TEXT,
        journal TEXT, year INTEGER, license TEXT, url TEXT, authors TEXT NOT NULL, retracted INTEGER NOT NULL,
        journal_folded TEXT, license_short TEXT, crc INTEGER)""",
    "CREATE INDEX articles_doi ON articles (lower(doi))",
    "CREATE INDEX articles_pmcid ON articles (lower(pmcid))",
    """CREATE TABLE figures (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, article INTEGER REFERENCES articles,
        label TEXT, caption TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, page INTEGER NOT NULL,
        permission_note TEXT, analysis TEXT, given TEXT, mentions TEXT, panels INTEGER, crc INTEGER)""",
    "CREATE INDEX figures_article ON figures (article)",
    """CREATE TABLE origins (key INTEGER PRIMARY KEY, figure INTEGER NOT NULL REFERENCES figures, source TEXT NOT NULL,
        location TEXT NOT NULL, retrieved TEXT, UNIQUE (figure, source, location))""",
    f"""CREATE TABLE panels (key INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
        figure INTEGER NOT NULL REFERENCES figures, position INTEGER NOT NULL, label TEXT,
        x0 INTEGER NOT NULL, y0 INTEGER NOT NULL, x1 INTEGER NOT NULL, y1 INTEGER NOT NULL,
        kind TEXT NOT NULL, kind_confidence REAL NOT NULL, technique TEXT, technique_confidence REAL NOT NULL,
        nm_per_px REAL, length_nm REAL, length_px REAL, bar TEXT, label_text TEXT, scale_source TEXT,
        scale_confidence REAL, field_of_view_nm REAL, {", ".join(PARTS + DOUBTS + PANEL_SUMS)})""",
    "CREATE INDEX panels_figure ON panels (figure, position)",
    DOUBTS_INDEX,
    "CREATE TABLE panel_texts (panel INTEGER PRIMARY KEY REFERENCES panels, caption TEXT NOT NULL, text TEXT NOT NULL)",
    "CREATE TABLE vectors (panel INTEGER PRIMARY KEY REFERENCES panels, vector BLOB NOT NULL)",
    "CREATE TABLE thumbnails (panel INTEGER PRIMARY KEY REFERENCES panels, jpeg BLOB NOT NULL)",
    WORDS,
    *CORRECTIONS,
    FAILURES.replace("noted_at TEXT NOT NULL)", f"noted_at TEXT NOT NULL, {CRC})"),
    ENTRIES,
    MEANINGS,
)

Migration = Callable[[sqlite3.Connection], None]


def _add_corrections(connection: sqlite3.Connection) -> None:
    """Migrate to version 2: corrections, the version of the analysis, and the panels from the source."""
    for column in ("analysis", "given"):
        connection.execute(f"ALTER TABLE figures ADD COLUMN {column} TEXT")
    for statement in CORRECTIONS:
        connection.execute(statement)
    write_meta(connection, readable_from=__version__)


def _add_parts_and_doubts(connection: sqlite3.Connection) -> None:
    """Migrate to version 3: several images under one letter, doubtful scales; techniques that are guesses are none."""
    for column in PARTS + DOUBTS:
        connection.execute(f"ALTER TABLE panels ADD COLUMN {column}")
    connection.execute(DOUBTS_INDEX)
    guesses = "UPDATE panels SET technique = NULL WHERE technique_confidence < ?"
    if connection.execute(guesses, (MIN_TECHNIQUE_CONFIDENCE,)).rowcount:
        record_commit(connection, removed=False)
    write_meta(connection, readable_from=__version__)


def _add_checksums(connection: sqlite3.Connection) -> None:
    """Migrate to version 4: checksums of all rows, and searchable sentences that speak of a figure."""
    connection.execute(FAILURES)
    for table, columns in ADDED.items():
        for column in columns:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    connection.execute("DROP TABLE words")
    connection.execute(WORDS)
    write_meta(connection, analysis="")  # so that the words are built anew
    checksums.seal_everything(connection)
    record_commit(connection, removed=False)
    write_meta(connection, readable_from=__version__)


def _add_entries(connection: sqlite3.Connection) -> None:
    """Migrate to version 5: lists that are kept besides figures, such as that of deleted ones."""
    meta = read_meta(connection)
    check_meta(meta)  # else a new checksum would hide the damage
    connection.execute(ENTRIES)
    write_meta(connection, readable_from=__version__)
    if "totals" in meta:
        change_totals(connection, {})
    else:
        count_rows(connection)


def _add_meanings(connection: sqlite3.Connection) -> None:
    """Migrate to version 6: room for sentence vectors. An index has none until they are asked for."""
    check_meta(read_meta(connection))  # else a new checksum would hide the damage
    connection.execute(MEANINGS)
    write_meta(connection, readable_from=__version__)


MIGRATIONS: dict[int, Migration] = {
    1: _add_corrections, 2: _add_parts_and_doubts, 3: _add_checksums, 4: _add_entries, 5: _add_meanings
}  # fmt: skip
"""The migrations from version n to n + 1. Those that are needed run in one transaction."""


def create(connection: sqlite3.Connection, extractor: ExtractorIdentity) -> None:
    """Create the tables of an empty index. The caller holds a transaction."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {CURRENT_VERSION}")
    for statement in TABLES:
        connection.execute(statement)
    meta = {
        "extractor": extractor.name,
        "extractor_version": extractor.version,
        "dims": str(extractor.dims),
        "created_by": __version__,
        "readable_from": __version__,
        "analysis": ANALYSIS,
        "names": RELATIVE_NAMES,
        "totals": _totals_text(dict.fromkeys(COUNTED, 0)),
    }
    write_meta(connection, **meta)
    record_commit(connection, removed=False)


def record_commit(connection: sqlite3.Connection, *, removed: bool) -> int:
    """Record a commit, inside its transaction, with a random token. Returns the new generation."""
    row = connection.execute("SELECT max(generation), max(removals) FROM commits").fetchone()
    generation, removals = (row[0] or 0) + 1, (row[1] or 0) + int(removed)
    connection.execute("INSERT INTO commits VALUES (?, ?, ?)", (generation, secrets.token_hex(8), removals))
    connection.execute("DELETE FROM commits WHERE generation <= ?", (generation - MAX_KEPT_COMMITS,))
    return int(generation)


def last_commit(connection: sqlite3.Connection) -> tuple[int, str, int]:
    """Return the generation, the token and the removals of the last commit; 0, "", 0 if there is none."""
    query = "SELECT generation, token, removals FROM commits ORDER BY generation DESC LIMIT 1"
    generation, token, removals = connection.execute(query).fetchone() or (0, "", 0)
    return generation, token, removals


def read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the meta table."""
    return dict(connection.execute("SELECT name, value FROM meta"))


def write_meta(connection: sqlite3.Connection, **values: str) -> None:
    """Write facts into the meta table, and its checksum."""
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())
    crc = _meta_crc(read_meta(connection))
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('crc', ?)", (str(crc),))


def _meta_crc(meta: dict[str, str]) -> int:
    return checksums.row_crc(*(item for item in sorted(meta.items()) if item[0] != "crc"))


def check_meta(meta: dict[str, str]) -> None:
    """Raise DamagedRowError if the meta table does not match its checksum."""
    if meta.get("crc") != str(_meta_crc(meta)):
        raise DamagedRowError("the facts about the index do not match their checksum")


def _totals_text(totals: Mapping[str, int]) -> str:
    return json.dumps({name: totals[name] for name in COUNTED})


def count_rows(connection: sqlite3.Connection) -> None:
    """Take the present numbers of rows for those that the tables should have."""
    counts = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in COUNTED}
    write_meta(connection, totals=_totals_text(counts))


def read_totals(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of rows that each table of COUNTED should have."""
    totals: dict[str, int] = json.loads(read_meta(connection)["totals"])
    return totals


def change_totals(connection: sqlite3.Connection, changes: Mapping[str, int]) -> None:
    """Add to the numbers of rows that the tables should have."""
    totals = read_totals(connection)
    write_meta(connection, totals=_totals_text({name: totals.get(name, 0) + changes.get(name, 0) for name in COUNTED}))


def read_extractor(connection: sqlite3.Connection) -> ExtractorIdentity:
    """Return the extractor that made the vectors.

    Raises KeyError or ValueError if the meta table is invalid, DamagedRowError if it does not match its checksum.
    """
    meta = read_meta(connection)
    extractor = ExtractorIdentity(meta["extractor"], meta["extractor_version"], int(meta["dims"]))
    check_meta(meta)
    return extractor


def read_version(connection: sqlite3.Connection) -> int:
    """Return the schema version of the file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def is_blank(connection: sqlite3.Connection) -> bool:
    """Return whether the database has no table, as after an interrupted creation."""
    return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None


def is_ours(connection: sqlite3.Connection) -> bool:
    """Return whether the file has the application id of mirsearch."""
    application_id = int(connection.execute("PRAGMA application_id").fetchone()[0])
    return application_id == APPLICATION_ID


def refuse_newer(connection: sqlite3.Connection, location: str) -> None:
    """Raise IndexMismatchError if a newer mirsearch wrote the index."""
    version = read_version(connection)
    if version > CURRENT_VERSION:
        needed = read_meta(connection).get("readable_from", "a newer version")
        raise IndexMismatchError(
            f"the index at {location} has schema {version}; mirsearch {__version__} reads up to {CURRENT_VERSION}",
            f"install mirsearch {needed} or later",
        )


def migrate(connection: sqlite3.Connection, target: int, steps: Mapping[int, Migration]) -> list[int]:
    """Migrate an older schema to `target`. The caller holds a transaction. Returns the versions migrated from."""
    done = []
    for number in range(read_version(connection), target):
        if number not in steps:
            raise IndexMismatchError(
                f"the index has schema {number}, which this version can't migrate to {target}",
                "ingest its figures again into another --index",
            )
        steps[number](connection)
        connection.execute(f"PRAGMA user_version = {number + 1}")
        done.append(number)
    return done
