"""An ingest killed at random moments and run again ends with the corpus of an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

from mirsearch.synthetic.corpus import write_corpus
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.cli_runner import run

KILLS = 20
COMMAND = [sys.executable, "-m", "mirsearch", "ingest"]


@pytest.fixture(scope="module")
def small_figures(tmp_path_factory) -> Path:
    """Many small files, so that there is something to kill at every moment; one of them twice, one damaged."""
    drawn = write_corpus(tmp_path_factory.mktemp("drawn"), figures=2, seed=5)
    folder = tmp_path_factory.mktemp("small") / "figures"
    folder.mkdir()
    rows = ["file,caption,doi"]
    for figure in drawn.figures:
        picture = cv2.imread(str(drawn.folder / figure.file))
        height, width = picture.shape[:2]
        for number in range(5):
            y, x = (number // 3) * height // 3, (number % 3) * width // 4
            name = f"{Path(figure.file).stem}_{number}.png"
            cv2.imwrite(str(folder / name), picture[y : y + 130, x : x + 170])
            rows.append(f'{name},"View {number} of figure {figure.label}",{figure.doi}')
    (folder / "zz_copy.png").write_bytes((folder / name).read_bytes())
    (folder / "zz_damaged.png").write_bytes((folder / name).read_bytes()[:300])
    (folder / "captions.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


@pytest.fixture(params=BACKENDS)
def location(request, tmp_path_factory) -> str:
    """Locations for an index."""
    return new_location(request.param, request, tmp_path_factory)


def corpus_of(index: Path | str) -> list[dict]:
    return [json.loads(line) for line in run("export", "--vectors", "--index", index).out.splitlines()]


def start(figures: Path, index: Path) -> subprocess.Popen[bytes]:
    command = [*COMMAND, str(figures), "--index", str(index)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def killed_at(figures: Path, index: Path, moment: float) -> bool:
    """Start an ingest and kill it after `moment` s; False where it was done before."""
    process = start(figures, index)
    try:
        process.wait(timeout=moment)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def test_killed_twenty_times_the_corpus_is_the_same(small_figures, tmp_path):
    began = time.monotonic()
    assert start(small_figures, tmp_path / "whole").wait() == 1  # the damaged file failed, all others came in
    undisturbed = time.monotonic() - began
    whole = corpus_of(tmp_path / "whole")
    known = {row["id"]: row for row in whole}
    moments, killed, number = random.Random(20), 0, 0
    while killed < KILLS:
        index = tmp_path / f"killed-{number}"
        while killed < KILLS and killed_at(small_figures, index, moments.uniform(0.15, 0.95) * undisturbed):
            killed += 1
            if (index / "corpus.sqlite3").exists():
                assert all(
                    row | {"origins": known[row["id"]]["origins"]} == known[row["id"]] for row in corpus_of(index)
                )
        assert start(small_figures, index).wait() == 1
        assert corpus_of(index) == whole
        number += 1


def heed_interrupts() -> None:
    """A suite that runs in the background may have been started with Ctrl-C ignored, and its children with it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_ctrl_c_keeps_what_is_done_and_goes_on_later(small_figures, location):
    process = subprocess.Popen(
        [*COMMAND, str(small_figures), "--index", location, "--workers", "1"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509  nothing but the signal is touched
    )  # fmt: skip
    while process.poll() is None and not figures_of(location):
        time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    summary = run("ingest", small_figures, "--index", location, "--format", "json", code=1).json()
    assert len(summary["failures"]) == 1
    assert "zz_damaged.png" in summary["failures"][0]["file"]
    assert figures_of(location) == summary["figures"]["new"] + summary["figures"]["already_there"] - 1


def figures_of(location: str) -> int:
    """Counts of figures; 0 if there is no index yet."""
    result = run("stats", "--index", location, "--format", "json", code=None)
    return result.json()["figures"] if result.code == 0 else 0


def test_a_second_writer_learns_who_writes(small_figures, location):
    from mirsearch.indexes import open_index
    from mirsearch.indexes.base import ExtractorIdentity

    run("ingest", small_figures / "zz_copy.png", "--index", location)
    corpus = open_index(location)
    assert isinstance(corpus.extractor, ExtractorIdentity)
    with corpus.writer():
        refused = run("ingest", small_figures, "--index", location, code=1)
    assert str(os.getpid()) in refused.err
    corpus.close()
