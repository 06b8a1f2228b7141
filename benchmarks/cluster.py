"""Speed of an index on Elasticsearch: python benchmarks/cluster.py

A real node (that of the tests, or MIRSEARCH_TEST_ES_URL) is filled with made panels through the index's own writer,
and asked hybrid questions: by candidates and, in turn, exactly. Writing packed vectors is set against JSON lists.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import made_corpus
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from mirsearch.indexes import elasticsearch_admin as admin
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord
from mirsearch.indexes.elasticsearch import ElasticsearchIndex
from mirsearch.indexes.elasticsearch_writer import session
from mirsearch.query import SearchRequest

TOP = 10
COMMIT = 500


@contextmanager
def node() -> Iterator[str]:
    """Address of a running Elasticsearch."""
    given = os.environ.get("MIRSEARCH_TEST_ES_URL")
    if given:
        yield given.rstrip("/")
        return
    from es_node import Node

    started = Node(java_options=("-Xms1g", "-Xmx1g")).start()
    try:
        yield started.url
    finally:
        started.stop()


def load(location: str, identity: ExtractorIdentity, records: Iterable[FigureRecord], *, pack: bool) -> float:
    """Fill a fresh index; seconds spent in the writer, making the panels aside."""
    admin.drop(location)
    index = ElasticsearchIndex.open(location, create=identity)
    spent = 0.0
    with session(index._client, index._address, index._physical, identity, pack=pack) as writer:
        for number, record in enumerate(records, start=1):
            started = time.perf_counter()
            writer.put(record)
            if number % COMMIT == 0:
                writer.commit()
            spent += time.perf_counter() - started
        started = time.perf_counter()
        writer.commit()
        spent += time.perf_counter() - started
    index.close()
    return spent


def questions(made: made_corpus.World, count: int) -> dict[str, list[SearchRequest]]:
    """Requests by what they ask with."""
    rng = np.random.default_rng(77)
    vectors, clusters = made_corpus.vectors(made, rng, count)
    looks = [SearchRequest(vector=vector, top=TOP) for vector in vectors]
    scaled = [dataclasses.replace(each, field_of_view_nm=500 * 10 ** float(rng.uniform(-2, 3))) for each in looks]
    words = [made_corpus.question(made, rng, int(cluster)) for cluster in clusters]
    everything = [dataclasses.replace(each, text=text) for each, text in zip(scaled, words, strict=True)]
    return {"looks": looks, "looks, scale": scaled, "looks, scale, words": everything}


def ask(index: ElasticsearchIndex, requests: list[SearchRequest]) -> dict[str, Any]:
    """Milliseconds by candidates and exactly, recall of the exact top ten, and how often an answer is called exact."""
    times: dict[bool, list[float]] = {False: [], True: []}
    recall, claimed, wrong = [], 0, 0
    for request in requests:
        found = {}
        for exact in (False, True):
            started = time.perf_counter()
            found[exact] = index.search(dataclasses.replace(request, exact=exact))
            times[exact].append(1000 * (time.perf_counter() - started))
        # what ties with the last of the exact answer is as good as it
        least = found[True].panels[-1].score - 1e-6
        recall.append(sum(each.score >= least for each in found[False].panels) / len(found[True].panels))
        claimed += found[False].exact
        wrong += found[False].exact and recall[-1] < 1
    low, high = (np.percentile(times[False], q) for q in (50, 95))
    exact_low, exact_high = (np.percentile(times[True], q) for q in (50, 95))
    return {
        "p50_ms": round(float(low), 1), "p95_ms": round(float(high), 1),
        "exact_p50_ms": round(float(exact_low), 1), "exact_p95_ms": round(float(exact_high), 1),
        "recall_at_10": round(float(np.mean(recall)), 4),
        "called_exact": claimed / len(requests), "wrongly": wrong,
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--panels", type=int, default=64_000)
    options.add_argument("--dims", type=int, default=2_048)
    options.add_argument("--compared", type=int, default=6_000, help="panels written both ways, packed and as lists")
    options.add_argument("--queries", type=int, default=100)
    given = options.parse_args()
    made = made_corpus.world(given.dims)
    identity = ExtractorIdentity("made", "1", given.dims)
    found: dict[str, Any] = {"panels": given.panels, "dims": given.dims}
    with node() as url:
        few = list(made_corpus.records(made, given.compared))
        load(f"{url}/bench-warm", identity, few[:200], pack=True)
        for form, pack in (("packed", True), ("lists", False)):
            spent = load(f"{url}/bench-{form}", identity, few, pack=pack)
            found[f"{form}_panels_per_s"] = round(given.compared / spent)
        location = f"{url}/bench-panels"
        spent = load(location, identity, made_corpus.records(made, given.panels), pack=True)
        found["ingest_s"], found["ingest_panels_per_s"] = round(spent, 1), round(given.panels / spent)
        index = ElasticsearchIndex.open(location)
        found["bytes"] = index.stats()["bytes"]
        for name, requests in questions(made, given.queries).items():
            ask(index, requests[:10])
            found[name] = ask(index, requests)
        index.close()
        for name in ("warm", "packed", "lists", "panels"):
            admin.drop(f"{url}/bench-{name}")
    print(f"{given.panels} panels of {given.dims} dims: {found['ingest_panels_per_s']} panels/s, "
          f"{found['bytes'] / 1e9:.2f} GB; {given.compared} of them packed {found['packed_panels_per_s']}/s, "
          f"as lists {found['lists_panels_per_s']}/s")  # fmt: skip
    print(f"{'asked with':<22}{'p50':>8}{'p95':>8}{'exact p50':>11}{'p95':>8}{'recall@10':>11}{'called exact':>14}")
    for name in questions(made, 1):
        row = found[name]
        print(f"{name:<22}{row['p50_ms']:>8}{row['p95_ms']:>8}{row['exact_p50_ms']:>11}{row['exact_p95_ms']:>8}"
              f"{row['recall_at_10']:>11}{row['called_exact']:>14.2f}")  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    main()
