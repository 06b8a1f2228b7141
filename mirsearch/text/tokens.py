"""Splits texts into words for search. Indexes, queries and highlighting all use the same folding and stemming."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from mirsearch.settings import LIMITS
from mirsearch.text.stemming import stem
from mirsearch.text.terms import PREFIX_SIGN, Term

MAX_REMEMBERED_CHARS = 40
"""Longest word that is kept in memory."""
MIN_PREFIX = 2
"""Fewest characters of such a beginning."""

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

_COMMON_WORDS = """a an and are as at be by for from had has have in into is it its of on or that the their this these
to was were which with"""
STOP_WORDS = frozenset(stem(word) for word in _COMMON_WORDS.split())
"""Words that are too common for a search. They are used only in phrases, and in a query of stop words only."""


def fold(text: str) -> str:
    """Return a text in lower case without diacritics, with plain digits, dashes, ligatures and µ."""
    if text.isascii():
        return text.lower()
    text = _DASHES.sub("-", _TRADEMARK_SIGNS.sub(" ", text.replace("\u00ad", "").replace("\u200b", " ")))
    split = unicodedata.normalize("NFKD", text)
    without_marks = "".join(letter for letter in split if unicodedata.category(letter) not in ("Mn", "Cf"))
    return without_marks.casefold()


def tokens(text: str) -> list[str]:
    """Return the words of a text as they are indexed, in order: folded, split at all but letters and digits, stemmed.

    Decimal numbers stay whole. A number and its unit are split ("500nm" is 500 and nm). µm becomes um. A Greek letter
    is a word by itself.
    """
    plain = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), fold(text))
    words: list[str] = []
    for word in _WORD.findall(plain):
        words.extend(_split_word(word))
    return words


def _split_word(word: str) -> list[str]:
    if word.isascii():
        if word.isalpha():
            return [stem(word)]
    else:
        micrometer = _MICRO.fullmatch(word)
        if micrometer:
            word = f"{micrometer[1] or ''}u{micrometer[2]}"
        greek = _GREEK_PREFIX.fullmatch(word)
        if greek:
            return [greek[1], *_split_word(greek[2])]
    measure = _MEASURE.fullmatch(word)
    return [measure[1], measure[2]] if measure else [stem(word)]


def query_terms(query: str) -> list[Term]:
    """Return the terms of a query: quoted phrases, single words, and pairs of consecutive words, without duplicates.

    Only quotes are syntax. Because of the pairs, a text with "carbon nanotube" ranks above one where the two words are
    apart (Metzler and Croft, "A Markov random field model for term dependencies", 2005). Stop words are left out if
    there are other words. There are at most `LIMITS.query_terms` terms.
    """
    query = query[: LIMITS.field_chars]
    phrases = [tuple(tokens(phrase_text)) for phrase_text in _QUOTED_PHRASE.findall(query)]
    words = tokens(_QUOTED_PHRASE.sub(" ", query))
    content_words = [word for word in words if word not in STOP_WORDS]
    if not content_words and not any(phrases):
        content_words = words
    terms = (
        [phrase for phrase in phrases if phrase] + [(word,) for word in content_words] + list(pairwise(content_words))
    )
    return list(dict.fromkeys(terms))[: LIMITS.query_terms]


def word_prefix(text: str) -> str | None:
    """Return the beginning of words that `nano*` stands for, folded; None if the text is no single word with a star."""
    if not text.endswith(PREFIX_SIGN):
        return None
    head = text.rstrip(PREFIX_SIGN)
    words = _WORD.findall(fold(head))
    is_single = len(words) == 1 == len(tokens(head)) and len(words[0]) >= MIN_PREFIX
    return words[0] if is_single else None


def find_words(text: str) -> Iterator[tuple[tuple[int, int], tuple[str, ...]]]:
    """Yield the words of a text as it writes them: the span (start, end) of each, in order, and its tokens."""
    for word in written_words(text):
        yield word.span(), word_tokens(word[0])


def written_words(text: str) -> Iterator[re.Match[str]]:
    """Return the words of a text as it writes them, in order."""
    return _WORD_WITH_MARKS.finditer(text)


def word_tokens(word: str) -> tuple[str, ...]:
    """Return the tokens of a word that a text writes."""
    return _remembered_tokens(word) if len(word) <= MAX_REMEMBERED_CHARS else tuple(tokens(word))


@lru_cache(maxsize=1 << 15)
def _remembered_tokens(word: str) -> tuple[str, ...]:
    """Return the tokens of a word. Captions share most of their words, and the pages of answers ask for them often."""
    if word.isascii() and word.isalpha():
        return (stem(word.lower()),)
    return tuple(tokens(word))
