"""`mirsearch ingest --keyword` killed at random moments, whole flow.

Run: `python -m benchmarks.acquisition.acquisition_killed`.

A loopback server serves articles with drawn micrographs; the command acquires, analyzes and indexes them, is killed
(SIGKILL) `--kills` times, with a share `--faults` of the answers failing, and then runs to its end. Told: whether the
corpus is that of an undisturbed run, how many requests were repeated that had been answered and kept, and the most
requests in any second as the server counted them against the limit.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirsearch.errors import IndexAccessError
from mirsearch.indexes import open_index

ROOT = Path(__file__).resolve().parents[2]
KINDS = ["429", "429-after", "500", "503", "cut", "cut-early", "md5", "empty", "wall", "long"]


def world(folder: Path, articles: int) -> Path:
    """Articles with one micrograph and one plot each; every sixth micrograph is drawn, with panels and scale bars."""
    from mirsearch.synthetic.articles import plan_figures
    from mirsearch.synthetic.corpus import draw_planned_figure, encode_figure
    from tests.support.serving import PLOT, Art, Fig, WorldWriter, picture

    writer = WorldWriter(folder)
    for place, entry in enumerate(plan_figures(articles, seed=11)):
        caption, data, suffix = f"Rod {place}.", picture(1000 + place, 64), ".png"
        if place % 6 == 0:
            figure = draw_planned_figure(entry)
            caption, (data, suffix) = figure.caption, encode_figure(figure)
        figs = [Fig(f"{caption} SEM micrographs of nano rods.", "Figure 1", f"gr1{suffix}", data, href="gr1"),
                Fig(PLOT, "Figure 2", "gr2.png", picture(place))]  # fmt: skip
        writer.add(Art(2000 + place, figs))
    return writer.write(page_limit=7)


@dataclass(frozen=True)
class Place:
    """Where a run keeps what it has: cache and workspace in `folder`, and an index."""

    folder: Path
    index: str

    def start(self, server: Any, rate: float) -> subprocess.Popen[str]:
        """The command in a process of its own."""
        environment = {**os.environ, **server.environment, "MIRSEARCH_CACHE": str(self.folder / "cache"),
                       "MIRSEARCH_WORKSPACE": str(self.folder / "acquired"), "MIRSEARCH_HTTP_RATE": str(rate),
                       "OMP_NUM_THREADS": "1"}  # fmt: skip
        words = [sys.executable, "-m", "mirsearch", "ingest", "--keyword", "nano", "--format", "json", "--workers", "2"]
        return subprocess.Popen([*words, "--index", self.index], env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip

    def touched(self) -> int:
        """When the run last wrote anything, nanoseconds; it does so as soon as it begins to work."""
        return max((each.stat().st_mtime_ns for each in self.folder.rglob("*")), default=0)

    def figures(self) -> int:
        """Figures in the index, with all their panels."""
        try:
            with open_index(self.index) as index:
                return int(index.stats()["figures"])
        except IndexAccessError:
            return 0


def at_work(place: Place, process: subprocess.Popen[str], before: int) -> None:
    """Wait until a run begins to work, or ends: the moments are those of its work, not of its start."""
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if place.touched() > before:
                return
        time.sleep(0.02)


def corpus(place: Place) -> list[str]:
    """What the index holds, a line a panel, without what differs from folder to folder and run to run."""
    words = [sys.executable, "-m", "mirsearch", "export", "--index", place.index]
    environment = {**os.environ, "MIRSEARCH_WORKSPACE": str(place.folder / "acquired")}
    told = subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout
    kept = []
    for line in told.replace(str(place.folder), "").splitlines():
        row = json.loads(line)
        row["origins"] = sorted(each["location"] for each in row["origins"])
        for each in row.get("provenance", []):
            each.pop("retrieved")
        kept.append(json.dumps(row, sort_keys=True))
    return sorted(kept)


def answered(folder: Path, server: Any) -> set[str]:
    """Paths whose answers are kept."""
    file = folder / "cache" / "http" / "answers.sqlite"
    if not file.exists():
        return set()
    with sqlite3.connect(file) as db:
        rows = db.execute("SELECT url FROM answers").fetchall()
    db.close()
    return {url.removeprefix(server.url) for (url,) in rows}


def busiest(times: list[float]) -> int:
    """The most requests in any second."""
    ordered, start, most = sorted(times), 0, 0
    for end, moment in enumerate(ordered):
        while moment - ordered[start] >= 1.0:
            start += 1
        most = max(most, end - start + 1)
    return most


def disturbed(place: Place, server: Any, asked: argparse.Namespace, figures: int, seconds: float) -> dict[str, Any]:
    """Runs killed at random moments of the work that is left; then what failed is tried again, to the end."""
    chance, times, repeated, kills, ended, there = random.Random(asked.seed), [], 0, [], 0, 0
    faults = [{"match": ".", "share": asked.faults, "kind": KINDS, "after": 0}] if asked.faults else []
    while len(kills) < asked.kills and there < figures:
        left = seconds * (1 - there / figures)
        before, touched = answered(place.folder, server), place.touched()
        server.faults(*faults, seed=len(kills) + ended)
        with place.start(server, asked.rate) as process:
            at_work(place, process, touched)
            moment = chance.uniform(0.0, 2 * left / (asked.kills - len(kills) + 1))
            try:
                process.wait(moment)
                ended += 1
            except subprocess.TimeoutExpired:
                process.kill()
        log, there = server.log(), place.figures()
        if process.returncode < 0:
            kills.append(there)
        times += [each["time"] for each in log]
        repeated += len({each["path"] for each in log if "/search?" not in each["path"]} & before)
    server.faults()
    words = [sys.executable, "-m", "mirsearch", "failures", "--retry", "--index", place.index]
    environment = {**os.environ, "MIRSEARCH_WORKSPACE": str(place.folder / "acquired")}
    subprocess.run(words, capture_output=True, check=True, env=environment)
    with place.start(server, asked.rate) as process:
        told = json.loads(process.stdout.read() if process.stdout else "{}")
    times += [each["time"] for each in server.log()]
    return {"killed": len(kills), "ended_before": ended, "figures_at_kills": kills, "repeated": repeated,
            "most_a_second": busiest(times), "rate": asked.rate, "failed_at_the_end": len(told["failures"]),
            "requests": len(times)}  # fmt: skip


def compared(folder: Path, server: Any, base: str, asked: argparse.Namespace) -> dict[str, Any]:
    """An undisturbed run and a disturbed one, and whether they end with the same corpus. `base`: where indexes go."""
    calm, killed = (Place(folder / each, f"{base}/{each}") for each in ("undisturbed", "disturbed"))
    for each in (calm, killed):
        each.folder.mkdir()
    with calm.start(server, asked.rate) as process:
        at_work(calm, process, calm.touched())
        started = time.monotonic()
        process.communicate()
    seconds = time.monotonic() - started
    expected = corpus(calm)
    told = disturbed(killed, server, asked, calm.figures(), seconds)
    found = corpus(killed)
    for line in sorted(set(expected) ^ set(found)):
        print("only in the", "undisturbed:" if line in expected else "disturbed:", line)
    told |= {"figures": calm.figures(), "panels": len(expected), "same_corpus": found == expected}
    return told | {"undisturbed_s": round(seconds, 1)}


@contextlib.contextmanager
def indexes(folder: Path, elasticsearch: bool) -> Iterator[str]:
    """Where indexes are made: the folder, or a node of the tests."""
    if not elasticsearch:
        yield str(folder / "indexes")
        return
    from tests.support.es_node import Node

    node = Node()
    try:
        yield node.start().url
    finally:
        node.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=48)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--faults", type=float, default=0.2)
    parser.add_argument("--rate", type=float, default=8.0)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--elasticsearch", action="store_true", help="index on a node that is started for it")
    asked = parser.parse_args()
    from tests.support.serving import served

    with tempfile.TemporaryDirectory() as name, served(world(Path(name) / "world", asked.articles)) as server:
        folder = Path(name)
        (folder / "runs").mkdir()
        with indexes(folder / "runs", asked.elasticsearch) as base:
            told = compared(folder / "runs", server, base, asked)
    for key, value in told.items():
        print(f"{key:>20} {value}")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
