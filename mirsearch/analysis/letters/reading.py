"""Panel letters in lines of text: what OCR read, and what it must have been."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mirsearch.analysis.base import TextBox
from mirsearch.corpus import Box

_ROMAN = r"[ivx]{2,4}"
_NAME = rf"(?:{_ROMAN}|[A-Za-z]\d{{1,2}}|[A-Za-z])"
_CLOSED = re.compile(rf"^[(\[{{〈<]\s*({_NAME}|\d)\s*[)\]}}〉>.,]?(.*)$")
_HALF = re.compile(rf"^({_NAME})\s*[)\]}}〉](.*)$")
_BARE = re.compile(rf"^({_NAME})[.,:]?$")
_LEADING = re.compile(r"^([A-Za-z])[.:]?\s+(\S.*)$")
_GLUED = re.compile(r"^([A-Za-z])[\dobOlI|]{2,3}$")
_LOOKALIKES = {
    "1": "i",
    "|": "i",
    "!": "i",
    "l": "i",
    "9": "g",
    "6": "b",
    "0": "o",
    "5": "s",
    "@": "a",
    "(": "c",
    "q": "g",
}
"""Readings that stand for a letter where that letter is expected and missing."""

_NARROW_LETTERS = "fijlrt1"
_NARROWEST_CLOSED = 0.72
"""Width of a letter in brackets, as a share of its height, below which it is text that runs upwards: an axis unit."""

_SAME_IN_BOTH_CASES = "ckopsuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Letter:
    """A panel letter: label in lower case, its own box (not that of text read with it), style, and how sure.

    `upper` tells whether it was a capital, None where its two cases look alike or nobody looked.
    """

    label: str
    box: Box
    style: str
    confidence: float
    alone: bool = True
    upper: bool | None = None

    @property
    def height(self) -> int:
        """Height of its line in px."""
        return self.box[3] - self.box[1]


def parse_letter(text: TextBox) -> Letter | None:
    """The panel letter a line of text is or begins with, or None."""
    line = text.text.strip(" \u3002\uff0c\u00b7\u2022\u2026")
    for style, pattern in (("closed", _CLOSED), ("half", _HALF), ("bare", _BARE), ("leading", _LEADING)):
        match = pattern.match(line)
        if match is None:
            continue
        rest = match.group(2).strip() if pattern.groups > 1 else ""
        if style == "closed" and not re.search(r"[)\]}〉>]", line[: len(line) - len(rest)]) and rest:
            continue
        own = len(line) - len(rest) if rest else len(line)
        label = match.group(1).lower()
        if style == "closed" and label not in _NARROW_LETTERS and not rest and _runs_upwards(text.box):
            return None
        upper = None if label[0] in _SAME_IN_BOTH_CASES else match.group(1)[0].isupper()
        return Letter(label, _box_of_first(text.box, own, len(line)), style, text.confidence, not rest, upper)
    return None


def _runs_upwards(box: Box) -> bool:
    return box[2] - box[0] < _NARROWEST_CLOSED * (box[3] - box[1])


def parse_lookalike(text: TextBox, missing: Iterable[str]) -> Letter | None:
    """A one-letter reading taken for a missing label it is often mistaken for."""
    core = text.text.strip().strip("()[]{}.,: ")
    label = _LOOKALIKES.get(core)
    return Letter(label, text.box, "bare", text.confidence * 0.8) if label is not None and label in missing else None


def parse_glued(text: TextBox) -> Letter | None:
    """The letter before the digits, or what OCR took for such, that a short line goes on with; else None."""
    match = _GLUED.match(text.text.strip())
    if match is None:
        return None
    own = _box_of_first(text.box, 1, len(match.group()))
    return Letter(match.group(1).lower(), own, "bare", 0.5 * text.confidence)


_ROMAN_LOOKALIKES = str.maketrans({**dict.fromkeys("1l|!Ij[]tf'", "i"), **dict.fromkeys("yYuU\\/V", "v"), "X": "x"})


def parse_roman(text: TextBox, wanted: Iterable[str]) -> Letter | None:
    """A roman number as OCR writes them ("(il)", "(1)", "liv)"), where the labels wanted are such; else None."""
    labels = set(wanted)
    if "ii" not in labels:
        return None
    line = text.text.strip()
    if not 1 <= len(line) <= 7:
        return None
    inner = line.strip("()[]{}<>（）〈〉.,:; ")
    for core in (inner, inner[1:], inner[:-1], inner[1:-1]) if inner == line else (inner, inner.strip("c(")):
        label = core.translate(_ROMAN_LOOKALIKES).lower().replace(" ", "")
        if label in labels and set(label) <= set("ivx"):
            return Letter(label, text.box, "closed" if inner != line else "bare", 0.9 * text.confidence)
    return None


def read_letter(text: TextBox, wanted: Iterable[str]) -> Letter | None:
    """The letter a line is or begins with; where roman numbers are wanted, whatever OCR made of one."""
    labels = set(wanted)
    letter = parse_letter(text)
    return letter if letter is not None and letter.label in labels else parse_roman(text, labels) or letter


def _box_of_first(box: Box, own: int, whole: int) -> Box:
    """The part of a line's box that its first `own` of `whole` characters fill."""
    x0, y0, x1, y1 = box
    if own >= whole:
        return box
    width = min(x1 - x0, max(round((x1 - x0) * own / whole), round((y1 - y0) * 0.4 * own)))
    return (x0, y0, x0 + width, y1)
