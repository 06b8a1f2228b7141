"""The words of a panel as Elasticsearch gets them: tokens by where they are, and all of them in one weighted field."""

from __future__ import annotations

import functools
import itertools
import re
from typing import Any

from mirsearch import settings
from mirsearch.corpus import Panel
from mirsearch.text import tokens as text

CAPTION_TERMS = 200
WEIGHT = 3
"""How often a word of boost 1 is repeated in `words.all`; k1 of its similarity is 1.2 times that."""
WORDS_VERSION = f"{text.ANALYSIS}.{WEIGHT}"
"""What `words` are made by: they are of no use to queries made by other rules."""
PAIR = "+"
"""Between the two words of a pair in `words.all`; no word has it."""
_TERM = re.compile(r"[^\W\d_][\w-]{2,}")


def searched(panel: Panel, title: str | None) -> dict[str, Any]:
    """What of a panel's document follows from its texts: `caption_terms` and `words`."""
    return {"caption_terms": _caption_terms(panel.caption), "words": _words(panel, title)}


def _words(panel: Panel, title: str | None) -> dict[str, Any]:
    """Tokens by where they are, and all of them as often as their place counts: BM25 over several fields in one.

    Words that follow each other are there as one too, as what asks for both together has a frequency of its own.
    Repeating words by the weight of their field, before BM25 flattens frequencies, is BM25F (Robertson, Zaragoza,
    Taylor, "Simple BM25 extension to multiple weighted fields", 2004).
    """
    found = {name: _tokens(words) for name, words in
             (("caption", panel.caption), ("text", panel.text), ("title", title or ""))}  # fmt: skip
    weighted = []
    for name, words in found.items():
        pairs = [PAIR.join(pair) for pair in itertools.pairwise(words)]
        weighted += [*words, *pairs] * round(WEIGHT * settings.TEXT_BOOSTS[name])
    return {"all": " ".join(weighted) or None} | {name: " ".join(words) or None for name, words in found.items()}


@functools.lru_cache(256)
def _tokens(words: str) -> tuple[str, ...]:
    """Tokens of a text; panels of a figure share their title, and often more."""
    return tuple(text.tokens(words))


def _caption_terms(caption: str) -> list[str]:
    words = (word for word in _TERM.findall(text.fold(caption)) if word not in text.STOP_WORDS)
    return list(dict.fromkeys(words))[:CAPTION_TERMS]
