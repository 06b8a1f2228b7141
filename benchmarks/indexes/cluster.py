"""Measure the speed of an index on Elasticsearch: python -m benchmarks.indexes.cluster

The index's own writer fills a real node (that of the tests, or MIRSEARCH_TEST_ES_URL) with made panels. Hybrid
questions are then answered by candidates and exactly, in turn. Loads of packed vectors are compared with loads of JSON
lists, in turns, with and without thumbnails: lists of 8 decimals, as servers before 9.3 get them, and lists of
`tolist()`. On a busy machine trust the ratios, and processor time more than wall time.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from benchmarks.indexes import made_corpus
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord
from mirsearch.indexes.elasticsearch import admin, documents
from mirsearch.indexes.elasticsearch import query as queries
from mirsearch.indexes.elasticsearch.index import ElasticsearchIndex
from mirsearch.indexes.elasticsearch.writer import open_writer
from mirsearch.query import Filters, SearchRequest
from mirsearch.search.search import IMAGE_KINDS

TOP = 10
COMMIT = 500
FORMS = ("packed", "lists", "full lists")
DEFAULTS = Filters(kinds=IMAGE_KINDS, retracted=False)
"""The filters that `mirsearch query` sets by default."""


@contextmanager
def node() -> Iterator[str]:
    """Address of a running Elasticsearch."""
    running = os.environ.get("MIRSEARCH_TEST_ES_URL")
    if running:
        yield running.rstrip("/")
        return
    from tests.support.es_node import Node

    started = Node(java_options=("-Xms1g", "-Xmx1g")).start()
    try:
        yield started.url
    finally:
        started.stop()


@dataclasses.dataclass
class Load:
    """Cost of filling an index: seconds in the writer, and processor milliseconds per panel here and on the node."""

    panels: int
    seconds: float
    client_ms: float
    node_ms: float

    @property
    def rate(self) -> float:
        """Panels per second."""
        return self.panels / self.seconds


def node_seconds(index: ElasticsearchIndex) -> float:
    """Return the processor time of all nodes, which they update once a second."""
    time.sleep(1.1)
    nodes = index._client.nodes.stats(metric="process")["nodes"].values()
    return float(sum(node["process"]["cpu"]["total_in_millis"] for node in nodes)) / 1000


class Stopwatch:
    """Adds up the wall time and the processor time spent inside it, in seconds."""

    seconds = processor = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._began[0]
        self.processor += time.process_time() - self._began[1]


def load(location: str, identity: ExtractorIdentity, records: Iterable[FigureRecord], *, pack: bool) -> Load:
    """Fill a new index until all panels are visible. The time to make the panels does not count."""
    admin.drop_index(location)
    index = ElasticsearchIndex.open(location, create=identity)
    panels, before, watch = 0, node_seconds(index), Stopwatch()
    with ExitStack() as session:
        with watch:
            writing = open_writer(index._client, index._address, index._physical, identity, pack=pack)
            writer = session.enter_context(writing)
        for number, record in enumerate(records, start=1):
            with watch:
                writer.put(record)
                if number % COMMIT == 0:
                    writer.commit()
            panels += len(record.panels)
        with watch:
            session.close()
    node_ms = 1000 * (node_seconds(index) - before) / panels
    index.close()
    return Load(panels, watch.seconds, 1000 * watch.processor / panels, node_ms)


def compare(url: str, identity: ExtractorIdentity, records: list[FigureRecord], rounds: int) -> dict[str, Any]:
    """Return panels per second and processor milliseconds for each form of vectors: medians of loads in turns."""
    found: dict[str, list[Load]] = {form: [] for form in FORMS}
    rounded = documents.round_vector
    for number in range(rounds + 1):
        for form in FORMS if number % 2 else FORMS[::-1]:
            documents.round_vector = (lambda vector: vector.tolist()) if form == "full lists" else rounded
            loaded = load(f"{url}/bench-form", identity, records, pack=form == "packed")
            if number:  # the first load only warms the node up
                found[form].append(loaded)
    documents.round_vector = rounded
    admin.drop_index(f"{url}/bench-form")
    return {
        form: {
            "panels_per_s": round(float(np.median([each.rate for each in loads]))),
            "client_ms": round(float(np.median([each.client_ms for each in loads])), 2),
            "node_ms": round(float(np.median([each.node_ms for each in loads])), 2),
        }
        for form, loads in found.items()
    }


def questions(world: made_corpus.World, count: int) -> dict[str, list[SearchRequest]]:
    """Return requests by the parts of the question."""
    rng = np.random.default_rng(77)
    vectors, clusters = made_corpus.vectors(world, rng, count)
    looks = [SearchRequest(vector=vector, top=TOP) for vector in vectors]
    scaled = [dataclasses.replace(each, field_of_view_nm=500 * 10 ** float(rng.uniform(-2, 3))) for each in looks]
    words = [made_corpus.question(world, rng, int(cluster)) for cluster in clusters]
    everything = [dataclasses.replace(each, text=text) for each, text in zip(scaled, words, strict=True)]
    usual = [dataclasses.replace(each, filters=DEFAULTS) for each in everything]
    return {"looks": looks, "looks, scale": scaled, "looks, scale, words": everything, "the same, filtered": usual}


def ask(index: ElasticsearchIndex, requests: list[SearchRequest]) -> dict[str, Any]:
    """Return times by candidates and exactly, recall of the exact top ten, and the share of answers called exact."""
    times: dict[bool, list[float]] = {False: [], True: []}
    recall, claimed, wrong = [], 0, 0
    for request in requests:
        found = {}
        for exact in (False, True):
            started = time.perf_counter()
            found[exact] = index.search(dataclasses.replace(request, exact=exact))
            times[exact].append(1000 * (time.perf_counter() - started))
        # a panel that ties with the last of the exact answer counts as found
        least = found[True].panels[-1].score - 1e-6
        recall.append(sum(each.score >= least for each in found[False].panels) / len(found[True].panels))
        claimed += found[False].exact
        wrong += found[False].exact and recall[-1] < 1
    quantiles = {
        f"{name}p{q}_ms": round(float(np.percentile(times[exact], q)), 1)
        for name, exact in (("", False), ("exact_", True))
        for q in (5, 50, 95)  # p5 is nearest to an idle machine
    }
    return {
        **quantiles,
        "recall_at_10": round(float(np.mean(recall)), 4),
        "called_exact": claimed / len(requests), "wrongly": wrong,
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panels", type=int, default=64_000)
    parser.add_argument("--dims", type=int, default=2_048)
    parser.add_argument("--compared", type=int, default=8_000, help="panels written in each form in turns")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--merge", action="store_true", help="ask again after merging the index into one segment")
    parser.add_argument("--thumbnail", type=int, default=8_000, help="bytes of each panel's thumbnail")
    options = parser.parse_args()
    world = made_corpus.world(options.dims)
    identity = ExtractorIdentity("made", "1", options.dims)
    rng = np.random.default_rng(5)
    bare = list(made_corpus.records(world, options.panels))  # made beforehand, as the node would catch up meanwhile
    records = [
        dataclasses.replace(each, thumbnails=tuple(rng.bytes(options.thumbnail) for _ in each.panels)) for each in bare
    ]
    compared = options.compared // made_corpus.PANELS_A_FIGURE
    found: dict[str, Any] = {"panels": options.panels, "dims": options.dims, "cores": os.cpu_count()}
    queries.MAX_EXACT_DOCUMENTS = 0
    with node() as url:
        found["forms"] = compare(url, identity, records[:compared], options.rounds)
        found["forms without thumbnails"] = compare(url, identity, bare[:compared], options.rounds)
        location = f"{url}/bench-panels"
        loaded = load(location, identity, records, pack=True)
        found["ingest_s"], found["ingest_panels_per_s"] = round(loaded.seconds, 1), round(loaded.rate)
        index = ElasticsearchIndex.open(location)
        found["bytes"] = index.stats()["bytes"]
        for merged in (False, True)[: 1 + options.merge]:
            if merged:
                index._client.options(request_timeout=3_600).indices.forcemerge(
                    index=index._physical, max_num_segments=1
                )
            for name, requests in questions(world, options.queries).items():
                ask(index, requests)  # warms the node up
                found[f"{name} (merged)" if merged else name] = ask(index, requests)
        index.close()
        admin.drop_index(location)
    show(found)


def show(found: dict[str, Any]) -> None:
    """Print the tables, and all results as one line of JSON."""
    print(f"{found['panels']} panels of {found['dims']} dims: {found['ingest_panels_per_s']} panels/s, "
          f"{found['bytes'] / 1e9:.2f} GB")  # fmt: skip
    for name in ("forms", "forms without thumbnails"):
        print(f"{name:<26}{'panels/s':>10}{'client ms':>11}{'node ms':>9}{'packed is':>11}")
        for form, row in found[name].items():
            times = found[name]["packed"]["panels_per_s"] / row["panels_per_s"]
            print(f"{form:<26}{row['panels_per_s']:>10}{row['client_ms']:>11}{row['node_ms']:>9}{times:>10.2f}x")
    print(f"{'question':<31}{'p5':>8}{'p50':>8}{'p95':>8}{'exact p5':>11}{'p50':>8}{'p95':>8}"
          f"{'recall@10':>11}{'called exact':>14}")  # fmt: skip
    for name, row in found.items():
        if isinstance(row, dict) and "p50_ms" in row:
            print(f"{name:<31}{row['p5_ms']:>8}{row['p50_ms']:>8}{row['p95_ms']:>8}{row['exact_p5_ms']:>11}"
                  f"{row['exact_p50_ms']:>8}{row['exact_p95_ms']:>8}{row['recall_at_10']:>11}"
                  f"{row['called_exact']:>14.2f}")  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    main()
