"""The matrix files stay up to date with the database, even after damage to the files or a restored database."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mirsearch.files.locks import FileLock
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.indexes.embedded.vectors import matrix as matrix_module
from mirsearch.indexes.embedded.vectors import matrix_file, scan
from mirsearch.indexes.embedded.vectors.matrix import LOCK, Snapshot
from mirsearch.indexes.embedded.vectors.scan import Scanner, usearch_dots
from mirsearch.query import SearchRequest
from tests.support import index_records as made

RECORDS = [made.record(number) for number in range(30)]
QUERY = SearchRequest(made.vectors(500, 1)[0], top=10_000)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EmbeddedIndex]:
    with made.filled(tmp_path, RECORDS[:20]) as opened:
        yield opened


def put(index: EmbeddedIndex, start: int, stop: int) -> None:
    made.put(index, RECORDS[start:stop])


def hits(location: str) -> list[tuple[str, float]]:
    with EmbeddedIndex.open(location) as fresh:
        return [(each.panel_id, round(each.score, 6)) for each in fresh.search(QUERY).panels]


def snapshot(index: EmbeddedIndex) -> Snapshot:
    with index._readers.transaction() as connection:
        return index._matrix.snapshot(connection)


def files(index: EmbeddedIndex) -> list[Path]:
    return sorted(Path(index.location).glob("matrix-*.f16"))


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0xFF
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "no table": lambda folder: (folder / matrix_file.TABLE).unlink(),
    "no matrix": lambda folder: next(folder.glob("matrix-*.f16")).unlink(),
    "empty table": lambda folder: (folder / matrix_file.TABLE).write_bytes(b""),
    "noise in the table": lambda folder: (folder / matrix_file.TABLE).write_bytes(b"\n\n\n{}\0" * 50),
    "a flipped byte in the header": lambda folder: flip(folder / matrix_file.TABLE, 60),
    "a flipped byte in the columns": lambda folder: flip(folder / matrix_file.TABLE, -9),
    "a flipped byte in the matrix": lambda folder: flip(next(folder.glob("matrix-*.f16")), 1001),
    "a short matrix": lambda folder: next(folder.glob("matrix-*.f16")).write_bytes(b"\0" * 100),
    "a long matrix": lambda folder: next(folder.glob("matrix-*.f16")).write_bytes(
        next(folder.glob("matrix-*.f16")).read_bytes() + b"\1" * 1000
    ),
    "a folder for a table": lambda folder: [
        (folder / matrix_file.TABLE).unlink(),
        (folder / matrix_file.TABLE).mkdir(),
    ],
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_matrix_is_made_again(index: EmbeddedIndex, name: str) -> None:
    expected = hits(index.location)
    assert len(expected) == 40
    DAMAGE[name](Path(index.location))
    assert hits(index.location) == expected
    put(index, 20, 25)
    assert len(hits(index.location)) == 50


def test_an_intact_matrix_is_not_written_again(index: EmbeddedIndex) -> None:
    before = {each: each.stat().st_mtime_ns for each in Path(index.location).glob("matrix[-.]*")}
    hits(index.location)
    assert {each: each.stat().st_mtime_ns for each in Path(index.location).glob("matrix[-.]*")} == before


def test_a_copied_folder_keeps_its_matrix(index: EmbeddedIndex, tmp_path: Path) -> None:
    shutil.copytree(index.location, tmp_path / "copy", copy_function=shutil.copyfile)
    assert hits(str(tmp_path / "copy")) == hits(index.location)
    assert [each.name for each in (tmp_path / "copy").glob("matrix-*")] == [each.name for each in files(index)]


def test_new_panels_are_appended_and_removed_ones_left_out(index: EmbeddedIndex) -> None:
    first = files(index)
    put(index, 20, 24)
    with index.writer() as writer:
        writer.delete_figures([RECORDS[0].figure.id])
    assert files(index) == first
    current = snapshot(index)
    assert (len(current.table), int(current.table.alive.sum())) == (48, 46)
    assert first[0].stat().st_size == 48 * made.DIMS * 2


def test_many_removed_rows_are_cleared_away(index: EmbeddedIndex) -> None:
    first = files(index)
    with index.writer() as writer:
        writer.delete_figures([each.figure.id for each in RECORDS[:12]])
    assert files(index) != first
    assert len(files(index)) == 1
    current = snapshot(index)
    assert len(current.table) == current.table.alive.sum() == 16
    assert len(hits(index.location)) == 16


def test_a_database_put_back_to_an_older_state_gets_its_own_matrix(index: EmbeddedIndex, tmp_path: Path) -> None:
    shutil.copytree(index.location, tmp_path / "old")
    put(index, 20, 24)
    copy = tmp_path / "old"
    for each in Path(index.location).glob("corpus*"):
        each.unlink()
    for each in copy.glob("corpus*"):
        shutil.copy(each, index.location)
    assert hits(index.location) == hits(str(copy))
    with EmbeddedIndex.open(index.location) as other:
        put(other, 25, 30)  # the same number of commits as the matrix had, with other panels
        found = {each.panel_id for each in other.search(QUERY).panels}
    assert found == {panel.id for each in (*RECORDS[:20], *RECORDS[25:]) for panel in each.panels}


def test_without_a_writable_matrix_vectors_stay_in_memory(index: EmbeddedIndex) -> None:
    expected = hits(index.location)
    folder = Path(index.location)
    for each in (*files(index), folder / matrix_file.TABLE):
        each.unlink()
    with FileLock(folder / LOCK), EmbeddedIndex.open(index.location) as reader:
        found = [(each.panel_id, round(each.score, 6)) for each in reader.search(QUERY).panels]
        assert found == expected
        put(index, 20, 22)
        assert len(reader.search(QUERY).panels) == 44
        with index.writer() as writer:
            writer.delete_figures([RECORDS[1].figure.id])
        assert len(reader.search(QUERY).panels) == 42
        assert files(index) == []
    assert len(hits(index.location)) == 42
    assert len(files(index)) == 1


def test_rows_beyond_the_file_are_joined_to_it(index: EmbeddedIndex) -> None:
    with FileLock(Path(index.location) / LOCK), EmbeddedIndex.open(index.location) as reader:
        assert len(reader.search(QUERY).panels) == 40
        for start in (20, 23):
            put(index, start, start + 3)
            assert len(reader.search(QUERY).panels) == 2 * (start + 3)
        current = snapshot(reader)
        assert [len(block) for block in current.blocks] == [40, 12]
        for number in (3, 21, 25):
            best = reader.search(SearchRequest(RECORDS[number].vectors[1], top=1)).panels[0]
            assert best.panel_id == RECORDS[number].panels[1].id


def test_many_chunks_make_one_matrix(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = hits(index.location)
    monkeypatch.setattr(matrix_module, "CHUNK_ROWS", 7)
    (Path(index.location) / matrix_file.TABLE).unlink()
    assert hits(index.location) == expected


def test_what_a_dead_process_appended_is_overwritten(index: EmbeddedIndex) -> None:
    with files(index)[0].open("ab") as stream:
        stream.write(b"\xff" * 333)
    put(index, 20, 30)
    for each in RECORDS:
        best = index.search(SearchRequest(each.vectors[0], top=1)).panels[0]
        assert best.panel_id == each.panels[0].id


@pytest.mark.parametrize("rows", [0, 1, 511, 512, 5_000])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("piece", [1, 700, 1 << 20])
def test_kernels_agree_with_numpy(rows: int, threads: int, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_SMALLEST_PIECE", piece)
    monkeypatch.setattr(scan, "_PIECE_BYTES", piece)
    matrix = made.vectors(1, max(rows, 1), 129).astype(np.float16)[:rows]
    query = made.vectors(2, 1, 129)[0].astype(np.float16)
    expected = matrix.astype(np.float64) @ query.astype(np.float64)
    scanner = Scanner(threads)
    assert np.allclose(scanner.dots(matrix, query), expected, atol=1e-5)
    out = np.empty(rows, dtype=np.float32)
    assert scanner.start_dots([matrix[: rows // 3], matrix[rows // 3 :]], query, out)() is out
    assert np.allclose(out, expected, atol=1e-5)
    if rows:
        assert np.allclose(usearch_dots(matrix, query[None]), expected, atol=1e-5)
    scanner.close()


def test_an_error_in_a_scanning_thread_reaches_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_SMALLEST_PIECE", 1)
    monkeypatch.setattr(scan, "_PIECE_BYTES", 1)
    scanner, entered = Scanner(2), threading.Event()

    class Kernels:
        @staticmethod
        def cdist(part: np.ndarray, *_: object) -> np.ndarray:
            if threading.current_thread() is threading.main_thread():
                entered.wait(60)
                return np.zeros(len(part))
            entered.set()
            raise RuntimeError("in a thread")

    monkeypatch.setattr(scan, "kernels", Kernels)
    matrix = made.vectors(1, 50).astype(np.float16)
    with pytest.raises(RuntimeError, match="in a thread"):
        scanner.dots(matrix, matrix[0])
    scanner.close()


def test_many_pieces_make_one_answer(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = hits(index.location)
    monkeypatch.setattr(scan, "_SMALLEST_PIECE", 3)
    monkeypatch.setattr(scan, "_PIECE_BYTES", 3)
    assert hits(index.location) == expected


def test_usearch_replaces_missing_kernels(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = hits(index.location)
    monkeypatch.setattr("mirsearch.indexes.embedded.vectors.scan.kernels", lambda: None)
    found = hits(index.location)
    assert [each for each, _ in found] == [each for each, _ in expected]
    assert np.allclose([score for _, score in found], [score for _, score in expected], atol=1e-5)
