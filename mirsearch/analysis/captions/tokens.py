"""The pieces a statement of lengths is made of: lengths, panel letters, the word inset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mirsearch.analysis.captions.markers import labels_between
from mirsearch.text.lengths import Length, parse_length

UNIT = r"(?:μ ?m|um|nm|mm|cm|pm|Å|microns?|micromet(?:er|re)s?|nanomet(?:er|re)s?|μM)"
DIGITS = r"\d+(?:[.,]\d+)?"
_LABEL = r"(?:[ivx]{2,4}|[a-z][0-9]?)"
_RANGE = rf"{_LABEL}(?: ?(?:[-–—]|to) ?{_LABEL})?"
LIST = rf"{_RANGE}(?:(?: ?,(?: ?(?:and|&))? ?| ?(?:and|&|;) ?){_RANGE})*"
_PIECE = re.compile(
    rf"(?P<value>(?<![\w.]){DIGITS} ?-?{UNIT}(?![A-Za-z0-9]))(?P<bad> ?(?:\^|[-−–] ?1\b|/)|)"
    r"|(?P<inset>\binsets?\b|\binserts?\b)"
    rf"|[(\[](?P<paren>(?:panels? )?{LIST}(?:,? ?(?:and )?(?:the )?insets?)?)[)\]]"
    rf"|(?P<number>(?<![\w.]){DIGITS}(?![\w.]))"
    rf"|(?<![\w'’-])(?P<bare>{LIST})(?![\w'’])",
    re.IGNORECASE,
)

_SPAN = re.compile(rf"({_LABEL})(?: ?(?:[-–—]|\bto\b) ?({_LABEL}))?(?![a-z])")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a statement: a length, panel letters, the word inset, or the digits of a length told later."""

    what: Literal["value", "labels", "inset", "number"]
    length: Length | None = None
    labels: tuple[str, ...] = ()


def tokenize(statement: str, known: frozenset[str]) -> Iterator[Token]:
    """The pieces of a statement in order; `known` are the figure's letters, empty where they are not known."""
    for match in _PIECE.finditer(statement):
        if match["value"]:
            length = None if match["bad"] else parse_length(match["value"].replace("-", " "))
            if length is not None:
                yield Token("value", length)
        elif match["inset"]:
            yield Token("inset")
        elif match["number"]:
            yield Token("number", Length(0.0, 0.0, match["number"]))
        else:
            words = match["paren"] or match["bare"]
            letters = parse_letters(words, known, strict=bool(match["bare"]))
            if letters:
                yield Token("labels", labels=letters)
            if "inset" in words.lower():
                yield Token("inset")


def parse_letters(words: str, known: frozenset[str], strict: bool) -> tuple[str, ...]:
    """Panel letters of `a`, `b–d`, `a, c and e`, `ii`; words in running text count only where the letters are known."""
    clean = re.sub(r"\b(?:panels?|insets?|the)\b", " ", words.lower())
    letters: list[str] = []
    for first, last in _SPAN.findall(re.sub(r"\band\b|&", ",", clean)):
        letters += [first, *(labels_between(first, last) or []), last] if last else [first]
    if strict and known and not set(letters) <= known:
        return ()
    return tuple(dict.fromkeys(letters))
