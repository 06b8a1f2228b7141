"""Find the sentences of an article's text that speak of its figures ("Fig. 2b shows …", "Figs 2–4", "Figure S1")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from mirsearch.settings import LIMITS, Limits
from mirsearch.sources.articles import clean_text

_WORD = re.compile(
    r"(?<![A-Za-z])((?:extended[\s-]data|ed|supplementa(?:ry|l)|supporting|suppl?\.?|online)\s++)?+"
    r"(fig(?:ure|ura)?|scheme|chart|plate|abb(?:ildung)?)(s|en)?+(?![A-Za-z])\.?\s*+", re.IGNORECASE
)  # fmt: skip
_NUMBER = re.compile(r"(?:([A-Z]{1,2})[.\s]?)?(\d{1,4}(?:\.\d{1,2}(?![\d.]))?)(?!\d)")
_SUPPLEMENT = re.compile(r"\s*+[—–-]?\s*+(?:fig(?:ure)?\.?\s*+)?+supp(?:lement)?s?\.?\s*+(\d{1,3})", re.IGNORECASE)
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
_MAX_FIGURES_OF_NUMBER = 100
"""Figures of one number, as parts of a group have, that mentions are given to."""
_MAX_SENTENCES = 200_000
_END = re.compile(r"[.!?](?:(?<=[a-z)\]][.])\[?\d{1,3}(?:[,–-]\d{1,3}){0,10}\]?)?[\"'”’)\]]{0,3}(?=\s)")
"""The end of a sentence, also with a citation behind it ("… grown.12,13 The")."""
_LAST_TOKEN = re.compile(r"(?:^|(?<=[\s(\[]))[\w.]*+$")
_TOKEN_CHARS = 12
_ABBREVIATIONS = frozenset((
    "fig", "figs", "ref", "refs", "eq", "eqs", "eqn", "al", "e.g", "i.e", "eg", "ie", "vs", "cf", "ca", "approx",
    "no", "nos", "dr", "prof", "tab", "tabs", "sec", "sect", "suppl", "supp", "resp", "vol", "pp", "p", "st", "abb",
    "viz", "sp", "spp", "var", "conc", "max", "min", "temp", "esp", "ed", "eds", "incl",
))  # fmt: skip

FigureKey = tuple[str, str]
"""Kind and number of a figure: ("fig", "2"), ("fig", "s1"), ("ext", "3"), ("scheme", "1"), ("fig", "1.s2")."""

_WHOLE = ""
"""Stands for all parts of a figure, among the letters of its parts."""


def figure_mentions(
    labels: Sequence[str | None], sentences: Iterable[tuple[str, Iterable[int]]], limits: Limits = LIMITS
) -> list[tuple[str, ...]]:
    """Return for each figure the sentences that speak of it, in order and each once, up to a number and length.

    `labels` are the figures' labels. Each sentence comes with the numbers of the figures that it links to.
    """
    parts: list[set[str]] = []
    by_key: dict[FigureKey, list[int]] = {}
    for number, label in enumerate(labels):
        key, letters = next(iter(find_references(label or "").items()), (None, {_WHOLE}))
        parts.append(letters)
        if key is not None and len(by_key.setdefault(key, [])) < _MAX_FIGURES_OF_NUMBER:
            by_key[key].append(number)
    found: list[dict[str, None]] = [{} for _ in labels]
    for sentence, linked in islice(sentences, _MAX_SENTENCES):
        named = dict.fromkeys(linked)
        for key, letters in find_references(sentence).items():
            for number in by_key.get(key, ()):
                if _WHOLE in letters or _WHOLE in parts[number] or letters & parts[number]:
                    named[number] = None
        text = _shorten(sentence, limits.mention_chars) if named else ""
        for number in named:
            if text and len(found[number]) < limits.mentions:
                found[number][text] = None
    return [tuple(texts) for texts in found]


def split_sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a paragraph. No sentence ends after "Fig.", "et al." or an initial."""
    start = 0
    for match in _END.finditer(text):
        following = text[match.end() : match.end() + 2].strip()
        token = _LAST_TOKEN.search(text[max(0, match.start() - _TOKEN_CHARS) : match.start()])
        word = token[0].lower() if token else ""
        is_short = match[0][0] == "." and (word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()))
        if following[:1].islower() or is_short:
            continue
        yield text[start : match.end()].strip()
        start = match.end()
    if rest := text[start:].strip():
        yield rest


def find_references(text: str) -> dict[FigureKey, set[str]]:
    """Return the figures that a text names, each with the letters of its parts; "" among them stands for all of it."""
    found: dict[FigureKey, set[str]] = {}
    position = 0
    while (word := _WORD.search(text, position)) is not None:
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
                found.setdefault(between, set() if between == key else {_WHOLE})
            adjacent = _LETTER.match(text, position)
            letter = adjacent[1].lower() if adjacent else _WHOLE
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


def _shorten(sentence: str, limit: int) -> str:
    """Return a sentence, or of a longer one what stands around the first figure that it names."""
    if len(sentence) > limit:
        word = _WORD.search(sentence)
        start = max(0, (word.start() if word else 0) - limit // 2)
        sentence = ("…" if start else "") + sentence[start : start + limit - 1]
    return clean_text(sentence, limit)
