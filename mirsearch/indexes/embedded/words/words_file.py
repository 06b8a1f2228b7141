"""An inverted index of words in one memory-mapped file beside the database. A query reads a few short parts of it.

All texts form one sequence of words: those of each panel (WORD_COLUMNS), each followed by an empty word. For each
word, in order of its bytes, the file has its positions in the sequence (those of the empty word are the ends of the
texts), and the panels that have it, with frequencies. Checksums of a word are checked when a query needs it, all others
when the file is opened.
"""

from __future__ import annotations

import bisect
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.text.terms import PREFIX_SIGN, Term

Float32Array = NDArray[np.float32]

WORD_COLUMNS = ("caption", "text", "title", "mentions")
"""The texts of a panel, in order."""
FIELDS = len(WORD_COLUMNS)

_MAGIC = b"mirsearch words 2\n"
_ALIGN = 8
_HEAD_COLUMNS = {"key": "<i8", "letter": "<i8", "letters": "u1", "begin": "<i8", "crc": "<u4", "first": "<i8",
         "panel_crc": "<u4", "counts": "<u4"}  # fmt: skip
_COLUMNS = _HEAD_COLUMNS | {"pattern": "<u2", "panel": "<u4", "positions": "<u4"}
_NO_MATCH = (np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.float32))


class DamagedWordsError(ValueError):
    """The data of a word in the file does not match its checksum."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of panels, which are in order of `key`. Field names are those of the columns in the file.

    For word n, letters[letter[n] : letter[n + 1]] are its bytes. positions[begin[n] : begin[n + 1]] are its positions,
    ascending, with checksum crc[n]. panel[first[n] : first[n + 1]] are the panels that have it, ascending; the same
    part of `pattern` has a row number of `counts` for each: the frequency in each text. panel_crc[n] is their checksum.
    """

    key: NDArray[np.int64]
    letter: NDArray[np.int64]
    letters: NDArray[np.uint8]
    begin: NDArray[np.int64]
    crc: NDArray[np.uint32]
    first: NDArray[np.int64]
    panel_crc: NDArray[np.uint32]
    counts: NDArray[np.uint32]
    pattern: NDArray[np.uint16]
    panel: NDArray[np.uint32]
    positions: NDArray[np.uint32]
    _known_numbers: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.key)

    @property
    def last_key(self) -> int:
        """Return the highest key, or 0 if there is no panel."""
        return int(self.key[-1]) if len(self.key) else 0

    @property
    def ends(self) -> NDArray[np.uint32]:
        """Return the position after the last word of each text."""
        return self.positions[: self.begin[1]] if len(self.key) else self.positions[:0]

    def panel_lengths(self) -> NDArray[np.int64]:
        """Return the number of words of each panel, in all its texts together."""
        ends = self.ends[FIELDS - 1 :: FIELDS].astype(np.int64)
        return np.diff(ends, prepend=-1) - FIELDS

    def find_term(self, term: Term, boosts: Float32Array) -> tuple[NDArray[np.intp], Float32Array]:
        """Return the numbers of panels with a term, ascending, and its boosted frequency. Raises DamagedWordsError."""
        if len(term) > 1:
            positions = self.find_positions(term)
            if not len(positions):
                return _NO_MATCH
            panels, counts = count_by_panel(positions, self.ends)
            return panels, counts.astype(np.float32) @ boosts
        if term[0].endswith(PREFIX_SIGN):
            return self._find_beginning(term[0].removesuffix(PREFIX_SIGN), boosts)
        number = self._word_number(term[0])
        if number is None:
            return _NO_MATCH
        self._check_panels(number)
        low, high = int(self.first[number]), int(self.first[number + 1])
        return self.panel[low:high].astype(np.intp), self._boosted(boosts)[self.pattern[low:high]]

    def _find_beginning(self, beginning: str, boosts: Float32Array) -> tuple[NDArray[np.intp], Float32Array]:
        """Return the panels that have a word with this beginning, with the frequency of all these words together."""
        numbers = self._checked_numbers(beginning)
        if not numbers:
            return _NO_MATCH
        low, high = int(self.first[numbers.start]), int(self.first[numbers.stop])
        panels, at = np.unique(self.panel[low:high], return_inverse=True)
        frequency = np.bincount(at, self._boosted(boosts)[self.pattern[low:high]], len(panels))
        return panels.astype(np.intp), frequency.astype(np.float32)

    def count_panels(self, beginning: str, column: str) -> list[tuple[str, int]]:
        """Return the words with a beginning, and the number of panels that have each in a text. DamagedWordsError."""
        numbers = self._checked_numbers(beginning)
        if not numbers:
            return []
        low, high = int(self.first[numbers.start]), int(self.first[numbers.stop])
        has_word = self.counts.reshape(-1, FIELDS)[self.pattern[low:high], WORD_COLUMNS.index(column)] > 0
        panels = np.add.reduceat(has_word.astype(np.int64), self.first[numbers.start : numbers.stop] - low).tolist()
        words = [self._word_bytes(number).decode("utf-8", "surrogatepass") for number in numbers]
        return [(word, count) for word, count in zip(words, panels, strict=True) if count]

    def _checked_numbers(self, beginning: str) -> range:
        """Return the numbers of the words with a beginning, whose panels were checked."""
        words, letters = range(len(self.crc)), encode_word(beginning)
        size = len(letters)
        first = bisect.bisect_left(words, letters, key=self._word_bytes)
        stop = bisect.bisect_right(words, letters, lo=first, key=lambda number: self._word_bytes(number)[:size])
        for number in range(first, stop):
            self._check_panels(number)
        return range(first, stop)

    def _check_panels(self, number: int) -> None:
        low, high = int(self.first[number]), int(self.first[number + 1])
        if zlib.crc32(self.pattern[low:high].data, zlib.crc32(self.panel[low:high].data)) != self.panel_crc[number]:
            raise DamagedWordsError(self._word_bytes(number).decode("utf-8", "replace"))

    def _boosted(self, boosts: Float32Array) -> Float32Array:
        """Return the boosted frequency of each pattern."""
        frequency: Float32Array = self.counts.reshape(-1, FIELDS).astype(np.float32) @ boosts
        return frequency

    def find_positions(self, term: Term) -> NDArray[np.int64]:
        """Return the positions, ascending, of a word, or of the first word of a phrase whose words are consecutive."""
        if any(self._word_number(word) is None for word in term):
            return np.zeros(0, dtype=np.int64)
        positions_of_words = [self._positions(word) for word in term]
        rarest = min(range(len(positions_of_words)), key=lambda number: len(positions_of_words[number]))
        starts = positions_of_words[rarest].astype(np.int64) - rarest
        for number, other in enumerate(positions_of_words):
            if number != rarest and len(starts):
                nearest = np.minimum(np.searchsorted(other, (starts + number).astype(np.uint32)), len(other) - 1)
                starts = starts[other[nearest] == starts + number]
        return starts

    def _positions(self, word: str) -> NDArray[np.uint32]:
        number = self._word_number(word)
        if number is None:
            return self.positions[:0]
        positions = self.positions[self.begin[number] : self.begin[number + 1]]
        if zlib.crc32(positions.data) != self.crc[number]:
            raise DamagedWordsError(word)
        return positions

    def _word_number(self, word: str) -> int | None:
        if word in self._known_numbers:
            return self._known_numbers[word]
        wanted = encode_word(word)
        number = bisect.bisect_left(range(len(self.crc)), wanted, key=self._word_bytes)
        if number == len(self.crc) or self._word_bytes(number) != wanted:
            return None
        self._known_numbers[word] = number
        return number

    def _word_bytes(self, number: int) -> bytes:
        return self.letters[self.letter[number] : self.letter[number + 1]].tobytes()


