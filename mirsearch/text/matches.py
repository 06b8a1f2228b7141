"""Tell whether texts meet a condition on words, and find the words of a query in a text, to highlight them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from mirsearch.errors import UsageError
from mirsearch.text.terms import PREFIX_SIGN, Term
from mirsearch.text.tokens import MAX_REMEMBERED_CHARS, STOP_WORDS, word_tokens, written_words
from mirsearch.text.word_query import WORD_FIELDS, Both, Either, Node, Not
from mirsearch.text.word_ranking import wanted_words


def match_finder(query: str) -> Callable[[str], list[tuple[int, int]]]:
    """Return a function that finds the words of a query in a text, as spans (start, end) for highlighting.

    The spans are in order and do not overlap. Words that the query excludes are not found.
    """
    try:
        wanted = {token for word in wanted_words(query) for token in word.term} - STOP_WORDS
    except UsageError:  # an expression that is not well formed was told where it was asked
        wanted = set()
    beginnings = tuple(token[:-1] for token in wanted if token.endswith(PREFIX_SIGN))

    def is_wanted(word: str) -> bool:
        found = word_tokens(word)
        return not wanted.isdisjoint(found) or (bool(beginnings) and any(map(begins, found)))

    is_known_as_wanted = lru_cache(maxsize=1 << 12)(is_wanted)  # the texts of an answer share most of their words

    def begins(token: str) -> bool:
        return token.startswith(beginnings)

    def find_spans(text: str) -> list[tuple[int, int]]:
        if not wanted:
            return []
        return [
            found.span() for found in written_words(text)
            if (is_known_as_wanted if len(word := found[0]) <= MAX_REMEMBERED_CHARS else is_wanted)(word)
        ]  # fmt: skip

    return find_spans


def meets(node: Node, texts: Mapping[str, Sequence[str]]) -> bool:
    """Return whether texts, as tokens by field, meet a condition. A field that is not among them has no words."""
    if isinstance(node, Not):
        return not meets(node.part, texts)
    if isinstance(node, Both):
        return all(meets(part, texts) for part in node.parts)
    if isinstance(node, Either):
        return any(meets(part, texts) for part in node.parts)
    return any(has_term(texts.get(name, ()), node.term) for name in ((node.field,) if node.field else WORD_FIELDS))


def has_term(words: Sequence[str], term: Term) -> bool:
    """Return whether the tokens of a text have a term: consecutive words, or a word that begins so."""
    if term[0].endswith(PREFIX_SIGN):
        return any(word.startswith(term[0][:-1]) for word in words)
    size = len(term)
    return any(tuple(words[start : start + size]) == term for start in range(len(words) - size + 1))
