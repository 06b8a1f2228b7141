"""Split a statement of lengths into tokens: lengths, panel letters, insets, places, words that name an image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from mirsearch.analysis.captions.markers import labels_between
from mirsearch.analysis.captions.places import PLACE, SEQUENCE, place_name
from mirsearch.text.lengths import Length, parse_length

UNIT = r"(?:μ ?m|um|nm|mm|cm|pm|Å|microns?|micromet(?:er|re)s?|nanomet(?:er|re)s?|millimet(?:er|re)s?|μM)"
DIGITS = r"\d+(?:[.,]\d+)?"
_LABEL = r"(?:[ivx]{2,4}|[a-z][0-9]?)['′]{0,3}"
_RANGE = rf"{_LABEL}(?: ?(?:[-–—]|to) ?{_LABEL})?"
LIST = rf"{_RANGE}(?:(?: ?,(?: ?(?:and|&))? ?| ?(?:and|&|;) ?){_RANGE}){{0,25}}"
_VALUE = rf"(?<![\w.]){DIGITS} ?-?{UNIT}(?![A-Za-z0-9])"
_INSET = r"\b(?:insets?|inserts?)\b(?: montages?\b)?"
_ENLARGED = (
    r"\b(?:zoom(?:s|ed)?(?:[- ]in)?|magnified|enlarge(?:d|ments?)|close-?ups?|blow-?ups?)\b"
    r"(?: (?:images?|views?|panels?|regions?|areas?|pictures?))?"
)
_MAIN = r"\b(?:main|overviews?)\b(?: (?:images?|views?|panels?|figures?))?"
_POWER = r"\b(?:low|high)(?:er)?[- ](?:magnifications?|mag|power)\b"
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_NTH = rf"\b(?:{'|'.join(_ORDINALS)})(?= (?:panel|image|picture|micrograph|frame|from)s?\b)(?: \w+)"
_PIECE = re.compile(
    rf"(?P<value>{_VALUE})(?P<bad> ?(?:\^|[-−–] ?1\b|/)|)"
    rf"|(?P<sequence>{SEQUENCE.pattern})"
    r"|[(\[](?P<paren>[^()\[\]]{1,90})[)\]]"
    rf"|(?P<inset>{_INSET})"
    rf"|(?P<enlarged>{_ENLARGED})"
    rf"|(?P<main>{_MAIN})"
    rf"|(?P<power>{_POWER})"
    rf"|(?P<nth>{_NTH})"
    rf"|(?P<place>{PLACE})"
    rf"|(?P<number>(?<![\w.]){DIGITS}(?![\w.]))"
    rf"|(?<![\w'’-])(?P<bare>{LIST})(?![\w'’])",
    re.IGNORECASE,
)
_HAS_VALUE = re.compile(_VALUE, re.IGNORECASE)
_ALL_LETTERS = re.compile(rf" ?(?:(?:in|for|of) )?(?:panels? )?{LIST} ?", re.IGNORECASE)
_LEADING_LETTERS = re.compile(
    rf" ?(?:(?:in|for|of) )?(?:panels? )?({LIST})(?=[,;:]"
    r"| (?:insets?|top|bottom|left|right|upper|lower|middle|main)\b)",
    re.IGNORECASE,
)
_SPAN = re.compile(rf"({_LABEL})(?: ?(?:[-–—]|\bto\b) ?({_LABEL}))?(?![a-z])")
_NO_HEADING = re.compile(
    r"\b(?:scale|bars?|fig(?:ure)?s?|see|respectively|n ?=|as|is|are|was|each|all|both|not|ref)\b|\d{3}|=",
    re.IGNORECASE,
)
_LONGEST_HEADING = 40
"""Most characters of words in brackets that can name an image, such as "(wild type)"."""


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a statement: a length, panel letters, digits whose unit follows later, or words that name an image.

    `text` is the place, the words, or the digits of an ordinal. `group` numbers the brackets that the token stands in;
    0 is outside of any. `start` and `end` are its place in the statement.
    """

    kind: Literal["value", "labels", "inset", "number", "main", "place", "ordinal", "heading", "sequence"]
    length: Length | None = None
    labels: tuple[str, ...] = ()
    text: str = ""
    group: int = 0
    start: int = 0
    end: int = 0


