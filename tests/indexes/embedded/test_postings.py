"""The words file stays up to date with the database, and gives the same scores as FTS5."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mirsearch.files.locks import FileLock
from mirsearch.indexes.base import FigureRecord
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.indexes.embedded.words import bm25
from mirsearch.indexes.embedded.words import postings as postings_module
from mirsearch.indexes.embedded.words.bm25 import Bm25, score_by_postings
from mirsearch.indexes.embedded.words.postings import LOCK
from mirsearch.query import SearchRequest
from mirsearch.text.tokens import query_terms
from tests.support import index_records as made
from tests.support.fts5 import score_by_fts5

WORDS = ("gold", "carbon", "nanotube", "silver", "made", "article", "grown", "nm", "of", "image")
QUESTION = '"made article" gold nanotubes 111 image of carbon silver nowhere "image of carbon" kx title'


def record(number: int, **changes: Any) -> FigureRecord:
    rng = np.random.default_rng(number)
    return made.record(number, caption=" ".join(rng.choice(WORDS, size=rng.integers(1, 30))), **changes)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EmbeddedIndex]:
    with made.filled(tmp_path, (record(number) for number in range(40))) as opened:
        yield opened


def put(index: EmbeddedIndex, start: int, stop: int) -> None:
    made.put(index, (record(number) for number in range(start, stop)))


def files(index: EmbeddedIndex) -> list[Path]:
    return sorted(Path(index.location).glob("words-*"))


def check(index: EmbeddedIndex, parts: int) -> None:
    """Check that words and scores are those of FTS5, and the number of parts."""
    with index._readers.transaction() as connection:
        snapshot = index._matrix.snapshot(connection)
        word_index = index._postings.word_index(connection, snapshot)
        assert parts == len(word_index.parts)
        for term in query_terms(QUESTION):
            from_postings, from_fts5 = score_by_postings(word_index, term), score_by_fts5(connection, snapshot, term)
            alive = snapshot.table.alive[from_fts5.rows]
            assert from_postings.rows.tolist() == from_fts5.rows[alive].tolist(), term
            assert np.allclose(from_postings.scores, from_fts5.scores[alive], rtol=1e-5), term
    panels = index.search(SearchRequest(text=QUESTION, top=10_000)).panels
    with EmbeddedIndex.open(index.location) as other, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bm25, "_compute_scores", lambda _, *asked: score_by_fts5(*asked))
        expected = {
            panel.panel_id: panel.text for panel in other.search(SearchRequest(text=QUESTION, top=10_000)).panels
        }
    assert {panel.panel_id: panel.text for panel in panels} == pytest.approx(expected, rel=1e-5)
    assert expected


def test_the_file_scores_as_fts5_does(index: EmbeddedIndex) -> None:
    assert len(files(index)) == 1
    check(index, 1)
    put(index, 40, 42)  # few: they stay beyond the file
    first = files(index)
    check(index, 2)
    with index.writer() as writer:
        writer.delete_figures([record(number).figure.id for number in (1, 5, 40)])
        writer.put(record(77, id=record(7).figure.id))
    check(index, 2)
    assert files(index) == first
    put(index, 42, 60)
    assert len(files(index)) == 1
    assert files(index) != first
    check(index, 1)


def test_changed_words_of_existing_panels_are_searched(index: EmbeddedIndex) -> None:
    check(index, 1)
    first = files(index)
    newer = made.article(2, title="Silver of another title")
    with EmbeddedIndex.open(index.location) as reader:
        with index.writer() as writer:
            writer.put(record(6, article=newer))
        check(index, 1)
        check(reader, 1)
    assert len(files(index)) == 1
    assert files(index) != first


DAMAGE: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "a flipped byte in the head": lambda path: flip(path, 60),
    "a flipped byte in the keys": lambda path: flip(path, 700),
    "a flipped byte in every position": lambda path: flip(path, *range(-800, 0)),
    "another's": lambda path: path.write_bytes(b"GIF89a" * 400),
}


def flip(path: Path, *positions: int) -> None:
    data = bytearray(path.read_bytes())
    for position in positions:
        data[position] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_made_again(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(postings_module, "MAX_BEHIND_PANELS", 0)
    expected = [(each.panel_id, each.score) for each in index.search(SearchRequest(text=QUESTION, top=999)).panels]
    DAMAGE[name](files(index)[0])
    for _ in range(3):  # from the rows at first where only the positions are damaged
        with EmbeddedIndex.open(index.location) as other:
            found = [(each.panel_id, each.score) for each in other.search(SearchRequest(text=QUESTION, top=999)).panels]
            assert [each for each, _ in found] == [each for each, _ in expected]
            assert np.allclose([score for _, score in found], [score for _, score in expected], rtol=1e-5)
    with EmbeddedIndex.open(index.location) as other:
        check(other, 1)
    assert len(files(index)) == 1


def test_search_works_if_the_file_can_not_be_written(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings_module, "MAX_BEHIND_PANELS", 0)
    for each in files(index):
        each.unlink()
    with FileLock(Path(index.location) / LOCK), EmbeddedIndex.open(index.location) as reader:
        check(reader, 1)
        put(index, 40, 60)
        check(reader, 1)
        assert files(index) == []
    monkeypatch.setattr(postings_module, "MAX_BEHIND_PANELS", 1_000)
    with EmbeddedIndex.open(index.location) as reader:
        check(reader, 1)
        assert files(index) == []  # few enough to be read as they are
    monkeypatch.setattr(postings_module, "MAX_BEHIND_PANELS", 0)
    with EmbeddedIndex.open(index.location) as reader:
        check(reader, 1)
    assert len(files(index)) == 1


def test_a_database_put_back_to_an_older_state_gets_its_own_words(index: EmbeddedIndex, tmp_path: Path) -> None:
    shutil.copytree(index.location, tmp_path / "old")
    put(index, 40, 80)
    for each in Path(index.location).glob("corpus*"):
        each.unlink()
    for each in (tmp_path / "old").glob("corpus*"):
        shutil.copy(each, index.location)
    with EmbeddedIndex.open(index.location) as other:
        check(other, 1)
        put(other, 90, 130)  # the same keys as the file's, with other words
        check(other, 1)
    assert len(files(index)) == 1


def test_a_copied_folder_keeps_its_words(index: EmbeddedIndex, tmp_path: Path) -> None:
    shutil.copytree(index.location, tmp_path / "copy", copy_function=shutil.copyfile)
    with EmbeddedIndex.open(str(tmp_path / "copy")) as other:
        check(other, 1)
        assert [each.name for each in files(other)] == [each.name for each in files(index)]


def test_a_reader_uses_the_file_of_another_writer(index: EmbeddedIndex) -> None:
    with EmbeddedIndex.open(index.location) as reader:
        check(reader, 1)
        put(index, 40, 90)
        check(reader, 1)
        with reader._readers.transaction() as connection:
            word_index = reader._postings.word_index(connection, reader._matrix.snapshot(connection))
            assert len(word_index.parts[0].words) == 180


def test_scores_are_kept_within_a_bound_whatever_is_asked(
    index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bm25, "MAX_KEPT_ROWS", 1000)
    scores = Bm25(index._postings)
    with index._readers.transaction() as connection:
        snapshot = index._matrix.snapshot(connection)
        known = [query_terms(word)[0] for word in WORDS]
        first = scores.score_terms(connection, snapshot, known)
        again = scores.score_terms(connection, snapshot, [known[-1]])[0]
        assert again is first[-1]
        scores.score_terms(connection, snapshot, [(f"nowhere{number}",) for number in range(300)])
        assert len(scores._kept) == 1000 // 50
        after = scores.score_terms(connection, snapshot, known)
    assert all(np.array_equal(a.scores, b.scores) for a, b in zip(first, after, strict=True))
    taken = [len(kept.rows) + 50 for kept in scores._kept.values()]
    assert scores._kept_rows == sum(taken) <= 1000
