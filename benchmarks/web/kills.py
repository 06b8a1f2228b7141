"""Kills a server while it answers, adds and corrects at once: python -m benchmarks.web.kills [--kills 50] [--seed 1]

Each round starts `mirsearch serve` on the same index. Three clients ask it without a pause: one searches, one adds
small pictures in jobs, one corrects panels. At a random moment the server is killed (SIGKILL), in every second round
together with the process of its job. Then the index must be whole as `mirsearch verify` finds, must hold what was
corrected, and all that jobs said they had added; the next server must start and answer. At the end all jobs that wait
or were interrupted run to their end, and every picture that was accepted must be in the index.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import requests
from PIL import Image

from mirsearch.corpus import figure_id
from mirsearch.indexes import open_index
from mirsearch.query import Filters

_TECHNIQUES = ("SEM", "TEM", "AFM")
_PICTURES = 3
"""Pictures of one job."""
_START_SECONDS = 120
_JOB_SECONDS = 1_800


def picture(number: int) -> bytes:
    """Return a picture that is read fast, and unlike all others."""
    blocks = np.random.default_rng(number).integers(0, 256, (6, 9), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(blocks).resize((72, 48), Image.Resampling.NEAREST).save(data, "PNG")
    return data.getvalue()


class Server:
    """A running server, and what its clients were told."""

    def __init__(self, location: str) -> None:
        command = [sys.executable, "-m", "mirsearch", "serve", "--index", location, "--port", "0",
                   "--allow-ingest", "--allow-corrections"]  # fmt: skip
        began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline() if self.process.stdout else ""
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        if found is None:
            self.process.kill()
            raise AssertionError(f"the server did not start: {self.process.communicate()[1][-500:]}")
        self.address = f"http://127.0.0.1:{found[1]}"
        page = requests.get(f"{self.address}/", headers={"accept": "text/html"}, timeout=_START_SECONDS)
        assert page.status_code == 200, page.text[:300]
        self.start_seconds = time.monotonic() - began

    def kill(self, with_job: bool) -> bool:
        """Kill it, and the process of its job; return whether a job was running."""
        listed = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        jobs = [int(line.split()[0]) for line in listed.stdout.splitlines() if "job_child" in line]
        self.process.kill()
        for job in jobs if with_job else ():
            os.kill(job, signal.SIGKILL)
        self.process.communicate()
        return bool(jobs)


class Clients:
    """Asks without a pause, and keeps what was accepted. `techniques`: what each panel was corrected to, or may be."""

    def __init__(self, seed: int, panels: list[str]) -> None:
        self.random = random.Random(seed)
        self.panels = panels
        self.counts: Counter[str] = Counter()
        self.accepted: dict[str, list[str]] = {}
        self.techniques: dict[str, set[str]] = {}
        self.problems: list[str] = []
        self.numbers = iter(range(10, 10_000_000))
        self.in_hand: set[str] = set()

    def ask_all(self, server: Server, seconds: float) -> None:
        """Ask for so many seconds, and until the server is gone."""
        stop = threading.Event()
        actions = {"search": self._search, "add": self._add, "correct": self._correct}
        threads = [
            threading.Thread(target=self._repeat, args=(stop, server, action, name)) for name, action in actions.items()
        ]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.counts.update(f"killed in {name}" for name in self.in_hand)
        self._stop, self._threads = stop, threads

    def end(self) -> None:
        """Wait until the clients have noticed that the server is gone."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, stop: threading.Event, server: Server, action: Callable[[str], None], name: str) -> None:
        while not stop.is_set():
            self.in_hand.add(name)
            try:
                action(server.address)
            except requests.RequestException:
                return  # it was killed
            finally:
                self.in_hand.discard(name)

    def _search(self, address: str) -> None:
        panel = self.random.choice(self.panels)
        answer = requests.post(f"{address}/api/v1/search", data={"like": panel, "top": 5}, timeout=60)
        self._note("searches", answer)

    def _add(self, address: str) -> None:
        for job in requests.get(f"{address}/api/v1/jobs", timeout=60).json()["jobs"]:
            if job["state"] in ("interrupted", "failed"):
                again = requests.post(f"{address}/api/v1/jobs/{job['id']}/again", timeout=60)
                self._note("jobs again", again, (429,))
        pictures = [picture(next(self.numbers)) for _ in range(_PICTURES)]
        files = [("files", (f"{number}.png", data)) for number, data in enumerate(pictures)]
        answer = requests.post(f"{address}/api/v1/jobs", files=files, timeout=60)
        if answer.status_code == 202:
            ids = [figure_id(hashlib.sha256(data).hexdigest()) for data in pictures]
            self.accepted[answer.json()["id"]] = ids
        elif answer.status_code == 429:
            time.sleep(0.2)
        self._note("jobs", answer, (429,))

    def _correct(self, address: str) -> None:
        panel, technique = self.random.choice(self.panels), self.random.choice(_TECHNIQUES)
        # if no answer comes, it may have been written, or not
        self.techniques.setdefault(panel, {"as it was read"}).add(technique)
        answer = requests.post(f"{address}/api/v1/panels/{panel}/correction", json={"technique": technique}, timeout=60)
        if answer.status_code == 200:
            self.techniques[panel] = {technique}
        else:
            time.sleep(0.1)
        self._note("corrections", answer, (503,))

    def _note(self, what: str, answer: requests.Response, refusals: tuple[int, ...] = ()) -> None:
        self.counts[what if answer.ok else f"{what} refused"] += 1
        if not answer.ok and answer.status_code not in refusals:
            self.problems.append(f"{what}: {answer.status_code} {answer.text[:200]}")


