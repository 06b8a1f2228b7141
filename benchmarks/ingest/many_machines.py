"""Ingests with workers elsewhere, against one process: python -m benchmarks.ingest.many_machines --figures 16

`same`: the export with 1, 2 and 4 workers is that of one process, byte for byte. `namespaces` (as root, on Linux): the
same with three workers, each in a network of its own, where the folder of figures is not there. `kills`: a worker, the
scheduler or the client is killed at a random moment, then the ingest is completed; the export is the same, and no
figure was begun more than twice. `speed`: two workers of Dask against two threads and two processes. `many`: how much
of 64 workers one writer feeds, with an analysis that only sleeps.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.ingest.dask_run import BIN, Cluster, draw_figures, export_hash, kill, run
from benchmarks.ingest.namespaces import Namespaces
from benchmarks.ingest.sleeping_parts import write_package

PARTS = ("same", "namespaces", "kills", "speed", "many")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--figures", type=int, default=16)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sleep", type=float, default=4.0)
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="many-machines-") as place:
        folder = Path(place)
        draw_figures(folder / "figures", options.figures)
        ingest(folder, "one", "1")
        expected = export_hash(folder / "one")
        for part in options.parts or PARTS:
            started = time.monotonic()
            found[part] = globals()[f"measure_{part}"](folder, expected, options)
            print(f"{part}: {found[part]} ({time.monotonic() - started:.0f} s)", flush=True)
    print(json.dumps(found))


def ingest(folder: Path, name: str, workers: str, *more: str, prefix: tuple[str, ...] = ()) -> float:
    """Ingest the figures into a new index, and return the seconds that it took."""
    shutil.rmtree(folder / name, ignore_errors=True)
    started = time.monotonic()
    run("ingest", str(folder / "figures"), "--index", str(folder / name), "--workers", workers, *more, prefix=prefix)
    return time.monotonic() - started


def measure_same(folder: Path, expected: str, options: argparse.Namespace) -> dict[str, Any]:
    result = {}
    for count in (1, 2, 4):
        cluster = new_cluster(folder / f"same{count}")
        try:
            for number in range(count):
                cluster.start_worker(number)
            wait_for_workers(cluster, count)
            ingest(folder, f"with{count}", cluster.address)
            begun = cluster.begun()
            result[str(count)] = {
                "same": export_hash(folder / f"with{count}") == expected, "begun": sum(begun.values()),
                "workers_used": sum("analyzing" in log.read_text() for log in cluster.logs),
            }  # fmt: skip
        finally:
            cluster.close()
    return result


def measure_namespaces(folder: Path, expected: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run the scheduler and the client here, and three workers in namespaces that can't see the figures."""
    with Namespaces(3, folder / "figures") as spaces:
        cluster = new_cluster(folder / "spaces", host=spaces.host, prefixes=spaces.prefixes)
        try:
            for number in range(3):
                cluster.start_worker(number)
            wait_for_workers(cluster, 3)
            ingest(folder, "spread", cluster.address)
            return {
                "same": export_hash(folder / "spread") == expected, "workers": 3,
                "workers_used": sum("analyzing" in log.read_text() for log in cluster.logs),
                "figures_seen_there": [spaces.count_files(number) for number in range(3)],
            }  # fmt: skip
        finally:
            cluster.close()


def measure_kills(folder: Path, expected: str, options: argparse.Namespace) -> dict[str, Any]:
    """Kill one of the three kinds of processes in each trial, then complete the ingest."""
    rng = random.Random(options.seed)
    counts: dict[str, Any] = {"trials": 0, "same": 0, "most_begun": 0, "in_the_middle": 0}
    for trial in range(options.kills):
        kind = ("worker", "scheduler", "client")[trial % 3]
        place = folder / f"kill{trial}"
        cluster = new_cluster(place)
        try:
            for number in range(2):
                cluster.start_worker(number)
            wait_for_workers(cluster, 2)
            is_middle = kill_one(cluster, kind, place, folder / "figures", rng)
            run("ingest", str(folder / "figures"), "--index", str(place / "index"), "--workers", cluster.address)
            most = max(cluster.begun().values())
            same = export_hash(place / "index") == expected
        finally:
            cluster.close()
        counts["trials"] += 1
        counts["same"] += same
        counts["in_the_middle"] += is_middle
        counts["most_begun"] = max(counts["most_begun"], most)
        print(f"  {trial}: {kind}, same {same}, begun at most {most} times", flush=True)
        shutil.rmtree(place)
    return counts


