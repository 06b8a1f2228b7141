"""Kills writers of an embedded index at random moments: python -m benchmarks.indexes.kills --kills 2000

A child process ingests, deletes, corrects, embeds again, repairs, records failures, marks retractions, or migrates an
index of schema 3. It is killed at a random moment, and reports before and after each commit. Then the index must be
whole (as `mirsearch verify` finds), each figure must be as before or after the commit in hand, each panel must have its
own vector of the index's extractor, and a search for it must find it.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import os
import pickle
import random
import shutil
import signal
import sqlite3
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np

from mirsearch.corpus import Article, Figure, Origin, Panel, name_panels
from mirsearch.indexes.base import ExtractorIdentity, Failure, FigureRecord
from mirsearch.indexes.embedded import verify
from mirsearch.indexes.embedded.database import reembed, schema
from mirsearch.indexes.embedded.database.access import DATABASE
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.ingest.correcting import correct_panel
from mirsearch.query import Filters, SearchRequest, StoredPanel
from mirsearch.search.scale_options import ScaleOptions

DIMS = 32
FIGURES = [f"{number:016x}" for number in range(40)]
EXTRACTORS = [ExtractorIdentity("made", str(version), DIMS) for version in (1, 2)]
State = dict[str, str]
"""The caption of each figure."""
Say = Callable[[str, State], None]


def vector(panel: str, version: str) -> np.ndarray:
    """Return the vector of a panel, which depends on its id and on the extractor."""
    digest = hashlib.shake_128(f"{panel} {version}".encode()).digest(DIMS)
    numbers = np.frombuffer(digest, dtype=np.int8).astype(np.float32) + 0.5
    return numbers / np.linalg.norm(numbers)


def record(figure: str, caption: str, version: str) -> FigureRecord:
    """Return a figure of two panels with this caption."""
    read = [Panel((80 * at, 0, 80 * at + 80, 60), letter, caption=caption) for at, letter in enumerate("ab")]
    panels = name_panels(figure, read)
    ids = [panel.id for panel in panels]
    article = Article(f"made:{int(figure, 16) % 7}", title=f"gold {int(figure, 16) % 7}")
    made = Figure(figure, 160, 60, caption=caption, article=article, origins=(Origin("made", figure),))
    jpegs = tuple(name.encode() * 40 for name in ids)
    return FigureRecord(made, panels, np.stack([vector(name, version) for name in ids]), jpegs)


def embed_with(version: str) -> reembed.Embed:
    """Return a function that embeds panels."""

    def embed(panels: Sequence[StoredPanel]) -> np.ndarray:
        time.sleep(0.002)
        return np.stack([vector(each.panel.id, version) for each in panels])

    return embed


def write(folder: str, rnd: random.Random, state: State, say: Say) -> None:
    """Do something that writes, until killed."""
    while True:
        index = EmbeddedIndex.open(folder)
        version = index.extractor.version
        work = rnd.choices(("ingest", "correct", "reembed", "repair", "notes"), (6, 1, 2, 1, 1))[0]
        if work == "ingest":
            with index.writer() as writer:
                for _ in range(rnd.randint(1, 4)):
                    after = dict(state)
                    for figure in rnd.sample(FIGURES, rnd.randint(1, 6)):
                        if rnd.random() < 0.7:
                            after[figure] = f"tag{rnd.randrange(10**6)}"
                            writer.put(record(figure, after[figure], version))
                        else:
                            after.pop(figure, None)
                            writer.delete_figures([figure])
                    say("before", after)
                    writer.commit()
                    say("after", after)
                    state = after
        elif work == "correct" and state:
            panel = f"{rnd.choice(sorted(state))}-a"
            correct_panel(index, panel, {"technique": rnd.choice(("SEM", "TEM", "AFM"))}, ScaleOptions())
        elif work == "reembed":
            extractor = rnd.choice(EXTRACTORS)
            reembed.reembed(folder, extractor, embed_with(extractor.version))
        elif work == "repair":
            verify.repair(folder, lambda damaged: "it can't be read")
        elif work == "notes":
            with index.writer() as writer:
                writer.record_failures(
                    [Failure(f"file {rnd.randrange(9)}", "read", "made")], [f"file {rnd.randrange(9)}"]
                )
                writer.mark_retracted([f"made:{rnd.randrange(7)}"])
        index.close()


def migrate(folder: str, say: Say) -> None:
    """Open an index of an earlier schema, which migrates it."""
    EmbeddedIndex.open(folder).close()


def take_back_schema(folder: Path) -> None:
    """Make the database of a folder one of schema 3."""
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as connection:
        for table, columns in schema.ADDED.items():
            for column in columns:
                connection.execute(f"ALTER TABLE {table} DROP COLUMN {column.split()[0]}")
        connection.execute("DROP TABLE words")
        connection.execute("DROP TABLE entries")
        connection.execute("DROP TABLE meanings")
        connection.execute(schema.WORDS.replace(", mentions", ""))
        connection.execute("UPDATE meta SET value = 'older' WHERE name = 'analysis'")
        connection.execute("DELETE FROM meta WHERE name IN ('crc', 'totals')")
        connection.execute("PRAGMA user_version = 3")


def run_and_kill(work: Callable[[Say], None], seconds: float) -> list[tuple[str, State]]:
    """Run something in a child, kill it, and return what it reported."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.close(reader)

        def say(when: str, state: State) -> None:
            data = pickle.dumps((when, state))
            os.write(writer, struct.pack("<I", len(data)) + data)

        try:
            work(say)
        finally:
            os._exit(3)
    os.close(writer)
    timer = threading.Timer(seconds, lambda: os.kill(child, signal.SIGKILL))
    timer.start()
    with os.fdopen(reader, "rb") as stream:
        data = stream.read()
    os.waitpid(child, 0)
    timer.cancel()
    said, at = [], 0
    while at + 4 <= len(data) and at + 4 + (size := struct.unpack_from("<I", data, at)[0]) <= len(data):
        said.append(pickle.loads(data[at + 4 : at + 4 + size]))
        at += 4 + size
    return said


