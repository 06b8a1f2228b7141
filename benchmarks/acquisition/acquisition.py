"""Memory and overlap of `mirsearch ingest --keyword`.

Run: `python -m benchmarks.acquisition.acquisition [--figures 500 5000]`.

A loopback server serves articles with tiny figures, so that memory which grows with their number becomes visible.
First: the peak memory of the command, with analysis and index, for each number of figures. Then, with a server that
takes `--delay` seconds per answer: the command's time for `--overlap` figures, relative to the larger of two times,
`--rounds` times. These are the network alone (an acquisition that ignores its figures) and the work alone (the command
on another index, with its figures already downloaded).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def write_world(folder: Path, figures: int, figures_per_article: int, side: int, delay: float = 0.0) -> Path:
    """Write a served world of articles with `figures_per_article` figures of `side` pixels."""
    from tests.support.serving import SEM, ServedArticle, ServedFigure, WorldWriter, random_png

    writer = WorldWriter(folder)
    for number in range(figures // figures_per_article):
        seeds = range(number * figures_per_article, (number + 1) * figures_per_article)
        figs = [ServedFigure(f"{SEM} View {seed}.", f"Figure {index + 1}", f"g{index}.png", random_png(seed, side))
                for index, seed in enumerate(seeds)]  # fmt: skip
        writer.add(ServedArticle(10_000 + number, figs))
    return writer.write(delay=delay)


def acquire(folder: Path) -> None:
    """Acquire everything in a child process, and ignore the figures."""
    from mirsearch.acquisition.acquire import Acquisition
    from mirsearch.acquisition.http.cache import HttpCache
    from mirsearch.acquisition.http.client import HttpClient
    from mirsearch.acquisition.ledger import Ledger
    from mirsearch.acquisition.services.base import KeywordQuery
    from mirsearch.acquisition.services.europepmc import EuropePmc
    from mirsearch.settings import EUROPEPMC, PMC

    ledger, client = (
        Ledger(folder / "ledger.sqlite"),
        HttpClient([EUROPEPMC, PMC], HttpCache(folder / "cache", 1 << 30)),
    )
    acquisition = Acquisition(EuropePmc(client), KeywordQuery(("nano",)), ledger, folder)
    print(json.dumps({"figures": {"new": sum(1 for _ in acquisition.items())}}))
    acquisition.mark_complete()


def run_command(server: Any, folder: Path, words: list[str]) -> dict[str, Any]:
    """Return a command's JSON, its seconds, and its peak memory in MB. Its cache and workspace are in `folder`."""
    environment = {**os.environ, **server.environment, "MIRSEARCH_HTTP_TIMEOUT": "60", "OMP_NUM_THREADS": "1",
                   "MIRSEARCH_CACHE": str(folder / "cache"), "MIRSEARCH_WORKSPACE": str(folder)}  # fmt: skip
    folder.mkdir(exist_ok=True)
    started = time.monotonic()
    with (folder / "told.json").open("w+") as output:
        process = subprocess.Popen([sys.executable, *words], env=environment, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        output.seek(0)
        summary = json.loads(output.read())
    if process.returncode:
        raise SystemExit(f"the command ended with {process.returncode}: {summary}")
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    return {"figures": summary["figures"]["new"], "seconds": round(seconds, 1), "cpu_s": round(cpu, 1),
            "peak_mb": round(peak, 1)}  # fmt: skip


def ingest_command(index: Path) -> list[str]:
    return ["-m", "mirsearch", "ingest", "--keyword", "nano", "--format", "json", "--index", str(index)]


def measure_memory(folder: Path, counts: list[int], side: int) -> dict[str, Any]:
    """Return the command's peak memory by number of figures, and the ratio of the last to the first."""
    from tests.support.serving import run_server

    result: dict[str, Any] = {}
    for figures in counts:
        with run_server(write_world(folder / f"world{figures}", figures, 10, side)) as server:
            measured = run_command(server, folder / f"run{figures}", ingest_command(folder / f"index{figures}"))
        print(f"{measured['figures']:>6} figures  {measured['seconds']:>8.1f} s  {measured['cpu_s']:>8.1f} s of CPU  "
              f"{measured['peak_mb']:>8.1f} MB", flush=True)  # fmt: skip
        result[f"memory_{figures}"] = measured
    ratio = result[f"memory_{counts[-1]}"]["peak_mb"] / result[f"memory_{counts[0]}"]["peak_mb"]
    print(f"peak memory of {counts[-1]} figures: {ratio:.2f} of that of {counts[0]}", flush=True)
    return result | {"memory_ratio": round(ratio, 3)}


def measure_overlap(folder: Path, server: Any, at_once: bool) -> dict[str, Any]:
    """Return the seconds of network alone, of work alone and of both, and the ratio of both to the larger one."""
    network = run_command(server, folder / "network", [__file__, "--child", str(folder / "network")])
    with ThreadPoolExecutor(2 if at_once else 1) as pool:
        runs = [pool.submit(run_command, server, folder / run_name, ingest_command(folder / f"index-{run_name}"))
                for run_name in ("network", "both")]  # fmt: skip
        alone, both = (run.result() for run in runs)
    ratio = both["seconds"] / max(network["seconds"], alone["seconds"])
    print(f"network alone {network['seconds']:.1f} s, work alone {alone['seconds']:.1f} s ({alone['cpu_s']:.1f} s of "
          f"CPU), both {both['seconds']:.1f} s ({both['cpu_s']:.1f} s of CPU): {ratio:.2f} of the larger",
          flush=True)  # fmt: skip
    return {"network": network, "alone": alone, "both": both, "ratio": round(ratio, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=int, nargs="*", default=[500, 5000])
    parser.add_argument("--side", type=int, default=32, help="pixels a side")
    parser.add_argument("--delay", type=float, default=0.2)
    parser.add_argument("--overlap", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", action="store_true", help="on a busy machine: both runs with work side by side")
    parser.add_argument("--child", type=Path)
    arguments = parser.parse_args()
    if arguments.child:
        acquire(arguments.child)
        return
    from tests.support.serving import run_server

    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.figures:
            result = measure_memory(folder, arguments.figures, arguments.side)
        with run_server(write_world(folder / "slow", arguments.overlap, 2, arguments.side, arguments.delay)) as server:
            rounds = []
            for number in range(arguments.rounds):
                (folder / f"round{number}").mkdir()
                rounds.append(measure_overlap(folder / f"round{number}", server, arguments.at_once))
    if rounds:
        result |= {"rounds": rounds, "median_ratio": statistics.median(number["ratio"] for number in rounds)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
