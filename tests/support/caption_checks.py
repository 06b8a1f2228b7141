"""Check whether a caption is split as its truth says."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mirsearch.analysis.captions.split import split_caption


def words_of(text: str) -> set[str]:
    """Return the words of a text in lower case."""
    return set(re.findall(r"[^\W_]+", text.lower()))


def find_wrong_parts(caption: str, parts: Mapping[str, str], general: str) -> list[str]:
    """Return what is wrong: other labels, missing words, and words that only other panels list.

    Words marked "~" in `parts` are allowed but not required.
    """
    found = split_caption(caption)
    wrong = [] if list(found.labels) == list(parts) else [f"labels {found.labels}"]
    for label, words in parts.items():
        needed = words_of(" ".join(word for word in words.split() if word[0] != "~"))
        others = {word for other, other_words in parts.items() if other != label for word in words_of(other_words)}
        own = words_of(found.own_words(label))
        if not needed <= own or own & (others - words_of(words)):
            wrong.append(f"{label}: {found.own_words(label)}")
    return wrong if words_of(general) <= words_of(found.general) else [*wrong, f"general: {found.general}"]
