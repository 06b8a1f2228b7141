"""Kills a writer at random moments. The index stays intact, and the next run completes it."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from mirsearch.indexes.embedded.database.access import DATABASE
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.query import Filters, SearchRequest
from tests.conftest import REPOSITORY
from tests.support import index_records as made

FIGURES = 120
KILLS = 20
WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.support import index_records as made
from tests.indexes.embedded import test_embedded_kill as job
from mirsearch.indexes.embedded.index import EmbeddedIndex
print("start", flush=True)
index = EmbeddedIndex.open(sys.argv[1], create=made.IDENTITY)
print("open", flush=True)
job.write_all(index, lambda number: print(number, flush=True))
index.close()
"""


_BY_HISTORY = {"bytes", "newest_figures"}
"""Statistics that depend on how the contents came in."""


def write_all(index: EmbeddedIndex, report: Callable[[int], object] = lambda number: None) -> None:
    """Add, replace and delete figures until the index is complete. Continues after an interrupted run."""
    records = [made.record(number) for number in range(FIGURES)]
    known = index.known_figures([record.figure.id for record in records])
    with index.writer() as writer:
        for number, record in enumerate(records):
            if record.figure.id not in known and number % 10 != 9:
                writer.put(made.record(number, seed=1) if number % 4 == 0 else record)
                writer.commit()
            if number % 4 == 0:
                writer.put(record)
            if number % 10 == 9:
                writer.put(record)
                writer.commit()
                writer.delete_figures([record.figure.id])
            writer.commit()
            report(number)


def read_all(index: EmbeddedIndex) -> dict[str, Any]:
    """Return all that a reader can see, independent of the order of the writes."""
    panels = {panel_id.panel.id: panel_id for panel_id in index.select_panels(Filters())}
    hits = index.search(SearchRequest(made.vectors(3, 1)[0], 2e3, "gold nanotubes", top=10_000)).panels
    stats = {name: value for name, value in index.stats().items() if name not in _BY_HISTORY}
    vectors = {panel_id: index.vector(panel_id).tobytes() for panel_id in panels}
    return {"panels": panels, "hits": hits, "stats": stats, "vectors": vectors}


def check(folder: Path) -> None:
    """Check the database with SQLite, and that each panel has a vector, words, texts and a matrix row."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        if connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is None:
            return
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("panels", "vectors", "words", "panel_texts", "thumbnails")
        ]
        assert len(set(counts)) == 1
        figures = connection.execute("SELECT count(*) FROM figures").fetchone()[0]
        assert counts[0] == 2 * figures
    with EmbeddedIndex.open(str(folder)) as index:
        for stored in index.select_panels(Filters()):
            best = index.search(SearchRequest(index.vector(stored.panel.id), top=1)).panels[0]
            assert best.visual_distance is not None
            assert best.visual_distance < 1e-6
        assert len(index.search(SearchRequest(made.vectors(3, 1)[0], top=10_000)).panels) == counts[0]


def run_and_kill(folder: Path, lines: int, wait_s: float) -> None:
    """Run the writer and kill it shortly after a number of output lines: start, open, then one per figure."""
    command = [sys.executable, "-c", WRITER, str(folder), str(REPOSITORY)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(lines):
            assert process.stdout.readline()
        time.sleep(wait_s)
        process.kill()
        process.wait()


def test_after_a_kill_during_creation_the_index_can_be_created(tmp_path: Path) -> None:
    random_source = random.Random(12)
    for number in range(6):
        folder = tmp_path / str(number)
        run_and_kill(folder, 1, random_source.uniform(0, 0.02))
        EmbeddedIndex.open(str(folder), create=made.IDENTITY).close()
        check(folder)


def test_after_kills_at_random_moments_the_contents_are_the_same(tmp_path: Path) -> None:
    with EmbeddedIndex.open(str(tmp_path / "whole"), create=made.IDENTITY) as index:
        write_all(index)
        expected = read_all(index)
    assert expected["stats"]["figures"] == FIGURES - FIGURES // 10
    folder, random_source = tmp_path / "killed", random.Random(11)
    for _ in range(KILLS):
        run_and_kill(folder, random_source.randrange(2, FIGURES - 5), random_source.uniform(0, 0.005))
        check(folder)
    with EmbeddedIndex.open(str(folder), create=made.IDENTITY) as index:
        write_all(index)
        found = read_all(index)
    assert found["stats"] == expected["stats"]
    assert found["panels"] == expected["panels"]
    assert found["vectors"] == expected["vectors"]
    assert [each.panel_id for each in found["hits"]] == [each.panel_id for each in expected["hits"]]
    assert np.allclose([each.score for each in found["hits"]], [each.score for each in expected["hits"]], atol=1e-6)
    check(folder)
