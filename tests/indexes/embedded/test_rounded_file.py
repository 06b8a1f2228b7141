"""The rounded rows stay up to date with the matrix, even after damage. Results never depend on them."""

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

from mirsearch.files.locks import FileLock
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded import derived_files
from mirsearch.indexes.embedded import search as embedded_search
from mirsearch.indexes.embedded.database import reembed as sqlite_reembed
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.indexes.embedded.vectors import matrix, matrix_file, rounded_file
from mirsearch.indexes.embedded.vectors.matrix import LOCK
from mirsearch.indexes.embedded.vectors.rounded import RoundedMatrix, has_exact_kernels, round_vectors
from mirsearch.query import Filters, SearchRequest
from mirsearch.ranking import Formula
from tests.conftest import REPOSITORY
from tests.support import index_records as made

RECORDS = [made.record(number) for number in range(30)]
REQUESTS = [
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
job.rounded_file.MIN_MATRIX_NUMBERS = 1
with job.EmbeddedIndex.open(sys.argv[1], create=job.made.IDENTITY) as index:
    while True:
        for number in range(30):
            job.put(index, number, number + 1)
            print(number, flush=True)
        with index.writer() as writer:
            writer.delete_figures([each.figure.id for each in job.RECORDS[:20]])
"""
pytestmark = pytest.mark.skipif(not has_exact_kernels(made.DIMS), reason="no int8 kernels here")


@pytest.fixture(autouse=True)
def allow_small_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use rounded rows even for a small matrix."""
    monkeypatch.setattr(rounded_file, "MIN_MATRIX_NUMBERS", 1)
    monkeypatch.setattr(embedded_search, "MAX_CANDIDATE_SHARE", 1.0)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EmbeddedIndex]:
    with made.filled(tmp_path, RECORDS[:20]) as opened:
        yield opened


def put(index: EmbeddedIndex, start: int, stop: int) -> None:
    made.put(index, RECORDS[start:stop])


def results(location: str) -> list[list[tuple[str, float]]]:
    with EmbeddedIndex.open(location) as opened:
        return [[(each.panel_id, each.score) for each in opened.search(request).panels] for request in REQUESTS]


