"""Speed and memory of the embedded index: python benchmarks/embedded.py

Made panels, with the default extractor's dims, are written through the index's own writer and asked whole hybrid
questions: looks, scale and words. In the same run, question by question in turn, the same processor reads the matrix's
bytes once, and LanceDB (IVF_HNSW_SQ, its nearest 1,000, re-ranked in numpy by the same formula, with the text scores
given to it for nothing) answers too. Then sizes from 1,000 panels up, each in a process of its own.
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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import made_corpus
import numpy as np

from mirsearch import settings
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded import EmbeddedIndex
from mirsearch.plugins import load
from mirsearch.query import Filters, SearchRequest
from mirsearch.ranking import combine, scale_term, visual_term

TOP = 10
LANCE_TOP = 1_000
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
    """Vectors near the panels', fields of view, and three words: one of the topic, two as common as they come."""
    made, rng = made_corpus.world(dims), np.random.default_rng(77)
    rows, clusters = made_corpus.vectors(made, rng, count)
    return [
        SearchRequest(row, float(10 ** rng.uniform(1, 5)), made_corpus.question(made, rng, int(cluster)), top=TOP)
        for row, cluster in zip(rows, clusters, strict=True)
    ]


def memory() -> dict[str, float]:
    """MiB this process holds: all, and what no file backs."""
    status = Path("/proc/self/status")
    if not status.exists():
        return {}
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return {name: int(lines[key].split()[0]) / 1024 for name, key in (("rss", "VmRSS"), ("anonymous", "RssAnon"))}


class OnePass:
    """Reads the matrix's bytes once with all threads, and does nothing with them but find the largest."""

    def __init__(self, index: EmbeddedIndex) -> None:
        with index._readers.snapshot() as connection:
            (block,) = index._matrix.at(connection).blocks
        words = block.reshape(-1).view(np.uint64)
        self.threads = settings.threads()
        self.parts = np.array_split(words, self.threads)
        self.pool = ThreadPoolExecutor(self.threads)

    def __call__(self, _: SearchRequest) -> None:
        """Read."""
        if self.threads == 1:
            self.parts[0].max()
        else:
            list(self.pool.map(np.max, self.parts))


class Lance:
    """LanceDB with the same vectors: nearest 1,000, re-ranked with scale and text terms held in numpy arrays."""

    def __init__(self, folder: Path, index: EmbeddedIndex) -> None:
        import lancedb
        import pyarrow
        from lancedb.index import HnswSq

        with index._readers.snapshot() as connection:
            now = index._matrix.at(connection)
        (block,) = now.blocks
        self.fields = now.rows.log10_fov
        self.index = index
        size, dims = block.shape

        def batches() -> Any:
            for start in range(0, size, 8_192):
                part = np.asarray(block[start : start + 8_192], dtype=np.float32)
                flat = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(part.reshape(-1)), dims)
                rows = pyarrow.array(np.arange(start, start + len(part), dtype=np.int32))
                yield pyarrow.RecordBatch.from_arrays([rows, flat], names=["row", "vector"])

        schema = pyarrow.schema([("row", pyarrow.int32()), ("vector", pyarrow.list_(pyarrow.float32(), dims))])
        started = time.perf_counter()
        self.table = lancedb.connect(folder).create_table("panels", batches(), schema=schema)
        self.table.create_index("vector", config=HnswSq(distance_type="cosine"))
        self.build_s = time.perf_counter() - started

    def text(self, request: SearchRequest) -> np.ndarray:
        """Text terms of all rows, as the embedded index has them."""
        from mirsearch.ranking import text_term
        from mirsearch.text import query_terms

        with self.index._readers.snapshot() as connection:
            now = self.index._matrix.at(connection)
            scores = self.index._searcher._bm25.scores(connection, now, query_terms(request.text or ""))
        return text_term(scores, request.formula.text_k)

    def ask(self, request: SearchRequest, text: np.ndarray) -> list[int]:
        """Rows of the best ten."""
        query = self.table.search(request.vector, vector_column_name="vector").distance_type("cosine").limit(LANCE_TOP)
        found = query.select(["row", "_distance"]).to_arrow()
        rows, distance = found["row"].to_numpy(), found["_distance"].to_numpy()
        scale = scale_term(request.field_of_view_nm or 1.0, self.fields[rows], request.formula.sigma)
        score = combine(request.formula, visual_term(distance), scale, text[rows])
        best = np.argpartition(-score, TOP)[:TOP]
        return [int(each) for each in rows[best[np.argsort(-score[best])]]]


