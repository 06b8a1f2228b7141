"""Whether a caption has the words of a query: AND, OR, NOT, phrases in quotes, brackets, and `nano*` for beginnings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mirsearch.text.tokens import fold, tokens

_TOKEN = re.compile(r'"([^"]*)"|([()])|([^\s()"]+)')
_OPERATORS = ("AND", "OR", "NOT")


def matches_keywords(caption: str, keywords: Sequence[str]) -> bool:
    """Whether a caption meets all of the keywords, each a query of its own."""
    words = tokens(caption)
    whole_words = [fold(keyword) for keyword in re.findall(r"\w+", caption)]
    return all(_QueryParser(keyword, words, whole_words).answer() for keyword in keywords)


class _QueryParser:
    """Reads a query from left to right: OR binds less than AND, which may be left out; NOT stands before its term."""

    def __init__(self, query: str, words: list[str], whole_words: list[str]) -> None:
        self._pieces = [(token[1] or "", token[2], token[3] or "") for token in _TOKEN.finditer(query)]
        self._words, self._whole = words, whole_words
        self._place = 0

    def answer(self) -> bool:
        """Whether the caption meets the query; brackets and quotes are known to close."""
        matches = self._either()
        while self._place < len(self._pieces):  # a bracket too many
            self._place += 1
            matches = self._either() and matches
        return matches

    def _next(self) -> str:
        if self._place >= len(self._pieces):
            return ""
        _, bracket, word = self._pieces[self._place]
        return bracket or (word if word in _OPERATORS else "term")

    def _either(self) -> bool:
        matches = self._both()
        while self._next() == "OR":
            self._place += 1
            matches = self._both() or matches
        return matches

    def _both(self) -> bool:
        matches = True
        while self._next() not in ("", "OR", ")"):
            if self._next() == "AND":
                self._place += 1
                continue
            matches = self._term() and matches
        return matches

    def _term(self) -> bool:
        if self._next() == "NOT":
            self._place += 1
            return self._next() in ("", ")", "OR", "AND") or not self._term()
        phrase, bracket, word = self._pieces[self._place]
        self._place += 1
        if bracket == "(":
            matches = self._either()
            self._place += self._next() == ")"
            return matches
        if word.endswith("*"):
            return any(each.startswith(fold(word.rstrip("*"))) for each in self._whole)
        term_words = tokens(phrase or word)
        size = len(term_words)
        return any(self._words[start : start + size] == term_words for start in range(len(self._words) - size + 1))
