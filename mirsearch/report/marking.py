"""Which stretches of a caption are words the query asked for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_WORD = re.compile(r"\w+")
_ENDINGS = ("ings", "ing", "ies", "ied", "ed", "es", "s")


def segments(text: str, query: str | None) -> Iterator[tuple[str, bool]]:
    """The text cut into stretches, each with whether it is a word of the query; joined they are the text."""
    wanted = {_stem(word) for word in _WORD.findall(query or "")}
    done = 0
    for found in _WORD.finditer(text) if wanted else ():
        if _stem(found[0]) not in wanted:
            continue
        if found.start() > done:
            yield text[done : found.start()], False
        yield found[0], True
        done = found.end()
    if done < len(text):
        yield text[done:], False


def matched_words(text: str, query: str | None) -> list[str]:
    """The query's words as the text has them, in lower case, each once, in the text's order."""
    return list(dict.fromkeys(part.lower() for part, hit in segments(text, query) if hit))


def _stem(word: str) -> str:
    folded = "".join(c for c in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(c))
    for ending in _ENDINGS:
        if folded.endswith(ending) and len(folded) - len(ending) >= 3:
            return folded[: -len(ending)].rstrip("e")
    return folded.rstrip("e") if len(folded) > 3 else folded
