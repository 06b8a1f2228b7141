"""Where each word is: one file beside the database, memory-mapped, that a question reads a few short pieces of.

All texts lie behind each other as one row of words, each panel's caption, text and title, each ended by an empty word.
For each word, in order of its bytes, its positions in that row follow each other (those of the empty word tell the ends
of the texts), and so do the panels that have it, with how often. What belongs to a word is read against its checksums
when it is asked for, everything else at once.
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

Single = NDArray[np.float32]

FIELDS = 3
"""Texts of a panel: caption, text, title."""

_MAGIC = b"mirsearch words 1\n"
_ALIGN = 8
_CHUNK = 1 << 20
_BITS = 20
_HEAD = {"key": "<i8", "letter": "<i8", "letters": "u1", "begin": "<i8", "crc": "<u4", "first": "<i8",
         "panel_crc": "<u4", "counts": "<u4"}  # fmt: skip
_COLUMNS = _HEAD | {"pattern": "<u2", "panel": "<u4", "positions": "<u4"}


_NOWHERE = (np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.float32))


class DamagedWordsError(ValueError):
    """What the file has of a word is not what was written."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of panels in order of `key`. Of word n, letters[letter[n] : letter[n + 1]] are its bytes,
    positions[begin[n] : begin[n + 1]] the places where it is, ascending, with checksum crc[n]; the same of `panel` and
    `pattern`, from first[n] on, are the panels that have it, ascending, and for each the row of `counts` that tells how
    often in which text, with checksum panel_crc[n]."""

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
    _numbers: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.key)

    @property
    def last_key(self) -> int:
        """The highest key, 0 where there is no panel."""
        return int(self.key[-1]) if len(self.key) else 0

    @property
    def ends(self) -> NDArray[np.uint32]:
        """Position after the last word of each text."""
        return self.positions[: self.begin[1]] if len(self.key) else self.positions[:0]

    def lengths(self) -> NDArray[np.int64]:
        """Words of each panel, all its texts together."""
        ends = self.ends[FIELDS - 1 :: FIELDS].astype(np.int64)
        return np.diff(ends, prepend=-1) - FIELDS

    def having(self, term: Term, boosts: Single) -> tuple[NDArray[np.intp], Single]:
        """Panels, by number, that have a term, ascending, and how often, each time counted as its text's boost;
        DamagedWordsError."""
        if len(term) > 1:
            places = self.places(term)
            if not len(places):
                return _NOWHERE
            of_phrase, counts = _by_panel(places, self.ends)
            return of_phrase, counts.astype(np.float32) @ boosts
        number = self._number(term[0])
        if number is None:
            return _NOWHERE
        low, high = int(self.first[number]), int(self.first[number + 1])
        panel, pattern = self.panel[low:high], self.pattern[low:high]
        if zlib.crc32(pattern.data, zlib.crc32(panel.data)) != self.panel_crc[number]:
            raise DamagedWordsError(term[0])
        often = self.counts.reshape(-1, FIELDS).astype(np.float32) @ boosts
        return panel.astype(np.intp), often[pattern]

    def places(self, term: Term) -> NDArray[np.int64]:
        """Positions at which a word, or all words of a phrase one behind the other, begin; ascending."""
        if any(self._number(word) is None for word in term):
            return np.zeros(0, dtype=np.int64)
        lists = [self._positions(word) for word in term]
        first = min(range(len(lists)), key=lambda number: len(lists[number]))
        found = lists[first].astype(np.int64) - first
        for number, other in enumerate(lists):
            if number != first and len(found):
                at = np.minimum(np.searchsorted(other, (found + number).astype(np.uint32)), len(other) - 1)
                found = found[other[at] == found + number]
        return found

    def _positions(self, word: str) -> NDArray[np.uint32]:
        number = self._number(word)
        if number is None:
            return self.positions[:0]
        found = self.positions[self.begin[number] : self.begin[number + 1]]
        if zlib.crc32(found.data) != self.crc[number]:
            raise DamagedWordsError(word)
        return found

    def _number(self, word: str) -> int | None:
        if word in self._numbers:
            return self._numbers[word]
        wanted = _bytes(word)
        number = bisect.bisect_left(range(len(self.crc)), wanted, key=self._spelled)
        if number == len(self.crc) or self._spelled(number) != wanted:
            return None
        self._numbers[word] = number
        return number

    def _spelled(self, number: int) -> bytes:
        return self.letters[self.letter[number] : self.letter[number + 1]].tobytes()


class _Numbers(dict[str, int]):
    """Numbers words as they come; the empty word is 0."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def build(panels: Iterable[tuple[int, str, str, str]]) -> Words:
    """The words of panels: key, caption, text and title as sqlite_words.searchable gives them, in order of key."""
    numbers, keys, row = _Numbers({"": 0}), array("q"), array("I")
    number = numbers.__getitem__
    for key, *texts in panels:
        keys.append(key)
        for text in texts:
            row.extend(map(number, text.split()))
            row.append(0)
    if len(row) >= 1 << 32:
        raise OverflowError("more words than a file of words can hold")
    spelled = sorted((_bytes(word), number) for word, number in numbers.items())
    rank = np.empty(len(spelled), dtype=np.uint32)
    rank[[number for _, number in spelled]] = np.arange(len(spelled), dtype=np.uint32)
    begin, positions = _inverted(np.frombuffer(row, dtype=np.uint32), rank)
    checks = [zlib.crc32(positions[low:high].data) for low, high in pairwise(begin.tolist())]
    letter = np.zeros(len(spelled) + 1, dtype=np.int64)
    np.cumsum([len(word) for word, _ in spelled], out=letter[1:])
    letters = np.frombuffer(b"".join(word for word, _ in spelled), dtype=np.uint8)
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
    """Words.first, counts, pattern and panel; some words at a time, the empty one left out."""
    ends = positions[: begin[1]]
    first, patterns = np.zeros(len(begin), dtype=np.int64), dict[tuple[int, ...], int]()
    panels, found = [np.zeros(0, dtype=np.uint32)], [np.zeros(0, dtype=np.uint16)]
    word = 1
    while word < len(begin) - 1:
        stop = max(word + 1, int(np.searchsorted(begin, begin[word] + _CHUNK, "right")) - 1)
        part = positions[begin[word] : begin[stop]]
        panel, counts = _by_panel(part, ends, begin[word:stop] - begin[word], first[word + 1 : stop + 1])
        if counts.max(initial=0) >= 1 << _BITS:
            raise OverflowError("a word too often in one text for a file of words")
        packed = (counts[:, 0] << 2 * _BITS) + (counts[:, 1] << _BITS) + counts[:, 2]
        _, examples, which = np.unique(packed, return_index=True, return_inverse=True)
        numbers = [patterns.setdefault(tuple(kind), len(patterns)) for kind in counts[examples].tolist()]
        if len(patterns) > 1 << 16:
            raise OverflowError("more ways of having a word than a file of words can hold")
        panels.append(panel.astype(np.uint32))
        found.append(np.array(numbers, dtype=np.uint16)[which])
        word = stop
    np.cumsum(first, out=first)
    kinds = np.array(list(patterns), dtype=np.uint32).reshape(-1)
    return first, kinds, np.concatenate(found), np.concatenate(panels)


