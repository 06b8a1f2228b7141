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
    whole = [fold(each) for each in re.findall(r"\w+", caption)]
    return all(_QueryParser(each, words, whole).answer() for each in keywords)


class _QueryParser:
    """Reads a query from left to right: OR binds less than AND, which may be left out; NOT stands before its term."""

    def __init__(self, query: str, words: list[str], whole: list[str]) -> None:
        self._pieces = [(found[1] or "", found[2], found[3] or "") for found in _TOKEN.finditer(query)]
        self._words, self._whole = words, whole
        self._place = 0

    def answer(self) -> bool:
        """Whether the caption meets the query; brackets and quotes are known to close."""
        found = self._either()
        while self._place < len(self._pieces):  # a bracket too many
            self._place += 1
            found = self._either() and found
        return found

    def _next(self) -> str:
        if self._place >= len(self._pieces):
            return ""
        _, bracket, word = self._pieces[self._place]
        return bracket or (word if word in _OPERATORS else "term")

    def _either(self) -> bool:
        found = self._both()
        while self._next() == "OR":
            self._place += 1
            found = self._both() or found
        return found

    def _both(self) -> bool:
        found = True
        while self._next() not in ("", "OR", ")"):
            if self._next() == "AND":
                self._place += 1
                continue
            found = self._term() and found
        return found

    def _term(self) -> bool:
        if self._next() == "NOT":
            self._place += 1
            return self._next() in ("", ")", "OR", "AND") or not self._term()
        phrase, bracket, word = self._pieces[self._place]
        self._place += 1
        if bracket == "(":
            found = self._either()
            self._place += self._next() == ")"
            return found
        if word.endswith("*"):
            return any(each.startswith(fold(word.rstrip("*"))) for each in self._whole)
        wanted = tokens(phrase or word)
        size = len(wanted)
        return any(self._words[at : at + size] == wanted for at in range(len(self._words) - size + 1))
