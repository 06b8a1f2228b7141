"""Attack every parser: `python -m tests.fuzz --seconds 60`. It ends with 1 if an input is parsed wrong.

Wrong is: an exception that is none of mirsearch's own, a crash, more than 5 s or more than 1 GB for one input. Such
inputs are kept in a folder that is told; put them into tests/fuzz/corpus/TARGET when the fault is mended.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.child import HEAD, STATE

NAMES = (
    "captions", "labels", "jats", "latex", "pdf-text", "tables", "exsclaim", "queries", "services", "images",
    "tiff-tags", "pdf", "eprints", "index-files", "cluster-answers", "microscope-files", "archives", "backups",
    "ignore-files",
)  # fmt: skip
ROOT = Path(__file__).parents[2]
_HAS_ATHERIS = importlib.util.find_spec("atheris") is not None
_GRACE_SECONDS = 120.0
_MOST_AT_ONCE = 2
_GUIDED = ("captions", "latex")
"""Targets that atheris attacks even in a short run: it takes some seconds to begin."""
_LONG_SECONDS = 10.0
"""Time for a target from which on atheris attacks it, too."""


@dataclass(frozen=True)
class Outcome:
    """How an attack on a target ended: inputs tried and refused, CPU seconds of the slowest, and what went wrong."""

    tried: int
    refused: int
    slowest: float
    fault: str = ""
    data: bytes = b""


def attack(name: str, until: float, seed: int, engines: str) -> Outcome:
    """Let a process attack a target until a time (seconds since 1970)."""
    in_memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="mirsearch-fuzz-", dir=in_memory) as folder:
        command = [
            sys.executable, "-m", "tests.fuzz.child", name, "--folder", folder, "--until", str(until),
            "--seed", str(seed), "--engines", engines,
        ]  # fmt: skip
        log = Path(folder) / "log"
        try:
            with log.open("wb") as output:
                code = subprocess.run(
                    command, cwd=ROOT, stdout=output, stderr=output, check=False, env={**os.environ, "TMPDIR": folder},
                    timeout=max(0.0, until - time.time()) + _GRACE_SECONDS,
                ).returncode  # fmt: skip
        except subprocess.TimeoutExpired:
            code = -1
        state = (Path(folder) / STATE).read_bytes() if (Path(folder) / STATE).exists() else bytes(HEAD.size)
        tried, refused, length, slowest = HEAD.unpack_from(state)
        if code == 0:
            return Outcome(tried, refused, slowest)
        lines = log.read_text("utf-8", "replace").splitlines()
        fault = "\n".join([f"exit code {code}" if code >= 0 else f"signal {-code}", *lines[-25:]])
        return Outcome(tried, refused, slowest, fault, state[HEAD.size : HEAD.size + length])


def main() -> int:
    """Attack the targets, two at once, and print a line for each."""
    options = _options()
    names = options.target or list(NAMES)
    if not _HAS_ATHERIS:
        print("atheris is not installed (it needs Linux and a Python that it has a wheel for): hypothesis alone")
    at_once = min(_MOST_AT_ONCE, os.cpu_count() or 1, len(names))
    seconds = options.seconds * at_once / len(names)
    with ThreadPoolExecutor(at_once) as pool:
        faults = sum(pool.map(lambda name: attack_repeatedly(name, seconds, options), names))
    print(f"{faults} faults" if faults else "no faults")
    return 1 if faults else 0


def attack_repeatedly(name: str, seconds: float, options: argparse.Namespace) -> int:
    """Attack a target for some seconds, again after each fault. Print how it went; return the number of faults."""
    deadline, seed, faults = time.time() + seconds, options.seed, 0
    engines = options.engines or ("hypothesis,atheris" if _is_guided(name, seconds) else "hypothesis")
    while True:
        outcome = attack(name, deadline, seed, engines)
        told = f"{name:16} {outcome.tried:8,} inputs, {outcome.refused:,} refused, slowest {outcome.slowest:.2f} s"
        print(told, flush=True)
        if not outcome.fault:
            return faults
        faults += 1
        _report(name, outcome, options.keep)
        seed += 1
        if options.stop or time.time() > deadline - 1:
            return faults


def _report(name: str, outcome: Outcome, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{hashlib.sha256(outcome.data).hexdigest()[:12]}"
    path.write_bytes(outcome.data)
    print(
        f"{name}: an input of {len(outcome.data)} bytes is parsed wrong; it is in {path}\n{outcome.fault}", flush=True
    )


def _is_guided(name: str, seconds: float) -> bool:
    """Return whether atheris attacks a target, too."""
    return _HAS_ATHERIS and (seconds >= _LONG_SECONDS or name in _GUIDED)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", choices=[[], *NAMES], help="targets (default: all)")
    parser.add_argument("--seconds", type=float, default=60.0, help="time for all targets together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engines", help="mutation (the fastest), hypothesis, atheris, or several with commas")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "mirsearch-fuzz-faults")
    parser.add_argument("--stop", action="store_true", help="leave a target after its first fault")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
