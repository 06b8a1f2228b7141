"""Acquisition killed again and again, among faults: the same figures in the end, and nothing kept is asked twice."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mirsearch.acquisition.ledger import Ledger
from tests.support.serving import PLOT, SEM, ServedArticle, ServedFigure, Server, WorldWriter, random_png, run_server

CHILD = Path(__file__).resolve().parents[1] / "support" / "acquire_child.py"
KILLS = 20
KINDS = ["429", "429-after", "500", "503", "cut", "cut-early", "md5", "empty", "wall", "long"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    writer = WorldWriter(tmp_path_factory.mktemp("world"))
    for number in range(1001, 1045):
        figures = [
            ServedFigure(f"{SEM} {number}", "Figure 1", "a.png", random_png(number)),
            ServedFigure(PLOT, "Figure 2", "b.png", random_png(0)),
            ServedFigure(f"TEM image of rod {number}", "Figure 3", "c.png", random_png(1000 + number)),
        ]
        writer.add(ServedArticle(number, figures, hit_license="cc by-nc" if number % 10 == 0 else "cc by"))
    with run_server(writer.write(page_limit=15)) as running:
        yield running


def start(server: Server, folder: Path) -> subprocess.Popen:
    environment = {**os.environ, **server.environment, "MIRSEARCH_HTTP_RATE": "120"}
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(folder)], env=environment, stdout=subprocess.PIPE, text=True
    )


def run_to_end(server: Server, folder: Path) -> list:
    """A run to its end: its items."""
    with start(server, folder) as process:
        lines = process.stdout.read().splitlines()
    assert process.returncode == 0
    assert lines[0] == "start"
    assert lines[-1] == "end"
    return [json.loads(line) for line in lines[1:-1]]


def killed(server: Server, folder: Path, seconds: float) -> None:
    """A run killed so long after its start."""
    with start(server, folder) as process:
        assert process.stdout.readline() == "start\n"
        time.sleep(seconds)
        process.kill()
        process.stdout.read()


def kept(folder: Path, server: Server) -> set[str]:
    """Paths whose answers are in the cache."""
    with sqlite3.connect(folder / "cache" / "answers.sqlite") as db:
        rows = db.execute("SELECT url FROM answers").fetchall()
    db.close()
    return {url.removeprefix(server.url) for (url,) in rows}


def completed(server: Server, folder: Path) -> list:
    """One run without faults: what failed before is tried again, and nothing damaged was kept to fail once more."""
    server.faults()
    Ledger(
        folder / "ledger.sqlite"
    ).reset_attempts()  # too many failed runs otherwise skip an item until it is asked for
    items = run_to_end(server, folder)
    assert not [item for item in items if isinstance(item, dict)]
    return items


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_killed_at_random_moments(server, tmp_path, share):
    server.faults()
    expected = run_to_end(server, tmp_path / "undisturbed")
    assert len(expected) == 80
    folder, moments = tmp_path / "killed", random.Random(7)
    folder.mkdir()
    faults = [{"match": ".", "share": share, "kind": KINDS, "after": 0}] if share else []
    for number in range(KILLS):
        before = kept(folder, server) if (folder / "cache" / "answers.sqlite").exists() else set()
        server.faults(*faults, seed=number)
        killed(server, folder, moments.uniform(0.02, 0.35))
        again = {path for path in server.paths() if "/search?" not in path} & before
        assert not again
    items = completed(server, folder)
    assert sorted(items) == sorted(expected)
    server.faults()
    assert sorted(run_to_end(server, folder)) == sorted(expected)
    assert len([path for path in server.paths() if "/search?" not in path]) == 0
    assert not list((folder / "figures").rglob("*.part"))
