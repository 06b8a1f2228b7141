"""Copies of whole indexes, on both kinds and between them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mirsearch.errors import IndexMismatchError, UsageError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.faults import COPYING
from mirsearch.transfer.copying import copy_index
from tests.support.cli_runner import run
from tests.support.whole_indexes import IDENTITY, assert_same_answers, contents, fill

Locations = Callable[[str, str], str]


@pytest.fixture
def locations(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Locations]:
    """Makes locations of indexes of a kind, which are removed afterwards."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    made: list[str] = []

    def make(kind: str, name: str) -> str:
        if kind == "embedded":
            return str(tmp_path / name)
        made.append(f"{request.getfixturevalue('es_url')}/test-copy-{os.getpid()}-{name}")
        return made[-1]

    yield make
    if made:
        from mirsearch.indexes.elasticsearch.admin import drop_index

        for location in made:
            drop_index(location)


KINDS = [(one, other) for one in ("embedded", "elasticsearch") for other in ("embedded", "elasticsearch")]


@pytest.mark.parametrize(("kind", "other"), KINDS)
def test_a_copy_has_all_and_gives_the_same_answers(kind: str, other: str, locations: Locations, tmp_path: Path) -> None:
    source, target = locations(kind, "source"), locations(other, "target")
    with closing(open_index(source, create=IDENTITY)) as index:
        fill(index, tmp_path)
    run("index", "copy", source, target)
    with closing(open_index(source)) as index, closing(open_index(target)) as copied:
        assert contents(copied) == contents(index)
        assert copied.extractor == index.extractor
        assert_same_answers(index, copied, text=kind == other, tolerance=1e-6 if kind == other else 1e-4)
        assert_same_answers(index, copied, text=False, tolerance=1e-6 if kind == other else 1e-4)
    run("verify", "--index", target)


def test_pictures_come_along_and_the_source_can_go(tmp_path: Path) -> None:
    with closing(open_index(str(tmp_path / "a"), create=IDENTITY)) as index:
        fill(index, tmp_path)
    run("index", "copy", tmp_path / "a", tmp_path / "b")
    (tmp_path / "a").rename(tmp_path / "gone")
    with closing(open_index(str(tmp_path / "b"))) as copied:
        inside = [path for figure in _figures(copied) for path in figure if "acquired" in path]
    assert len(inside) == 6
    assert all(path.startswith(str(tmp_path / "b")) and Path(path).is_file() for path in inside)


def _figures(index) -> list[list[str]]:  # type: ignore[no-untyped-def]
    with index.snapshot() as snapshot:
        return [[origin.location for origin in figure.origins] for figure in snapshot.figures()]


def test_another_extractor_a_full_target_and_the_index_itself_are_refused(tmp_path: Path) -> None:
    source, target = str(tmp_path / "a"), str(tmp_path / "b")
    with closing(open_index(source, create=IDENTITY)) as index, closing(open_index(target, create=IDENTITY)) as other:
        fill(index, tmp_path, 3)
        fill(other, tmp_path, 1, first=50)
        with pytest.raises(UsageError, match="not empty"):
            copy_index(index, other)
        with pytest.raises(UsageError, match="same index"):
            copy_index(index, index)
    foreign = ExtractorIdentity("made", "2", IDENTITY.dims)
    open_index(str(tmp_path / "c"), create=foreign).close()
    assert run("index", "copy", source, tmp_path / "c", code=1).err
    with closing(open_index(source)) as index, pytest.raises(IndexMismatchError):
        open_index(str(tmp_path / "c"), create=index.extractor)


CHILD = """
import os, signal, sys
from mirsearch.indexes import open_index
from mirsearch.transfer import copying
copying._COMMIT_SECONDS = 0.0
source, last = open_index(sys.argv[1]), int(sys.argv[3])
target = open_index(sys.argv[2], create=source.extractor)
copying.copy_index(source, target, lambda done, total: os.kill(os.getpid(), signal.SIGKILL) if done >= last else None)
"""


@pytest.mark.parametrize("kind", ["embedded", "elasticsearch"])
def test_a_copy_that_is_killed_is_completed_by_the_same_call(kind: str, locations: Locations, tmp_path: Path) -> None:
    source, target = locations("embedded", "source"), locations(kind, "target")
    with closing(open_index(source, create=IDENTITY)) as index:
        fill(index, tmp_path, 400)
    for last in (1, 150, 300):
        child = subprocess.run([sys.executable, "-c", CHILD, source, target, str(last)], check=False)
        assert child.returncode == -signal.SIGKILL
    assert "run the same command again" in run("verify", "--index", target, code=3).out
    with closing(open_index(source)) as index, closing(open_index(target)) as other:
        assert list(other.entries(COPYING)) == [source]
        figures = list(contents(other)["notes"])
        assert 0 < len(figures) < 400
        with index.writer() as writer:  # the source goes on: a figure that was copied goes
            writer.delete_figures(figures[:1])
        summary = copy_index(index, other)
        assert summary.present > 0
        assert contents(other) == contents(index)
        assert not other.entries(COPYING)
    run("verify", "--index", target)
