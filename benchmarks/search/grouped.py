"""What grouping costs: python -m benchmarks.search.grouped --panels 100000

An index of made panels is written, in which the panels of every second figure share a letter. The same questions (a
picture's vector, a field of view, words) are then asked in turns in one process: plain (each image a hit, any number
of an article), folded by letter, and folded by letter and article, as tables and pages do. Medians; the ratio of the
processor's milliseconds is to the plain question.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.indexes import made_corpus
from benchmarks.indexes.embedded import identity, questions
from mirsearch.indexes.base import FigureRecord
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.query import SearchRequest
from mirsearch.search import Question, search

WAYS = {"plain": (True, 0), "folded by letter": (False, 0), "folded by letter and article": (False, 2)}
WANTED = 1.3
WARM_UP = 5


def records(panels: int, dims: int) -> Iterator[FigureRecord]:
    """Yield made figures; the panels of every second one are images under one letter."""
    for number, record in enumerate(made_corpus.records(made_corpus.world(dims), panels)):
        if number % 2:
            yield record
            continue
        left, top = record.panels[0].box[:2]
        right, bottom = record.panels[-1].box[2:]
        parts = tuple(
            dataclasses.replace(panel, label="a", part=part, group=(left, top, right, bottom))
            for part, panel in enumerate(record.panels, start=1)
        )
        yield dataclasses.replace(record, panels=parts)


def ask(index: EmbeddedIndex, request: SearchRequest, each: bool, per_article: int) -> tuple[float, float]:
    """Ask in one way. Return the milliseconds, and those of the processor."""
    question = Question(top=10, each=each, per_article=per_article)
    started = time.perf_counter(), time.process_time()
    search._search_panels(index, dataclasses.replace(request, top=10), question)
    return (time.perf_counter() - started[0]) * 1e3, (time.process_time() - started[1]) * 1e3


def measure(index: EmbeddedIndex, requests: list[SearchRequest]) -> dict[str, list[tuple[float, float]]]:
    """Ask each request in all ways, in turns. Return the times by way; the first requests do not count."""
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for turn, request in enumerate(requests):
        ask(index, request, each=True, per_article=0)  # the words of a question are new to the process only once
        for way, (each, per_article) in WAYS.items():
            measured = ask(index, request, each, per_article)
            if turn >= WARM_UP:
                times[way].append(measured)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panels", type=int, default=100_000)
    parser.add_argument("--dims", type=int, default=64)
    parser.add_argument("--questions", type=int, default=60)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        EmbeddedIndex.open(str(Path(name) / "index"), create=identity(options.dims)) as index,
    ):
        with index.writer() as writer:
            for number, record in enumerate(records(options.panels, options.dims)):
                writer.put(record)
                if number % 2_000 == 1_999:
                    writer.commit()
        times = measure(index, questions(options.dims, options.questions + WARM_UP))
    medians = {
        way: [statistics.median(column) for column in zip(*values, strict=True)] for way, values in times.items()
    }
    for way, (wall, processor) in medians.items():
        ratio = processor / medians["plain"][1]
        word = "" if way == "plain" else f"  {'passed' if ratio <= WANTED else 'FAILED'}: at most {WANTED} wanted"
        print(f"{way:30} {wall:7.2f} ms  {processor:7.2f} ms of processor  {ratio:5.2f}{word}")
    print(json.dumps({"panels": options.panels, "wall_processor_ms": medians}))


if __name__ == "__main__":
    main()
