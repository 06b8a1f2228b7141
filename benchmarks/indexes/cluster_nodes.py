"""Several nodes under load: python -m benchmarks.indexes.cluster_nodes --panels 20000

This starts three nodes on this machine. It fills an index on one shard, and one on three shards with a replica. While
that is filled and asked, it kills a node; then it restarts all nodes in turn under both. At the end both indexes must
have the same panels and vectors, and give the same answers (ids, and scores to 1e-6); no question may have failed.
Otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from mirsearch.errors import MirsearchError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord
from mirsearch.query import Filters
from tests.support.es_node import QUICK_START, Node, free_port
from tests.support.es_release import RELEASES
from tests.support.index_corpus import MadeCorpus

NAMES = ("node-1", "node-2", "node-3")
DIMS = 272
EXTRACTOR = ExtractorIdentity("made", "1", DIMS)
CORPUS = MadeCorpus(seed=3, dims=DIMS)
PANELS_PER_FIGURE = 3.5
FIGURES_PER_COMMIT = 50


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--panels", type=int, default=20_000, help="panels to write, about")
    parser.add_argument("--heap", default="512m", help="heap of each node")
    parser.add_argument("--questions", type=int, default=60, help="questions to compare the answers of")
    parser.add_argument("--seconds", type=int, default=300, help="least length of the load that outlasts the restarts")
    parser.add_argument("--load", nargs=4, metavar=("LOCATION", "FROM", "TO", "PAUSE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        location, first, last, pause = options.load
        return load(location, int(first), int(last), float(pause))
    figures = round(options.panels / PANELS_PER_FIGURE)
    with cluster(options.heap) as nodes:
        return report(measure(nodes, figures, options))


@contextlib.contextmanager
def cluster(heap: str) -> Iterator[list[Node]]:
    """Run three nodes that form a cluster; delete their data at the end."""
    ports = [free_port() for _ in NAMES]
    nodes = [
        Node(
            RELEASES["9.4.3"],
            settings={
                "discovery.type": "multi-node", "node.name": name, "transport.port": str(port),
                "discovery.seed_hosts": json.dumps([f"127.0.0.1:{each}" for each in ports]),
                "cluster.initial_master_nodes": json.dumps(NAMES),
            },
            java_options=(*QUICK_START, f"-Xms{heap}", f"-Xmx{heap}"),
        )
        for name, port in zip(NAMES, ports, strict=True)
    ]  # fmt: skip
    try:
        with ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(Node.start, nodes))
        yield nodes
    finally:
        for node in nodes:
            node.stop()


def load(location: str, first: int, last: int, pause: float) -> int:
    """Write figures first to last into an index; print their number after each commit, and pause for some seconds."""
    with open_index(location, create=EXTRACTOR) as index, index.writer() as writer:  # type: ignore[attr-defined]
        for count, record in enumerate(itertools.islice(CORPUS.records(last), first, None), 1):
            writer.put(record)
            if count % FIGURES_PER_COMMIT == 0:
                writer.commit()
                print(count, flush=True)
                time.sleep(pause)
    return 0


@dataclass
class Load:
    """A process that writes figures. `written` counts those it committed."""

    process: subprocess.Popen[str]
    began: float = field(default_factory=time.monotonic)
    written: int = 0

    @classmethod
    def start(cls, location: str, first: int, last: int, pause: float = 0.0) -> Load:
        """Start to write figures first to last into the index at a location."""
        words = [sys.executable, "-m", "benchmarks.indexes.cluster_nodes", "--load", location]
        words += [str(first), str(last), str(pause)]
        started = cls(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        threading.Thread(target=started._count, daemon=True).start()
        return started

    def _count(self) -> None:
        for line in self.process.stdout or ():
            self.written = int(line)

    def wait_for(self, figures: int) -> None:
        """Wait until so many figures are committed, or the process has ended."""
        while self.written < figures and self.process.poll() is None:
            time.sleep(0.1)

    def finish(self) -> float:
        """Wait for the end; return the seconds it took. Raises RuntimeError if it failed."""
        if self.process.wait():
            raise RuntimeError(f"the load ended with {self.process.returncode}")
        return time.monotonic() - self.began


class Questions:
    """Asks an index all the time, in a thread, and notes how long each answer took and what failed."""

    def __init__(self, location: str) -> None:
        self.seconds: list[float] = []
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, args=(location,), daemon=True)

    def __enter__(self) -> Questions:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _ask(self, location: str) -> None:
        requests = CORPUS.requests(200)
        with open_index(location) as index:  # type: ignore[attr-defined]
            for request in itertools.cycle(requests):
                if self._stop.wait(0.02):
                    return
                began = time.perf_counter()
                try:
                    index.search(request)
                except MirsearchError as error:
                    self.failures.append(str(error))
                self.seconds.append(time.perf_counter() - began)

    def told(self) -> dict[str, Any]:
        """Return counts and times in ms."""
        times = sorted(1e3 * each for each in self.seconds)
        return {
            "asked": len(times), "failed": len(self.failures), "first failures": self.failures[:3],
            "p50": round(statistics.median(times), 1), "longest": round(times[-1], 1),
        }  # fmt: skip


def measure(nodes: list[Node], figures: int, options: argparse.Namespace) -> dict[str, Any]:
    """Fill both indexes, with a kill and a rolling restart during the second load, and compare them."""
    several = ",".join(node.url.removeprefix("http://") for node in nodes)
    one, three = (f"http://{several}/{name}" for name in ("one", "three"))
    create(one, shards=1)
    create(three, shards=3)
    results: dict[str, Any] = {"figures": figures}
    seconds = Load.start(one, 0, figures).finish()
    half = figures // 2
    with Questions(three) as asked:
        loading = Load.start(three, 0, half)
        loading.wait_for(half // 4)
        nodes[1].kill()
        time.sleep(15)
        nodes[1].start()
        results["seconds with a kill"] = round(loading.finish(), 1)
        wait_for_green(nodes)
    results["during the kill"] = asked.told()
    with Questions(three) as asked:
        loading = Load.start(three, half, figures, options.seconds * FIGURES_PER_COMMIT / half)
        loading.wait_for(1)
        for node in nodes:
            restart(node)
            wait_for_green(nodes)
        results["load outlasted the restarts"] = loading.process.poll() is None
        results["seconds with restarts"] = round(loading.finish(), 1)
    results["during the rolling restart"] = asked.told()
    results |= compare(one, three, figures, options.questions)
    results["panels/s on one shard"] = round(results["panels"] / seconds)
    return results


def create(location: str, shards: int) -> None:
    from mirsearch.indexes.elasticsearch.admin import create_index
    from mirsearch.indexes.elasticsearch.layout import Layout

    create_index(location, EXTRACTOR, Layout(shards=shards, replicas=1))


def restart(node: Node) -> None:
    """Stop a node as an administrator does, and start it on its data."""
    node._end(signal.SIGTERM)
    node.start()


def wait_for_green(nodes: list[Node]) -> None:
    """Wait until all nodes are in the cluster, and every shard has its replica."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            health = nodes[0].call("GET", "/_cluster/health?wait_for_status=green&wait_for_nodes=3&timeout=30s")
            if not health["timed_out"]:
                return
        time.sleep(1)
    raise RuntimeError("the cluster does not become green")


