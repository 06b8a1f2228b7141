"""Panel letters: which of the texts in a figure are one, and which belong together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from mirsearch.analysis.base import TextBox
from mirsearch.corpus import Box

_ROMAN = r"[ivx]{2,4}"
_NAME = rf"(?:{_ROMAN}|[A-Za-z]\d{{1,2}}|[A-Za-z])"
_CLOSED = re.compile(rf"^[(\[{{〈<]\s*({_NAME}|\d)\s*[)\]}}〉>.,]?(.*)$")
_HALF = re.compile(rf"^({_NAME})\s*[)\]}}〉](.*)$")
_BARE = re.compile(rf"^({_NAME})[.,:]?$")
_LEADING = re.compile(r"^([A-Za-z])[.:]?\s+(\S.*)$")
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

_NEAR_HEIGHT = 0.45
"""How far a letter's height may be from the others', as a share."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A panel letter: label in lower case, its own box (not that of text read with it), style, and how sure."""

    label: str
    box: Box
    style: str
    confidence: float
    alone: bool = True

    @property
    def height(self) -> int:
        """Height of its line in px."""
        return self.box[3] - self.box[1]


def parse_letter(text: TextBox) -> Letter | None:
    """The panel letter a line of text is or begins with, or None."""
    line = text.text.strip()
    for style, pattern in (("closed", _CLOSED), ("half", _HALF), ("bare", _BARE), ("leading", _LEADING)):
        match = pattern.match(line)
        if match is None:
            continue
        rest = match.group(2).strip() if pattern.groups > 1 else ""
        if style == "closed" and not re.search(r"[)\]}〉>]", line[: len(line) - len(rest)]) and rest:
            continue
        own = len(line) - len(rest) if rest else len(line)
        return Letter(match.group(1).lower(), _own_box(text.box, own, len(line)), style, text.confidence, not rest)
    return None


def lookalike(text: TextBox, missing: Iterable[str]) -> Letter | None:
    """A one-letter reading taken for a missing label it is often mistaken for."""
    core = text.text.strip().strip("()[]{}.,: ")
    label = _LOOKALIKES.get(core)
    return Letter(label, text.box, "bare", text.confidence * 0.8) if label is not None and label in missing else None


_ROMAN_LOOKALIKES = str.maketrans({**dict.fromkeys("1l|!Ij[]tf'", "i"), **dict.fromkeys("yYuU\\/V", "v"), "X": "x"})


def roman(text: TextBox, wanted: Iterable[str]) -> Letter | None:
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


def letter_of(text: TextBox, wanted: Iterable[str]) -> Letter | None:
    """The letter a line is or begins with; where roman numbers are wanted, whatever OCR made of one."""
    labels = set(wanted)
    letter = parse_letter(text)
    return letter if letter is not None and letter.label in labels else roman(text, labels) or letter


def _own_box(box: Box, own: int, whole: int) -> Box:
    """The part of a line's box that its first `own` of `whole` characters fill."""
    x0, y0, x1, y1 = box
    if own >= whole:
        return box
    width = min(x1 - x0, max(round((x1 - x0) * own / whole), round((y1 - y0) * 0.4 * own)))
    return (x0, y0, x0 + width, y1)


def choose_letters(texts: Sequence[TextBox], expected: Sequence[str]) -> list[Letter]:
    """One letter a label, alike in style and size, from lines of text.

    With `expected` labels only these count; without, those whose labels begin a sequence, with gaps still to fill.
    """
    wanted = {label.rstrip("'′") for label in expected}
    found = [letter for text in texts if (letter := letter_of(text, wanted)) is not None]
    if wanted:
        found = [each for each in found if each.label in wanted]
    groups = [[e for e in found if e.style in ("closed", "half")], [e for e in found if e.style in ("bare", "leading")]]
    best: list[Letter] = []
    for group in groups:
        alike = _alike(group)
        if not wanted:
            alike = _sequence(alike)
            if len(best) >= 2:
                break
        if len(alike) > len(best):
            best = alike
    return _completed(best, found) if wanted else best


def _alike(letters: list[Letter]) -> list[Letter]:
    """The best letter for each label, of the size most of them share."""
    if not letters:
        return []
    rated: list[tuple[int, float, list[Letter]]] = []
    for anchor in letters:
        near = [each for each in letters if _similar(each.height, anchor.height)]
        chosen = {}
        for each in sorted(near, key=lambda e: (_rating(e, near), e.confidence)):
            chosen[each.label] = each
        rated.append((len(chosen), sum(_rating(e, near) for e in chosen.values()), list(chosen.values())))
    return max(rated, key=lambda row: (row[0], row[1]))[2]


