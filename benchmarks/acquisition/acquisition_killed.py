"""`mirsearch ingest --keyword` killed at random moments, from search to index.

Run: `python -m benchmarks.acquisition.acquisition_killed`.

A loopback server serves articles with drawn micrographs. The command acquires, analyzes and indexes them. It is killed
(SIGKILL) `--kills` times, while the share `--faults` of the answers fails, and then runs to its end. The output says
whether the corpus equals that of an undisturbed run, how many cached answers were requested again, and the largest
number of requests in any second, as the server counted them, next to the limit.
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


def write_world(folder: Path, articles: int) -> Path:
    """Write articles with one micrograph and one plot each; every sixth micrograph has panels and scale bars."""
    from mirsearch.synthetic.articles import plan_figures
    from mirsearch.synthetic.corpus import draw_planned_figure, encode_figure
    from tests.support.serving import PLOT, ServedArticle, ServedFigure, WorldWriter, random_png

    writer = WorldWriter(folder)
    for place, entry in enumerate(plan_figures(articles, seed=11)):
        caption, data, suffix = f"Rod {place}.", random_png(1000 + place, 64), ".png"
        if place % 6 == 0:
            figure = draw_planned_figure(entry)
            caption, (data, suffix) = figure.caption, encode_figure(figure)
        figs = [ServedFigure(f"{caption} SEM micrographs of nano rods.", "Figure 1", f"gr1{suffix}", data, href="gr1"),
                ServedFigure(PLOT, "Figure 2", "gr2.png", random_png(place))]  # fmt: skip
        writer.add(ServedArticle(2000 + place, figs))
    return writer.write(page_limit=7)


@dataclass(frozen=True)
class Place:
    """Where a run keeps its data: cache and workspace in `folder`, and an index."""

    folder: Path
    index: str

    def start(self, server: Any, rate: float) -> subprocess.Popen[str]:
        """Start the command in its own process."""
        environment = {**os.environ, **server.environment, "MIRSEARCH_CACHE": str(self.folder / "cache"),
                       "MIRSEARCH_WORKSPACE": str(self.folder / "acquired"), "MIRSEARCH_HTTP_RATE": str(rate),
                       "OMP_NUM_THREADS": "1"}  # fmt: skip
        words = [sys.executable, "-m", "mirsearch", "ingest", "--keyword", "nano", "--format", "json", "--workers", "2"]
        return subprocess.Popen([*words, "--index", self.index], env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip

    def touched(self) -> int:
        """Return the time of the run's last write, in nanoseconds. It writes as soon as it begins to work."""
        return max((each.stat().st_mtime_ns for each in self.folder.rglob("*")), default=0)

    def figures(self) -> int:
        """Return the number of figures in the index, with all their panels."""
        try:
            with open_index(self.index) as index:
                return int(index.stats()["figures"])
        except IndexAccessError:
            return 0


def wait_until_working(place: Place, process: subprocess.Popen[str], before: int) -> None:
    """Wait until a run begins to work, or ends, so that the kills hit its work and not its start."""
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if place.touched() > before:
                return
        time.sleep(0.02)


def corpus_lines(place: Place) -> list[str]:
    """Return the index as one line per panel, without what differs between folders and runs."""
    words = [sys.executable, "-m", "mirsearch", "export", "--index", place.index]
    environment = {**os.environ, "MIRSEARCH_WORKSPACE": str(place.folder / "acquired")}
    output = subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout
    rows = []
    for line in output.replace(str(place.folder), "").splitlines():
        row = json.loads(line)
        row["origins"] = sorted(each["location"] for each in row["origins"])
        for each in row.get("provenance", []):
            each.pop("retrieved")
        rows.append(json.dumps(row, sort_keys=True))
    return sorted(rows)


def cached_paths(folder: Path, server: Any) -> set[str]:
    """Return the paths with cached answers."""
    file = folder / "cache" / "http" / "answers.sqlite"
    if not file.exists():
        return set()
    with sqlite3.connect(file) as db:
        rows = db.execute("SELECT url FROM answers").fetchall()
    db.close()
    return {url.removeprefix(server.url) for (url,) in rows}


