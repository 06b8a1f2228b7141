"""Speed and memory of the embedded index: python -m benchmarks.indexes.embedded

Generated panels with the dims of the default extractor are written through the writer of the index. The queries are
hybrid: vector, field of view and words. Each query has its own vector, and two or three words with the frequencies that
they have in captions (Zipf's law). So, in a series of queries, some words are new to the process and some are not. Each
query also runs once with an empty cache of words. In the same run, query by query, the same processor reads the bytes
of the matrix once, and LanceDB (IVF_HNSW_SQ, its nearest 1,000, re-ranked in numpy by the same formula, with text
scores from the embedded index) answers too. Then indexes of 1,000 panels and more are measured, each in a new process.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.indexes import made_corpus
from benchmarks.indexes.embedded_rivals import TOP, Lance, OnePass
from mirsearch import settings
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.plugins import load
from mirsearch.query import Filters, SearchRequest

WARM_UP = 10
TIMES_A_PASS = 2.5
ONE_PASS = "one pass over the matrix"
MIXED = "looks + scale + words, as asked one after another"
NEW = "looks + scale + words, words new to the process"
LANCE = "LanceDB top 1,000 + re-ranking, words for nothing"
FILTERS = Filters(kinds=("micrograph",), year_from=2010)


def default_dims() -> int:
    return int(load("extractors", settings.DEFAULT_EXTRACTOR)().dims)


def identity(dims: int) -> ExtractorIdentity:
    return ExtractorIdentity("made", "1", dims)


def build(folder: Path, panels: int, dims: int) -> float:
    """Write an index. Returns the seconds spent in the writer, without the generation of the panels."""
    seconds = 0.0
    with EmbeddedIndex.open(str(folder), create=identity(dims)) as index:
        records = made_corpus.records(made_corpus.world(dims), panels)
        started = time.perf_counter()
        with index.writer() as writer:
            seconds += time.perf_counter() - started
            for number, record in enumerate(records):
                started = time.perf_counter()
                writer.put(record)
                if number % 500 == 499:
                    writer.commit()
                seconds += time.perf_counter() - started
            started = time.perf_counter()
        return seconds + time.perf_counter() - started


def questions(dims: int, count: int) -> list[SearchRequest]:
    """Return requests with distinct vectors near those of panels, fields of view, and two or three words."""
    world, rng = made_corpus.world(dims), np.random.default_rng(77)
    rows, _ = made_corpus.vectors(world, rng, count)
    return [
        SearchRequest(row, float(10 ** rng.uniform(1, 5)), made_corpus.common_question(world, rng), top=TOP)
        for row in rows
    ]


def memory() -> dict[str, float]:
    """Return the memory of this process in MiB: all of it, and the part without a file behind it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return {}
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return {name: int(lines[key].split()[0]) / 1024 for name, key in (("rss", "VmRSS"), ("anonymous", "RssAnon"))}


