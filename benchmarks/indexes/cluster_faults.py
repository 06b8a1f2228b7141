"""Kill ingests and the cluster: python -m benchmarks.indexes.cluster_faults --clients 10 --nodes 10

This starts a node of the tests, and lets `mirsearch ingest` write drawn figures to it. First it kills the ingest at
random moments (SIGKILL), and runs it again until it completes. Then it kills the node during the ingest, and restarts
it. Each time the index must equal that of an undisturbed run, vectors included; otherwise the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2

from mirsearch.indexes import open_index
from mirsearch.query import Filters
from mirsearch.synthetic.corpus import write_corpus
from tests.support.es_node import Node
from tests.support.es_release import DEFAULT_RELEASE, RELEASES

SIDE = (170, 130)


@dataclass
class Tally:
    """Counts of kills, runs and corpora, the figures in the index at each kill, and the number of equal corpora."""

    kills: int = 0
    runs: int = 0
    ended_with_the_node: int = 0
    figures_at_kill: list[int] = field(default_factory=list)
    corpora: int = 0
    equal: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=int, default=10, help="kills of the client")
    parser.add_argument("--nodes", type=int, default=10, help="kills of the node")
    parser.add_argument("--figures", type=int, default=60, help="figures to ingest")
    parser.add_argument("--version", default=DEFAULT_RELEASE, choices=sorted(RELEASES))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, running(options.version) as node:
        folder = small_figures(Path(scratch), options.figures)
        began = time.monotonic()
        assert start(folder, f"{node.url}/undisturbed").wait() == 0
        seconds = time.monotonic() - began
        expected = contents(f"{node.url}/undisturbed")
        rng = random.Random(options.seed)
        clients = kill_clients(node, folder, expected, options.clients, rng, seconds)
        nodes = kill_nodes(node, folder, expected, options.nodes, rng, seconds)
    return report(options.figures, len(expected), seconds, {"client": clients, "node": nodes})


@contextmanager
def running(version: str) -> Iterator[Node]:
    """Run a node of a version; delete its data at the end."""
    node = Node(RELEASES[version])
    try:
        yield node.start()
    finally:
        node.stop()


def small_figures(scratch: Path, count: int) -> Path:
    """Make a folder of `count` different small pictures with captions, cut from drawn figures."""
    drawn = write_corpus(scratch / "drawn", figures=2, seed=5)
    folder = scratch / "figures"
    folder.mkdir()
    rows = ["file,caption,doi"]
    pictures = [cv2.imread(str(drawn.folder / figure.file)) for figure in drawn.figures]
    for number in range(count):
        picture, figure = pictures[number % 2], drawn.figures[number % 2]
        height, width = picture.shape[:2]
        x, y = (37 * number) % (width - SIDE[0]), (53 * number) % (height - SIDE[1])
        cv2.imwrite(str(folder / f"{number:04d}.png"), picture[y : y + SIDE[1], x : x + SIDE[0]])
        rows.append(f'{number:04d}.png,"View {number} of figure {figure.label}",{figure.doi}')
    (folder / "captions.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def start(folder: Path, location: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mirsearch", "ingest", str(folder), "--index", location, "--workers", "1"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ)


def contents(location: str) -> list[Any]:
    """Return all panels with their vectors, without the times of ingest."""
    with open_index(location) as index:
        panels = list(index.select_panels(Filters()))
        rows = [(panel, index.vector(panel.panel.id).tobytes()) for panel in panels]
        return [*rows, index.stats()["figures"], index.failures()]


def count_figures(location: str) -> int:
    """Return the number of complete figures; 0 if there is no index yet."""
    from mirsearch.errors import IndexAccessError

    try:
        with open_index(location) as index:
            return int(index.stats()["figures"])
    except IndexAccessError:
        return 0


def kill_clients(
    node: Node, folder: Path, expected: list[Any], kills: int, rng: random.Random, seconds: float
) -> Tally:
    tally = Tally()
    while tally.kills < kills:
        location = f"{node.url}/client-{tally.corpora}"
        while tally.kills < kills:
            load = start(folder, location)
            tally.runs += 1
            try:
                load.communicate(timeout=rng.uniform(0.3, 1.0) * seconds)
                break
            except subprocess.TimeoutExpired:
                load.send_signal(signal.SIGKILL)
                load.communicate()
                tally.kills += 1
                tally.figures_at_kill.append(count_figures(location))
                print(f"client killed {tally.kills}: {tally.figures_at_kill[-1]} figures there", file=sys.stderr)
        complete(folder, location, tally)
        tally.equal += contents(location) == expected
    return tally


def kill_nodes(node: Node, folder: Path, expected: list[Any], kills: int, rng: random.Random, seconds: float) -> Tally:
    tally = Tally()
    while tally.kills < kills:
        location = f"{node.url}/node-{tally.runs}"
        load = start(folder, location)
        tally.runs += 1
        time.sleep(rng.uniform(0.3, 0.9) * seconds)
        figures = count_figures(location)
        node.kill()
        if load.poll() is not None:  # the load ended before the kill
            node.start()
            continue
        node.start()
        tally.kills += 1
        tally.figures_at_kill.append(figures)
        error = load.communicate()[1]
        tally.ended_with_the_node += load.returncode != 0
        print(f"node killed {tally.kills}: {tally.figures_at_kill[-1]} figures there, then {error.strip() or 'done'}",
              file=sys.stderr)  # fmt: skip
        if "Traceback" in error:
            raise RuntimeError(error)
        complete(folder, location, tally)
        tally.equal += contents(location) == expected
    return tally


def complete(folder: Path, location: str, tally: Tally) -> None:
    """Run the ingest to its end, so that it completes what an earlier run left."""
    load = start(folder, location)
    error = load.communicate()[1]
    tally.runs += 1
    tally.corpora += 1
    if load.returncode:
        raise RuntimeError(f"the last run of {location} ended with {load.returncode}: {error}")


def report(figures: int, panels: int, seconds: float, tallies: dict[str, Tally]) -> int:
    print(f"{figures} figures, {panels} panels; undisturbed {seconds:.1f} s")
    print(f"{'killed':8}{'times':>6}{'runs':>6}{'cut short':>11}{'corpora':>9}{'equal':>7}  figures at each kill")
    for name, tally in tallies.items():
        figures_at_kill = " ".join(map(str, tally.figures_at_kill))
        cut = tally.ended_with_the_node if name == "node" else tally.kills
        print(f"{name:8}{tally.kills:6}{tally.runs:6}{cut:11}{tally.corpora:9}{tally.equal:7}  {figures_at_kill}")
    print(json.dumps({"figures": figures, **{name: asdict(tally) for name, tally in tallies.items()}}))
    return int(any(tally.equal < tally.corpora for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
