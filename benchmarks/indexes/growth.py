"""How an index grows: python -m benchmarks.indexes.growth fill LOCATION --sizes 64000,256000,1000000

`fill` writes made panels through the writer of the index at LOCATION, a folder or http://HOST:9200/NAME, and keeps a
copy at each size but the last: the folder LOCATION-SIZE, or the index NAME-SIZE (a clone, which shares its files).
`ask LOCATION …` then asks 60 questions in each of several ways; on a machine that does other things, ask again later.
Each result is a line of JSON, which --results appends to a file; benchmarks.indexes.growth_report makes tables of it.

The panels are generated while they are written, 4,096 at a time, so that memory does not grow with the corpus. The time
to generate them does not count. They have no small pictures: add 8 kB for each panel. On Elasticsearch the questions
are answered by candidates and exactly, in turn. Recall compares the two; a panel that ties with the last of the exact
answer counts as found.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.indexes import cluster, made_corpus
from benchmarks.indexes.embedded import FILTERS, Timer, identity, memory, questions
from benchmarks.indexes.embedded_rivals import OnePass
from mirsearch import settings
from mirsearch.indexes import backend_name, open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.plugins import load
from mirsearch.query import SearchRequest

FIGURES_PER_COMMIT = 500
WARM_UP = 10
TOP = 10


def of_default_extractor() -> ExtractorIdentity:
    """Return the identity of the default extractor, so that `mirsearch query` can ask the index, too."""
    extractor = load("extractors", settings.DEFAULT_EXTRACTOR)()
    return ExtractorIdentity(extractor.name, extractor.version, extractor.dims)


def create(location: str, extractor: ExtractorIdentity, vectors: str | None) -> None:
    """Make an empty index; on Elasticsearch with vectors rounded in a way."""
    if backend_name(location) == "elasticsearch":
        from mirsearch.indexes.elasticsearch import admin
        from mirsearch.indexes.elasticsearch.layout import Layout

        admin.drop_index(location)
        admin.create_index(location, extractor, Layout(vectors=vectors))
    else:
        open_index(location, create=extractor).close()


def write(location: str, records: Iterator[FigureRecord], panels: int) -> dict[str, Any]:
    """Write the next panels, and return what it took: in the writer, and on the node. Prints the rate now and then."""
    written, told, watch = 0, 0.0, cluster.Stopwatch()
    with open_index(location) as index, ExitStack() as session:  # type: ignore[attr-defined]
        before = cluster.node_seconds(index) if backend_name(location) == "elasticsearch" else None
        with watch:
            writer = session.enter_context(index.writer())
        while written < panels and (record := next(records, None)) is not None:
            with watch:
                writer.put(record)
                written += len(record.panels)
                if written // made_corpus.PANELS_A_FIGURE % FIGURES_PER_COMMIT == 0:
                    writer.commit()
            if watch.seconds - told > 15:
                told = watch.seconds
                print(f"{written:,} panels in {told:.0f} s, {written / told:,.0f}/s", file=sys.stderr, flush=True)
        with watch:
            session.close()
        found = {
            "written": written, "writer_s": round(watch.seconds, 1), "panels_per_s": round(written / watch.seconds),
            "cpu_ms": round(1000 * watch.processor / written, 2),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }  # fmt: skip
        if before is not None:
            found["node_ms"] = round(1000 * (cluster.node_seconds(index) - before) / written, 2)
    return found


def fill(options: argparse.Namespace) -> None:
    """Write up to each size, and keep a copy there."""
    location = options.locations[0]
    extractor = identity(options.dims) if options.dims else of_default_extractor()
    sizes = sorted({int(each) for each in options.sizes.split(",")})
    create(location, extractor, options.vectors)
    records, done = made_corpus.records(made_corpus.world(extractor.dims), sizes[-1]), 0
    for size in sizes:
        found = {"filled": location, "panels": size, "dims": extractor.dims, "load": round(os.getloadavg()[0], 1)}
        found |= write(location, records, size - done)
        done = size
        tell({**found, "vectors": options.vectors} if options.vectors else found, options.results)
        if size < sizes[-1]:
            keep_copy(location, size)


def keep_copy(location: str, size: int) -> None:
    """Copy an index beside itself."""
    if backend_name(location) != "elasticsearch":
        shutil.copytree(location, f"{location}-{size}")
        return
    from mirsearch.indexes.elasticsearch.index import ElasticsearchIndex

    with ElasticsearchIndex.open(location) as index:
        name = f"{index._address.name}-{size}"
        indices, source = index._client.options(request_timeout=600).indices, index._physical
        indices.put_settings(index=source, settings={"index.blocks.write": True})
        indices.clone(
            index=source, target=f"{name}-000001", aliases={name: {"is_write_index": True}},
            settings={"index.blocks.write": None}, wait_for_active_shards=1, timeout="10m",
        )  # fmt: skip
        indices.put_settings(index=source, settings={"index.blocks.write": None})


def ways(dims: int, count: int) -> dict[str, list[SearchRequest]]:
    """Return the same questions in several ways. The words are common ones, as they are dearest."""
    everything = questions(dims, count)
    return {
        "looks": [dataclasses.replace(each, text=None, field_of_view_nm=None) for each in everything],
        "words": [SearchRequest(text=each.text, top=TOP) for each in everything],
        "looks, scale": [dataclasses.replace(each, text=None) for each in everything],
        "looks, scale, words": everything,
        "the same, the usual filters": [dataclasses.replace(each, filters=cluster.DEFAULTS) for each in everything],
        "the same, a fifth of the panels": [dataclasses.replace(each, filters=FILTERS) for each in everything],
    }


def ask_embedded(location: str, count: int) -> dict[str, Any]:
    """Open an index, and ask it all questions, in turn."""
    timer = Timer()
    index: EmbeddedIndex = timer("open", EmbeddedIndex.open, location)
    asked = ways(index.stats()["dims"], count + WARM_UP)
    timer("first", index.search, asked["looks, scale, words"][0])
    opened = {f"{name}_ms": round(value["p50_ms"], 1) for name, value in timer.summary().items()}
    one_pass = OnePass(index)
    for turn in range(count + WARM_UP):
        timer = Timer() if turn == WARM_UP else timer
        timer("one pass over the matrix", one_pass, asked["looks"][0])
        for name, requests in asked.items():
            timer(name, index.search, requests[turn])
    one_pass.close()
    stats = index.stats()
    index.close()
    return {
        "panels": stats["panels"], "dims": stats["dims"], "disk_mib": round(stats["bytes"] / 2**20), **opened,
        "memory_mib": {name: round(value) for name, value in memory().items()}, "ways": _rounded(timer.summary()),
    }  # fmt: skip


def _rounded(summary: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {name: {each: round(value, 2) for each, value in row.items()} for name, row in summary.items()}


def ask_cluster(location: str, count: int) -> dict[str, Any]:
    """Ask an index on Elasticsearch, by candidates and exactly. Bytes that are still on the way are waited for."""
    from mirsearch.indexes.elasticsearch import query as queries
    from mirsearch.indexes.elasticsearch.index import ElasticsearchIndex

    queries.MAX_EXACT_DOCUMENTS = 0
    with ElasticsearchIndex.open(location) as index:
        waited = wait_for_merges(index)
        stats, warm_up = index.stats(), min(WARM_UP, count // 4)
        asked = ways(stats["dims"], count + warm_up)
        segments = primaries(index, "segments")
        found = {
            "panels": stats["panels"], "dims": stats["dims"], "disk_mib": round(stats["bytes"] / 2**20),
            "vectors": vector_kind(index), "segments": segments["count"], "waited_s": waited, "ways": {},
        }  # fmt: skip
        for name, requests in asked.items():
            cluster.ask(index, requests[:warm_up])
            found["ways"][name] = cluster.ask(index, requests[warm_up:])
            print(name, found["ways"][name], file=sys.stderr, flush=True)
        found["node_ms"] = processor_time(index, asked["looks, scale, words"][warm_up:])
    return found


def processor_time(index: Any, requests: list[SearchRequest]) -> float:
    """Return the milliseconds of a core that the node takes for a question. Other programs change that little.

    What a node compiles and collects meanwhile counts, so that it is more soon after its start.
    """
    before = cluster.node_seconds(index)
    for request in requests:
        index.search(request)
    return round(1000 * (cluster.node_seconds(index) - before) / len(requests), 1)


def vector_kind(index: Any) -> str:
    """Return how the graph of an index rounds its vectors."""
    (mapped,) = index._client.indices.get_field_mapping(index=index._physical, fields="vector").body.values()
    return str(mapped["mappings"]["vector"]["mapping"]["vector"]["index_options"]["type"])


def wait_for_merges(index: Any, most: float = 900) -> float:
    """Wait until the node merges nothing, and return the seconds."""
    began = time.monotonic()
    while time.monotonic() - began < most:
        if not primaries(index, "merge")["current"]:
            break
        time.sleep(1)
    return round(time.monotonic() - began, 1)


def primaries(index: Any, metric: str) -> dict[str, Any]:
    """Return what the node counts of a metric for an index."""
    counted = index._client.indices.stats(index=index._physical, metric=metric)["_all"]["primaries"]
    return dict(next(iter(counted.values())))


def ask(options: argparse.Namespace) -> None:
    """Ask each index in a process of its own, so that none has another's caches."""
    if len(options.locations) > 1:
        for location in options.locations:
            command = [sys.executable, "-m", "benchmarks.indexes.growth", "ask", location]
            command += ["--queries", str(options.queries), "--results", options.results]
            subprocess.run(command, check=True)
        return
    (location,) = options.locations
    on_cluster = backend_name(location) == "elasticsearch"
    found: dict[str, Any] = {"asked": location, "engine": "Elasticsearch" if on_cluster else "embedded"}
    found |= {"load": round(os.getloadavg()[0], 1), "threads": settings.thread_count()}
    tell(found | (ask_cluster if on_cluster else ask_embedded)(location, options.queries), options.results)


def tell(found: dict[str, Any], results: str) -> None:
    """Print a result, and append it to a file if there is one."""
    print(json.dumps(found), flush=True)
    if results:
        with Path(results).open("a") as file:
            file.write(json.dumps(found) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("fill", "ask"))
    parser.add_argument("locations", nargs="+", help="a folder, or http://HOST:PORT/NAME")
    parser.add_argument("--sizes", default="64000,256000,1000000")
    parser.add_argument("--dims", type=int, help="default: those of the default extractor")
    parser.add_argument("--vectors", help="on Elasticsearch: int8_hnsw or bbq_hnsw")
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--results", default="", help="file to append lines of JSON to")
    options = parser.parse_args()
    {"fill": fill, "ask": ask}[options.action](options)


if __name__ == "__main__":
    main()
