"""The rounded rows beside a matrix follow it, whatever happens to either; answers never depend on them."""

from __future__ import annotations

import errno
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded import derived_files as noted
from mirsearch.indexes.embedded import search as embedded_search
from mirsearch.indexes.embedded.database import reembed as sqlite_reembed
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.indexes.embedded.locks import FileLock
from mirsearch.indexes.embedded.vectors import matrix, matrix_file
from mirsearch.indexes.embedded.vectors import rounded_file as coarse_file
from mirsearch.indexes.embedded.vectors.matrix import LOCK
from mirsearch.indexes.embedded.vectors.rounded import Coarse, rounded, usable
from mirsearch.query import Filters, SearchRequest
from mirsearch.ranking import Formula
from tests.conftest import REPOSITORY
from tests.support import index_records as made

RECORDS = [made.record(number) for number in range(30)]
ASKED = [
    SearchRequest(RECORDS[3].vectors[1]),
    SearchRequest(made.vectors(500, 1)[0], 900.0),
    SearchRequest(made.vectors(501, 1)[0], 2e3, "gold nanotubes", formula=Formula(missing="exclude")),
    SearchRequest(made.vectors(502, 1)[0], 50.0, "SEM", formula=Formula(missing="penalize"), top=7),
    SearchRequest(made.vectors(503, 1)[0], filters=Filters(kinds=("micrograph", "plot"))),
    SearchRequest(made.vectors(504, 1)[0], exclude=frozenset(each.id for each in RECORDS[2].panels)),
    SearchRequest(made.vectors(505, 1)[0], 90.0, text_vector=made.vectors(506, 1)[0]),
]
WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from tests.indexes.embedded import test_rounded_file as job
job.coarse_file.LEAST_NUMBERS = 1
with job.EmbeddedIndex.open(sys.argv[1], create=job.made.IDENTITY) as index:
    while True:
        for number in range(30):
            job.put(index, number, number + 1)
            print(number, flush=True)
        with index.writer() as writer:
            writer.delete([each.figure.id for each in job.RECORDS[:20]])
"""
pytestmark = pytest.mark.skipif(not usable(made.DIMS), reason="no int8 kernels here")


@pytest.fixture(autouse=True)
def for_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few rows of few dims be worth it."""
    monkeypatch.setattr(coarse_file, "LEAST_NUMBERS", 1)
    monkeypatch.setattr(embedded_search, "CANDIDATE_SHARE", 1.0)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EmbeddedIndex]:
    with made.filled(tmp_path, RECORDS[:20]) as opened:
        yield opened


def put(index: EmbeddedIndex, start: int, stop: int) -> None:
    made.put(index, RECORDS[start:stop])


def answers(location: str) -> list[list[tuple[str, float]]]:
    with EmbeddedIndex.open(location) as fresh:
        return [[(each.panel_id, each.score) for each in fresh.search(request).panels] for request in ASKED]