def compare(one: str, three: str, figures: int, questions: int) -> dict[str, Any]:
    """Return whether both indexes have the same contents and give the same answers, exactly scored and gathered."""
    from mirsearch.indexes.elasticsearch import query

    found: dict[str, Any] = {"lost figures": 0, "other answers": 0, "claimed but wrong": 0, "unstable": 0}
    with open_index(one) as first, open_index(three) as second:  # type: ignore[attr-defined]
        wanted: list[FigureRecord] = list(CORPUS.records(figures))
        known = second.known_figures([record.figure.id for record in wanted])
        found["lost figures"] = len(wanted) - len(known)
        theirs, ours = (list(index.select_panels(Filters())) for index in (first, second))
        found["panels"], found["same panels"] = len(ours), ours == theirs
        query.MAX_EXACT_DOCUMENTS = 0
        claimed = 0
        for request in CORPUS.requests(questions, exact=True):
            right = answer(first, request)
            found["other answers"] += not same(answer(second, request), right)
            found["unstable"] += any(answer(second, request) != answer(second, request) for _ in range(3))
            gathered = second.search(with_lists(request))
            claimed += gathered.exact
            ids = [(each.panel_id, each.score) for each in gathered.panels]
            found["claimed but wrong"] += gathered.exact and not same(ids, right)
        found["questions"], found["claimed exact of lists"] = questions, claimed
    return found


def with_lists(request: Any) -> Any:
    import dataclasses

    return dataclasses.replace(request, exact=False)


def answer(index: Any, request: Any) -> list[tuple[str, float]]:
    return [(each.panel_id, each.score) for each in index.search(request).panels]


def same(ours: list[tuple[str, float]], theirs: list[tuple[str, float]]) -> bool:
    """Return whether two answers have the same ids, and scores to 1e-6."""
    if [name for name, _ in ours] != [name for name, _ in theirs]:
        return False
    return all(abs(a - b) <= 1e-6 for (_, a), (_, b) in zip(ours, theirs, strict=True))


def report(results: dict[str, Any]) -> int:
    for name, value in results.items():
        print(f"{name:30}{value}")
    print(json.dumps(results))
    failed = sum(results[phase]["failed"] for phase in ("during the kill", "during the rolling restart"))
    wrong = ("lost figures", "other answers", "claimed but wrong", "unstable")
    return int(bool(failed or any(results[name] for name in wrong) or not results["same panels"]))


if __name__ == "__main__":
    sys.exit(main())
