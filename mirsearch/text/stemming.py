"""Stems of English words: the inflections of M. F. Porter, "An algorithm for suffix stripping", Program 14 (3), 1980.

Only plurals, -ed, -ing and a final e are removed. This is our own code because the stemmers of `snowballstemmer` always
take derivations apart, too: they make carbonate carbon, silicate silica and oxidation oxide.
"""

from __future__ import annotations

import re
from functools import lru_cache

_FORMULA = re.compile(r"(?:al|b|ga|in|si|n){1,12}as")
_VOWELS = "aeiou"


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The stem of a lower-case word; what is short, not plain a-z, or a formula such as GaAs comes back as it is."""
    if len(word) < 4 or not (word.isascii() and word.isalpha()) or _FORMULA.fullmatch(word):
        return word
    word = _strip_plural(word)
    if len(word) < 4:  # "ores" must meet "ore", and neither a word as short as "or"
        return word
    word = _strip_past(word)
    if word.endswith("y") and _has_vowel(word[:-1]):
        word = word[:-1] + "i"
    return _strip_final_letter(word)


def _is_consonant(word: str, at: int) -> bool:
    letter = word[at]
    if letter in _VOWELS:
        return False
    return letter != "y" or at == 0 or not _is_consonant(word, at - 1)


def _vowel_pattern(word: str) -> str:
    """The word as a run of C and V."""
    marks: list[str] = []
    for letter in word:
        vowel = letter in _VOWELS or (letter == "y" and bool(marks) and marks[-1] == "C")
        marks.append("V" if vowel else "C")
    return "".join(marks)


def _count_vowel_consonant_runs(word: str) -> int:
    """Porter's m: how often a run of vowels is followed by a run of consonants."""
    return _vowel_pattern(word).count("VC")


def _has_vowel(word: str) -> bool:
    return "V" in _vowel_pattern(word)


def _ends_in_short_syllable(word: str) -> bool:
    """Porter's *o: ends consonant, vowel, consonant, the last not w, x or y."""
    return _vowel_pattern(word)[-3:] == "CVC" and word[-1] not in "wxy"


def _strip_plural(word: str) -> str:
    if word.endswith("sses") or (word.endswith("ies") and len(word) > 4):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _strip_past(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _count_vowel_consonant_runs(word[:-3]) > 0 else word
    for ending in ("ed", "ing"):
        if not word.endswith(ending):
            continue
        head = word[: -len(ending)]
        if not _has_vowel(head):
            return word
        if head.endswith(("at", "bl", "iz")):
            return head + "e"
        if len(head) > 1 and head[-1] == head[-2] and head[-1] not in "lsz" and _is_consonant(head, len(head) - 1):
            return head[:-1]
        return head + "e" if _count_vowel_consonant_runs(head) == 1 and _ends_in_short_syllable(head) else head
    return word


def _strip_final_letter(word: str) -> str:
    if word.endswith("e"):
        head = word[:-1]
        size = _count_vowel_consonant_runs(head)
        if size > 1 or (size == 1 and not _ends_in_short_syllable(head)):
            word = head
    if word.endswith("ll") and _count_vowel_consonant_runs(word) > 1:
        word = word[:-1]
    return word