def answers_without(location: str) -> list[list[tuple[str, float]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coarse_file, "load", lambda _: None)
        patch.setattr(coarse_file, "wanted", lambda _: False)
        return answers(location)


def held(index: EmbeddedIndex) -> Coarse | None:
    """The rounded rows that an index asks, which are those of its matrix."""
    with index._readers.snapshot() as connection:
        now = index._matrix.at(connection)
    if now.coarse is None:
        return None
    (block,) = now.blocks
    expected = rounded(block)
    assert np.array_equal(now.coarse.codes, expected.codes)
    assert np.array_equal(now.coarse.scale, expected.scale)
    assert now.coarse.error >= np.delete(expected.error, now.coarse.outliers).max()
    return now.coarse


def fresh(location: str) -> Coarse | None:
    with EmbeddedIndex.open(location) as opened:
        return held(opened)


def files(folder: str | Path) -> list[str]:
    return sorted(each.name for each in Path(folder).glob("coarse*"))


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


def rows_file(folder: Path) -> Path:
    return next(folder.glob("coarse-*.i8"))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no table": lambda folder: (folder / coarse_file.TABLE).unlink(),
    "no rows": lambda folder: rows_file(folder).unlink(),
    "neither": lambda folder: [each.unlink() for each in folder.glob("coarse*")],
    "empty table": lambda folder: (folder / coarse_file.TABLE).write_bytes(b""),
    "noise in the table": lambda folder: (folder / coarse_file.TABLE).write_bytes(b"\n\n\n{}\0" * 50),
    "a flipped byte in the header": lambda folder: flip(folder / coarse_file.TABLE, 60),
    "a flipped byte in the columns": lambda folder: flip(folder / coarse_file.TABLE, -9),
    "a flipped byte in the rows": lambda folder: flip(rows_file(folder), 501),
    "short rows": lambda folder: rows_file(folder).write_bytes(b"\0" * 100),
    "long rows": lambda folder: rows_file(folder).write_bytes(rows_file(folder).read_bytes() + b"\1" * 1000),
    "no matrix": lambda folder: next(folder.glob("matrix-*.f16")).unlink(),
    "a damaged matrix": lambda folder: flip(next(folder.glob("matrix-*.f16")), 77),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found_and_all_made_again(index: EmbeddedIndex, name: str) -> None:
    expected = answers(index.location)
    assert len(fresh(index.location).codes) == 40
    DAMAGE[name](Path(index.location))
    assert answers(index.location) == expected == answers_without(index.location)
    assert len(fresh(index.location).codes) == 40
    assert len(files(index.location)) == 2
    DAMAGE[name](Path(index.location))
    put(index, 20, 25)
    assert len(held(index).codes) == len(fresh(index.location).codes) == 50
    assert answers(index.location) == answers_without(index.location)
    assert len(files(index.location)) == 2


def test_a_coarse_pass_is_what_answers(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, used = answers(index.location), []
    monkeypatch.setattr(embedded_search.Worth, "note", lambda _, useful: used.append(useful))
    assert answers(index.location) == expected == answers_without(index.location)
    assert used == [True] * len(ASKED)


def test_where_too_many_are_left_all_are_scanned(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, used = answers(index.location), []
    monkeypatch.setattr(embedded_search, "CANDIDATE_SHARE", 0.1)
    monkeypatch.setattr(Coarse, "bound", lambda *_: 3.0)
    monkeypatch.setattr(embedded_search.Worth, "note", lambda _, useful: used.append(useful))
    with EmbeddedIndex.open(index.location) as opened:
        for request, answer in zip(ASKED, expected, strict=True):
            one = SearchRequest(request.vector, request.field_of_view_nm, request.text, top=1,
                                formula=request.formula, text_vector=request.text_vector, filters=request.filters,
                                exclude=request.exclude)  # fmt: skip
            assert [(each.panel_id, each.score) for each in opened.search(one).panels] == answer[:1]
    assert used == [False] * len(ASKED)


def test_intact_rows_are_not_written_again(index: EmbeddedIndex) -> None:
    before = {each: each.stat().st_mtime_ns for each in Path(index.location).glob("coarse*")}
    assert len(before) == 2
    answers(index.location)
    assert {each: each.stat().st_mtime_ns for each in Path(index.location).glob("coarse*")} == before


def test_a_copied_folder_keeps_them(index: EmbeddedIndex, tmp_path: Path) -> None:
    shutil.copytree(index.location, tmp_path / "copy", copy_function=shutil.copyfile)
    assert answers(str(tmp_path / "copy")) == answers(index.location)
    assert files(tmp_path / "copy") == files(index.location)


def test_new_rows_are_appended(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    first = files(index.location)
    monkeypatch.setattr(noted, "checksum", lambda *_: pytest.fail("the matrix is read once more"))
    put(index, 20, 24)
    assert files(index.location) == first
    assert rows_file(Path(index.location)).stat().st_size == 48 * made.DIMS
    assert len(held(index).codes) == 48
    with index.writer() as writer:
        writer.delete([RECORDS[0].figure.id])
    assert files(index.location) == first
    assert len(held(index).codes) == 48
    assert answers(index.location) == answers_without(index.location)


def test_many_removed_rows_are_cleared_away(index: EmbeddedIndex) -> None:
    first = files(index.location)
    with index.writer() as writer:
        writer.delete([each.figure.id for each in RECORDS[:12]])
    assert files(index.location) != first
    assert len(files(index.location)) == 2
    assert len(held(index).codes) == 16
    assert answers(index.location) == answers_without(index.location)


def test_a_small_index_has_none_and_a_grown_one_gets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coarse_file, "LEAST_NUMBERS", 30 * made.DIMS)
    location = str(tmp_path / "index")
    with EmbeddedIndex.open(location, create=made.IDENTITY) as index:
        put(index, 0, 10)
        assert held(index) is None
        assert files(location) == []
        put(index, 10, 20)
        assert len(held(index).codes) == 40
        with index.writer() as writer:
            writer.delete([each.figure.id for each in RECORDS[:12]])
        assert held(index) is None
        assert files(location) == []
    monkeypatch.setattr(coarse_file, "LEAST_NUMBERS", 10 * made.DIMS)
    assert len(fresh(location).codes) == 16


def test_without_kernels_there_are_none(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = answers(index.location)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mirsearch.indexes.embedded.vectors.scan.kernels", lambda: None)
        assert fresh(index.location) is None
        found = answers(index.location)
    assert [[name for name, _ in each] for each in found] == [[name for name, _ in each] for each in expected]
    assert answers(index.location) == expected


def test_what_a_dead_process_appended_is_overwritten(index: EmbeddedIndex) -> None:
    with rows_file(Path(index.location)).open("ab") as stream:
        stream.write(b"\x55" * 333)
    put(index, 20, 30)
    assert len(fresh(index.location).codes) == 60


@pytest.mark.parametrize("step", ["nothing done", "rows written", "table written"])
def test_a_process_that_dies_on_the_way_leaves_all_whole(
    index: EmbeddedIndex, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def die(*_: object) -> None:
        raise Died

    with pytest.MonkeyPatch.context() as patch:
        if step == "nothing done":
            patch.setattr(coarse_file, "follow", die)
        elif step == "rows written":
            patch.setattr(coarse_file, "_publish", die)
        else:
            patch.setattr(coarse_file, "_clear", die)
        with pytest.raises(Died):
            put(index, 20, 25)
    assert len(fresh(index.location).codes) == 50
    assert answers(index.location) == answers_without(index.location)
    put(index, 25, 30)
    assert len(held(index).codes) == 60
    assert len(files(index.location)) == 2


def test_rows_of_a_matrix_that_went_another_way_are_not_used(index: EmbeddedIndex, tmp_path: Path) -> None:
    """An older state of database and table, put back, gets other rows behind those that they had in common."""
    folder = Path(index.location)
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    put(index, 20, 25)
    for name in ("corpus*", matrix_file.TABLE):
        for each in folder.glob(name):
            each.unlink()
        for each in old.glob(name):
            shutil.copy(each, folder)
    with EmbeddedIndex.open(index.location) as other:
        put(other, 25, 30)
        assert next(folder.glob("matrix-*.f16")).name == next(old.glob("matrix-*.f16")).name
        assert len(held(other).codes) == 50
    assert answers(index.location) == answers_without(index.location)


def test_without_room_the_matrix_answers_alone(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in Path(index.location).glob("coarse*"):
        each.unlink()
    append = noted.append

    def full(path: Path, *rest: object) -> int:
        if path.suffix == ".i8":
            raise OSError(errno.ENOSPC, "No space left on device")
        return append(path, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(noted, "append", full)
        assert fresh(index.location) is None
        put(index, 20, 25)
        assert held(index) is None
        assert files(index.location) == []
        found = answers(index.location)
    assert found == answers(index.location)
    assert len(fresh(index.location).codes) == 50


def test_while_another_process_writes_the_matrix_answers_alone(index: EmbeddedIndex) -> None:
    expected = answers(index.location)
    for each in Path(index.location).glob("coarse*"):
        each.unlink()
    with FileLock(Path(index.location) / LOCK):
        assert answers(index.location) == expected
        assert fresh(index.location) is None
        assert files(index.location) == []
        with EmbeddedIndex.open(index.location) as reader:
            put(index, 20, 25)
            assert held(reader) is None
            assert len(reader.search(SearchRequest(ASKED[0].vector, top=10_000)).panels) == 50
    assert len(fresh(index.location).codes) == 50


def test_a_folder_that_may_only_be_read_is_asked_as_it_is(
    index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: FileLock) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    expected = answers(index.location)
    monkeypatch.setattr(matrix.FileLock, "__enter__", refused)
    assert len(fresh(index.location).codes) == 40
    assert answers(index.location) == expected
    for each in Path(index.location).glob("coarse*"):
        each.unlink()
    assert fresh(index.location) is None
    assert answers(index.location) == expected


def test_an_index_embedded_anew_has_rows_of_the_new_vectors(index: EmbeddedIndex) -> None:
    first = files(index.location)
    new = ExtractorIdentity("new", "1", 2 * made.DIMS)
    sqlite_reembed.reembed(index.location, new, lambda panels: made.vectors(len(panels), len(panels), new.dims))
    whole = fresh(index.location)
    assert whole.codes.shape == (40, new.dims)
    assert files(index.location) != first
    assert len(files(index.location)) == 2


def test_a_reader_goes_on_with_what_it_has_mapped(index: EmbeddedIndex) -> None:
    with EmbeddedIndex.open(index.location) as reader:
        with reader._readers.snapshot() as connection:
            before = reader._matrix.at(connection)
        expected = before.coarse.codes.copy()
        with index.writer() as writer:
            writer.delete([each.figure.id for each in RECORDS[:12]])
        assert np.array_equal(before.coarse.codes, expected)
        assert len(held(reader).codes) == 16


def test_a_writer_killed_at_random_moments_leaves_them_true(tmp_path: Path) -> None:
    location, luck = str(tmp_path / "index"), random.Random(5)
    for _ in range(8):
        command = [sys.executable, "-c", WRITER, location, str(REPOSITORY)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(luck.randrange(1, 45)):
                assert process.stdout.readline()
            time.sleep(luck.uniform(0, 0.02))
            process.kill()
            process.wait()
        assert fresh(location) is not None
        assert answers(location) == answers_without(location)
        with EmbeddedIndex.open(location) as opened:  # what a kill left of replaced rows goes with the next commit
            put(opened, 0, 1)
        assert len(files(location)) == 2


def test_threads_that_ask_at_once_get_the_same(index: EmbeddedIndex) -> None:
    expected = answers(index.location)

    def ask(at: int) -> list[tuple[str, float]]:
        return [(each.panel_id, each.score) for each in index.search(ASKED[at % len(ASKED)]).panels]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(20 * len(ASKED))))
    assert found == 20 * expected