def check(location: str, clients: Clients) -> list[str]:
    """Return what is wrong with the index after a kill."""
    found = subprocess.run(
        [sys.executable, "-m", "mirsearch", "verify", "--index", location], capture_output=True, text=True, check=False
    )
    wrong = [] if found.returncode == 0 else [f"verify: {found.stdout[-300:]} {found.stderr[-300:]}"]
    with closing(open_index(location)) as index:
        for panel, possible in clients.techniques.items():
            if len(possible) == 1 and index.panels([panel])[0].panel.technique not in possible:
                wrong.append(f"the correction of {panel} to {possible} is lost")
    return wrong


def finish(location: str, clients: Clients) -> list[str]:
    """Let all jobs run to their end, and return what is wrong then."""
    server = Server(location)
    end = time.monotonic() + _JOB_SECONDS
    wrong: list[str] = []
    try:
        while time.monotonic() < end:
            jobs: list[dict[str, Any]] = requests.get(f"{server.address}/api/v1/jobs", timeout=60).json()["jobs"]
            ended = [job for job in jobs if job["state"] in ("interrupted", "failed")]
            for job in ended:
                requests.post(f"{server.address}/api/v1/jobs/{job['id']}/again", timeout=60)
            if not ended and all(job["state"] == "done" for job in jobs):
                break
            time.sleep(0.5)
        else:
            wrong.append(f"jobs did not end: {Counter(job['state'] for job in jobs)}")
    finally:
        server.process.send_signal(signal.SIGINT)
        server.process.communicate()
    expected = {figure for figures in clients.accepted.values() for figure in figures}
    with closing(open_index(location)) as index:
        missing = expected - set(index.known_figures(sorted(expected)))
    return wrong + ([f"{len(missing)} of {len(expected)} accepted pictures are missing"] if missing else [])


def make_index(folder: Path) -> tuple[str, list[str]]:
    """Return an index of some pictures, and the ids of its panels."""
    pictures, location = folder / "pictures", str(folder / "index")
    pictures.mkdir()
    for number in range(8):
        (pictures / f"{number}.png").write_bytes(picture(number))
    command = [sys.executable, "-m", "mirsearch", "ingest", str(pictures), "--index", location, "--format", "json"]
    subprocess.run(command, check=True, capture_output=True)
    with closing(open_index(location)) as index:
        return location, [stored.panel.id for stored in index.select_panels(Filters())]


def main() -> None:
    """Run the rounds, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=6.0, help="the longest time until a kill")
    options = parser.parse_args()
    chosen, wrong, starts = random.Random(options.seed), [], []
    with tempfile.TemporaryDirectory() as folder:
        location, panels = make_index(Path(folder))
        clients = Clients(options.seed, panels)
        for number in range(options.kills):
            server = Server(location)
            starts.append(server.start_seconds)
            clients.ask_all(server, chosen.uniform(0.5, options.seconds))
            was_adding = server.kill(with_job=number % 2 == 0)
            clients.end()
            clients.counts["killed while a job ran"] += was_adding
            wrong += [f"round {number}: {each}" for each in check(location, clients)]
            print(f"kill {number + 1}: {dict(clients.counts)}, wrong: {len(wrong)}", file=sys.stderr, flush=True)
        wrong += [*finish(location, clients), *check(location, clients), *clients.problems]
    for each in wrong[:20]:
        print(each)
    counts = {"kills": options.kills, **clients.counts, "jobs accepted": len(clients.accepted), "wrong": len(wrong)}
    for name, count in counts.items():
        print(f"{name:24} {count:,}")
    print(f"slowest start            {max(starts):.1f} s")
    print(json.dumps({**counts, "slowest_start_s": round(max(starts), 2)}))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
