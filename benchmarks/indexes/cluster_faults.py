"""Ingests that are killed, and clusters that are: python -m benchmarks.indexes.cluster_faults --clients 10 --nodes 10

A node of the tests is started. `mirsearch ingest` of drawn figures onto it is killed at random moments (SIGKILL), and
run again until it completes; then it is let run while the node is killed and started again. Each time the corpus must
equal that of an undisturbed run, vectors included. Ends with 1 where one does not.
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
class Told:
    """What happened: kills, runs they took, figures there were at each kill, and how many corpora were equal."""

    kills: int = 0
    runs: int = 0
    ended_with_the_node: int = 0
    figures_at_kill: list[int] = field(default_factory=list)
    corpora: int = 0
    equal: int = 0


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--clients", type=int, default=10, help="kills of the client")
    asked.add_argument("--nodes", type=int, default=10, help="kills of the node")
    asked.add_argument("--figures", type=int, default=60, help="figures taken in")
    asked.add_argument("--version", default=DEFAULT_RELEASE, choices=sorted(RELEASES))
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as scratch, running(options.version) as node:
        folder = small_figures(Path(scratch), options.figures)
        began = time.monotonic()
        assert start(folder, f"{node.url}/undisturbed").wait() == 0
        seconds = time.monotonic() - began
        expected = contents(f"{node.url}/undisturbed")
        luck = random.Random(options.seed)
        clients = kill_clients(node, folder, expected, options.clients, luck, seconds)
        nodes = kill_nodes(node, folder, expected, options.nodes, luck, seconds)
    return report(options.figures, len(expected), seconds, {"client": clients, "node": nodes})


@contextmanager
def running(version: str) -> Iterator[Node]:
    """A node of that version, with its data, until the end."""
    node = Node(RELEASES[version])
    try:
        yield node.start()
    finally:
        node.stop()


def small_figures(scratch: Path, count: int) -> Path:
    """A folder of so many different small pictures with captions, cut from drawn figures."""
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
    """All panels, but for when they were taken in, with their vectors."""
    with open_index(location) as index:
        panels = list(index.select(Filters()))
        rows = [(each, index.vector(each.panel.id).tobytes()) for each in panels]
        return [*rows, index.stats()["figures"], index.failures()]


def figures_of(location: str) -> int:
    """Whole figures that are there; 0 where there is no index yet."""
    from mirsearch.errors import IndexAccessError

    try:
        with open_index(location) as index:
            return int(index.stats()["figures"])
    except IndexAccessError:
        return 0


def kill_clients(
    node: Node, folder: Path, expected: list[Any], kills: int, luck: random.Random, seconds: float
) -> Told:
    told = Told()
    while told.kills < kills:
        location = f"{node.url}/client-{told.corpora}"
        while told.kills < kills:
            load = start(folder, location)
            told.runs += 1
            try:
                load.communicate(timeout=luck.uniform(0.3, 1.0) * seconds)
                break
            except subprocess.TimeoutExpired:
                load.send_signal(signal.SIGKILL)
                load.communicate()
                told.kills += 1
                told.figures_at_kill.append(figures_of(location))
                print(f"client killed {told.kills}: {told.figures_at_kill[-1]} figures there", file=sys.stderr)
        complete(folder, location, told)
        told.equal += contents(location) == expected
    return told


def kill_nodes(node: Node, folder: Path, expected: list[Any], kills: int, luck: random.Random, seconds: float) -> Told:
    told = Told()
    while told.kills < kills:
        location = f"{node.url}/node-{told.runs}"
        load = start(folder, location)
        told.runs += 1
        time.sleep(luck.uniform(0.3, 0.9) * seconds)
        there = figures_of(location)
        node.kill()
        if load.poll() is not None:  # it was done before: no kill of a load
            node.start()
            continue
        node.start()
        told.kills += 1
        told.figures_at_kill.append(there)
        error = load.communicate()[1]
        told.ended_with_the_node += load.returncode != 0
        print(f"node killed {told.kills}: {told.figures_at_kill[-1]} figures there, then {error.strip() or 'done'}",
              file=sys.stderr)  # fmt: skip
        if "Traceback" in error:
            raise RuntimeError(error)
        complete(folder, location, told)
        told.equal += contents(location) == expected
    return told


def complete(folder: Path, location: str, told: Told) -> None:
    """Run until it ends well; what an earlier run left is taken in."""
    load = start(folder, location)
    error = load.communicate()[1]
    told.runs += 1
    told.corpora += 1
    if load.returncode:
        raise RuntimeError(f"the last run of {location} ended with {load.returncode}: {error}")


def report(figures: int, panels: int, seconds: float, told: dict[str, Told]) -> int:
    print(f"{figures} figures, {panels} panels; undisturbed {seconds:.1f} s")
    print(f"{'killed':8}{'times':>6}{'runs':>6}{'cut short':>11}{'corpora':>9}{'equal':>7}  figures there at each kill")
    for name, each in told.items():
        there = " ".join(map(str, each.figures_at_kill))
        cut = each.ended_with_the_node if name == "node" else each.kills
        print(f"{name:8}{each.kills:6}{each.runs:6}{cut:11}{each.corpora:9}{each.equal:7}  {there}")
    print(json.dumps({"figures": figures, **{name: asdict(each) for name, each in told.items()}}))
    return int(any(each.equal < each.corpora for each in told.values()))


if __name__ == "__main__":
    sys.exit(main())
