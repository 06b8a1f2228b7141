"""Match captions with queries: AND, OR, NOT, phrases in quotes, brackets, and `nano*` for prefixes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mirsearch.text.tokens import fold, tokens

_TOKEN = re.compile(r'"([^"]*)"|([()])|([^\s()"]+)')
_OPERATORS = ("AND", "OR", "NOT")


def matches_keywords(caption: str, keywords: Sequence[str]) -> bool:
    """Return whether a caption matches all keywords. Each keyword is a query."""
    words = tokens(caption)
    whole_words = [fold(keyword) for keyword in re.findall(r"\w+", caption)]
    return all(_QueryParser(keyword, words, whole_words).matches() for keyword in keywords)


class _QueryParser:
    """Parses a query from left to right. AND binds more tightly than OR and may be omitted; NOT precedes its term."""

    def __init__(self, query: str, words: list[str], whole_words: list[str]) -> None:
        self._tokens = [(token[1] or "", token[2], token[3] or "") for token in _TOKEN.finditer(query)]
        self._words, self._whole_words = words, whole_words
        self._position = 0

    def matches(self) -> bool:
        """Return whether the caption matches the query. The brackets and quotes must be balanced."""
        matches = self._parse_or()
        while self._position < len(self._tokens):  # a closing bracket too many
            self._position += 1
            matches = self._parse_or() and matches
        return matches

    def _next_kind(self) -> str:
        if self._position >= len(self._tokens):
            return ""
        _, bracket, word = self._tokens[self._position]
        return bracket or (word if word in _OPERATORS else "term")

    def _parse_or(self) -> bool:
        matches = self._parse_and()
        while self._next_kind() == "OR":
            self._position += 1
            matches = self._parse_and() or matches
        return matches

    def _parse_and(self) -> bool:
        matches = True
        while self._next_kind() not in ("", "OR", ")"):
            if self._next_kind() == "AND":
                self._position += 1
                continue
            matches = self._parse_term() and matches
        return matches

    def _parse_term(self) -> bool:
        if self._next_kind() == "NOT":
            self._position += 1
            return self._next_kind() in ("", ")", "OR", "AND") or not self._parse_term()
        phrase, bracket, word = self._tokens[self._position]
        self._position += 1
        if bracket == "(":
            matches = self._parse_or()
            self._position += self._next_kind() == ")"
            return matches
        if word.endswith("*"):
            return any(whole_word.startswith(fold(word.rstrip("*"))) for whole_word in self._whole_words)
        term_words = tokens(phrase or word)
        size = len(term_words)
        return any(self._words[start : start + size] == term_words for start in range(len(self._words) - size + 1))
