"""`mirsearch ingest --keyword` killed at random moments, whole flow: `python benchmarks/acquisition_killed.py`.

A loopback server serves articles with drawn micrographs; the command acquires, analyzes and indexes them, is killed
(SIGKILL) `--kills` times, with a share `--faults` of the answers failing, and then runs to its end. Told: whether the
corpus is that of an undisturbed run, how many requests were repeated that had been answered and kept, and the most
requests in any second as the server counted them against the limit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
KINDS = ["429", "429-after", "500", "503", "cut", "cut-early", "md5", "empty", "wall", "long"]


def world(folder: Path, articles: int) -> Path:
    """Articles with one drawn micrograph and one plot each."""
    from serving import PLOT, Art, Fig, WorldWriter, picture

    from mirsearch.synthetic.articles import planned
    from mirsearch.synthetic.corpus import draw_planned, encoded

    writer = WorldWriter(folder)
    for place, entry in enumerate(planned(articles, seed=11)):
        figure = draw_planned(entry)
        data, suffix = encoded(figure)
        figs = [Fig(f"{figure.caption} SEM micrographs of nano rods.", "Figure 1", f"gr1{suffix}", data, href="gr1"),
                Fig(PLOT, "Figure 2", "gr2.png", picture(place))]  # fmt: skip
        writer.add(Art(2000 + place, figs))
    return writer.write(page_limit=7)


def command(folder: Path, server: Any, rate: float) -> subprocess.Popen[str]:
    """The command in a process of its own, with its cache and index in `folder`."""
    environment = {**os.environ, **server.environment, "MIRSEARCH_CACHE": str(folder / "cache"),
                   "MIRSEARCH_HTTP_RATE": str(rate), "OMP_NUM_THREADS": "1"}  # fmt: skip
    words = [sys.executable, "-m", "mirsearch", "ingest", "--keyword", "nano", "--format", "json", "--workers", "2"]
    return subprocess.Popen([*words, "--index", str(folder / "index")], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # fmt: skip


def corpus(folder: Path) -> list[str]:
    """What the index holds, a line a panel, without what differs from folder to folder and run to run."""
    words = [sys.executable, "-m", "mirsearch", "export", "--index", str(folder / "index")]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    kept = []
    for line in told:
        row = json.loads(line)
        row["origins"] = sorted(each["location"].replace(str(folder), "") for each in row["origins"])
        row["image"] = str(row["image"]).replace(str(folder), "")
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


def disturbed(folder: Path, server: Any, asked: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """Runs killed at random moments, then one to its end (and more, where faults left something to be tried again)."""
    chance, times, repeated, killed = random.Random(asked.seed), [], 0, 0
    faults = [{"match": ".", "share": asked.faults, "kind": KINDS, "after": 0}] if asked.faults else []
    for number in range(asked.kills):
        before = answered(folder, server)
        server.faults(*faults, seed=number)
        with command(folder, server, asked.rate) as process:
            while process.poll() is None and not server.log():
                time.sleep(0.02)  # the moments are those of its work, not of its start
            try:
                process.wait(chance.uniform(0.0, 1.5 * seconds / asked.kills))
            except subprocess.TimeoutExpired:
                process.kill()
                killed += 1
        log = server.log()
        times += [each["time"] for each in log]
        repeated += len({each["path"] for each in log if "/search?" not in each["path"]} & before)
    server.faults()
    words = [sys.executable, "-m", "mirsearch", "failures", "--retry", "--index", str(folder / "index")]
    subprocess.run(words, capture_output=True, check=True)
    with command(folder, server, asked.rate) as process:
        told = json.loads(process.stdout.read() if process.stdout else "{}")
    times += [each["time"] for each in server.log()]
    return {"killed": killed, "repeated": repeated, "most_a_second": busiest(times), "rate": asked.rate,
            "failed_at_the_end": len(told["failures"]), "requests": len(times)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=12)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--faults", type=float, default=0.2)
    parser.add_argument("--rate", type=float, default=8.0)
    parser.add_argument("--seed", type=int, default=5)
    asked = parser.parse_args()
    from serving import served

    with tempfile.TemporaryDirectory() as name, served(world(Path(name) / "world", asked.articles)) as server:
        folder = Path(name)
        with command(folder / "undisturbed", server, asked.rate) as process:
            while process.poll() is None and not server.log():
                time.sleep(0.02)
            started = time.monotonic()
            process.communicate()
        seconds = time.monotonic() - started
        expected = corpus(folder / "undisturbed")
        told = disturbed(folder / "disturbed", server, asked, seconds)
        found = corpus(folder / "disturbed")
        for line in sorted(set(expected) ^ set(found)):
            print("only in the", "undisturbed:" if line in expected else "disturbed:", line)
        told |= {"panels": len(expected), "same_corpus": found == expected, "undisturbed_s": round(seconds, 1)}
    for key, value in told.items():
        print(f"{key:>20} {value}")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