def timed(call: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    answer = call(*arguments)
    return (time.perf_counter() - started) * 1e3, answer


def compare(folder: Path, dims: int, count: int, lancedb: bool) -> dict[str, Any]:
    """All engines, question by question in turn, so that what else the machine does hits all alike."""
    asked = questions(dims, count)
    warm_up, asked = asked[:5], asked[5:]
    with EmbeddedIndex.open(str(folder)) as index:
        index.search(warm_up[0])
        held = memory()
        one_pass = OnePass(index)
        lance = Lance(folder.parent / "lance", index) if lancedb else None
        times: dict[str, list[float]] = {}
        overlap: list[float] = []

        def note(name: str, call: Callable[..., Any], *arguments: Any) -> Any:
            spent, answer = timed(call, *arguments)
            times.setdefault(name, []).append(spent)
            return answer

        for turn, request in enumerate([*warm_up, *asked]):
            if turn == len(warm_up):
                times.clear()
                overlap.clear()
            note("one pass over the matrix", one_pass, request)
            answer = note("hybrid, words new to the process", index.search, request)
            note("hybrid, words asked before", index.search, request)
            note("looks and scale", index.search, dataclasses.replace(request, text=None))
            note("words alone, asked before", index.search, SearchRequest(text=request.text, top=TOP))
            note("hybrid with filters", index.search, dataclasses.replace(request, filters=FILTERS))
            if lance:
                text = lance.text(request)
                rows = note("LanceDB top 1,000 + re-ranking", lance.ask, request, text)
                overlap.append(_overlap(index, rows, [each.panel_id for each in answer.panels]))
        one_pass.pool.shutdown()
    found: dict[str, Any] = {name: quantiles(values) for name, values in times.items()} | {"memory_mib": held}
    if lance:
        found |= {"lancedb_build_s": lance.build_s, "lancedb_recall_at_10": float(np.mean(overlap))}
    return found


def _overlap(index: EmbeddedIndex, rows: list[int], ids: list[str]) -> float:
    with index._readers.snapshot() as connection:
        keys = index._matrix.at(connection).rows.key[rows].tolist()
        marks = ", ".join("?" * len(keys))
        named = {row[0] for row in connection.execute(f"SELECT id FROM panels WHERE key IN ({marks})", keys)}
    return len(named & set(ids)) / len(ids)


def quantiles(values: list[float]) -> dict[str, float]:
    return {"p50_ms": float(np.median(values)), "p95_ms": float(np.percentile(values, 95))}


def grow(folder: Path, dims: int, count: int) -> dict[str, Any]:
    """One size, in this process alone: opening with a first question, then the rest."""
    asked = questions(dims, count)
    opened, index = timed(EmbeddedIndex.open, str(folder))
    first, _ = timed(index.search, asked[0])
    one_pass = OnePass(index)
    times = [timed(index.search, request)[0] for request in asked[1:]]
    passes = [timed(one_pass, request)[0] for request in asked[1:]]
    one_pass.pool.shutdown()
    stats = index.stats()
    index.close()
    return {
        "panels": stats["panels"], "open_ms": opened, "first_ms": first, **quantiles(times),
        "one_pass_ms": float(np.median(passes)), "disk_mib": stats["bytes"] / 2**20, **memory(),
    }  # fmt: skip


def child(mode: str, folder: Path, dims: int, count: int) -> dict[str, Any]:
    """Measure in a fresh process."""
    command = [sys.executable, __file__, "--child", mode, str(folder), "--dims", str(dims), "--queries", str(count)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def report(found: dict[str, Any]) -> None:
    main = found["compare"]
    limit = main["one pass over the matrix"]["p50_ms"]
    print(f"\n{found['panels']:,} panels, {found['dims']} dims, {found['threads']} threads")
    print(f"{'':36}{'p50 ms':>9}{'p95 ms':>9}{'× one pass':>12}")
    for name, value in main.items():
        if isinstance(value, dict) and "p50_ms" in value:
            print(f"{name:36}{value['p50_ms']:9.1f}{value['p95_ms']:9.1f}{value['p50_ms'] / limit:12.2f}")
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
    print("\n" + json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panels", type=int, default=64_000, help="size of the comparison")
    parser.add_argument("--dims", type=int, help="default: the default extractor's")
    parser.add_argument("--sizes", default="1000,4000,16000,64000,256000", help="sizes of the growth table")
    parser.add_argument("--queries", type=int, default=65)
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
    found: dict[str, Any] = {"panels": options.panels, "dims": dims, "threads": settings.threads(), "growth": []}
    sizes = sorted({int(each) for each in options.sizes.split(",") if each} | {options.panels})
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            place = Path(folder) / str(size) / "index"
            seconds = build(place, size, dims)
            found["growth"].append({"write_s": seconds} | child("grow", place, dims, min(options.queries, 25)))
            print(f"{size:,} panels: written in {seconds:.1f} s", file=sys.stderr)
            if size == options.panels:
                found["compare"] = child("alone" if options.no_lancedb else "compare", place, dims, options.queries)
            shutil.rmtree(place.parent)
    report(found)


if __name__ == "__main__":
    main()
