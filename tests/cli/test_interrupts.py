"""Ctrl-C: the first tells what is still finished and keeps it, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.cli_runner import run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

INGEST = """
import sys, time
from pathlib import Path
from mirsearch.analysis.analyzer import FigureAnalyzer
from mirsearch.cli import main
begun, analyze = Path(sys.argv.pop()), FigureAnalyzer.analyze
def hold(self, *values, **options):
    begun.touch()
    while not begun.with_suffix(".go").exists():
        time.sleep(0.05)
    return analyze(self, *values, **options)
FigureAnalyzer.analyze = hold
main()
"""
"""A command that holds each figure in its worker until a file says that it may go on."""


def _heed_interrupts() -> None:
    """A suite that runs in the background may have been started with Ctrl-C ignored, and its children with it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _start(*command: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *(str(word) for word in command)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | environment, preexec_fn=_heed_interrupts,  # noqa: PLW1509  nothing but the signal is touched
    )  # fmt: skip


@pytest.fixture
def figures(tmp_path: Path) -> Path:
    folder = tmp_path / "figures"
    folder.mkdir()
    random = np.random.default_rng(5)
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), random.integers(0, 255, (120, 160), dtype=np.uint8))
    return folder


@pytest.fixture
def process(figures: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """An ingest that holds its first figure in a worker until there is a file `begun.go`."""
    started = _start("-c", INGEST, "ingest", figures, "--index", tmp_path / "index", "--workers", "1",
                     tmp_path / "begun")  # fmt: skip
    while not (tmp_path / "begun").exists():
        assert started.poll() is None, started.communicate()
    yield started
    started.kill()
    started.communicate()


def test_the_first_tells_and_finishes_what_is_in_hand(process: subprocess.Popen[str], tmp_path: Path) -> None:
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    told = process.stderr.readline()  # the figure is still held
    # the worker may begin before the figure is in the queue that knows its name
    names = ("0.png", "what is in hand")
    assert told in [f"mirsearch: interrupted: finishing {name}; Ctrl-C again ends at once\n" for name in names]
    assert process.poll() is None
    (tmp_path / "begun.go").touch()
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "run the same command again to continue" in errors
    assert "1 figures new" in out
    assert run("stats", "--index", tmp_path / "index", "--format", "json").json()["figures"] == 1


def test_the_second_ends_at_once(process: subprocess.Popen[str], tmp_path: Path) -> None:
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "Ctrl-C again ends at once" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)  # nobody lets the figure go
    assert process.returncode in (130, -signal.SIGINT)
    assert errors == ""
    assert run("stats", "--index", tmp_path / "index", "--format", "json").json()["figures"] == 0


def test_an_interrupt_within_a_callback_is_not_lost() -> None:
    """Python only prints what a weak reference's callback raises. Each import has one."""
    code = """
import os, signal, time, weakref
from mirsearch.files.interrupts import handle_interrupts

class Thing: ...

def interrupt(_):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.001)

handle_interrupts()
thing = Thing()
kept = weakref.ref(thing, interrupt)
try:
    del thing
    time.sleep(600)
except KeyboardInterrupt:
    print("interrupted")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert (ran.stdout, ran.stderr) == ("interrupted\n", "")


def test_a_host_that_never_answers_does_not_hold_the_end_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        process = _start(
            "-m", "mirsearch", "ingest", "--keyword", "nano", "--index", tmp_path / "index",
            MIRSEARCH_EUROPEPMC_URL=address, MIRSEARCH_PMC_URL=address, MIRSEARCH_CACHE=str(tmp_path / "cache"),
            MIRSEARCH_HTTP_BACKOFF="3600",
        )  # fmt: skip
        server.settimeout(120)
        try:
            connection, _ = server.accept()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=120)
            connection.close()
        finally:  # it and its pipes outlive no failure
            process.kill()
            process.communicate()
    assert process.returncode == 130
    assert errors.startswith("mirsearch: interrupted")
    assert "Traceback" not in errors
    assert "terminate" not in errors