def _rating(letter: Letter, others: list[Letter]) -> float:
    """How well a letter is placed among others: rows and columns of letters line up."""
    tolerance = max(4.0, letter.height * 0.5)
    lined = {
        each.label
        for each in others
        if each.label != letter.label
        and (abs(each.box[0] - letter.box[0]) < tolerance or abs(each.box[1] - letter.box[1]) < tolerance)
    }
    return len(lined) + 0.5 * letter.confidence + (0.5 if letter.alone else 0.0)


def _similar(first: int, second: int) -> bool:
    return abs(first - second) <= _NEAR_HEIGHT * max(first, second)


def _sequence(letters: list[Letter]) -> list[Letter]:
    """Those of one-letter labels from "a" on that leave at most two of the labels before them out in a row."""
    kept: list[Letter] = []
    last = 96
    for letter in sorted((each for each in letters if len(each.label) == 1 and each.label.isalpha()), key=_by_label):
        if ord(letter.label) - last > 5 - 2 * bool(kept):
            break
        kept.append(letter)
        last = ord(letter.label)
    return kept


def _by_label(letter: Letter) -> str:
    return letter.label


def run(letters: Sequence[Letter]) -> list[Letter]:
    """Letters that run a, b, c… (i, ii…; 1, 2…) from the first without a gap, each right of or below those before."""
    by_label = {each.label: each for each in letters}
    best: list[Letter] = []
    for sequence in (
        [chr(n) for n in range(97, 123)],
        ["i", "ii", "iii", "iv", "v", "vi"],
        [str(n) for n in range(1, 10)],
    ):
        found: list[Letter] = []
        for label in sequence:
            letter = by_label.get(label)
            if letter is None or any(not in_order(before, letter) for before in found):
                break
            found.append(letter)
        if len(found) > len(best):
            best = found
    return best


def in_order(first: Letter, second: Letter) -> bool:
    """Whether `second` stands to the right of `first` or below it, as a later label does."""
    height = max(first.height, second.height)
    return second.box[0] > first.box[0] + height or second.box[1] > first.box[1] + height


def merged(known: list[Letter], read: Sequence[Letter], lined: bool = False) -> list[Letter]:
    """Letters known and, for each label they lack, the reading that fits them and the other readings best.

    With `lined` a reading must stand in a row or column with another letter.
    """
    if not read:
        return known
    pool = [*known, *read]
    styles = {each.style in ("closed", "half") for each in known}
    best: dict[str, tuple[float, Letter]] = {}
    for letter in read:
        if len(styles) == 1 and (letter.style in ("closed", "half")) not in styles:
            continue
        value = _rating(letter, pool) + letter.confidence
        value -= sum(not in_order(*sorted((letter, each), key=_by_label)) for each in known)
        if lined and value < 2.0:
            continue
        if letter.label not in best or value > best[letter.label][0]:
            best[letter.label] = (value, letter)
    have = {each.label for each in known}
    return [*known, *(letter for label, (_, letter) in best.items() if label not in have)]


def alike(letter: Letter, known: Sequence[Letter]) -> bool:
    """Whether a letter is of the size and style of those known, where any are."""
    if not known:
        return True
    if not _similar(letter.height, round(median(each.height for each in known))):
        return False
    bracketed = sum(each.style in ("closed", "half") for each in known)
    return letter.style in ("closed", "half") or letter.alone or bracketed < len(known)


def expected_run(letters: Sequence[Letter], most: int) -> list[str]:
    """The labels to look for where no caption names any: as far as the letters found run, or `most` tiles go."""
    plain = [each.label for each in letters if len(each.label) == 1 and each.label.isalpha()]
    if letters and not plain:
        return [each.label for each in letters]
    last = max([ord(label) - 96 for label in plain], default=0)
    return [chr(96 + n) for n in range(1, min(26, max(last, most)) + 1)]


def _completed(chosen: list[Letter], found: list[Letter]) -> list[Letter]:
    """Add letters of another style (a bracket lost in reading) where size and alignment agree."""
    if not chosen:
        return chosen
    have = {each.label for each in chosen}
    height = round(median(each.height for each in chosen))
    for letter in sorted(found, key=lambda each: -each.confidence):
        if letter.label in have or not _similar(letter.height, height):
            continue
        tolerance = max(6.0, height * 0.6)
        lined = any(
            abs(letter.box[0] - each.box[0]) < tolerance or abs(letter.box[1] - each.box[1]) < tolerance
            for each in chosen
        )
        if lined and letter.alone:
            chosen = [*chosen, letter]
            have.add(letter.label)
    return chosen
