"""Find the words of a query in a text, so that they can be highlighted."""

from __future__ import annotations

from collections.abc import Callable

from mirsearch.errors import UsageError
from mirsearch.text.terms import PREFIX_SIGN
from mirsearch.text.tokens import STOP_WORDS, find_words
from mirsearch.text.word_query import wanted_words


def match_finder(query: str) -> Callable[[str], list[tuple[int, int]]]:
    """Return a function that finds the words of a query in a text, as spans (start, end) for highlighting.

    The spans are in order and do not overlap. Words that the query excludes are not found.
    """
    try:
        wanted = {token for word in wanted_words(query) for token in word.term} - STOP_WORDS
    except UsageError:  # an expression that is not well formed was told where it was asked
        wanted = set()
    beginnings = tuple(token[:-1] for token in wanted if token.endswith(PREFIX_SIGN))

    def find_spans(text: str) -> list[tuple[int, int]]:
        words = find_words(text) if wanted else ()
        return [
            span
            for span, found in words
            if wanted.intersection(found) or (beginnings and any(token.startswith(beginnings) for token in found))
        ]

    return find_spans
