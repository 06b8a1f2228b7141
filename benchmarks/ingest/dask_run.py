"""Starts a Dask scheduler, its workers and an ingest as processes, and counts what the workers began."""

from __future__ import annotations

import collections
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

BIN = Path(sys.executable).parent
_BEGUN = re.compile(r"worker - INFO - analyzing \S+ \(([0-9a-f]+)\)")


def draw_figures(folder: Path, count: int, side: int = 160) -> None:
    """Draw small pictures of round particles with a scale bar, each of another content, and their captions."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.mgrid[:side, :side]
    lines = ["file,caption"]
    for number in range(count):
        rng = np.random.default_rng(number)
        picture = rng.normal(90, 12, (side, side))
        for _ in range(8):
            y, x, radius = *rng.uniform(0, side, 2), rng.uniform(6, 18)
            picture[(rows[0] - y) ** 2 + (rows[1] - x) ** 2 < radius**2] += 90
        picture[side - 12 : side - 8, 10:70] = 255
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(folder / f"figure{number:04}.png")
        lines.append(f'figure{number:04}.png,"SEM image of silica particles, sample {number}. Scale bar, 200 nm."')
    (folder / "captions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def run(*words: str, env: dict[str, str] | None = None, prefix: Sequence[str] = ()) -> str:
    """Run mirsearch to its end, and return what it prints. CalledProcessError if it fails."""
    command = [*prefix, str(BIN / "mirsearch"), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | (env or {})).stdout


def export_hash(index: Path) -> str:
    """Return the sha256 of an index's export with vectors."""
    target = index.with_suffix(".jsonl")
    run("export", "--vectors", "--index", str(index), "--output", str(target))
    return hashlib.sha256(target.read_bytes()).hexdigest()


@dataclass(slots=True)
class Cluster:
    """A scheduler and workers of one thread each. `prefixes`: what starts each of them, as `ip netns exec NAME`."""

    folder: Path
    host: str = "127.0.0.1"
    scheduler_prefix: Sequence[str] = ()
    prefixes: Sequence[Sequence[str]] = ((),)
    env: dict[str, str] = field(default_factory=dict)
    threads: int = 1
    port: int = 0
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Return what --workers takes."""
        return f"dask://{self.host}:{self.port}"

    def start_scheduler(self) -> None:
        """Start the scheduler, and wait until it listens. Started again, it has the same port."""
        self.port = self.port or free_port(self.host)
        options = ["--host", self.host, "--port", str(self.port), "--no-dashboard", "--no-show"]
        self.scheduler, log = self._start("scheduler", options, self.scheduler_prefix)
        deadline = time.monotonic() + 600
        while "Scheduler at" not in (told := log.read_text(errors="replace")):
            if time.monotonic() > deadline or self.scheduler.poll() is not None:
                raise RuntimeError(f"the scheduler did not start:\n{told[-2_000:]}")
            time.sleep(0.1)

    def start_worker(self, number: int) -> None:
        """Start a worker, which is registered a moment later."""
        place = self.folder / f"space{number}"
        options = [f"tcp://{self.host}:{self.port}", "--nthreads", str(self.threads), "--no-nanny", "--no-dashboard",
                   "--local-directory", str(place), "--death-timeout", "120"]  # fmt: skip
        worker, _ = self._start("worker", options, self.prefixes[number % len(self.prefixes)])
        self.workers.append(worker)

    def _start(self, kind: str, options: list[str], prefix: Sequence[str]) -> tuple[subprocess.Popen[bytes], Path]:
        log = self.folder / f"{kind}{len(self.logs)}.log"
        self.logs.append(log)
        told = {"MIRSEARCH_THREADS": "1", "OMP_NUM_THREADS": "1", "DASK_LOGGING__MIRSEARCH": "info"}
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [*prefix, str(BIN / "dask"), kind, *options], stdout=stream, stderr=stream,
                env=os.environ | told | self.env,
            )  # fmt: skip
        return process, log

    def begun(self) -> collections.Counter[str]:
        """Count how often the workers began each file, by the beginning of its hash."""
        texts = (log.read_text(errors="replace") for log in self.logs if log.exists())
        return collections.Counter(found for text in texts for found in _BEGUN.findall(text))

    def close(self) -> None:
        """End all that runs still."""
        for process in (self.scheduler, *self.workers):
            if process is not None:
                kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process at once, without a chance to tidy up."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()


def free_port(host: str) -> int:
    """Return a port on which nobody listens now."""
    with socket.socket() as place:
        place.bind((host, 0))
        port: int = place.getsockname()[1]
        return port
