"""CLIP's words: byte-pair encoding of lower-cased text, with nothing but the list of merges.

Sennrich, Haddow, Birch, "Neural machine translation of rare words with subword units" (ACL 2016), in the variant of
Radford et al., "Learning transferable visual models from natural language supervision" (ICML 2021).
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_WORD_END = "</w>"
_SUFFIXES = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
_PLAIN_CHARACTERS = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "\u00ad": None})
_MAX_WORD_LENGTH = 1000


class ClipTokenizer:
    """Texts to rows of `length` tokens: start, the words' pieces, end, zeros. What is too long is cut at its end."""

    def __init__(self, merges: Sequence[tuple[str, str]], length: int) -> None:
        letters = _byte_letters()
        pieces = [*letters.values(), *(letter + _WORD_END for letter in letters.values()), *(a + b for a, b in merges)]
        self._numbers = {piece: number for number, piece in enumerate(pieces)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._letters, self._start, self._end = letters, len(pieces), len(pieces) + 1
        self.length = length

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Tokens int64 (n, length)."""
        rows = np.zeros((len(texts), self.length), np.int64)
        for row, text in zip(rows, texts, strict=True):
            found = [self._start, *self._pieces(text), self._end][: self.length]
            found[-1] = self._end
            row[: len(found)] = found
        return rows

    def _pieces(self, text: str) -> Iterator[int]:
        for count, word in enumerate(split_words(normalize_text(text))):
            if count > self.length:
                return
            spelled = "".join(self._letters[byte] for byte in word[:_MAX_WORD_LENGTH].encode())
            yield from (self._numbers[piece] for piece in self._merged(spelled))

    def _merged(self, word: str) -> list[str]:
        """The pieces of a word: of all neighbours the pair of the lowest rank is joined, until none has one."""
        pieces = [*word[:-1], word[-1] + _WORD_END]
        while len(pieces) > 1:
            best = min(pairwise(pieces), key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            joined: list[str] = []
            for piece in pieces:
                if joined and (joined[-1], piece) == best:
                    joined[-1] += piece
                else:
                    joined.append(piece)
            pieces = joined
        return pieces


def normalize_text(text: str) -> str:
    """Lower case, single spaces, straight quotes, composed letters, entities written out."""
    plain = unicodedata.normalize("NFC", text.translate(_PLAIN_CHARACTERS))
    return " ".join(html.unescape(html.unescape(plain)).split()).lower()


def split_words(text: str) -> Iterator[str]:
    """Runs of letters, single digits, English endings after an apostrophe, and runs of anything else but spaces."""
    at = 0
    while at < len(text):
        suffix = next((each for each in _SUFFIXES if text.startswith(each, at)), None)
        kind = _character_class(text[at])
        if suffix:
            end = at + len(suffix)
        elif kind == "N":
            end = at + 1
        else:
            end = at + 1
            while end < len(text) and _character_class(text[end]) == kind:
                end += 1
        if kind != " ":
            yield text[at:end]
        at = end


def _character_class(char: str) -> str:
    """L letters, N digits, a space, or S for the rest."""
    if char.isspace():
        return " "
    kind = unicodedata.category(char)[0]
    return kind if kind in "LN" else "S"


@lru_cache
def _byte_letters() -> dict[int, str]:
    """A printable letter for each byte: itself where it has one, else one from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}


def parse_merges(text: str) -> list[tuple[str, str]]:
    """The merges of a file with one pair a line; ValueError for a line that is none."""
    found = []
    for line in text.splitlines():
        first, _, second = line.partition(" ")
        if not first or not second or " " in second:
            raise ValueError(f"{line[:40]!r} is no pair")
        found.append((first, second))
    return found
