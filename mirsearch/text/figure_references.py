"""Find the figures that a text names, with the letters of their parts ("Fig. 2b", "Figs 2–4", "Figure S1")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

FIGURE_WORD = re.compile(
    r"(?<![A-Za-z])((?:extended[\s-]data|ed|supplementa(?:ry|l)|supporting|suppl?\.?|online)\s++)?+"
    r"(fig(?:ure|ura)?|scheme|chart|plate|abb(?:ildung)?)(s|en)?+(?![A-Za-z])\.?\s*+", re.IGNORECASE
)  # fmt: skip
_NUMBER = re.compile(r"(?:([A-Z]{1,2})[.\s]?)?(\d{1,4}(?:\.\d{1,2}(?![\d.]))?)(?!\d)")
_SUPPLEMENT = re.compile(
    r"\s{0,3}[—–-]?\s{0,3}(?:fig(?:ure)?\.?\s*+)?+supp(?:lement)?s?\.?\s*+(\d{1,3})", re.IGNORECASE
)
_LETTER = re.compile(r"[\s(\[]{0,2}([A-Za-z])['′]?(?:[ivx]{1,4}|\d)?[)\]]?(?![A-Za-z0-9])")
_SEPARATOR = re.compile(
    r"\s*+(?:(?P<comma>[,;/])\s*+(?P<last>and\b|or\b|&)?|(?P<and>&|\+|and\b|or\b|und\b|y\b|et\b)"
    r"|(?P<range>[–—−-]|to\b|through\b|bis\b))\s*+"
)  # fmt: skip
_UNIT_BEHIND = re.compile(r"\s?(?:[nµμmcpk]?m|%|°|[km]?[eV]V?|h|s|min|wt|at|mol|K|Pa)(?![A-Za-z])")
_KINDS = {"fig": "fig", "figure": "fig", "figura": "fig", "abb": "fig", "abbildung": "fig"}
_MAX_PARTS = 40
"""Numbers and letters that are read behind one word."""
_MAX_RANGE = 50
"""Longest range of figures ("Figs 2–51"); of a longer one, only the ends are taken."""
_MAX_KEPT = 2_048
"""Sentences whose references are kept, as each panel of a figure asks for those of the same sentences."""

FigureKey = tuple[str, str]
"""Kind and number of a figure: ("fig", "2"), ("fig", "s1"), ("ext", "3"), ("scheme", "1"), ("fig", "1.s2")."""

WHOLE = ""
"""Stands for all parts of a figure, among the letters of its parts."""


def find_references(text: str) -> dict[FigureKey, set[str]]:
    """Return the figures that a text names, each with the letters of its parts; "" among them stands for all of it."""
    found: dict[FigureKey, set[str]] = {}
    position = 0
    while (word := FIGURE_WORD.search(text, position)) is not None:
        position = _read_numbers(text, word, found)
    return found


def _read_numbers(text: str, word: re.Match[str], found: dict[FigureKey, set[str]]) -> int:
    """Add what is named behind "Fig." or "Figs": numbers, ranges, letters. Return where it ends."""
    position, last, separator = word.end(), None, None
    letter = ""
    for _ in range(_MAX_PARTS):
        number = _NUMBER.match(text, position)
        if number is not None and (separator is None or _goes_on(text, number, separator, word)):
            key = _figure_key(word, number)
            position, supplement = number.end(), _SUPPLEMENT.match(text, number.end())
            if supplement:
                key, position = (key[0], f"{key[1]}.s{supplement[1]}"), supplement.end()
            for between in _range(last, key) if separator is not None and separator["range"] else (key,):
                found.setdefault(between, set() if between == key else {WHOLE})
            adjacent = _LETTER.match(text, position)
            letter = adjacent[1].lower() if adjacent else WHOLE
            found[key].add(letter)
            position, last = adjacent.end() if adjacent else position, key
        elif last is not None and separator is not None and (other := _LETTER.match(text, position)):
            letters = _letter_range(letter, other[1].lower()) if separator["range"] else {other[1].lower()}
            found[last] |= letters
            letter, position = other[1].lower(), other.end()
        else:
            break
        separator = _SEPARATOR.match(text, position)
        if separator is None:
            break
        position = separator.end()
    return position


def _goes_on(text: str, number: re.Match[str], separator: re.Match[str], word: re.Match[str]) -> bool:
    """Return whether a further number is a figure's: "Figs 2, 3", "Fig. 2–4", but not "Fig. 2, 5 nm"."""
    if _UNIT_BEHIND.match(text, number.end()):
        return False
    is_plural = word[3] is not None
    has_letter = text[number.end() : number.end() + 1].isalpha()
    return bool(is_plural or has_letter or separator["range"] or separator["and"] or number[1])


def _figure_key(word: re.Match[str], number: re.Match[str]) -> FigureKey:
    group, prefix = (word[1] or "").lower(), (number[1] or "").lower()
    if group.startswith("e"):
        return "ext", prefix + number[2]
    if group and not prefix:
        prefix = "s"
    return _KINDS.get(word[2].lower(), word[2].lower()), prefix + number[2]


def _range(first: FigureKey | None, last: FigureKey) -> Iterator[FigureKey]:
    """Yield the figures between two, without the first."""
    if first is not None and first[0] == last[0]:
        start, end = (re.fullmatch(r"([a-z]*+)(\d{1,4})", key[1]) for key in (first, last))
        if start and end and start[1] == end[1] and 0 < int(end[2]) - int(start[2]) <= _MAX_RANGE:
            for number in range(int(start[2]) + 1, int(end[2])):
                yield first[0], f"{start[1]}{number}"
    yield last


def _letter_range(first: str, last: str) -> set[str]:
    return {chr(code) for code in range(ord(first), ord(last) + 1)} if first and first <= last else {last}


def part_mentions(mentions: Sequence[str], figure: str | None, letter: str | None) -> tuple[str, ...]:
    """Return the sentences that speak of one part of a figure, or of the whole of it.

    `mentions` speak of the figure with this label; `letter` is the part's. A sentence that names other parts only is
    left out. Without a label or a letter, all sentences are returned.
    """
    key = next(iter(find_references(figure or "")), None)
    if key is None or not letter:
        return tuple(mentions)
    return tuple(text for text in mentions if _kept_references(text).get(key, {WHOLE}) & {WHOLE, letter.lower()[:1]})


@lru_cache(_MAX_KEPT)
def _kept_references(sentence: str) -> dict[FigureKey, set[str]]:
    return find_references(sentence)