def tokenize(statement: str, known_labels: frozenset[str]) -> Iterator[Token]:
    """Yield the tokens of a statement in order; `known_labels` are the figure's letters, empty if they are unknown."""
    groups = 0
    for match in _PIECE.finditer(statement):
        if match["paren"]:
            groups += 1
            for token in _in_brackets(match["paren"], known_labels):
                offset = match.start() + 1
                yield replace(token, group=groups, start=offset + token.start, end=offset + token.end)
            continue
        for token in _outside_brackets(match, known_labels):
            yield replace(token, start=match.start(), end=match.end())


def _outside_brackets(match: re.Match[str], known_labels: frozenset[str]) -> Iterator[Token]:
    """Yield the token of a match outside of brackets, if it is one."""
    if match["value"]:
        length = None if match["bad"] else parse_length(match["value"].replace("-", " "), repair=False)
        if length is not None:
            yield Token("value", length)
    elif match["number"]:
        yield Token("number", Length(0.0, 0.0, match["number"]))
    elif match["bare"]:
        labels = parse_letters(match["bare"], known_labels, known_only=True)
        if labels:
            yield Token("labels", labels=labels)
    else:
        yield _naming_token(match)


def _naming_token(match: re.Match[str]) -> Token:
    """Return the token of words that name an image."""
    if match["nth"]:
        return Token("ordinal", text=str(_ORDINALS.index(match["nth"].split()[0].lower()) + 1))
    if match["sequence"]:
        return Token("sequence")
    if match["place"]:
        return Token("place", text=place_name(match["place"]))
    if match["power"]:
        return Token("heading", text=match["power"])
    if match["main"]:
        return Token("main", text=match["main"] if match["main"].lower().startswith("overview") else "")
    return Token("inset", text=match["enlarged"] or match["inset"].lower().replace("insert", "inset"))


def _in_brackets(text: str, known_labels: frozenset[str]) -> Iterator[Token]:
    """Yield the tokens of a text in brackets: letters, an inset, a place, the words that name an image, lengths."""
    if _HAS_VALUE.search(text):
        yield from tokenize(text, known_labels)
        return
    letters = _ALL_LETTERS.fullmatch(text) or _LEADING_LETTERS.match(text)
    offset = letters.end() if letters else 0
    if letters:
        labels = parse_letters(letters.group(), known_labels, known_only=False)
        yield Token("labels", labels=labels, end=letters.end())
    rest = text[offset:]
    found = False
    for match in _PIECE.finditer(rest):
        span = (offset + match.start(), offset + match.end())
        if any(match[name] for name in ("inset", "enlarged", "main", "power", "nth", "place", "sequence")):
            found = True
            yield replace(_naming_token(match), start=span[0], end=span[1])
        elif match["bare"] and _is_list_of_letters(match, rest):
            labels = parse_letters(match["bare"], known_labels, known_only=True)
            if labels:
                found = True
                yield Token("labels", labels=labels, start=span[0], end=span[1])
    words = rest.strip(" ,;:")
    if not found and 2 <= len(words) <= _LONGEST_HEADING and not _NO_HEADING.search(words):
        yield Token("heading", text=words, start=offset, end=len(text))


def _is_list_of_letters(match: re.Match[str], text: str) -> bool:
    """Return whether letters in brackets stand apart: "inset in b, e", unlike "a merged image"."""
    before, after = text[: match.start()].rstrip(), text[match.end() :].lstrip()
    apart = not after or after[0] in ",;:" or after.startswith(("and ", "inset"))
    return apart and (
        not before or before[-1] in ",;:" or before.endswith((" of", " in", " on", " for", "and", "set", "sets"))
    )


def parse_letters(text: str, known_labels: frozenset[str], known_only: bool) -> tuple[str, ...]:
    """Return the panel letters of `a`, `b–d`, `a, c and e`, `ii`, in order.

    With `known_only`, they count only if all are among the known labels, where there are such; running text needs that.
    """
    cleaned = re.sub(r"\b(?:panels?|insets?|the|in|for|of)\b", " ", text.lower())
    labels: list[str] = []
    for first, last in _SPAN.findall(re.sub(r"\band\b|&", ",", cleaned)):
        labels += [first, *(labels_between(first, last) or []), last] if last else [first]
    if known_only and known_labels and not set(labels) <= known_labels:
        return ()
    return tuple(dict.fromkeys(labels))
