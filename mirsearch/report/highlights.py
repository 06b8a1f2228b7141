"""Find the words of the query in a caption, so that they can be highlighted."""

from __future__ import annotations

from collections.abc import Iterator

from mirsearch.text.matches import match_finder


def split_at_matches(text: str, query: str | None) -> Iterator[tuple[str, bool]]:
    """Yield the text in parts, each with whether it is a word of the query. The parts joined are the text."""
    position = 0
    for start, end in match_finder(query)(text) if query else ():
        if start > position:
            yield text[position:start], False
        yield text[start:end], True
        position = end
    if position < len(text):
        yield text[position:], False


def matched_words(text: str, query: str | None) -> list[str]:
    """Return the words of the query as the text writes them: in lower case, each once, in the order of the text."""
    return list(dict.fromkeys(part.lower() for part, matched in split_at_matches(text, query) if matched))
