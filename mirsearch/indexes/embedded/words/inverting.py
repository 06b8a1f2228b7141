"""Build the inverted index of words: from the texts of panels to the arrays of a words file."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mirsearch.indexes.embedded.words.words_file import FIELDS, Words, count_by_panel, encode_word

_CHUNK = 1 << 20
_BITS = 16
_SHIFTS = np.array([1 << _BITS * place for place in range(FIELDS)], dtype=np.uint64)


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
    sorted_words = sorted((encode_word(word), number) for word, number in numbers.items())
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
        panel, counts = count_by_panel(part, ends, begin[word:stop] - begin[word], first[word + 1 : stop + 1])
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