def kill_one(cluster: Cluster, kind: str, place: Path, figures: Path, rng: random.Random) -> bool:
    """Start an ingest, kill a process at a random moment, and put another in its place. Return whether it was at work.

    A lost worker is replaced while the ingest goes on; after a lost scheduler, the client is ended by hand.
    """
    client = subprocess.Popen(
        [str(BIN / "mirsearch"), "ingest", str(figures), "--index", str(place / "index"), "--workers", cluster.address],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 300
        while not cluster.begun() and client.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(rng.uniform(0.0, 4.0))
        is_middle = client.poll() is None
        if kind == "client":
            kill(client)
        elif kind == "worker":
            kill(cluster.workers[rng.randrange(2)])
            cluster.start_worker(2)
            client.wait(600)
        else:
            assert cluster.scheduler is not None
            kill(cluster.scheduler)
            kill(client)
            for worker in cluster.workers:
                kill(worker)
            cluster.start_scheduler()
            cluster.start_worker(2)
            cluster.start_worker(3)
            wait_for_workers(cluster, 2)
        return is_middle
    finally:
        kill(client)


def measure_speed(folder: Path, expected: str, options: argparse.Namespace) -> dict[str, Any]:
    """Compare wall times on this machine, each twice in turn; the better of the two counts."""
    cluster = new_cluster(folder / "speed")
    times: dict[str, list[float]] = {}
    try:
        for number in range(2):
            cluster.start_worker(number)
        wait_for_workers(cluster, 2)
        ingest(folder, "warm", cluster.address)  # workers load their models once, whatever is asked of them later
        for _ in range(2):
            for name, workers in (("threads", "2"), ("processes", "processes:2"), ("dask", cluster.address)):
                times.setdefault(name, []).append(ingest(folder, f"speed-{name}", workers))
    finally:
        cluster.close()
    best = {name: min(values) for name, values in times.items()}
    return {
        "seconds": {name: round(value, 2) for name, value in best.items()},
        "dask_to_threads": round(best["threads"] / best["dask"], 3),
        "processes_to_threads": round(best["threads"] / best["processes"], 3),
    }


def measure_many(folder: Path, expected: str, options: argparse.Namespace) -> dict[str, Any]:
    """Feed 64 workers, whose analysis only sleeps, from one writer."""
    workers, rounds = 64, 6
    env = write_package(folder / "package", options.sleep)
    figures = folder / "many"
    draw_figures(figures, workers * rounds, side=48)
    cluster = new_cluster(folder / "wide", threads=8, env=env)
    try:
        for number in range(workers // 8):
            cluster.start_worker(number)
        wait_for_workers(cluster, workers // 8)
        words = ("ingest", str(figures), "--workers", f"sleeping:{cluster.address}", "--format", "json")
        told = json.loads(run(*words, "--index", str(folder / "wide-index"), env=env))
    finally:
        cluster.close()
    seconds = told["seconds"]["total"]
    return {
        "workers": workers, "figures": told["figures"]["new"], "seconds": seconds,
        "of_n": round(workers * rounds * options.sleep / seconds / workers, 3),
    }  # fmt: skip


def new_cluster(place: Path, **more: Any) -> Cluster:
    """Start a scheduler with its files in a folder."""
    place.mkdir()
    cluster = Cluster(place, **more)
    cluster.start_scheduler()
    return cluster


def wait_for_workers(cluster: Cluster, count: int) -> None:
    """Wait until so many workers are registered."""
    code = "import sys, distributed as d; d.Client(sys.argv[1]).wait_for_workers(int(sys.argv[2]), timeout=600)"
    address = f"tcp://{cluster.host}:{cluster.port}"
    subprocess.run([sys.executable, "-c", code, address, str(count)], check=True, env=os.environ)


if __name__ == "__main__":
    main()