def check(folder: str, allowed: list[State]) -> tuple[str, State]:
    """Return what is wrong with an index (empty: nothing), and its state."""
    with EmbeddedIndex.open(folder) as index:
        stored = list(index.select_panels(Filters()))
        state = {each.figure.id: each.figure.caption for each in stored}
        faults = [str(fault) for fault in verify.find_faults(folder)]
        if faults:
            return f"faults: {faults[:3]}", state
        if state not in allowed or len(stored) != 2 * len(state):
            return "its figures are of no commit", state
        for each in stored:
            wanted = vector(each.panel.id, index.extractor.version)
            if np.abs(index.vector(each.panel.id) - wanted).max() > 1e-3:
                return f"panel {each.panel.id} has another panel's vector", state
        for each in stored[::9]:
            best = index.search(SearchRequest(vector(each.panel.id, index.extractor.version), text=each.panel.caption))
            if best.panels[0].panel_id not in (each.panel.id, each.panel.id.replace("-a", "-b")):
                return f"panel {each.panel.id} is not found", state
    return "", state


def main() -> int:
    """Run the trials and print a line of JSON. Returns 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rnd, tally = random.Random(options.seed), collections.Counter[str]()
    with tempfile.TemporaryDirectory() as scratch:
        folder, old = Path(scratch) / "index", Path(scratch) / "old"
        EmbeddedIndex.open(str(folder), create=EXTRACTORS[0]).close()
        with EmbeddedIndex.open(str(old), create=EXTRACTORS[0]) as index, index.writer() as writer:
            of_old = {figure: f"tag{figure}" for figure in FIGURES}
            for figure, caption in of_old.items():
                writer.put(record(figure, caption, "1"))
        take_back_schema(old)
        state: State = {}
        for kill in range(options.kills):
            if kill and kill % 200 == 0:
                print(f"{kill} kills: {dict(tally)}", file=sys.stderr, flush=True)
            seconds = rnd.choice((rnd.uniform(0.002, 0.06), rnd.uniform(0.02, 0.5)))
            if kill % 8 == 7:
                copy = Path(scratch) / "migrated"
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(old, copy)
                run_and_kill(partial(migrate, str(copy)), rnd.uniform(0.001, 0.12))
                wrong, _ = check(str(copy), [of_old])
                kind = "migration"
            else:
                said = run_and_kill(partial(write, str(folder), random.Random(rnd.random()), state), seconds)
                done = [after for when, after in said if when == "after"]
                state = done[-1] if done else state
                in_hand = [said[-1][1]] if said and said[-1][0] == "before" else []
                wrong, state = check(str(folder), [state, *in_hand])
                kind = "writing"
            tally[f"{kind} {'WRONG' if wrong else 'right'}"] += 1
            if wrong:
                print(f"kill {kill}, {kind}: {wrong}", flush=True)
    print(json.dumps(dict(tally)))
    return int(any("WRONG" in name for name in tally))


if __name__ == "__main__":
    sys.exit(main())