class Timer:
    """Measures wall and processor time of each call, by name."""

    def __init__(self) -> None:
        self.times: dict[str, list[tuple[float, float]]] = {}

    def __call__(self, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function, record its times, and return its result."""
        processor, wall = time.process_time(), time.perf_counter()
        answer = call(*arguments)
        elapsed = time.perf_counter() - wall, time.process_time() - processor
        self.times.setdefault(name, []).append((elapsed[0] * 1e3, elapsed[1] * 1e3))
        return answer

    def summary(self) -> dict[str, dict[str, float]]:
        """Return the quantiles by name."""
        quantiles = {}
        for name, values in self.times.items():
            wall, processor = np.array(values).T
            p50, p95 = np.percentile(wall, [50, 95])
            quantiles[name] = {"p50_ms": float(p50), "p95_ms": float(p95), "cpu_p50_ms": float(np.median(processor))}
        return quantiles


def forget_words(index: EmbeddedIndex) -> None:
    """Empty the caches of words of an index."""
    index._searcher._bm25._kept.clear()
    for part in index._postings._word_index.parts if index._postings._word_index else ():
        part.words._known_numbers.clear()


def compare(folder: Path, dims: int, count: int, lancedb: bool) -> dict[str, Any]:
    """Run all engines in turn, query by query, so that other load on the machine affects all of them equally."""
    requests = questions(dims, count + WARM_UP)
    timer, overlap = Timer(), []
    with EmbeddedIndex.open(str(folder)) as index, EmbeddedIndex.open(str(folder)) as forgetful:
        index.search(requests[0])
        memory_used = memory()
        one_pass = OnePass(index)
        lance = Lance(folder.parent / "lance", index) if lancedb else None
        for turn, request in enumerate(requests):
            if turn == WARM_UP:
                timer, overlap = Timer(), []
            timer(ONE_PASS, one_pass, request)
            answer = timer(MIXED, index.search, request)
            forget_words(forgetful)
            timer(NEW, forgetful.search, request)
            timer("the same, words asked before", index.search, request)
            timer("looks + scale", index.search, dataclasses.replace(request, text=None))
            timer("looks + scale + words, filtered", index.search, dataclasses.replace(request, filters=FILTERS))
            forget_words(forgetful)
            timer("words alone, new to the process", forgetful.search, SearchRequest(text=request.text, top=TOP))
            if lance:
                text = lance.text(request)
                rows = timer(LANCE, lance.ask, request, text)
                overlap.append(_overlap(index, rows, [each.panel_id for each in answer.panels]))
        one_pass.close()
    results: dict[str, Any] = {"engines": timer.summary(), "memory_mib": memory_used}
    if lance:
        results |= {"lancedb_build_s": lance.build_s, "lancedb_recall_at_10": float(np.mean(overlap))}
    return results


def _overlap(index: EmbeddedIndex, rows: list[int], ids: list[str]) -> float:
    with index._readers.transaction() as connection:
        keys = index._matrix.snapshot(connection).table.key[rows].tolist()
        placeholders = ", ".join("?" * len(keys))
        found_ids = {row[0] for row in connection.execute(f"SELECT id FROM panels WHERE key IN ({placeholders})", keys)}
    return len(found_ids & set(ids)) / len(ids)


def grow(folder: Path, dims: int, count: int) -> dict[str, Any]:
    """Measure one size in this process: opening, the first query, then the others."""
    requests, timer = questions(dims, count), Timer()
    index = timer("open", EmbeddedIndex.open, str(folder))
    timer("first", index.search, requests[0])
    one_pass = OnePass(index)
    for request in requests[1:]:
        timer("pass", one_pass, request)
        timer("query", index.search, request)
    one_pass.close()
    stats, times = index.stats(), timer.summary()
    index.close()
    return {
        "panels": stats["panels"], "open_ms": times["open"]["p50_ms"], "first_ms": times["first"]["p50_ms"],
        **times["query"], "one_pass_ms": times["pass"]["p50_ms"], "disk_mib": stats["bytes"] / 2**20, **memory(),
    }  # fmt: skip


def child(mode: str, folder: Path, dims: int, count: int) -> dict[str, Any]:
    """Measure in a new process."""
    command = [sys.executable, __file__, "--child", mode, str(folder), "--dims", str(dims), "--queries", str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def report(results: dict[str, Any]) -> None:
    main = results["compare"]
    engines = main["engines"]
    limit = engines[ONE_PASS]
    print(f"\n{results['panels']:,} panels, {results['dims']} dims, {results['threads']} threads")
    print(f"{'':48}{'p50 ms':>9}{'p95 ms':>9}{'cpu ms':>9}{'× pass':>8}")
    for name, value in engines.items():
        times = "".join(f"{value[each]:9.2f}" for each in ("p50_ms", "p95_ms", "cpu_p50_ms"))
        print(f"{name:48}{times}{value['p50_ms'] / limit['p50_ms']:8.2f}")
    print(f"held after the first answer: {main['memory_mib']} MiB")
    if "lancedb_recall_at_10" in main:
        print(f"LanceDB: built in {main['lancedb_build_s']:.0f} s, recall@10 {main['lancedb_recall_at_10']:.3f}")
    columns = (
        "panels",
        "write_s",
        "open_ms",
        "first_ms",
        "p50_ms",
        "p95_ms",
        "one_pass_ms",
        "rss",
        "anonymous",
        "disk_mib",
    )
    print("\n" + "".join(f"{name:>13}" for name in columns))
    for row in results["growth"]:
        print("".join(f"{row.get(name, float('nan')):13,.1f}" for name in columns))
    print()
    for line in results["verdicts"]:
        print(line)
    print("\n" + json.dumps(results))


def verdicts(engines: dict[str, dict[str, float]]) -> list[str]:
    """Return one line per criterion: passed or failed."""
    lines = []
    for name in (MIXED, NEW):
        mine = engines[name]["p50_ms"]
        limits = [(f"{TIMES_A_PASS} × one pass over the matrix", TIMES_A_PASS * engines[ONE_PASS]["p50_ms"])]
        limits += [(LANCE, engines[LANCE]["p50_ms"])] if LANCE in engines else []
        for against, limit in limits:
            word = "passed" if mine <= limit else "FAILED"
            lines.append(f"{word}: {name}: p50 {mine:.2f} ms, at most {limit:.2f} ms allowed ({against})")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panels", type=int, default=64_000, help="size of the comparison")
    parser.add_argument("--dims", type=int, help="default: the default extractor's")
    parser.add_argument("--sizes", default="1000,4000,16000,64000,256000", help="sizes of the growth table")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--no-lancedb", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        mode, folder = options.child
        measure = {
            "compare": lambda: compare(Path(folder), options.dims, options.queries, True),
            "alone": lambda: compare(Path(folder), options.dims, options.queries, False),
            "grow": lambda: grow(Path(folder), options.dims, options.queries),
        }[mode]
        print(json.dumps(measure()))
        return
    dims = options.dims or default_dims()
    results: dict[str, Any] = {"panels": options.panels, "dims": dims, "threads": settings.thread_count(), "growth": []}
    sizes = sorted({int(each) for each in options.sizes.split(",") if each} | {options.panels})
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            index_folder = Path(folder) / str(size) / "index"
            seconds = build(index_folder, size, dims)
            results["growth"].append({"write_s": seconds} | child("grow", index_folder, dims, min(options.queries, 50)))
            print(f"{size:,} panels: written in {seconds:.1f} s", file=sys.stderr)
            if size == options.panels:
                results["compare"] = child(
                    "alone" if options.no_lancedb else "compare", index_folder, dims, options.queries
                )
            shutil.rmtree(index_folder.parent)
    results["verdicts"] = verdicts(results["compare"]["engines"])
    report(results)


if __name__ == "__main__":
    main()
