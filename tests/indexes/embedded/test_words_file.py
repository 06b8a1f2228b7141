"""The file of words against looking through the texts themselves."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.indexes.embedded.words import words_file
from mirsearch.indexes.embedded.words.words_file import FIELDS, DamagedWordsError, Words

words = st.sampled_from(["a", "b", "ab", "µ", "漢", "3.5", "zz"])
texts = st.lists(words, max_size=9).map(" ".join)
panels = st.lists(st.tuples(texts, texts, texts), max_size=12)
terms = st.lists(words | st.just("nowhere"), min_size=1, max_size=3).map(tuple)


def numbered(rows: list[tuple[str, str, str]]) -> list[tuple[int, str, str, str]]:
    return [(10 + 3 * number, *row) for number, row in enumerate(rows)]


def looked_for(rows: list[tuple[str, str, str]], term: tuple[str, ...]) -> list[int]:
    """Places in the row of all words at which a term begins."""
    found, position = [], 0
    for text in (text for row in rows for text in row):
        split = text.split()
        found += [position + at for at in range(len(split)) if tuple(split[at : at + len(term)]) == term]
        position += len(split) + 1
    return found


BOOSTS = np.array([1, 0.5, 0.25], dtype=np.float32)


def counted(rows: list[tuple[str, str, str]], term: tuple[str, ...]) -> dict[int, float]:
    found = {}
    for number, row in enumerate(rows):
        often = sum(len(looked_for([(text, "", "")], term)) * boost for text, boost in zip(row, BOOSTS, strict=True))
        if often:
            found[number] = float(often)
    return found


@settings(max_examples=150, deadline=None)
@given(panels, terms, st.sampled_from([1, 4, 1 << 20]))
def test_words_and_phrases_are_found_where_they_are(
    rows: list[tuple[str, str, str]], term: tuple[str, ...], chunk: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(words_file, "_CHUNK", chunk)
        made = words_file.build(numbered(rows))
        words_file.save(made, Path(folder) / "x.postings", {"mine": 7})
        loaded = words_file.load(Path(folder) / "x.postings")
        assert loaded is not None
        for each in (made, loaded[0]):
            assert each.places(term).tolist() == looked_for(rows, term)
            assert each.lengths().tolist() == [sum(len(text.split()) for text in row) for row in rows]
            assert (len(each), each.last_key) == (len(rows), numbered(rows)[-1][0] if rows else 0)
            assert len(each.ends) == FIELDS * len(rows)
            panel, often = each.having(term, BOOSTS)
            assert dict(zip(panel.tolist(), often.tolist(), strict=True)) == counted(rows, term)
            assert panel.tolist() == sorted(panel.tolist())
        assert loaded[1]["mine"] == 7
        del loaded, each  # Windows lets no mapped file be removed


ROWS = [("gold rods on carbon", "500 nm", "rods"), ("carbon carbon", "", "of gold rods"), ("", "", "")]
ASKED = [("gold",), ("rods",), ("carbon", "carbon"), ("gold", "rods"), ("500", "nm"), ("of",), ("tin",)]


def answers(found: Words) -> list[list[float]]:
    return [[*found.places(term).tolist(), *map(float, np.concatenate(found.having(term, BOOSTS)))] for term in ASKED]


def test_no_damage_passes_for_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "x.postings"
    words_file.save(words_file.build(numbered(ROWS)), path, {})
    whole, expected = path.read_bytes(), answers(words_file.build(numbered(ROWS)))
    refused = late = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        found = words_file.load(path)
        if found is None:
            refused += 1
            continue
        try:
            assert answers(found[0]) == expected  # a byte that only fills, or a word that was not asked for
        except DamagedWordsError:
            late += 1
    assert refused > len(whole) // 2
    assert late > 20
    for size in (0, 1, 20, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert words_file.load(path) is None
    path.write_bytes(whole + b"\0")
    assert words_file.load(path) is None
    assert words_file.load(tmp_path / "nowhere") is None
    assert words_file.load(tmp_path) is None


def test_a_file_that_can_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    made = words_file.build(numbered(ROWS))
    (tmp_path / "x.postings").mkdir()
    with pytest.raises(OSError, match="directory"):
        words_file.save(made, tmp_path / "x.postings", {})
    assert [each.name for each in tmp_path.iterdir()] == ["x.postings"]


def test_nothing_is_found_in_nothing() -> None:
    made = words_file.build([])
    assert (len(made), made.last_key, made.lengths().tolist()) == (0, 0, [])
    assert np.array_equal(made.places(("a", "b")), [])
