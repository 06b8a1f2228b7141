"""Speed and memory of the embedded index: python -m benchmarks.indexes.embedded

Made panels, with the default extractor's dims, are written through the index's own writer and asked whole hybrid
questions: looks, scale and words. Every question has a vector of its own and two or three words drawn as often as
captions have them (Zipf's law), so that asked one after another some words are new to the process and some are not;
beside that stream each question is asked with all its words forgotten. In the same run, question by question in turn,
the same processor reads the matrix's bytes once, and LanceDB (IVF_HNSW_SQ, its nearest 1,000, re-ranked in numpy by the
same formula, with the text scores given to it for nothing) answers too. Then sizes from 1,000 panels up, each in a
process of its own.
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
    """Write an index; seconds spent in the writer, making the panels aside."""
    spent = 0.0
    with EmbeddedIndex.open(str(folder), create=identity(dims)) as index:
        records = made_corpus.records(made_corpus.world(dims), panels)
        started = time.perf_counter()
        with index.writer() as writer:
            spent += time.perf_counter() - started
            for number, record in enumerate(records):
                started = time.perf_counter()
                writer.put(record)
                if number % 500 == 499:
                    writer.commit()
                spent += time.perf_counter() - started
            started = time.perf_counter()
        return spent + time.perf_counter() - started


def questions(dims: int, count: int) -> list[SearchRequest]:
    """Distinct vectors near the panels', fields of view, and two or three words, as often as captions have them."""
    made, rng = made_corpus.world(dims), np.random.default_rng(77)
    rows, _ = made_corpus.vectors(made, rng, count)
    return [
        SearchRequest(row, float(10 ** rng.uniform(1, 5)), made_corpus.common_question(made, rng), top=TOP)
        for row in rows
    ]


def memory() -> dict[str, float]:
    """MiB this process holds: all, and what no file backs."""
    status = Path("/proc/self/status")
    if not status.exists():
        return {}
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return {name: int(lines[key].split()[0]) / 1024 for name, key in (("rss", "VmRSS"), ("anonymous", "RssAnon"))}


class Watch:
    """Wall and processor time of each call, by name."""

    def __init__(self) -> None:
        self.times: dict[str, list[tuple[float, float]]] = {}

    def __call__(self, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call, note what it took, give what it gave."""
        processor, wall = time.process_time(), time.perf_counter()
        answer = call(*arguments)
        took = time.perf_counter() - wall, time.process_time() - processor
        self.times.setdefault(name, []).append((took[0] * 1e3, took[1] * 1e3))
        return answer

    def summary(self) -> dict[str, dict[str, float]]:
        """Quantiles by name."""
        found = {}
        for name, values in self.times.items():
            wall, processor = np.array(values).T
            p50, p95 = np.percentile(wall, [50, 95])
            found[name] = {"p50_ms": float(p50), "p95_ms": float(p95), "cpu_p50_ms": float(np.median(processor))}
        return found


def forget_words(index: EmbeddedIndex) -> None:
    """Let every word be new to an index."""
    index._searcher._bm25._kept.clear()
    for part in index._postings._now.parts if index._postings._now else ():
        part.words._numbers.clear()


def compare(folder: Path, dims: int, count: int, lancedb: bool) -> dict[str, Any]:
    """All engines, question by question in turn, so that what else the machine does hits all alike."""
    asked = questions(dims, count + WARM_UP)
    watch, overlap = Watch(), []
    with EmbeddedIndex.open(str(folder)) as index, EmbeddedIndex.open(str(folder)) as forgetful:
        index.search(asked[0])
        held = memory()
        one_pass = OnePass(index)
        lance = Lance(folder.parent / "lance", index) if lancedb else None
        for turn, request in enumerate(asked):
            if turn == WARM_UP:
                watch, overlap = Watch(), []
            watch(ONE_PASS, one_pass, request)
            answer = watch(MIXED, index.search, request)
            forget_words(forgetful)
            watch(NEW, forgetful.search, request)
            watch("the same, words asked before", index.search, request)
            watch("looks + scale", index.search, dataclasses.replace(request, text=None))
            watch("looks + scale + words, filtered", index.search, dataclasses.replace(request, filters=FILTERS))
            forget_words(forgetful)
            watch("words alone, new to the process", forgetful.search, SearchRequest(text=request.text, top=TOP))
            if lance:
                text = lance.text(request)
                rows = watch(LANCE, lance.ask, request, text)
                overlap.append(_overlap(index, rows, [each.panel_id for each in answer.panels]))
        one_pass.close()
    found: dict[str, Any] = {"engines": watch.summary(), "memory_mib": held}
    if lance:
        found |= {"lancedb_build_s": lance.build_s, "lancedb_recall_at_10": float(np.mean(overlap))}
    return found


def _overlap(index: EmbeddedIndex, rows: list[int], ids: list[str]) -> float:
    with index._readers.transaction() as connection:
        keys = index._matrix.snapshot(connection).rows.key[rows].tolist()
        marks = ", ".join("?" * len(keys))
        named = {row[0] for row in connection.execute(f"SELECT id FROM panels WHERE key IN ({marks})", keys)}
    return len(named & set(ids)) / len(ids)


def grow(folder: Path, dims: int, count: int) -> dict[str, Any]:
    """One size, in this process alone: opening with a first question, then the rest."""
    asked, watch = questions(dims, count), Watch()
    index = watch("open", EmbeddedIndex.open, str(folder))
    watch("first", index.search, asked[0])
    one_pass = OnePass(index)
    for request in asked[1:]:
        watch("pass", one_pass, request)
        watch("query", index.search, request)
    one_pass.close()
    stats, took = index.stats(), watch.summary()
    index.close()
    return {
        "panels": stats["panels"], "open_ms": took["open"]["p50_ms"], "first_ms": took["first"]["p50_ms"],
        **took["query"], "one_pass_ms": took["pass"]["p50_ms"], "disk_mib": stats["bytes"] / 2**20, **memory(),
    }  # fmt: skip


def child(mode: str, folder: Path, dims: int, count: int) -> dict[str, Any]:
    """Measure in a fresh process."""
    command = [sys.executable, __file__, "--child", mode, str(folder), "--dims", str(dims), "--queries", str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(found: dict[str, Any]) -> None:
    main = found["compare"]
    engines = main["engines"]
    limit = engines[ONE_PASS]
    print(f"\n{found['panels']:,} panels, {found['dims']} dims, {found['threads']} threads")
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
    for row in found["growth"]:
        print("".join(f"{row.get(name, float('nan')):13,.1f}" for name in columns))
    print()
    for line in found["verdicts"]:
        print(line)
    print("\n" + json.dumps(found))


def verdicts(engines: dict[str, dict[str, float]]) -> list[str]:
    """One line a criterion: passed or failed."""
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
    found: dict[str, Any] = {"panels": options.panels, "dims": dims, "threads": settings.thread_count(), "growth": []}
    sizes = sorted({int(each) for each in options.sizes.split(",") if each} | {options.panels})
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            place = Path(folder) / str(size) / "index"
            seconds = build(place, size, dims)
            found["growth"].append({"write_s": seconds} | child("grow", place, dims, min(options.queries, 50)))
            print(f"{size:,} panels: written in {seconds:.1f} s", file=sys.stderr)
            if size == options.panels:
                found["compare"] = child("alone" if options.no_lancedb else "compare", place, dims, options.queries)
            shutil.rmtree(place.parent)
    found["verdicts"] = verdicts(found["compare"]["engines"])
    report(found)


if __name__ == "__main__":
    main()
