"""Runs commands of mirsearch in processes of their own, and measures them."""

from __future__ import annotations

import subprocess
import sys

_CHILD = """
import sys, time
from pathlib import Path
from mirsearch.cli import app
started = time.perf_counter(), time.process_time()
try:
    app(sys.argv[1:])
finally:
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    seconds = time.perf_counter() - started[0], time.process_time() - started[1]
    print(*seconds, int(peak.split()[1]) / 1024, file=sys.stderr)
"""


def run(*words: object) -> tuple[float, float, float]:
    """Run a command in a new process. Return its seconds, those of the processor, and its greatest memory in MiB."""
    ran = subprocess.run([sys.executable, "-c", _CHILD, *map(str, words)], capture_output=True, text=True, check=True)
    wall, processor, memory = (float(word) for word in ran.stderr.split()[-3:])
    return wall, processor, memory
