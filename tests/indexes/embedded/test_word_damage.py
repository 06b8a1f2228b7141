"""Conditions on words give the right panels, or are refused, when the full-text index or the words file is damaged."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from benchmarks.indexes.bit_flips import find_word_pages
from mirsearch.errors import MirsearchError
from mirsearch.files.locks import FileLock
from mirsearch.indexes.embedded.database.access import DATABASE
from mirsearch.indexes.embedded.index import EmbeddedIndex
from mirsearch.indexes.embedded.words import postings as postings_module
from mirsearch.indexes.embedded.words import words_file
from mirsearch.indexes.embedded.words.postings import LOCK
from mirsearch.query import Filters, SearchRequest
from tests.indexes.embedded.test_postings import files, flip, record
from tests.support import index_records as made

MATCHES = {"gold": "gold", "carb*": '"carb" *', "caption:silver NOT gold": "caption : silver NOT gold",
           '"gold nm"': '"gold nm"', "nanotube silver": "nanotub AND silver",
           "title:article OR text:nm": "title : articl OR text : nm"}  # fmt: skip
"""Conditions, and the same for FTS5."""
FLIPS = 60


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EmbeddedIndex]:
    with made.filled(tmp_path, (record(number) for number in range(40))) as opened:
        yield opened


def listed(location: str | Path) -> dict[str, list[str]]:
    with EmbeddedIndex.open(str(location)) as index:
        return {text: [each.panel.id for each in index.select_panels(Filters(text=text))] for text in MATCHES}


def listed_or_remedy(location: Path) -> dict[str, list[str]] | str:
    try:
        return listed(location)
    except MirsearchError as error:
        return error.remedy


def matched(location: str | Path) -> dict[str, list[str]]:
    """Return what FTS5 finds."""
    query = "SELECT id FROM panels WHERE key IN (SELECT rowid FROM words WHERE words MATCH ?) ORDER BY id"
    with closing(sqlite3.connect(Path(location) / DATABASE)) as connection:
        return {text: [row[0] for row in connection.execute(query, (MATCHES[text],))] for text in MATCHES}


def empty_full_text_index(location: str) -> None:
    with closing(sqlite3.connect(Path(location) / DATABASE)) as connection:
        connection.execute("DELETE FROM words_data WHERE id > 10")
        connection.commit()


def test_the_panels_are_those_of_fts5(index: EmbeddedIndex) -> None:
    assert all(matched(index.location).values())
    assert listed(index.location) == matched(index.location)
    made.put(index, (record(number) for number in range(30, 50)))  # some in the file, some gone, some newer
    assert listed(index.location) == matched(index.location)


def test_a_damaged_full_text_index_never_answers(index: EmbeddedIndex, tmp_path: Path) -> None:
    truth, rnd, wrong_by_fts5 = listed(index.location), random.Random(2), 0
    page_bytes, begins = find_word_pages(Path(index.location))
    for number in range(FLIPS):
        copy = tmp_path / str(number)
        shutil.copytree(index.location, copy)
        times = (copy / DATABASE).stat()
        at = rnd.choice(begins) + rnd.randrange(page_bytes)
        flip(copy / DATABASE, *range(at, at + 3))
        os.utime(copy / DATABASE, ns=(times.st_atime_ns, times.st_mtime_ns))
        answer = listed_or_remedy(copy)
        assert answer == truth or "verify --repair" in answer
        with suppress(sqlite3.Error, UnicodeDecodeError):
            wrong_by_fts5 += matched(copy) != truth
        shutil.rmtree(copy)
    assert wrong_by_fts5, "no damage was of the kind that shows nowhere"


@pytest.mark.parametrize("is_locked", [False, True])
def test_a_damaged_words_file_never_answers(
    index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch, is_locked: bool
) -> None:
    monkeypatch.setattr(postings_module, "MAX_BEHIND_PANELS", 0)
    truth, path = listed(index.location), files(index)[0]
    if is_locked:  # as in a folder that can't be written
        monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError()))
    whole, contents = path.read_bytes(), words_file.load(path)
    assert contents
    positions = len(whole) - contents[0].positions.nbytes
    for start, stop in ((positions + contents[0].ends.nbytes, len(whole)), (positions - 64, positions)):
        path.write_bytes(whole)
        flip(path, *range(start, stop, 16))
        assert words_file.load(path), "the damage is noticed when the file is opened"
        with FileLock(Path(index.location) / LOCK):
            assert listed(index.location) == truth
        assert bool(files(index)) == is_locked, "no condition met the damage"


def test_near_spellings_do_not_come_from_the_full_text_index(index: EmbeddedIndex) -> None:
    wanted = ["golt", "silber", "nanotubb", "gold", "nowhere"]
    expected = {"golt": ("gold",), "silber": ("silver",), "nanotubb": ("nanotube",), "nowhere": ()}
    assert index.near_words(wanted) == expected
    made.put(index, [made.record(99, caption="Golt, once")])
    assert "golt" not in index.near_words(wanted)
    with index.writer() as writer:
        writer.delete_figures([made.record(99).figure.id])
    empty_full_text_index(index.location)
    assert index.near_words(wanted) == expected


def test_ranking_never_asks_the_full_text_index(index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings_module, "MAX_BEHIND_PANELS", 0)
    truth = index.search(SearchRequest(text='gold "silver nm" carb*', top=99)).panels
    for each in files(index):
        each.unlink()
    empty_full_text_index(index.location)
    with FileLock(Path(index.location) / LOCK), EmbeddedIndex.open(index.location) as reader:
        assert reader.search(SearchRequest(text='gold "silver nm" carb*', top=99)).panels == truth
    assert truth
    assert files(index) == []


def test_without_a_words_file_conditions_are_answered_from_the_rows(
    index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postings_module, "MAX_BEHIND_PANELS", 0)
    monkeypatch.setattr(postings_module, "PART_PANELS", 7)
    truth = listed(index.location)
    for each in files(index):
        each.unlink()
    with FileLock(Path(index.location) / LOCK), EmbeddedIndex.open(index.location) as reader:
        vector = np.asarray(record(3).vectors[0])
        for text, expected in truth.items():
            found = reader.search(SearchRequest(vector, filters=Filters(text=text), top=999)).panels
            assert sorted(each.panel_id for each in found) == expected
        made.put(index, (record(number) for number in range(40, 50)))
        again = [each.panel.id for each in reader.select_panels(Filters(text="gold"))]
        assert again == matched(index.location)["gold"]
        assert len(again) > len(truth["gold"])
    assert files(index) == []
