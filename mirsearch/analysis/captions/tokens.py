"""Split a statement of lengths into tokens: lengths, panel letters, the word inset."""

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
LIST = rf"{_RANGE}(?:(?: ?,(?: ?(?:and|&))? ?| ?(?:and|&|;) ?){_RANGE}){{0,25}}"
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
    """A piece of a statement: a length, panel letters, the word inset, or digits whose unit follows later."""

    kind: Literal["value", "labels", "inset", "number"]
    length: Length | None = None
    labels: tuple[str, ...] = ()


def tokenize(statement: str, known_labels: frozenset[str]) -> Iterator[Token]:
    """Yield the tokens of a statement in order; `known_labels` are the figure's letters, empty if they are unknown."""
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
            label_text = match["paren"] or match["bare"]
            labels = parse_letters(label_text, known_labels, known_only=bool(match["bare"]))
            if labels:
                yield Token("labels", labels=labels)
            if "inset" in label_text.lower():
                yield Token("inset")


def parse_letters(text: str, known_labels: frozenset[str], known_only: bool) -> tuple[str, ...]:
    """Return the panel letters of `a`, `b–d`, `a, c and e`, `ii`, in order.

    With `known_only`, they count only if all are among the known labels, where there are such; running text needs that.
    """
    cleaned = re.sub(r"\b(?:panels?|insets?|the)\b", " ", text.lower())
    labels: list[str] = []
    for first, last in _SPAN.findall(re.sub(r"\band\b|&", ",", cleaned)):
        labels += [first, *(labels_between(first, last) or []), last] if last else [first]
    if known_only and known_labels and not set(labels) <= known_labels:
        return ()
    return tuple(dict.fromkeys(labels))
