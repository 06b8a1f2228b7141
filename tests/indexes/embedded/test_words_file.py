"""Compares the words file with a search through the texts themselves."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirsearch.indexes.embedded.words import inverting, words_file
from mirsearch.indexes.embedded.words.words_file import FIELDS, DamagedWordsError, Words

Texts = tuple[str, str, str, str]
words = st.sampled_from(["a", "b", "ab", "µ", "漢", "3.5", "zz"])
texts = st.lists(words, max_size=9).map(" ".join)
panels = st.lists(st.tuples(texts, texts, texts, texts), max_size=12)
terms = st.lists(words | st.just("nowhere"), min_size=1, max_size=3).map(tuple)


def numbered(rows: list[Texts]) -> list[tuple[int, str, str, str, str]]:
    return [(10 + 3 * number, *row) for number, row in enumerate(rows)]


def expected_positions(rows: list[Texts], term: tuple[str, ...]) -> list[int]:
    """Return the positions of a term in the sequence of all words."""
    found, position = [], 0
    for text in (text for row in rows for text in row):
        words_of_text = text.split()
        found += [
            position + start
            for start in range(len(words_of_text))
            if tuple(words_of_text[start : start + len(term)]) == term
        ]
        position += len(words_of_text) + 1
    return found


BOOSTS = np.array([1, 0.5, 0.25, 0.125], dtype=np.float32)


def expected_frequencies(rows: list[Texts], term: tuple[str, ...]) -> dict[int, float]:
    found = {}
    for number, row in enumerate(rows):
        frequency = sum(
            len(expected_positions([(text, "", "", "")], term)) * boost for text, boost in zip(row, BOOSTS, strict=True)
        )
        if frequency:
            found[number] = float(frequency)
    return found


@settings(max_examples=150, deadline=None)
@given(panels, terms, st.sampled_from([1, 4, 1 << 20]))
def test_words_and_phrases_are_found_where_they_are(rows: list[Texts], term: tuple[str, ...], chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(inverting, "_CHUNK", chunk)
        built = inverting.build(numbered(rows))
        words_file.save(built, Path(folder) / "x.postings", {"mine": 7})
        loaded = words_file.load(Path(folder) / "x.postings")
        assert loaded is not None
        for index in (built, loaded[0]):
            assert index.find_positions(term).tolist() == expected_positions(rows, term)
            assert index.panel_lengths().tolist() == [sum(len(text.split()) for text in row) for row in rows]
            assert (len(index), index.last_key) == (len(rows), numbered(rows)[-1][0] if rows else 0)
            assert len(index.ends) == FIELDS * len(rows)
            panel, frequency = index.find_term(term, BOOSTS)
            assert dict(zip(panel.tolist(), frequency.tolist(), strict=True)) == expected_frequencies(rows, term)
            assert panel.tolist() == sorted(panel.tolist())
        assert loaded[1]["mine"] == 7
        del loaded, index  # Windows lets no mapped file be removed


ROWS = [("gold rods on carbon", "500 nm", "rods"), ("carbon carbon", "", "of gold rods"), ("", "", "")]
TERMS = [("gold",), ("rods",), ("carbon", "carbon"), ("gold", "rods"), ("500", "nm"), ("of",), ("tin",)]


def all_matches(index: Words) -> list[list[float]]:
    return [
        [*index.find_positions(term).tolist(), *map(float, np.concatenate(index.find_term(term, BOOSTS)))]
        for term in TERMS
    ]


def test_damage_never_gives_wrong_matches(tmp_path: Path) -> None:
    path = tmp_path / "x.postings"
    words_file.save(inverting.build(numbered(ROWS)), path, {})
    data, expected = path.read_bytes(), all_matches(inverting.build(numbered(ROWS)))
    refused = damaged_word = 0
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x41]) + data[position + 1 :])
        found = words_file.load(path)
        if found is None:
            refused += 1
            continue
        try:
            assert all_matches(found[0]) == expected  # a byte that only fills, or a word that was not asked for
        except DamagedWordsError:
            damaged_word += 1
    assert refused > len(data) // 2
    assert damaged_word > 20
    for size in (0, 1, 20, 100, len(data) - 1):
        path.write_bytes(data[:size])
        assert words_file.load(path) is None
    path.write_bytes(data + b"\0")
    assert words_file.load(path) is None
    assert words_file.load(tmp_path / "nowhere") is None
    assert words_file.load(tmp_path) is None


def test_a_file_that_can_not_be_written_leaves_nothing(tmp_path: Path) -> None:
    made = inverting.build(numbered(ROWS))
    (tmp_path / "x.postings").mkdir()
    with pytest.raises(OSError, match="directory"):
        words_file.save(made, tmp_path / "x.postings", {})
    assert [each.name for each in tmp_path.iterdir()] == ["x.postings"]


def test_nothing_is_found_in_nothing() -> None:
    made = inverting.build([])
    assert (len(made), made.last_key, made.panel_lengths().tolist()) == (0, 0, [])
    assert np.array_equal(made.find_positions(("a", "b")), [])
