"""Flips bits in every file of an embedded index and asks it: python -m benchmarks.indexes.bit_flips --flips 4000

The index has corrections, failures, rounded rows and a non-empty write-ahead log, as a killed writer leaves it. For
each trial, one file of a copy is damaged: one bit, a sector of zeros, or its end is cut off. The log is not cut, since
that is how a commit looks that never came about. The times of the file stay as they were. Then a new process asks for
everything. An answer is right, or refused with a remedy; anything else is counted as wrong. With --words, only the
words file and those pages of the database that have words, or the full-text index of them, are damaged.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import pickle
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.indexes import made_corpus
from mirsearch.corrections import Correction
from mirsearch.errors import MirsearchError
from mirsearch.field_filters import FieldFilter
from mirsearch.indexes.base import ExtractorIdentity, Failure
from mirsearch.indexes.embedded.database import core_pages
from mirsearch.indexes.embedded.database.access import DATABASE, connect
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.indexes.embedded.vectors import rounded_file
from mirsearch.query import Filters, SearchRequest
from mirsearch.search.answer import stored_json

DIMS = 64
PANELS = 240
SECONDS = 60
SECTOR = 512
WORD_TABLES = ("words_data", "words_idx", "words_content", "words_docsize", "words_config")
Answers = dict[str, tuple[str, Any]]


def build(folder: Path, panels: int) -> None:
    """Write the index. The process that writes the last commits ends without closing anything."""
    records = list(made_corpus.records(made_corpus.world(DIMS, vocabulary=6_000), panels))
    with EmbeddedIndex.open(str(folder), create=ExtractorIdentity("made", "1", DIMS)) as index:
        with index.writer() as writer:
            for record in records[: len(records) // 2]:
                writer.put(replace(record, thumbnails=tuple(os.urandom(900) for _ in record.panels)))
            writer.record_failures([Failure(f"made/{number}.tif", "read", "it is no image") for number in range(5)])
            first = records[0].panels[0]
            correction = Correction(first.box, first.label, {"technique": "AFM"}, first.id, {}, None)
            writer.put(replace(records[0], corrections=(correction,)))
        index.search(SearchRequest(records[0].vectors[0]))
    if os.fork() == 0:
        with EmbeddedIndex.open(str(folder)).writer() as writer:
            for record in records[len(records) // 2 :]:
                writer.put(record)
                writer.commit()
            writer.mark_retracted([record.figure.article.id for record in records[-2:] if record.figure.article])
            writer.commit()
            os._exit(0)
    os.wait()


def ask(folder: Path, vector: np.ndarray, words: str, ids: list[str]) -> Answers:
    """Ask everything once. Each answer is ("ok", value), ("refused", message) or ("crash", traceback)."""
    answers: Answers = {}

    def note(name: str, question: Callable[[], Any]) -> bool:
        try:
            answers[name] = ("ok", question())
        except MirsearchError as error:
            answers[name] = ("refused" if error.remedy else "no remedy", str(error))
        except Exception:  # noqa: BLE001 - whatever it is, it is a finding
            answers[name] = ("crash", traceback.format_exc()[-600:])
        return answers[name][0] == "ok"

    opened: list[EmbeddedIndex] = []
    if not note("open", lambda: opened.append(EmbeddedIndex.open(str(folder)))):
        return answers
    index = opened[0]

    def search(**options: Any) -> list[tuple[str, float]]:
        found = index.search(SearchRequest(top=30, **options))
        return [(panel.panel_id, round(panel.score, 6)) for panel in found.panels]

    note("image", lambda: search(vector=vector, field_of_view_nm=2000.0))
    note("default", lambda: search(vector=vector, filters=Filters(retracted=False)))
    note("text", lambda: search(text=words))
    note("filters", lambda: search(vector=vector, filters=Filters(kinds=("micrograph",), year_from=2001)))
    note("field", lambda: search(text=words, filters=Filters(fields=(FieldFilter("panel.number", (), ((0, 1),)),))))
    note("words read", lambda: search(vector=vector, filters=Filters(label_text="nm")))
    one, two, three = words.split()[:3]
    asked = (one, f"caption:{two} OR NOT {three}", f"{one[:2]}* OR caption:{two}", f'"{one} {two}"')
    for number, expression in enumerate(asked):
        filters = Filters(text=expression)
        note(f"list words {number}", lambda filters=filters: [each.panel.id for each in index.select_panels(filters)])
        note(f"words {number}", lambda filters=filters: search(vector=vector, filters=filters))
    note("stats", lambda: {name: value for name, value in index.stats().items() if name != "bytes"})
    note("export", lambda: [json.dumps(stored_json(each), sort_keys=True) for each in index.select_panels(Filters())])
    note("show", lambda: [repr(index.figure_panels(each.partition("-")[0])) for each in ids[::7]])
    note("find", lambda: [len(index.find_panels(each[:10])) for each in ids[::11]])
    note("vectors", lambda: [index.vector(each).tobytes() for each in ids])
    note("thumbnails", lambda: [index.thumbnail(each) for each in ids])
    note("notes", lambda: sorted(map(repr, index.figure_notes([each.partition("-")[0] for each in ids]).items())))
    note("failures", lambda: [(each.input, each.stage, each.reason) for each in index.failures()])
    return answers


def in_child(question: Callable[[], Any]) -> Any:
    """Return what a function returns in a process of its own, or a crash."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.close(reader)
        signal.alarm(SECONDS)
        with os.fdopen(writer, "wb") as stream:
            pickle.dump(question(), stream)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        data = stream.read()
    _, status = os.waitpid(child, 0)
    return pickle.loads(data) if data else {"process": ("crash", f"it died with status {status}")}


