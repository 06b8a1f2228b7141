"""Match captions with keywords, in the language of the words of a query (`text.word_query`)."""

from __future__ import annotations

from collections.abc import Sequence

from mirsearch.errors import UsageError
from mirsearch.text.matches import meets
from mirsearch.text.tokens import tokens
from mirsearch.text.word_query import leaves, parse_condition

_ORIGIN = "--keyword"


def check_keywords(keywords: Sequence[str]) -> None:
    """Raise UsageError for a keyword that can't be looked for in captions: not well formed, or with a field."""
    for keyword in keywords:
        field = next((word.field for word in leaves(parse_condition(keyword, _ORIGIN)) if word.field), None)
        if field is not None:
            raise UsageError(
                f"--keyword {keyword!r} has the field {field}, but --in captions looks in captions alone",
                f"leave out {field}:",
            )


def matches_keywords(caption: str, keywords: Sequence[str]) -> bool:
    """Return whether a caption meets all keywords. Raises UsageError for one that is not well formed."""
    texts = {"caption": tokens(caption)}
    trees = [parse_condition(keyword, _ORIGIN) for keyword in keywords]
    return all(tree is None or meets(tree, texts) for tree in trees)
