"""Read panel letters from lines of text: what OCR read, and what it must have been."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

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
"""Characters that OCR reads for a letter; they count where that letter is expected and missing."""

_HOMOGLYPHS = str.maketrans("θΘөӨεєαɑаσсԁɡһіјϳո", "eeeeeeaaaocdghijjn")
"""Letters of other alphabets that OCR reads for bold panel letters: they have the same shape."""

_NARROW_LETTERS = "fijlrt1"
"""Characters that may be so narrow in brackets that their width tells nothing."""

_NARROWEST_CLOSED = 0.72
"""Least width of a letter in brackets, as a share of its height. Narrower text runs upwards, like the unit of an axis.

It came from one real figure whose axis bears a unit in brackets (PMC7075132 Fig. 6, inverted).
"""

_SAME_IN_BOTH_CASES = "ckopsuvwxyz0123456789"
"""Characters whose capital looks like the small letter, or that have no case."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A panel letter: label in lower case, box, style, and confidence (0 to 1).

    The box is that of the letter alone, without text read together with it. The style is "closed" for "(a)", "half" for
    "a)", "bare" for "a", "leading" for a letter before other words, and "guess" where nothing was read. `alone` tells
    whether its line holds nothing else. `upper` tells whether it is a capital; None where both cases look alike or
    where it is unknown.
    """

    label: str
    box: Box
    style: str
    confidence: float
    alone: bool = True
    upper: bool | None = None

    @property
    def height(self) -> int:
        """Return the height of its line in px."""
        return self.box[3] - self.box[1]


def parse_letter(text: TextBox) -> Letter | None:
    """Return the panel letter that a line of text is or begins with, or None."""
    line = text.text.strip(" \u3002\uff0c\u00b7\u2022\u2026")
    for style, pattern in (("closed", _CLOSED), ("half", _HALF), ("bare", _BARE), ("leading", _LEADING)):
        match = pattern.match(line)
        if match is None:
            continue
        rest = match.group(2).strip() if pattern.groups > 1 else ""
        if style == "closed" and not re.search(r"[)\]}〉>]", line[: len(line) - len(rest)]) and rest:
            continue
        letter_chars = len(line) - len(rest) if rest else len(line)
        label = match.group(1).lower()
        if style == "closed" and label not in _NARROW_LETTERS and not rest and _runs_upwards(text.box):
            return None
        upper = None if label[0] in _SAME_IN_BOTH_CASES else match.group(1)[0].isupper()
        return Letter(label, _box_of_first(text.box, letter_chars, len(line)), style, text.confidence, not rest, upper)
    return None


def _runs_upwards(box: Box) -> bool:
    """Return whether a box is narrower than a letter in brackets can be."""
    return box[2] - box[0] < _NARROWEST_CLOSED * (box[3] - box[1])


def parse_lookalike(text: TextBox, missing: Iterable[str]) -> Letter | None:
    """Return a one-character reading as the missing label that OCR often takes for it, or None."""
    core = text.text.strip().strip("()[]{}.,: ")
    label = _LOOKALIKES.get(core)
    return Letter(label, text.box, "bare", text.confidence * 0.8) if label is not None and label in missing else None


def parse_glued(text: TextBox) -> Letter | None:
    """Return the letter that a short line begins with, if digits or characters like digits follow it; else None.

    OCR joins a letter and an axis number so.
    """
    match = _GLUED.match(text.text.strip())
    if match is None:
        return None
    letter_box = _box_of_first(text.box, 1, len(match.group()))
    return Letter(match.group(1).lower(), letter_box, "bare", 0.5 * text.confidence)


_ROMAN_LOOKALIKES = str.maketrans({**dict.fromkeys("1l|!Ij[]tf'", "i"), **dict.fromkeys("yYuU\\/V", "v"), "X": "x"})
"""Characters that OCR reads for the i, v and x of numerals."""


def parse_roman(text: TextBox, expected: Iterable[str]) -> Letter | None:
    """Return a roman numeral as OCR misreads them ("(il)", "(1)", "liv)"), or None.

    `expected` are the labels to look for; without "ii" among them nothing is found.
    """
    labels = set(expected)
    if "ii" not in labels:
        return None
    line = text.text.strip()
    if not 1 <= len(line) <= 7:
        return None
    core = line.strip("()[]{}<>（）〈〉.,:; ")
    for candidate in (core, core[1:], core[:-1], core[1:-1]) if core == line else (core, core.strip("c(")):
        label = candidate.translate(_ROMAN_LOOKALIKES).lower().replace(" ", "")
        if label in labels and set(label) <= set("ivx"):
            return Letter(label, text.box, "closed" if core != line else "bare", 0.9 * text.confidence)
    return None


def read_letter(text: TextBox, expected: Iterable[str]) -> Letter | None:
    """Return the letter that a line is or begins with; where roman numerals are expected, misread ones count too."""
    labels = set(expected)
    plain = text.text.translate(_HOMOGLYPHS)
    letter = parse_letter(text if plain == text.text else replace(text, text=plain))
    if letter is not None and letter.label in labels:
        return letter
    roman = parse_roman(text, labels)
    if roman is not None or letter is None or letter.style != "closed":
        return roman or letter
    lookalike = _LOOKALIKES.get(letter.label)  # "(1)" for "(I)"
    is_lookalike = lookalike in labels and letter.alone
    return replace(letter, label=lookalike, upper=None) if lookalike is not None and is_lookalike else letter


def _box_of_first(box: Box, count: int, total: int) -> Box:
    """Return the part of a line's box that its first `count` of `total` characters fill."""
    x0, y0, x1, y1 = box
    if count >= total:
        return box
    width = min(x1 - x0, max(round((x1 - x0) * count / total), round((y1 - y0) * 0.4 * count)))
    return (x0, y0, x0 + width, y1)
