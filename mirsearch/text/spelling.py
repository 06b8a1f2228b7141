"""Near spellings of a word among the words of a corpus, by the fewest letters that differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mirsearch.text.tokens import find_words, fold

MIN_LETTERS = 4
"""Shorter words have too many neighbors."""
MAX_NEAR = 3
"""Most near spellings that are told of a word."""
MAX_CANDIDATES = 50_000
"""Most words that are compared."""
MAX_LETTERS = 40
_ONE_EDIT_LETTERS = 5
"""Words up to this length may differ in one letter, longer ones in two."""


def most_edits(word: str) -> int:
    """Return how many letters a near spelling may have wrong; 0 for words that have no near spellings."""
    if not (MIN_LETTERS <= len(word) <= MAX_LETTERS and word.isalpha()):
        return 0
    return 1 if len(word) <= _ONE_EDIT_LETTERS else 2


def nearest_words(word: str, candidates: Sequence[tuple[str, int]]) -> list[str]:
    """Return the near spellings among candidates, (word, frequency) each: the nearest first, then the most frequent."""
    most = most_edits(word)
    fitting = [pair for pair in candidates if most and pair[0] != word and abs(len(pair[0]) - len(word)) <= most]
    if not fitting:
        return []
    distances = _edit_distances(word, [candidate for candidate, _ in fitting]).tolist()
    ranked = sorted((distance, -count, name) for distance, (name, count) in zip(distances, fitting, strict=True))
    return [name for distance, _, name in ranked if distance <= most][:MAX_NEAR]


def _edit_distances(word: str, others: Sequence[str]) -> NDArray[np.intp]:
    """Return how many letters must be changed, added, left out or exchanged with the next: (words,).

    This is the optimal string alignment distance, for all words at once.
    """
    lengths = np.array([len(other) for other in others])
    width = int(lengths.max())
    letters = np.zeros((len(others), width), dtype=np.uint32)
    for place, other in enumerate(others):
        letters[place, : len(other)] = [ord(letter) for letter in other]
    wanted = [ord(letter) for letter in word]
    rows: list[NDArray[np.intp]] = [np.tile(np.arange(width + 1, dtype=np.intp), (len(others), 1))]
    for number, letter in enumerate(wanted, start=1):
        above = rows[-1]
        row: NDArray[np.intp] = np.full(above.shape, number, dtype=np.intp)
        for column in range(1, width + 1):
            differs = letters[:, column - 1] != letter
            best = np.minimum(above[:, column - 1] + differs, np.minimum(above[:, column], row[:, column - 1]) + 1)
            if number > 1 and column > 1:
                exchanged = (letters[:, column - 2] == letter) & (letters[:, column - 1] == wanted[number - 2])
                best = np.where(exchanged, np.minimum(best, rows[-2][:, column - 2] + 1), best)
            row[:, column] = best
        rows.append(row)
    distances: NDArray[np.intp] = rows[-1][np.arange(len(others)), lengths]
    return distances


def as_written(token: str, text: str) -> str:
    """Return the first word of a text that has this token, in small letters; the token if there is none."""
    for (start, end), found in find_words(text):
        if found == (token,):
            return fold(text[start:end])
    return token
