"""Turn the texts of a panel into searchable fields: the tokens of each text, and all tokens in one weighted field."""

from __future__ import annotations

import functools
import itertools
import re
from typing import Any

from mirsearch import settings
from mirsearch.corpus import Figure, Panel
from mirsearch.text import tokens as text
from mirsearch.text.figure_references import part_mentions
from mirsearch.text.terms import ANALYSIS

MAX_CAPTION_TERMS = 200
WORD_REPEATS = 3
"""Number of times a word of boost 1 is repeated in `words.all`. The k1 of that field's similarity is 1.2 times this."""
WORDS_VERSION = f"{ANALYSIS}.{WORD_REPEATS}"
"""Version of the rules that make `words`. A query must use the same rules."""
PAIR_SEPARATOR = "+"
"""Separator of the two words of a pair in `words.all`; no word contains it."""
_TERM = re.compile(r"[^\W\d_][\w-]{2,}")


def text_fields(panel: Panel, figure: Figure) -> dict[str, Any]:
    """Return the fields of a panel's document that are made from its texts: `caption_terms` and `words`."""
    return {"caption_terms": _caption_terms(panel.caption), "words": _words_field(panel, figure)}


def _words_field(panel: Panel, figure: Figure) -> dict[str, Any]:
    """Return the tokens of each text, and `all`: every token, repeated by the weight of its text.

    The heading counts as text that was read in the panel; mentions are those of the panel's letter.
    `all` also holds each pair of neighboring words as one token, so that a pair has a term frequency of its own.
    Repeating words by the weight of their field, before BM25 flattens frequencies, is BM25F (Robertson, Zaragoza,
    Taylor, "Simple BM25 extension to multiple weighted fields", 2004).
    """
    text_and_heading = f"{panel.text} {panel.heading}" if panel.heading else panel.text
    title = figure.article.title if figure.article else None
    mentions = "\n".join(part_mentions(figure.mentions, figure.label, panel.label))
    texts = {"caption": panel.caption, "text": text_and_heading, "title": title or "", "mentions": mentions}
    found = {name: _cached_tokens(words) for name, words in texts.items()}
    weighted = []
    for name, words in found.items():
        pairs = [PAIR_SEPARATOR.join(pair) for pair in itertools.pairwise(words)]
        weighted += [*words, *pairs] * round(WORD_REPEATS * settings.TEXT_BOOSTS[name])
    return {"all": " ".join(weighted) or None} | {name: " ".join(words) or None for name, words in found.items()}


@functools.lru_cache(256)
def _cached_tokens(words: str) -> tuple[str, ...]:
    """Return the tokens of a text. Cached, as the panels of a figure share their title, and often more."""
    return tuple(text.tokens(words))


def _caption_terms(caption: str) -> list[str]:
    words = (word for word in _TERM.findall(text.fold(caption)) if word not in text.STOP_WORDS)
    return list(dict.fromkeys(words))[:MAX_CAPTION_TERMS]
