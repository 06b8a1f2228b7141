"""What sentence vectors cost a query: python -m benchmarks.indexes.meaning [--panels 64000]

An embedded index of generated panels, with made sentence vectors of 384 numbers beside them, is asked the hybrid
questions of benchmarks.indexes.embedded (a vector, a field of view, words) with and without the sentence vector of the
words, in turn. The wanted ratio of the medians is 1.6. Making the sentence vector of a question is not part of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.indexes.embedded import Timer, build, default_dims, questions
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded.database.access import connect
from mirsearch.indexes.embedded.database.checksums import row_crc
from mirsearch.indexes.embedded.database.meaning_facts import write_meaning
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.query import SearchRequest

DIMS, TOPICS, WARM_UP, WANTED = 384, 300, 10, 1.6
MODEL = ExtractorIdentity("made", "1", DIMS)


class MadeSentences:
    """Vectors as a model gives them: near a topic, cosines of about .15 between topics and .6 within one."""

    def __init__(self, seed: int = 5) -> None:
        self._rng = np.random.default_rng(seed)
        shared = self._rng.standard_normal(DIMS)
        self._topics = self._rng.standard_normal((TOPICS, DIMS)) + 0.4 * shared

    def __call__(self, count: int) -> np.ndarray:
        """Return unit vectors float32 (count, DIMS)."""
        rows = self._topics[self._rng.integers(0, TOPICS, count)] + 0.8 * self._rng.standard_normal((count, DIMS))
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def add_vectors(folder: Path, sentences: MadeSentences) -> None:
    """Write a made sentence vector for each panel, as adding them from a model would."""
    with closing(connect(folder / "corpus.sqlite3", "rw")) as connection:
        keys = [row[0] for row in connection.execute("SELECT key FROM panels ORDER BY key")]
        blobs = [row.tobytes() for row in sentences(len(keys)).astype("<f2")]
        rows = [(key, str(key), blob, row_crc(str(key), blob)) for key, blob in zip(keys, blobs, strict=True)]
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO meanings VALUES (?, ?, ?, ?)", rows)
        write_meaning(connection, MODEL)
        connection.execute("COMMIT")


def measure(folder: Path, requests: list[SearchRequest], sentences: MadeSentences) -> dict[str, Any]:
    """Ask each question in each way, in turn. Returns quantiles by way."""
    timer = Timer()
    with EmbeddedIndex.open(str(folder)) as index:
        for turn, request in enumerate(requests):
            timer = Timer() if turn == WARM_UP else timer
            index.search(request)  # words are new to the process only once
            meant = dataclasses.replace(request, meaning_vector=sentences(1)[0])
            timer("looks + scale + words", index.search, request)
            timer("looks + scale + words + meaning", index.search, meant)
            timer("words", index.search, SearchRequest(text=request.text, top=request.top))
            words = SearchRequest(text=request.text, top=request.top, meaning_vector=meant.meaning_vector)
            timer("words + meaning", index.search, words)
    return timer.summary()


def main() -> None:
    """Measure, and print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panels", type=int, default=64_000)
    parser.add_argument("--queries", type=int, default=60)
    chosen = parser.parse_args()
    dims, sentences = default_dims(), MadeSentences()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "index"
        build(place, chosen.panels, dims)
        add_vectors(place, sentences)
        found = measure(place, questions(dims, chosen.queries + WARM_UP), sentences)
    print(f"{chosen.panels} panels of {dims} numbers, sentence vectors of {DIMS}")
    for name, quantiles in found.items():
        print(f"{name:34} p50 {quantiles['p50_ms']:7.2f} ms   p95 {quantiles['p95_ms']:7.2f} ms")
    ratio = found["looks + scale + words + meaning"]["p50_ms"] / found["looks + scale + words"]["p50_ms"]
    print(f"with meaning: {ratio:.2f} times (wanted: at most {WANTED})")
    print(json.dumps({"panels": chosen.panels, "dims": dims, "ratio": ratio, "ways": found}))


if __name__ == "__main__":
    try:
        main()
    except sqlite3.Error as error:
        raise SystemExit(f"the index could not be made: {error}") from error
