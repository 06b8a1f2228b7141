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
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.text.tokens import Term

Float32Array = NDArray[np.float32]

WORD_COLUMNS = ("caption", "text", "title", "mentions")
"""The texts of a panel, in order."""
FIELDS = len(WORD_COLUMNS)

_MAGIC = b"mirsearch words 2\n"
_ALIGN = 8
_CHUNK = 1 << 20
_BITS = 16
_SHIFTS = np.array([1 << _BITS * place for place in range(FIELDS)], dtype=np.uint64)
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
            panels, counts = _count_by_panel(positions, self.ends)
            return panels, counts.astype(np.float32) @ boosts
        number = self._word_number(term[0])
        if number is None:
            return _NO_MATCH
        low, high = int(self.first[number]), int(self.first[number + 1])
        panel, pattern = self.panel[low:high], self.pattern[low:high]
        if zlib.crc32(pattern.data, zlib.crc32(panel.data)) != self.panel_crc[number]:
            raise DamagedWordsError(term[0])
        frequency_of_pattern = self.counts.reshape(-1, FIELDS).astype(np.float32) @ boosts
        return panel.astype(np.intp), frequency_of_pattern[pattern]

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
        wanted = _encode(word)
        number = bisect.bisect_left(range(len(self.crc)), wanted, key=self._word_bytes)
        if number == len(self.crc) or self._word_bytes(number) != wanted:
            return None
        self._known_numbers[word] = number
        return number

    def _word_bytes(self, number: int) -> bytes:
        return self.letters[self.letter[number] : self.letter[number + 1]].tobytes()


class _WordNumbers(dict[str, int]):
    """Numbers words in order of their first use. The empty word is 0."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def build(panels: Iterable[tuple[int, str, str, str, str]]) -> Words:
    """Build the words of panels from (key, caption, text, title, mentions), in order of key.

    The texts are those of database.words.searchable_text. Raises OverflowError if they exceed the limits of the file.
    """
    numbers, keys, tokens = _WordNumbers({"": 0}), array("q"), array("I")
    number = numbers.__getitem__
    for key, *texts in panels:
        keys.append(key)
        for text in texts:
            tokens.extend(map(number, text.split()))
            tokens.append(0)
    if len(tokens) >= 1 << 32:
        raise OverflowError("too many words for a words file")
    sorted_words = sorted((_encode(word), number) for word, number in numbers.items())
    rank = np.empty(len(sorted_words), dtype=np.uint32)
    rank[[number for _, number in sorted_words]] = np.arange(len(sorted_words), dtype=np.uint32)
    begin, positions = _invert(np.frombuffer(tokens, dtype=np.uint32), rank)
    checks = [zlib.crc32(positions[low:high].data) for low, high in pairwise(begin.tolist())]
    letter = np.zeros(len(sorted_words) + 1, dtype=np.int64)
    np.cumsum([len(word) for word, _ in sorted_words], out=letter[1:])
    letters = np.frombuffer(b"".join(word for word, _ in sorted_words), dtype=np.uint8)
    first, counts, pattern, panel = _postings(begin, positions)
    spans = pairwise(first.tolist())
    panel_checks = [zlib.crc32(pattern[low:high].data, zlib.crc32(panel[low:high].data)) for low, high in spans]
    return Words(
        np.array(keys, dtype=np.int64), letter, letters, begin, np.array(checks, np.uint32), first,
        np.array(panel_checks, np.uint32), counts, pattern, panel, positions,
    )  # fmt: skip


def _postings(
    begin: NDArray[np.int64], positions: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint16], NDArray[np.uint32]]:
    """Return Words.first, counts, pattern and panel. Processes some words at a time, and skips the empty word."""
    ends = positions[: begin[1]]
    first, patterns = np.zeros(len(begin), dtype=np.int64), dict[tuple[int, ...], int]()
    panel_parts, pattern_parts = [np.zeros(0, dtype=np.uint32)], [np.zeros(0, dtype=np.uint16)]
    word = 1
    while word < len(begin) - 1:
        stop = max(word + 1, int(np.searchsorted(begin, begin[word] + _CHUNK, "right")) - 1)
        part = positions[begin[word] : begin[stop]]
        panel, counts = _count_by_panel(part, ends, begin[word:stop] - begin[word], first[word + 1 : stop + 1])
        if counts.max(initial=0) >= 1 << _BITS:
            raise OverflowError("a word occurs too often in one text for a words file")
        packed = counts.astype(np.uint64) @ _SHIFTS
        _, examples, pattern_of_panel = np.unique(packed, return_index=True, return_inverse=True)
        numbers = [patterns.setdefault(tuple(row), len(patterns)) for row in counts[examples].tolist()]
        if len(patterns) > 1 << 16:
            raise OverflowError("too many different frequency patterns for a words file")
        panel_parts.append(panel.astype(np.uint32))
        pattern_parts.append(np.array(numbers, dtype=np.uint16)[pattern_of_panel])
        word = stop
    np.cumsum(first, out=first)
    patterns_array = np.array(list(patterns), dtype=np.uint32).reshape(-1)
    return first, patterns_array, np.concatenate(pattern_parts), np.concatenate(panel_parts)


def _count_by_panel(
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


def _invert(tokens: NDArray[np.uint32], rank: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return where the positions of each word begin, (words + 1,), and all positions, by word, in bounded memory."""
    begin, counts_by_rank = np.zeros(len(rank) + 1, dtype=np.int64), np.empty(len(rank), dtype=np.int64)
    counts_by_rank[rank] = np.bincount(tokens, minlength=len(rank))
    np.cumsum(counts_by_rank, out=begin[1:])
    positions, next_free = np.empty(len(tokens), dtype=np.uint32), begin[:-1].copy()
    for start in range(0, len(tokens), _CHUNK):
        words = rank[tokens[start : start + _CHUNK]]
        order = np.argsort(words, kind="stable")
        words = words[order]
        counts = np.bincount(words, minlength=len(rank))
        before = np.cumsum(counts) - counts
        positions[(next_free - before)[words] + np.arange(len(words))] = start + order
        next_free += counts
    return begin, positions


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


def _encode(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


def _round_up(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


def _pad(data: bytes, filler: bytes = b"\0") -> bytes:
    return data + filler * (_round_up(len(data)) - len(data))
