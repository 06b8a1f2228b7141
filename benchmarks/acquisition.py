"""Memory and overlap of acquisition: `python benchmarks/acquisition.py [--figures 500 5000] [--overlap 240]`.

A loopback server serves drawn articles of 10 figures. Peak memory of a process that acquires them, for each number of
figures; then, with a server that takes `--delay` seconds an answer, the time of acquiring and working on `--overlap`
figures at once against the larger of both alone (work: a fixed time a figure in two threads, in all as long as the
network takes, which is the hardest case).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def world(folder: Path, figures: int, delay: float = 0.0) -> Path:
    """A served world of articles with 10 figures each."""
    from serving import SEM, Art, Fig, WorldWriter, picture

    writer = WorldWriter(folder)
    for number in range(figures // 10):
        figs = [Fig(SEM, f"Figure {each + 1}", f"g{each}.png", picture(number * 10 + each)) for each in range(10)]
        writer.add(Art(10_000 + number, figs))
    return writer.write(delay=delay)


def acquire(folder: Path, work: float | None, fetch: bool = True) -> dict[str, float]:
    """Acquire all (from the workspace where `fetch` is False), and sleep `work` seconds a figure in two threads."""
    from mirsearch.acquire import Acquisition
    from mirsearch.http.cache import Cache
    from mirsearch.http.client import HttpClient
    from mirsearch.ledger import Ledger
    from mirsearch.pipeline import Background, in_chunks, ordered_map
    from mirsearch.settings import EUROPEPMC, PMC
    from mirsearch.sources.base import FoundFigure
    from mirsearch.sources.europepmc import EuropePmc
    from mirsearch.sources.services import KeywordQuery

    ledger, client = Ledger(folder / "ledger.sqlite"), HttpClient([EUROPEPMC, PMC], Cache(folder / "cache", 1 << 30))
    acquisition = Acquisition(EuropePmc(client), KeywordQuery(("nano",)), ledger, folder)
    started = time.monotonic()
    items = Background(acquisition.items(), 32)
    each = (item for chunk in in_chunks(items, 64) for item in chunk if isinstance(item, FoundFigure))
    done = sum(1 for _ in ordered_map(lambda _: time.sleep(work or 0.0), each, 2, 4))
    seconds = time.monotonic() - started
    acquisition.finish()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"figures": done, "seconds": round(seconds, 2), "peak_mb": round(peak, 1)}


def child(server: object, folder: Path, work: float) -> dict[str, float]:
    """`acquire` in a process of its own."""
    environment = {**os.environ, **server.environment, "MIRSEARCH_HTTP_TIMEOUT": "60"}  # type: ignore[attr-defined]
    command = [sys.executable, __file__, "--child", str(folder), "--work", str(work)]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(told.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--delay", type=float, default=0.2)
    parser.add_argument("--overlap", type=int, default=240)
    parser.add_argument("--child", type=Path)
    parser.add_argument("--work", type=float, default=0.0)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(acquire(asked.child, asked.work)))
        return
    from serving import served

    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for figures in asked.figures:
            with served(world(folder / f"world{figures}", figures)) as server:
                told = child(server, folder / f"run{figures}", 0.0)
            print(f"{figures:>6} figures  {told['seconds']:>8.1f} s  {told['peak_mb']:>8.1f} MB")
            result[f"memory_{figures}"] = told
        with served(world(folder / "slow", asked.overlap, asked.delay)) as server:
            network = child(server, folder / "network", 0.0)["seconds"]
            work = network / asked.overlap * 2  # two threads
            alone = child(server, folder / "network", work)["seconds"]
            both = child(server, folder / "both", work)["seconds"]
    ratio = both / max(network, alone)
    print(
        f"network alone {network:.1f} s, work alone {alone:.1f} s, both at once {both:.1f} s: {ratio:.2f} of the larger"
    )
    result |= {"network_s": network, "work_s": alone, "both_s": both, "ratio": round(ratio, 3)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
