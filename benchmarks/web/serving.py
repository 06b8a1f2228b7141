"""Times `mirsearch serve` against the library's own query, and with many users at once.

    python -m benchmarks.web.serving [--panels 64000] [--users 50] [--seconds 120] [--runs 15] [--think 2] [--workers 1]
                                     [--index FOLDER] [--crowd-seconds 120]

The library and the server answer the same questions in turns, on the same generated index: words, a panel, and an image
that is new each time. `again` is the server's time for a question that it has just answered, and keeps. Each user of
the crowd asks for words or a panel, waits for the answer, and asks again, over a connection that stays open. The crowd
comes three times. People look at an answer for a while before they ask again: for `--think` seconds on average
(exponential). A crowd that asks again at once shows how much the server can do. A processor that one user fills makes
that crowd wait in proportion: `share` is its p95, over one user's p95 times the users for each core. These two ask
nothing twice (each question has a least score of its own, of which no hit falls short), the third crowd asks
questions that were asked before. Memory and processor time are those of the server with all its processes. `--index`
keeps the generated index, and takes it again.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image

from benchmarks.indexes.made_corpus import question, records, world
from benchmarks.web.client import Client
from mirsearch import settings
from mirsearch.cli.parts import load_detector, load_extractor, load_index_extractor, load_ocr
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.search.query_image import ImageQuestion
from mirsearch.search.search import Question, ask

Results = dict[str, dict[str, float]]


def make_index(location: str, panels: int) -> tuple[list[str], list[str]]:
    """Fill an index with generated panels if it is not there; return questions in words and ids of panels."""
    extractor = load_extractor(settings.DEFAULT_EXTRACTOR)
    made = world(extractor.dims)
    if not Path(location).exists():
        index = open_index(location, create=ExtractorIdentity(extractor.name, extractor.version, extractor.dims))
        with index.writer() as writer:
            for record in records(made, panels):
                writer.put(record)
        index.close()
    rng = np.random.default_rng(5)
    words = [question(made, rng, int(rng.integers(len(made.centers)))) for _ in range(200)]
    ids = [f"{int(rng.integers(panels // 4)):016x}-{'abcd'[int(rng.integers(4))]}" for _ in range(200)]
    return words, ids


def draw_picture(number: int) -> bytes:
    """Return a PNG of round particles; no two numbers give the same."""
    y, x = np.mgrid[:480, :640]
    step = 20 + number % 40
    noise = np.random.default_rng(number).integers(0, 40, x.shape)
    disks = ((x % step - step // 2) ** 2 + (y % step - step // 2) ** 2) < (step / 3) ** 2
    data = io.BytesIO()
    Image.fromarray((60 + noise + 120 * disks).astype(np.uint8)).save(data, "PNG")
    return data.getvalue()


def timed(function: Callable[[], object]) -> float:
    """Return the milliseconds that a call takes; a status that is no success ends the benchmark."""
    began = time.perf_counter()
    result = function()
    took = (time.perf_counter() - began) * 1000
    if isinstance(result, int) and result != 200:
        raise SystemExit(f"the server answered {result}")
    return took


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += [int(child) for child in task.read_text(encoding="ascii").split()]
    return found


def memory_mb(pid: int) -> float:
    """Return the memory of a server in MB; what its processes share counts once."""
    told = [Path(f"/proc/{one}/smaps_rollup").read_text(encoding="utf-8") for one in family(pid)]
    return sum(int(found[1]) / 1024 for text in told if (found := re.search(r"Pss:\s+(\d+)", text)))


def cpu_ms(pid: int) -> float:
    """Return the milliseconds of processor time that a server has used."""
    ticks = 0
    for one in family(pid):
        fields = Path(f"/proc/{one}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks * 1000 / os.sysconf("SC_CLK_TCK")


def compare(location: str, port: int, words: list[str], ids: list[str], runs: int, pid: int) -> Results:
    """Return the median milliseconds of library and server for each kind of question, and their ratio.

    The processor time of each is told, too: it does not depend on what else the machine does.
    """
    index = open_index(location)
    extractor, ocr, detector = load_index_extractor(index), load_ocr("rapidocr"), load_detector("runs")
    client = Client(port)
    folder = Path(tempfile.mkdtemp())

    def library_image(number: int) -> None:
        path = folder / "image.png"
        path.write_bytes(draw_picture(number))
        ask(index, Question(image=ImageQuestion(path, ocr, detector)), lambda: extractor)

    kinds: dict[str, tuple[Callable[[int], object], Callable[[int], object]]] = {
        "words": (
            lambda n: ask(index, Question(text=words[n]), lambda: extractor),
            lambda n: client.search(text=words[n]),
        ),
        "panel": (
            lambda n: ask(index, Question(like=ids[n]), lambda: extractor),
            lambda n: client.search(like=ids[n]),
        ),
        "image": (library_image, lambda n: client.search(image=draw_picture(n + 1000))),
        "page": (
            lambda n: ask(index, Question(text=words[n], top=25, per_article=settings.PER_ARTICLE), lambda: extractor),
            lambda n: client.get(f"/search?text={quote(words[n])}"),
        ),
    }
    results: Results = {}
    for name, (library, server) in kinds.items():
        library(0), server(0)
        pairs, again, own_cpu, server_cpu = [], [], 0.0, 0.0
        for n in range(1, runs + 1):
            own_before, server_before = time.process_time(), cpu_ms(pid)
            own = timed(partial(library, n))
            own_cpu += (time.process_time() - own_before) * 1000
            pairs.append((own, timed(partial(server, n))))
            server_cpu += cpu_ms(pid) - server_before
            again.append(timed(partial(server, n)))
        medians = [statistics.median(times) for times in zip(*pairs, strict=True)]
        results[name] = {
            "library": medians[0], "server": medians[1], "ratio": medians[1] / medians[0],
            "library_cpu": own_cpu / runs, "server_cpu": server_cpu / runs, "cpu_ratio": server_cpu / own_cpu,
            "again": statistics.median(again),
        }  # fmt: skip
    results["first page"] = {"server": statistics.median(timed(lambda: client.get("/")) for _ in range(runs))}
    index.close()
    return results


_numbers = itertools.count(1)


def crowd(
    port: int, words: list[str], ids: list[str], users: int, seconds: float, think: float = 0.0, repeats: bool = False
) -> dict[str, float]:
    """Return p50, p95, requests a second and errors of so many users, who think so many seconds between questions.

    Unless it `repeats`, nothing is asked twice.
    """
    times: list[float] = []
    errors: list[str] = []
    end = time.monotonic() + seconds

    def use(number: int) -> None:
        client, turn, chance = Client(port), number, random.Random(number)
        while time.monotonic() < end:
            turn += 1
            if think:
                time.sleep(min(chance.expovariate(1 / think), 5 * think))
            fields = {"text": words[turn % 200]} if turn % 2 else {"like": ids[turn % 200]}
            if not repeats:
                fields["min_score"] = f"{next(_numbers) * 1e-9:.9f}"
            began = time.perf_counter()
            try:
                status = client.search(**fields)
            except OSError as error:
                errors.append(str(error))
                client = Client(port)
                continue
            times.append((time.perf_counter() - began) * 1000)
            if status != 200:
                errors.append(str(status))

    threads = [threading.Thread(target=use, args=(number * 3,)) for number in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ordered = sorted(times)
    return {
        "users": users, "think": think, "p50": ordered[len(ordered) // 2], "p95": ordered[int(len(ordered) * 0.95)],
        "per_second": len(ordered) / seconds, "errors": len(errors),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panels", type=int, default=64_000)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--think", type=float, default=2.0)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--index")
    parser.add_argument("--crowd-seconds", type=float, help="seconds of the crowd that asks again at once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        location = options.index or str(Path(folder) / "index")
        words, ids = make_index(location, options.panels)
        command = (sys.executable, "-m", "mirsearch", "serve", "--index", location, "--port", "0")
        command += ("--workers", str(options.workers))
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            line = server.stdout.readline() if server.stdout else ""
            found = re.search(r":(\d+)/", line)
            if found is None:
                raise SystemExit(f"the server did not start: {line}")
            port = int(found[1])
            for number in range(4 * options.workers):  # until all that is loaded at the start is loaded
                Client(port).search(image=draw_picture(5000 + number))
            results = compare(location, port, words, ids, options.runs, server.pid)
            before = memory_mb(server.pid)
            single = crowd(port, words, ids, 1, max(options.seconds / 10, 2))
            people = crowd(port, words, ids, options.users, options.seconds, options.think)
            many = crowd(port, words, ids, options.users, options.crowd_seconds or options.seconds)
            crowd(port, words, ids, 1, 2, repeats=True)  # from here on, nothing is new
            alone_again = crowd(port, words, ids, 1, max(options.seconds / 20, 2), repeats=True)
            again = crowd(port, words, ids, options.users, options.seconds / 4, repeats=True)
            after = memory_mb(server.pid)
        finally:
            server.terminate()
            server.communicate()
    share = many["p95"] / (single["p95"] * max(options.users / settings.thread_count(), 1))
    for name, row in results.items():
        told = "  ".join(f"{key} {value:8.2f}" for key, value in row.items())
        print(f"{name:12} {told}")
    for row in (single, people, many, alone_again, again):
        print("  ".join(f"{key} {value:,.1f}" for key, value in row.items()))
    print(f"p95 of people who think, over one user's: {people['p95'] / single['p95']:.2f}")
    print(f"p95 of the crowd against one user's, times users for each core: {share:.2f}")
    print(f"p95 of the crowd with nothing new: {again['p95'] / single['p95']:.2f} of one user's with new questions, "
          f"{again['p95'] / alone_again['p95']:.2f} of one user's with nothing new")  # fmt: skip
    print(f"memory {before:.0f} MB before the crowd, {after:.0f} MB after")
    told = {
        "questions": results, "single": single, "people": people, "crowd": many, "single again": alone_again,
        "crowd again": again, "share": share, "mb": [before, after],
    }  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main()
