"""Which stretches of a caption are words the query asked for."""

from __future__ import annotations

from collections.abc import Iterator

from mirsearch.text.tokens import match_finder


def split_at_matches(text: str, query: str | None) -> Iterator[tuple[str, bool]]:
    """The text cut into stretches, each with whether it is a word of the query; joined they are the text."""
    done = 0
    for start, end in match_finder(query)(text) if query else ():
        if start > done:
            yield text[done:start], False
        yield text[start:end], True
        done = end
    if done < len(text):
        yield text[done:], False


def matched_words(text: str, query: str | None) -> list[str]:
    """The query's words as the text has them, in lower case, each once, in the text's order."""
    return list(dict.fromkeys(part.lower() for part, hit in split_at_matches(text, query) if hit))