def results_without_rounded(location: str) -> list[list[tuple[str, float]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounded_file, "load", lambda _: None)
        patch.setattr(rounded_file, "is_wanted", lambda _: False)
        return results(location)


def current_rounded(index: EmbeddedIndex) -> RoundedMatrix | None:
    """Return the rounded rows that an index uses, and check that they are those of its matrix."""
    with index._readers.transaction() as connection:
        snapshot = index._matrix.snapshot(connection)
    if snapshot.rounded is None:
        return None
    (block,) = snapshot.blocks
    expected = round_vectors(block)
    assert np.array_equal(snapshot.rounded.codes, expected.codes)
    assert np.array_equal(snapshot.rounded.scale, expected.scale)
    assert snapshot.rounded.error >= np.delete(expected.error, snapshot.rounded.outliers).max()
    return snapshot.rounded


def newly_opened_rounded(location: str) -> RoundedMatrix | None:
    with EmbeddedIndex.open(location) as opened:
        return current_rounded(opened)


def files(folder: str | Path) -> list[str]:
    return sorted(each.name for each in Path(folder).glob("coarse*"))


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0xFF
    path.write_bytes(data)


def rows_file(folder: Path) -> Path:
    return next(folder.glob("coarse-*.i8"))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no table": lambda folder: (folder / rounded_file.TABLE).unlink(),
    "no rows": lambda folder: rows_file(folder).unlink(),
    "neither": lambda folder: [each.unlink() for each in folder.glob("coarse*")],
    "empty table": lambda folder: (folder / rounded_file.TABLE).write_bytes(b""),
    "noise in the table": lambda folder: (folder / rounded_file.TABLE).write_bytes(b"\n\n\n{}\0" * 50),
    "a flipped byte in the header": lambda folder: flip(folder / rounded_file.TABLE, 60),
    "a flipped byte in the columns": lambda folder: flip(folder / rounded_file.TABLE, -9),
    "a flipped byte in the rows": lambda folder: flip(rows_file(folder), 501),
    "short rows": lambda folder: rows_file(folder).write_bytes(b"\0" * 100),
    "long rows": lambda folder: rows_file(folder).write_bytes(rows_file(folder).read_bytes() + b"\1" * 1000),
    "no matrix": lambda folder: next(folder.glob("matrix-*.f16")).unlink(),
    "a damaged matrix": lambda folder: flip(next(folder.glob("matrix-*.f16")), 77),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_detected_and_repaired(index: EmbeddedIndex, name: str) -> None:
    expected = results(index.location)
    assert len(newly_opened_rounded(index.location).codes) == 40
    DAMAGE[name](Path(index.location))
    assert results(index.location) == expected == results_without_rounded(index.location)
    assert len(newly_opened_rounded(index.location).codes) == 40
    assert len(files(index.location)) == 2
    DAMAGE[name](Path(index.location))
    put(index, 20, 25)
    assert len(current_rounded(index).codes) == len(newly_opened_rounded(index.location).codes) == 50
    assert results(index.location) == results_without_rounded(index.location)
    assert len(files(index.location)) == 2


def test_queries_use_the_rounded_rows(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, used = results(index.location), []
    monkeypatch.setattr(embedded_search.PassBackoff, "record", lambda _, useful: used.append(useful))
    assert results(index.location) == expected == results_without_rounded(index.location)
    assert used == [True] * len(REQUESTS)


def test_all_rows_are_scanned_if_too_many_candidates_are_left(
    index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, used = results(index.location), []
    monkeypatch.setattr(embedded_search, "MAX_CANDIDATE_SHARE", 0.1)
    monkeypatch.setattr(RoundedMatrix, "cosine_error_bound", lambda *_: 3.0)
    monkeypatch.setattr(embedded_search.PassBackoff, "record", lambda _, useful: used.append(useful))
    with EmbeddedIndex.open(index.location) as opened:
        for request, answer in zip(REQUESTS, expected, strict=True):
            one = SearchRequest(request.vector, request.field_of_view_nm, request.text, top=1,
                                formula=request.formula, text_vector=request.text_vector, filters=request.filters,
                                exclude=request.exclude)  # fmt: skip
            assert [(each.panel_id, each.score) for each in opened.search(one).panels] == answer[:1]
    assert used == [False] * len(REQUESTS)


def test_intact_rows_are_not_written_again(index: EmbeddedIndex) -> None:
    before = {each: each.stat().st_mtime_ns for each in Path(index.location).glob("coarse*")}
    assert len(before) == 2
    results(index.location)
    assert {each: each.stat().st_mtime_ns for each in Path(index.location).glob("coarse*")} == before


def test_a_copied_folder_keeps_them(index: EmbeddedIndex, tmp_path: Path) -> None:
    shutil.copytree(index.location, tmp_path / "copy", copy_function=shutil.copyfile)
    assert results(str(tmp_path / "copy")) == results(index.location)
    assert files(tmp_path / "copy") == files(index.location)


def test_new_rows_are_appended(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    first = files(index.location)
    monkeypatch.setattr(derived_files, "checksum", lambda *_: pytest.fail("the matrix is read once more"))
    put(index, 20, 24)
    assert files(index.location) == first
    assert rows_file(Path(index.location)).stat().st_size == 48 * made.DIMS
    assert len(current_rounded(index).codes) == 48
    with index.writer() as writer:
        writer.delete_figures([RECORDS[0].figure.id])
    assert files(index.location) == first
    assert len(current_rounded(index).codes) == 48
    assert results(index.location) == results_without_rounded(index.location)


def test_many_removed_rows_are_cleared_away(index: EmbeddedIndex) -> None:
    first = files(index.location)
    with index.writer() as writer:
        writer.delete_figures([each.figure.id for each in RECORDS[:12]])
    assert files(index.location) != first
    assert len(files(index.location)) == 2
    assert len(current_rounded(index).codes) == 16
    assert results(index.location) == results_without_rounded(index.location)


def test_a_small_index_has_none_and_a_grown_one_gets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounded_file, "MIN_MATRIX_NUMBERS", 30 * made.DIMS)
    location = str(tmp_path / "index")
    with EmbeddedIndex.open(location, create=made.IDENTITY) as index:
        put(index, 0, 10)
        assert current_rounded(index) is None
        assert files(location) == []
        put(index, 10, 20)
        assert len(current_rounded(index).codes) == 40
        with index.writer() as writer:
            writer.delete_figures([each.figure.id for each in RECORDS[:12]])
        assert current_rounded(index) is None
        assert files(location) == []
    monkeypatch.setattr(rounded_file, "MIN_MATRIX_NUMBERS", 10 * made.DIMS)
    assert len(newly_opened_rounded(location).codes) == 16


def test_without_kernels_there_are_no_rounded_rows(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = results(index.location)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mirsearch.indexes.embedded.vectors.scan.kernels", lambda: None)
        assert newly_opened_rounded(index.location) is None
        found = results(index.location)
    assert [[name for name, _ in each] for each in found] == [[name for name, _ in each] for each in expected]
    assert results(index.location) == expected


def test_what_a_dead_process_appended_is_overwritten(index: EmbeddedIndex) -> None:
    with rows_file(Path(index.location)).open("ab") as stream:
        stream.write(b"\x55" * 333)
    put(index, 20, 30)
    assert len(newly_opened_rounded(index.location).codes) == 60


@pytest.mark.parametrize("step", ["nothing done", "rows written", "table written"])
def test_a_process_that_dies_between_steps_does_no_damage(
    index: EmbeddedIndex, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def die(*_: object) -> None:
        raise Died

    with pytest.MonkeyPatch.context() as patch:
        if step == "nothing done":
            patch.setattr(rounded_file, "update", die)
        elif step == "rows written":
            patch.setattr(rounded_file, "_publish", die)
        else:
            patch.setattr(rounded_file, "_remove_all_but", die)
        with pytest.raises(Died):
            put(index, 20, 25)
    assert len(newly_opened_rounded(index.location).codes) == 50
    assert results(index.location) == results_without_rounded(index.location)
    put(index, 25, 30)
    assert len(current_rounded(index).codes) == 60
    assert len(files(index.location)) == 2


def test_rounded_rows_of_a_different_history_are_not_used(index: EmbeddedIndex, tmp_path: Path) -> None:
    """After restoring an older state of database and table, and adding other panels, the rounded rows differ."""
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
        assert len(current_rounded(other).codes) == 50
    assert results(index.location) == results_without_rounded(index.location)


def test_with_a_full_disk_queries_use_the_matrix_alone(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in Path(index.location).glob("coarse*"):
        each.unlink()
    append = derived_files.append_rows

    def fail_append(path: Path, *rest: object) -> int:
        if path.suffix == ".i8":
            raise OSError(errno.ENOSPC, "No space left on device")
        return append(path, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derived_files, "append_rows", fail_append)
        assert newly_opened_rounded(index.location) is None
        put(index, 20, 25)
        assert current_rounded(index) is None
        assert files(index.location) == []
        found = results(index.location)
    assert found == results(index.location)
    assert len(newly_opened_rounded(index.location).codes) == 50


def test_while_another_process_writes_queries_use_the_matrix_alone(index: EmbeddedIndex) -> None:
    expected = results(index.location)
    for each in Path(index.location).glob("coarse*"):
        each.unlink()
    with FileLock(Path(index.location) / LOCK):
        assert results(index.location) == expected
        assert newly_opened_rounded(index.location) is None
        assert files(index.location) == []
        with EmbeddedIndex.open(index.location) as reader:
            put(index, 20, 25)
            assert current_rounded(reader) is None
            assert len(reader.search(SearchRequest(REQUESTS[0].vector, top=10_000)).panels) == 50
    assert len(newly_opened_rounded(index.location).codes) == 50


def test_a_read_only_folder_is_searched_as_it_is(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: FileLock) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    expected = results(index.location)
    monkeypatch.setattr(matrix.FileLock, "__enter__", refused)
    assert len(newly_opened_rounded(index.location).codes) == 40
    assert results(index.location) == expected
    for each in Path(index.location).glob("coarse*"):
        each.unlink()
    assert newly_opened_rounded(index.location) is None
    assert results(index.location) == expected


def test_a_reembedded_index_has_rounded_rows_of_the_new_vectors(index: EmbeddedIndex) -> None:
    first = files(index.location)
    new = ExtractorIdentity("new", "1", 2 * made.DIMS)
    sqlite_reembed.reembed(index.location, new, lambda panels: made.vectors(len(panels), len(panels), new.dims))
    rounded_matrix = newly_opened_rounded(index.location)
    assert rounded_matrix.codes.shape == (40, new.dims)
    assert files(index.location) != first
    assert len(files(index.location)) == 2


def test_a_reader_keeps_its_mapped_rows(index: EmbeddedIndex) -> None:
    with EmbeddedIndex.open(index.location) as reader:
        with reader._readers.transaction() as connection:
            before = reader._matrix.snapshot(connection)
        expected = before.rounded.codes.copy()
        with index.writer() as writer:
            writer.delete_figures([each.figure.id for each in RECORDS[:12]])
        assert np.array_equal(before.rounded.codes, expected)
        assert len(current_rounded(reader).codes) == 16


def test_a_killed_writer_leaves_correct_rounded_rows(tmp_path: Path) -> None:
    location, random_source = str(tmp_path / "index"), random.Random(5)
    for _ in range(8):
        command = [sys.executable, "-c", WRITER, location, str(REPOSITORY)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(random_source.randrange(1, 45)):
                assert process.stdout.readline()
            time.sleep(random_source.uniform(0, 0.02))
            process.kill()
            process.wait()
        assert newly_opened_rounded(location) is not None
        assert results(location) == results_without_rounded(location)
        with EmbeddedIndex.open(location) as opened:  # what a kill left of replaced rows goes with the next commit
            put(opened, 0, 1)
        assert len(files(location)) == 2


def test_concurrent_queries_get_the_same_results(index: EmbeddedIndex) -> None:
    expected = results(index.location)

    def ask(number: int) -> list[tuple[str, float]]:
        return [(each.panel_id, each.score) for each in index.search(REQUESTS[number % len(REQUESTS)]).panels]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(20 * len(REQUESTS))))
    assert found == 20 * expected