def max_requests_per_second(times: list[float]) -> int:
    """Return the largest number of requests in any second."""
    ordered, start, most = sorted(times), 0, 0
    for end, moment in enumerate(ordered):
        while moment - ordered[start] >= 1.0:
            start += 1
        most = max(most, end - start + 1)
    return most


def run_with_kills(
    place: Place, server: Any, arguments: argparse.Namespace, figures: int, seconds: float
) -> dict[str, Any]:
    """Run with kills at random moments of the remaining work; then retry the failures, and run to the end."""
    rng, times, repeated, kills, ended_before, figures_indexed = random.Random(arguments.seed), [], 0, [], 0, 0
    faults = [{"match": ".", "share": arguments.faults, "kind": KINDS, "after": 0}] if arguments.faults else []
    while len(kills) < arguments.kills and figures_indexed < figures:
        seconds_left = seconds * (1 - figures_indexed / figures)
        before, touched = cached_paths(place.folder, server), place.touched()
        server.faults(*faults, seed=len(kills) + ended_before)
        with place.start(server, arguments.rate) as process:
            wait_until_working(place, process, touched)
            moment = rng.uniform(0.0, 2 * seconds_left / (arguments.kills - len(kills) + 1))
            try:
                process.wait(moment)
                ended_before += 1
            except subprocess.TimeoutExpired:
                process.kill()
        log, figures_indexed = server.log(), place.figures()
        if process.returncode < 0:
            kills.append(figures_indexed)
        times += [each["time"] for each in log]
        repeated += len({each["path"] for each in log if "/search?" not in each["path"]} & before)
    server.faults()
    words = [sys.executable, "-m", "mirsearch", "failures", "--retry", "--index", place.index]
    environment = {**os.environ, "MIRSEARCH_WORKSPACE": str(place.folder / "acquired")}
    subprocess.run(words, capture_output=True, check=True, env=environment)
    with place.start(server, arguments.rate) as process:
        summary = json.loads(process.stdout.read() if process.stdout else "{}")
    times += [each["time"] for each in server.log()]
    return {"killed": len(kills), "ended_before": ended_before, "figures_at_kills": kills, "repeated": repeated,
            "most_a_second": max_requests_per_second(times), "rate": arguments.rate,
            "failed_at_the_end": len(summary["failures"]),
            "requests": len(times)}  # fmt: skip


def compare_runs(folder: Path, server: Any, base: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Do an undisturbed and a disturbed run, and compare their corpora. `base` is where the indexes are made."""
    undisturbed_place, disturbed_place = (
        Place(folder / each, f"{base}/{each}") for each in ("undisturbed", "disturbed")
    )
    for each in (undisturbed_place, disturbed_place):
        each.folder.mkdir()
    with undisturbed_place.start(server, arguments.rate) as process:
        wait_until_working(undisturbed_place, process, undisturbed_place.touched())
        started = time.monotonic()
        process.communicate()
    seconds = time.monotonic() - started
    expected = corpus_lines(undisturbed_place)
    result = run_with_kills(disturbed_place, server, arguments, undisturbed_place.figures(), seconds)
    found = corpus_lines(disturbed_place)
    for line in sorted(set(expected) ^ set(found)):
        print("only in the", "undisturbed:" if line in expected else "disturbed:", line)
    result |= {"figures": undisturbed_place.figures(), "panels": len(expected), "same_corpus": found == expected}
    return result | {"undisturbed_s": round(seconds, 1)}


@contextlib.contextmanager
def index_location(folder: Path, elasticsearch: bool) -> Iterator[str]:
    """Yield where indexes are made: in the folder, or on a test node."""
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
    arguments = parser.parse_args()
    from tests.support.serving import run_server

    with (
        tempfile.TemporaryDirectory() as name,
        run_server(write_world(Path(name) / "world", arguments.articles)) as server,
    ):
        folder = Path(name)
        (folder / "runs").mkdir()
        with index_location(folder / "runs", arguments.elasticsearch) as base:
            result = compare_runs(folder / "runs", server, base, arguments)
    for key, value in result.items():
        print(f"{key:>20} {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
