"""Measure `mirsearch reuse` over a large corpus: time, memory, and what is found among very many others.

    python -m benchmarks.search.reuse_large make INDEX [--pictures 64000] [--pairs 500] [--seed 64] [--processes 2]
    python -m benchmarks.search.reuse_large run INDEX

`make` draws pictures, some with a changed copy (changed_pictures.py), and writes them into an index as small pictures
and vectors: about 35 ms of processor time each. Called again, it goes on where it was stopped. `run` starts the command
as a user does and prints its wall time, its processor time and its largest memory, and how many pairs were found and
how many of what is told are right.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: processes of our own draw and look

import numpy as np

from benchmarks.search.reuse import LATTICES, Shown, changed, draw, judge_pairs
from mirsearch.corpus import Figure, Panel
from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.imaging.images import thumbnail
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, FigureRecord, Index
from mirsearch.synthetic.specimens.families import specimen

_PLAN = "plan.json"
"""File beside the index's own: how many pictures and pairs, and the seed."""
_BATCH, _COMMIT = 32, 1024
"""Pictures that a process makes at once, and that are written at once."""
_NO_PIXELS = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True)
class Plan:
    """What is drawn. The first 2 × `pairs` pictures are a picture and its changed copy in turn."""

    pictures: int
    pairs: int
    seed: int

    def base(self, number: int) -> int:
        """Return the number of what a picture shows."""
        return number // 2 if number < 2 * self.pairs else number - self.pairs

    def is_copy(self, number: int) -> bool:
        """Return whether a picture is a changed copy."""
        return number < 2 * self.pairs and number % 2 == 1

    def shown(self, number: int) -> Shown:
        """Return what a picture shows, without its pixels."""
        base = self.base(number)
        is_lattice = specimen(self.seed * 1_000_003 + base).family in LATTICES
        if not self.is_copy(number):
            return Shown(base, None, _NO_PIXELS, is_lattice)
        change = changed(base, np.zeros((8, 8, 3), np.uint8), base, np.random.default_rng(0)).change
        return Shown(base, change, _NO_PIXELS, is_lattice)

    def record(self, number: int) -> tuple[Shown, bytes]:
        """Draw a picture; return it, and its small picture."""
        base = self.base(number)
        shown = Shown(base, None, draw(base, self.seed)[0])
        if self.is_copy(number):
            shown = changed(base, shown.pixels, base, np.random.default_rng((self.seed, base)))
        return shown, thumbnail(shown.pixels)


@cache
def _extractor() -> EfficientNetExtractor:
    return EfficientNetExtractor()


def _records(numbers: Sequence[int], plan: Plan) -> list[FigureRecord]:
    drawn = [plan.record(number) for number in numbers]
    records = []
    vectors = _extractor().embed([shown.pixels for shown, _ in drawn])
    for number, (shown, small), vector in zip(numbers, drawn, vectors, strict=True):
        identity = f"{number:016x}"
        height, width = shown.pixels.shape[:2]
        panel = Panel((0, 0, width, height), kind="micrograph", id=identity, figure_id=identity)
        records.append(FigureRecord(Figure(identity, width, height), (panel,), vector[None], (small,)))
    return records


def make(location: Path, plan: Plan, processes: int) -> None:
    """Write an index of drawn pictures, or those that it lacks."""
    extractor = _extractor()
    identity = ExtractorIdentity(extractor.name, extractor.version, extractor.dims)
    index: Index = open_index(str(location), create=identity)
    (location / _PLAN).write_text(json.dumps(plan.__dict__), encoding="utf-8")
    start = int(index.stats()["figures"])  # a figure for each picture
    fresh = multiprocessing.get_context("spawn")  # a forked process would keep the index locked
    with ProcessPoolExecutor(processes, fresh) as pool:
        for first in range(start, plan.pictures, _COMMIT):
            numbers = range(first, min(first + _COMMIT, plan.pictures))
            parts = [numbers[at : at + _BATCH] for at in range(0, len(numbers), _BATCH)]
            with index.writer() as writer:
                for records in pool.map(partial(_records, plan=plan), parts):
                    for record in records:
                        writer.put(record)
            print(f"{numbers[-1] + 1:,} of {plan.pictures:,}", flush=True)
    index.close()


def run(location: Path) -> dict[str, object]:
    """Start the command on an index; print and return what it took and what it told."""
    plan = Plan(**json.loads((location / _PLAN).read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "pairs.json")
        command = [sys.executable, "-m", "mirsearch", "reuse", "--index", location, "--format", "json", "-o", target]
        start = time.perf_counter()
        process = subprocess.Popen(command)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            raise SystemExit(f"mirsearch reuse ended with {os.waitstatus_to_exitcode(status)}")
        told = json.loads(target.read_text(encoding="utf-8"))
    shown = [plan.shown(number) for number in range(plan.pictures)]
    found = judge_pairs([(int(pair["a"], 16), int(pair["b"], 16)) for pair in told], shown)
    cpu = usage.ru_utime + usage.ru_stime
    return found | {
        "minutes": round(seconds / 60, 2), "cpu_ms_a_picture": round(1000 * cpu / plan.pictures, 2),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("make", "run"))
    parser.add_argument("index", type=Path)
    parser.add_argument("--pictures", type=int, default=64_000)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=64)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if options.what == "make":
        make(options.index, Plan(options.pictures, options.pairs, options.seed), options.processes)
    else:
        print(json.dumps({"benchmark": "reuse_large", **run(options.index)}))


if __name__ == "__main__":
    main()
