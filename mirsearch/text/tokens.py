"""Words as they are searched: one way of folding, splitting and stemming, for indexes, queries and marking."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise

from mirsearch.settings import LIMITS
from mirsearch.text.stemming import stem

ANALYSIS = "2"
"""Raised whenever :func:`tokens` gives other words than before: indexes then read their texts again."""

Term = tuple[str, ...]
"""Tokens that follow each other: one for a word, several for a quoted phrase."""

_DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_TRADEMARK_SIGNS = re.compile(r"[\u2122\u00ae\u00a9]")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:(?<=\d)\.\d[^\W_{_CJK}]*)*")
_MEASURE = re.compile(r"(\d+(?:\.\d+)*)(nm|um|pm|mm|cm|kv|ev|kev|mev|khz|mhz|ghz|kpa|mpa|gpa|mg|ml|ul|ug|wt|min)")
_MICRO = re.compile(r"(\d[\d.]*)?\u03bc([a-z]{1,3})")
_GREEK_PREFIX = re.compile(r"([\u03b1-\u03c9]+)([a-z0-9].*)")
_QUOTED_PHRASE = re.compile(
    r'["\u201c\u201d\u201e\u00ab\u00bb]([^"\u201c\u201d\u201e\u00ab\u00bb]*)["\u201c\u201d\u00ab\u00bb]'
)
_WORD_WITH_MARKS = re.compile(r"[^\W_][^\W_\u0300-\u036f]*(?:[\u0300-\u036f]+[^\W_]*)*(?:(?<=\d)[.,]\d+[^\W_]*)*")

_COMMON_WORDS = """a an and are as at be by for from had has have in into is it its of on or that the their this these to was
were which with"""
STOP_WORDS = frozenset(stem(word) for word in _COMMON_WORDS.split())
"""Words too common to be worth looking for; they count only where a query has nothing else, and in phrases."""


def fold(text: str) -> str:
    """Lower case without diacritics; sub- and superscripts, ligatures, dashes and µ in their plain form."""
    if text.isascii():
        return text.lower()
    text = _DASHES.sub("-", _TRADEMARK_SIGNS.sub(" ", text.replace("\u00ad", "").replace("\u200b", " ")))
    split = unicodedata.normalize("NFKD", text)
    kept = "".join(letter for letter in split if unicodedata.category(letter) not in ("Mn", "Cf"))
    return kept.casefold()


def tokens(text: str) -> list[str]:
    """The words of a text as they are indexed, in order: folded, split at all but letters and digits, stemmed.

    Decimals stay whole, a number and its unit part ("500nm" is 500 and nm), µm is um, a Greek letter stands alone.
    """
    plain = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), fold(text))
    found: list[str] = []
    for word in _WORD.findall(plain):
        found.extend(_split_word(word))
    return found


def _split_word(word: str) -> list[str]:
    if word.isascii():
        if word.isalpha():
            return [stem(word)]
    else:
        micro = _MICRO.fullmatch(word)
        if micro:
            word = f"{micro[1] or ''}u{micro[2]}"
        greek = _GREEK_PREFIX.fullmatch(word)
        if greek:
            return [greek[1], *_split_word(greek[2])]
    measure = _MEASURE.fullmatch(word)
    return [measure[1], measure[2]] if measure else [stem(word)]


def query_terms(query: str) -> list[Term]:
    """What a query looks for: quoted phrases, single words, and pairs of words that follow each other, each once.

    Nothing in it is syntax but the quotes. The pairs put "carbon nanotube" before carbon here and nanotube there
    (Metzler and Croft, "A Markov random field model for term dependencies", 2005). Stop words are left out where
    anything else is asked; at most `LIMITS.query_terms` terms.
    """
    query = query[: LIMITS.field_chars]
    phrases = [tuple(tokens(quoted)) for quoted in _QUOTED_PHRASE.findall(query)]
    words = tokens(_QUOTED_PHRASE.sub(" ", query))
    telling = [word for word in words if word not in STOP_WORDS]
    if not telling and not any(phrases):
        telling = words
    terms = [phrase for phrase in phrases if phrase] + [(word,) for word in telling] + list(pairwise(telling))
    return list(dict.fromkeys(terms))[: LIMITS.query_terms]


def match_finder(query: str) -> Callable[[str], list[tuple[int, int]]]:
    """A function that finds a query's words in a text: spans (start, end), in order, not overlapping, for marking."""
    wanted = {token for term in query_terms(query) for token in term} - STOP_WORDS

    def spans(text: str) -> list[tuple[int, int]]:
        words = _WORD_WITH_MARKS.finditer(text) if wanted else ()
        return [word.span() for word in words if wanted.intersection(tokens(word[0]))]

    return spans