def count_by_panel(
    positions: NDArray[Any], ends: NDArray[np.uint32], begins: NDArray[np.int64] | None = None,
    sizes: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:  # fmt: skip
    """Return the panels of ascending positions, and the number of positions in each of their texts, (panels, FIELDS).

    If the positions belong to several words, which begin at `begins`, panels are listed for each word separately, and
    `sizes` receives the number of panels of each word.
    """
    text = np.searchsorted(ends, positions.astype(np.uint32))
    panel = text // FIELDS
    is_new_panel = np.diff(panel, prepend=-1) != 0
    if begins is not None:
        is_new_panel[begins] = True
    group = np.cumsum(is_new_panel) - 1
    groups = int(group[-1]) + 1 if len(group) else 0
    counts = np.bincount(group * FIELDS + text - panel * FIELDS, minlength=groups * FIELDS).reshape(-1, FIELDS)
    if begins is not None and sizes is not None:
        sizes[:] = np.diff(group[begins], append=groups)
    return panel[is_new_panel], counts


def save(words: Words, path: Path, facts: dict[str, Any]) -> None:
    """Write a words file atomically."""
    columns = {name: np.asarray(getattr(words, name), dtype=kind) for name, kind in _COLUMNS.items()}
    sizes = {name: len(column) for name, column in columns.items()}
    head = b"".join(_pad(columns[name].tobytes()) for name in _HEAD_COLUMNS)
    crc = zlib.crc32(words.ends.data, zlib.crc32(head))
    text = json.dumps(facts | {"sizes": sizes, "crc": crc}).encode() + b"\n"
    preamble = _MAGIC + text + str(zlib.crc32(text)).encode() + b"\n"
    temporary = path.with_suffix(".new")
    try:
        with temporary.open("wb") as stream:
            stream.write(_pad(preamble, b"\n") + head)
            for name in ("pattern", "panel", "positions"):
                stream.write(_pad(columns[name].tobytes()) if name != "positions" else columns[name].data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def load(path: Path) -> tuple[Words, dict[str, Any]] | None:
    """Return the words of a file, memory-mapped, with its facts. None if it is absent or damaged."""
    try:
        data = np.memmap(path, dtype=np.uint8, mode="r")
        with path.open("rb") as stream:
            magic, text, crc = stream.readline(), stream.readline(), stream.readline()
        if magic != _MAGIC or zlib.crc32(text) != int(crc):
            return None
        facts = json.loads(text)
        offset = _round_up(len(magic) + len(text) + len(crc))
        start, head, columns = offset, offset, {}
        for name, kind in _COLUMNS.items():
            size = int(facts["sizes"][name]) * np.dtype(kind).itemsize
            columns[name] = np.asarray(data[offset : offset + size]).view(kind)
            head = offset if name == "pattern" else head
            offset += _round_up(size) if name != "positions" else size
        words = Words(**columns)
        if len(data) != offset or len(words.positions) != facts["sizes"]["positions"]:
            return None
        checked = zlib.crc32(data[start:head].data)
        return (words, facts) if zlib.crc32(words.ends.data, checked) == facts["crc"] else None
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def encode_word(word: str) -> bytes:
    """Return the bytes by which words are sorted."""
    return word.encode("utf-8", "surrogatepass")


def _round_up(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


def _pad(data: bytes, filler: bytes = b"\0") -> bytes:
    return data + filler * (_round_up(len(data)) - len(data))
