"""Find the words of the query in a caption, so that they can be highlighted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from mirsearch.text.matches import match_finder


def split_at_matches(text: str, query: str | None) -> Iterator[tuple[str, bool]]:
    """Yield the text in parts, each with whether it is a word of the query. The parts joined are the text."""
    position = 0
    for start, end in _find_spans(text, query) if query else ():
        if start > position:
            yield text[position:start], False
        yield text[start:end], True
        position = end
    if position < len(text):
        yield text[position:], False


@lru_cache(maxsize=64)
def _find_spans(text: str, query: str) -> tuple[tuple[int, int], ...]:
    """Return the spans of the query's words. A card shows some texts twice, and all cards have the same query."""
    return tuple(_finder(query)(text))


_finder = lru_cache(maxsize=8)(match_finder)


def matched_words(text: str, query: str | None) -> list[str]:
    """Return the words of the query as the text writes them: in lower case, each once, in the order of the text."""
    return list(dict.fromkeys(part.lower() for part, matched in split_at_matches(text, query) if matched))
