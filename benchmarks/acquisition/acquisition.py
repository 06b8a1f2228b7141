"""Memory and overlap of `mirsearch ingest --keyword`.

Run: `python -m benchmarks.acquisition.acquisition [--figures 500 5000]`.

A loopback server serves articles of small figures (tiny, so that what grows with their number shows beside what one
figure takes). Peak memory of the whole command, analysis and index included, for each number of figures; then, with a
server that takes `--delay` seconds an answer, the command's time for `--overlap` figures against the larger of the
network alone (the same acquisition, nothing done with its figures) and the work alone (the same command on another
index, its figures fetched already), `--rounds` times.
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


def world(folder: Path, figures: int, each: int, side: int, delay: float = 0.0) -> Path:
    """A served world of articles with `each` figures of `side` pixels."""
    from tests.support.serving import SEM, Art, Fig, WorldWriter, picture

    writer = WorldWriter(folder)
    for number in range(figures // each):
        seeds = range(number * each, (number + 1) * each)
        figs = [Fig(f"{SEM} View {one}.", f"Figure {place + 1}", f"g{place}.png", picture(one, side))
                for place, one in enumerate(seeds)]  # fmt: skip
        writer.add(Art(10_000 + number, figs))
    return writer.write(delay=delay)


def acquire(folder: Path) -> None:
    """Child: acquire all, and do nothing with it."""
    from mirsearch.acquisition.acquire import Acquisition
    from mirsearch.acquisition.http.cache import HttpCache
    from mirsearch.acquisition.http.client import HttpClient
    from mirsearch.acquisition.ledger import Ledger
    from mirsearch.acquisition.services.base import KeywordQuery
    from mirsearch.acquisition.services.europepmc import EuropePmc
    from mirsearch.settings import EUROPEPMC, PMC

    ledger, client = Ledger(folder / "ledger.sqlite"), HttpClient([EUROPEPMC, PMC], HttpCache(folder / "cache", 1 << 30))
    acquisition = Acquisition(EuropePmc(client), KeywordQuery(("nano",)), ledger, folder)
    print(json.dumps({"figures": {"new": sum(1 for _ in acquisition.items())}}))
    acquisition.mark_complete()


def timed(server: Any, folder: Path, words: list[str]) -> dict[str, Any]:
    """A command's own JSON, its seconds, and its peak memory in MB; its cache and workspace are in `folder`."""
    environment = {**os.environ, **server.environment, "MIRSEARCH_HTTP_TIMEOUT": "60", "OMP_NUM_THREADS": "1",
                   "MIRSEARCH_CACHE": str(folder / "cache"), "MIRSEARCH_WORKSPACE": str(folder)}  # fmt: skip
    folder.mkdir(exist_ok=True)
    started = time.monotonic()
    with (folder / "told.json").open("w+") as told:
        process = subprocess.Popen([sys.executable, *words], env=environment, stdout=told)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        told.seek(0)
        said = json.loads(told.read())
    if process.returncode:
        raise SystemExit(f"the command ended with {process.returncode}: {said}")
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    return {"figures": said["figures"]["new"], "seconds": round(seconds, 1), "cpu_s": round(cpu, 1),
            "peak_mb": round(peak, 1)}  # fmt: skip


def ingest(index: Path) -> list[str]:
    return ["-m", "mirsearch", "ingest", "--keyword", "nano", "--format", "json", "--index", str(index)]


def memory(folder: Path, counts: list[int], side: int) -> dict[str, Any]:
    """Peak memory of the command by number of figures, and the last by the first."""
    from tests.support.serving import served

    result: dict[str, Any] = {}
    for figures in counts:
        with served(world(folder / f"world{figures}", figures, 10, side)) as server:
            told = timed(server, folder / f"run{figures}", ingest(folder / f"index{figures}"))
        print(f"{told['figures']:>6} figures  {told['seconds']:>8.1f} s  {told['cpu_s']:>8.1f} s of CPU  "
              f"{told['peak_mb']:>8.1f} MB", flush=True)  # fmt: skip
        result[f"memory_{figures}"] = told
    ratio = result[f"memory_{counts[-1]}"]["peak_mb"] / result[f"memory_{counts[0]}"]["peak_mb"]
    print(f"peak memory of {counts[-1]} figures: {ratio:.2f} of that of {counts[0]}", flush=True)
    return result | {"memory_ratio": round(ratio, 3)}


def overlap(folder: Path, server: Any, at_once: bool) -> dict[str, Any]:
    """Seconds of network alone, of work alone and of both, and the last by the larger of the others."""
    network = timed(server, folder / "network", [__file__, "--child", str(folder / "network")])
    with ThreadPoolExecutor(2 if at_once else 1) as pool:
        runs = [pool.submit(timed, server, folder / where, ingest(folder / f"index-{where}"))
                for where in ("network", "both")]  # fmt: skip
        alone, both = (each.result() for each in runs)
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
    asked = parser.parse_args()
    if asked.child:
        acquire(asked.child)
        return
    from tests.support.serving import served

    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.figures:
            result = memory(folder, asked.figures, asked.side)
        with served(world(folder / "slow", asked.overlap, 2, asked.side, asked.delay)) as server:
            rounds = []
            for each in range(asked.rounds):
                (folder / f"round{each}").mkdir()
                rounds.append(overlap(folder / f"round{each}", server, asked.at_once))
    if rounds:
        result |= {"rounds": rounds, "median_ratio": statistics.median(each["ratio"] for each in rounds)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