def find_word_pages(folder: Path) -> tuple[int, list[int]]:
    """Return the size of the pages of a database, and where those with words begin. Its log is emptied."""
    with closing(connect(folder / DATABASE, "rw")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        pages = core_pages._open_pages(folder / DATABASE, connection)
        assert pages is not None
        numbers = core_pages._find_pages(pages, connection, WORD_TABLES) - {1}
        return pages.shape[1], sorted(pages.shape[1] * (number - 1) for number in numbers)


def damage(path: Path, rnd: random.Random, page_bytes: int = 0, begins: Sequence[int] = ()) -> str:
    """Damage a file, in one of the pages if there are any, keep its times, and return what was done."""
    times, data = path.stat(), bytearray(path.read_bytes())
    odds = (8, 1, 0 if path.name.endswith("-wal") else 1)
    kind, at = rnd.choices(("flip", "zeros", "cut"), odds)[0], rnd.randrange(len(data))
    if begins:
        kind, at = "flip" if kind == "cut" else kind, rnd.choice(begins) + rnd.randrange(page_bytes)
    if kind == "flip":
        data[at] ^= 1 << rnd.randrange(8)
    elif kind == "zeros":
        at -= at % SECTOR
        data[at : at + SECTOR] = bytes(len(data[at : at + SECTOR]))
    else:
        del data[at:]
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return f"{kind} at {at}"


def judge(answers: Answers, truth: Answers) -> str:
    """Return "right", "refused" or what is wrong."""
    states = set()
    for name, (state, value) in answers.items():
        if state in ("crash", "no remedy"):
            states.add(f"{state} in {name}: {value}")
        elif state == "refused":
            states.add("refused")
        elif value != truth[name][1]:
            states.add(f"WRONG {name}")
    wrong = sorted(state for state in states if state != "refused")
    return "; ".join(wrong) or ("refused" if states else "right")


def main() -> int:
    """Run the trials and print a table and a line of JSON. Returns 1 if any answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=400)
    parser.add_argument("--panels", type=int, default=PANELS)
    parser.add_argument("--words", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    setattr(rounded_file, "MIN_MATRIX_NUMBERS", 1)  # noqa: B010 - it is a constant of another module
    rnd, tally = random.Random(options.seed), collections.Counter[tuple[str, str]]()
    with tempfile.TemporaryDirectory() as scratch:
        source, copy = Path(scratch) / "index", Path(scratch) / "copy"
        build(source, options.panels)
        page_bytes, begins = find_word_pages(source) if options.words else (0, [])
        whole = Path(scratch) / "whole"
        shutil.copytree(source, whole)
        with EmbeddedIndex.open(str(whole)) as index:
            ids = [each.panel.id for each in index.select_panels(Filters())]
            vector = index.vector(ids[17]) / np.linalg.norm(index.vector(ids[17]))
            words = " ".join(index.panels(ids[17:18])[0].panel.caption.split()[:4])
        truth = in_child(lambda: ask(whole, vector, words, ids))
        assert all(state == "ok" for state, _ in truth.values()), [state for state, _ in truth.values()]
        empty = [name for name, (_, value) in truth.items() if not value and name != "open"]
        assert not empty, empty
        names = sorted(path.name for path in source.iterdir() if path.stat().st_size)
        if options.words:
            names = [name for name in names if name == DATABASE or name.endswith(".postings")]
        for trial in range(options.flips):
            if trial and trial % 500 == 0:
                print(f"{trial} trials", file=sys.stderr, flush=True)
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(source, copy)
            name = names[trial % len(names)]
            done = damage(copy / name, rnd, page_bytes, begins if name == DATABASE else ())
            verdict = judge(in_child(lambda: ask(copy, vector, words, ids)), truth)
            tally[name, verdict if verdict in ("right", "refused") else "wrong"] += 1
            if verdict not in ("right", "refused"):
                print(f"{name}, {done}: {verdict}", flush=True)
    wrong = sum(count for (_, verdict), count in tally.items() if verdict == "wrong")
    for (name, verdict), count in sorted(tally.items()):
        print(f"{count:6} {verdict:8} {name}")
    print(json.dumps({"trials": options.flips, "wrong": wrong}))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