def _by_panel(
    places: NDArray[Any], ends: NDArray[np.uint32], begins: NDArray[np.int64] | None = None,
    sizes: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:  # fmt: skip
    """Panels of ascending places, and how many of those lie in each of their texts, (panels, FIELDS).

    Where the places are of several words, beginning at `begins`, each word's panels come apart; `sizes` takes how many.
    """
    text = np.searchsorted(ends, places.astype(np.uint32))
    panel = text // FIELDS
    new = np.diff(panel, prepend=-1) != 0
    if begins is not None:
        new[begins] = True
    number = np.cumsum(new) - 1
    groups = int(number[-1]) + 1 if len(number) else 0
    counts = np.bincount(number * FIELDS + text - panel * FIELDS, minlength=groups * FIELDS).reshape(-1, FIELDS)
    if begins is not None and sizes is not None:
        sizes[:] = np.diff(number[begins], append=groups)
    return panel[new], counts


def _inverted(row: NDArray[np.uint32], rank: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Where the positions of each word begin, (words + 1,), and all positions, by word; in bounded extra memory."""
    begin, total = np.zeros(len(rank) + 1, dtype=np.int64), np.empty(len(rank), dtype=np.int64)
    total[rank] = np.bincount(row, minlength=len(rank))
    np.cumsum(total, out=begin[1:])
    positions, free = np.empty(len(row), dtype=np.uint32), begin[:-1].copy()
    for start in range(0, len(row), _CHUNK):
        words = rank[row[start : start + _CHUNK]]
        order = np.argsort(words, kind="stable")
        words = words[order]
        counts = np.bincount(words, minlength=len(rank))
        before = np.cumsum(counts) - counts
        positions[(free - before)[words] + np.arange(len(words))] = start + order
        free += counts
    return begin, positions


def save(words: Words, path: Path, facts: dict[str, Any]) -> None:
    """Write a file, whole or not at all."""
    columns = {name: np.asarray(getattr(words, name), dtype=kind) for name, kind in _COLUMNS.items()}
    sizes = {name: len(column) for name, column in columns.items()}
    head = b"".join(_padded(columns[name].tobytes()) for name in _HEAD)
    crc = zlib.crc32(words.ends.data, zlib.crc32(head))
    text = json.dumps(facts | {"sizes": sizes, "crc": crc}).encode() + b"\n"
    start = _MAGIC + text + str(zlib.crc32(text)).encode() + b"\n"
    fresh = path.with_suffix(".new")
    try:
        with fresh.open("wb") as stream:
            stream.write(_padded(start, b"\n") + head)
            for name in ("pattern", "panel", "positions"):
                stream.write(_padded(columns[name].tobytes()) if name != "positions" else columns[name].data)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def load(path: Path) -> tuple[Words, dict[str, Any]] | None:
    """A file, memory-mapped, with its facts; None where it isn't there or is damaged."""
    try:
        data = np.memmap(path, dtype=np.uint8, mode="r")
        with path.open("rb") as stream:
            magic, text, crc = stream.readline(), stream.readline(), stream.readline()
        if magic != _MAGIC or zlib.crc32(text) != int(crc):
            return None
        facts = json.loads(text)
        offset = _up(len(magic) + len(text) + len(crc))
        start, head, columns = offset, offset, {}
        for name, kind in _COLUMNS.items():
            size = int(facts["sizes"][name]) * np.dtype(kind).itemsize
            columns[name] = np.asarray(data[offset : offset + size]).view(kind)
            head = offset if name == "pattern" else head
            offset += _up(size) if name != "positions" else size
        words = Words(**columns)
        if len(data) != offset or len(words.positions) != facts["sizes"]["positions"]:
            return None
        checked = zlib.crc32(data[start:head].data)
        return (words, facts) if zlib.crc32(words.ends.data, checked) == facts["crc"] else None
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


def _up(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


def _padded(data: bytes, filler: bytes = b"\0") -> bytes:
    return data + filler * (_up(len(data)) - len(data))
