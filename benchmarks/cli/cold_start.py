"""Measures the cold start of the command line: wall time and CPU time of a process, medians.

    python -m benchmarks.cli.cold_start [--runs 20]

The aim is `mirsearch --help` in at most 0.3 s on a machine that does nothing else. Where it is busy, look at CPU time.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time

MAIN = "import sys; sys.argv[0] = 'mirsearch'; from mirsearch.cli import main; main()"
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "mirsearch --version": ["-c", MAIN, "--version"],
    "mirsearch --help": ["-c", MAIN, "--help"],
    "mirsearch query --help": ["-c", MAIN, "query", "--help"],
}


def cpu_seconds() -> float:
    """CPU time of all processes that have ended so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, words in COMMANDS.items():  # in turn, so that other work on the machine slows all of them
            started, cpu = time.perf_counter(), cpu_seconds()
            subprocess.run([sys.executable, *words], capture_output=True, check=True)
            times[name].append((time.perf_counter() - started, cpu_seconds() - cpu))
    for name, pairs in times.items():
        wall, cpu = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{name:24} {wall:.3f} s (least {min(pairs)[0]:.3f}), CPU {cpu:.3f} s")


if __name__ == "__main__":
    main()
