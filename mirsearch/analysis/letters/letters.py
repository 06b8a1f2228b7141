"""Panel letters: which of the texts in a figure are one, and which belong together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import hypot
from statistics import median

from mirsearch.analysis.base import TextBox
from mirsearch.analysis.captions.markers import ROMANS, sort_labels
from mirsearch.analysis.letters.reading import (
    Letter,
    parse_glued,
    parse_letter,
    parse_lookalike,
    parse_roman,
    read_letter,
)

__all__ = [
    "Letter", "matches_style", "are_in_order", "choose_letters", "labels_to_find", "parse_glued", "is_in_grid", "is_in_line", "is_in_order",
    "read_letter", "parse_lookalike", "merge_readings", "find_numeral_series", "parse_letter", "parse_roman", "longest_run", "has_same_case",
]  # fmt: skip

_HEIGHT_TOLERANCE = 0.45
"""How far a letter's height may be from the others', as a share."""

_CROWDED_SHARE = 0.5
"""Share of the others' extent below which letters stand too near each other to be the panels'."""


def choose_letters(texts: Sequence[TextBox], expected: Sequence[str]) -> list[Letter]:
    """One letter a label, alike in style and size, from lines of text.

    With `expected` labels only these count; without, those whose labels begin a sequence, with gaps still to fill.
    """
    wanted = {label.rstrip("'′") for label in expected}
    found = [letter for text in texts if (letter := read_letter(text, wanted)) is not None]
    if wanted:
        found = [each for each in found if each.label in wanted]
    groups = [[e for e in found if e.style in ("closed", "half")], [e for e in found if e.style in ("bare", "leading")]]
    best: list[Letter] = []
    for group in groups:
        alike = _most_uniform(group)
        if not wanted:
            alike = _leading_sequence(alike)
            if len(best) >= 2:
                break
        if len(alike) > len(best) and not _is_crowded(alike, best):
            best = alike
    return _add_other_styles(best, found) if wanted else best


def _is_crowded(letters: Sequence[Letter], others: Sequence[Letter]) -> bool:
    """Whether letters stand together, as the names of a plot's curves do, where several others are spread out."""
    return len(others) >= 2 and _diagonal(letters) < _CROWDED_SHARE * _diagonal(others)


def _diagonal(letters: Sequence[Letter]) -> float:
    """The diagonal of what letters span, in px."""
    left, top = ([each.box[side] for each in letters] for side in (0, 1))
    return hypot(max(left) - min(left), max(top) - min(top))


def _most_uniform(letters: list[Letter]) -> list[Letter]:
    """The best letter for each label, of the size most of them share."""
    if not letters:
        return []
    rated: list[tuple[int, float, list[Letter]]] = []
    for anchor in letters:
        near = [each for each in letters if _is_similar_height(each.height, anchor.height)]
        chosen = {}
        for each in sorted(near, key=lambda e: (_alignment_score(e, near), e.confidence)):
            chosen[each.label] = each
        rated.append((len(chosen), sum(_alignment_score(e, near) for e in chosen.values()), list(chosen.values())))
    return max(rated, key=lambda row: (row[0], row[1]))[2]


def _alignment_score(letter: Letter, others: list[Letter]) -> float:
    """How well a letter is placed among others: rows and columns of letters line up."""
    tolerance = max(4.0, letter.height * 0.5)
    lined = {
        each.label
        for each in others
        if each.label != letter.label
        and (abs(each.box[0] - letter.box[0]) < tolerance or abs(each.box[1] - letter.box[1]) < tolerance)
    }
    return len(lined) + 0.5 * letter.confidence + (0.5 if letter.alone else 0.0)


def _is_similar_height(first: int, second: int) -> bool:
    return abs(first - second) <= _HEIGHT_TOLERANCE * max(first, second)


def _leading_sequence(letters: list[Letter]) -> list[Letter]:
    """Those of one-letter labels from "a" on that leave at most two of the labels before them out in a row."""
    kept: list[Letter] = []
    last = 96
    for letter in sorted((each for each in letters if len(each.label) == 1 and each.label.isalpha()), key=_label_of):
        if ord(letter.label) - last > 5 - 2 * bool(kept):
            break
        kept.append(letter)
        last = ord(letter.label)
    return kept


def _label_of(letter: Letter) -> str:
    return letter.label


def longest_run(letters: Sequence[Letter]) -> list[Letter]:
    """Letters that run a, b, c… (i, ii…; 1, 2…) from the first without a gap, each right of or below those before."""
    by_label = {each.label: each for each in letters}
    best: list[Letter] = []
    for sequence in (
        [chr(n) for n in range(97, 123)],
        list(ROMANS),
        [str(n) for n in range(1, 10)],
    ):
        found: list[Letter] = []
        for label in sequence:
            letter = by_label.get(label)
            if letter is None or any(not is_in_order(before, letter) for before in found):
                break
            found.append(letter)
        if len(found) > len(best):
            best = found
    return best


def is_in_order(first: Letter, second: Letter) -> bool:
    """Whether `second` stands to the right of `first` or below it, as a later label does."""
    height = max(first.height, second.height)
    return second.box[0] > first.box[0] + height or second.box[1] > first.box[1] + height


def are_in_order(letters: Sequence[Letter], labels: Sequence[str]) -> bool:
    """Whether letters stand as the order of `labels` has it, each right of or below those before."""
    ordered = sorted((each for each in letters if each.label in labels), key=lambda each: labels.index(each.label))
    return all(is_in_order(first, second) for first, second in combinations(ordered, 2))


def merge_readings(known: list[Letter], read: Sequence[Letter], lined: bool = False) -> list[Letter]:
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
        if not has_same_case(letter, known):
            continue
        value = _alignment_score(letter, pool) + letter.confidence
        value -= sum(not is_in_order(*_sort_pair(letter, each)) for each in known)
        if lined and value < 2.0:
            continue
        if letter.label not in best or value > best[letter.label][0]:
            best[letter.label] = (value, letter)
    have = {each.label for each in known}
    return [*known, *(letter for label, (_, letter) in best.items() if label not in have)]


def _sort_pair(first: Letter, second: Letter) -> tuple[Letter, Letter]:
    """Two letters in the order of their labels; numerals by value."""
    if first.label in ROMANS and second.label in ROMANS and len(first.label + second.label) > 2:
        swapped = ROMANS.index(first.label) > ROMANS.index(second.label)
    else:
        swapped = sort_labels([first.label, second.label])[0] != first.label
    return (second, first) if swapped else (first, second)


def matches_style(letter: Letter, known: Sequence[Letter]) -> bool:
    """Whether a letter is of the size and style of those known, where any are."""
    if not known:
        return True
    if not _is_similar_height(letter.height, round(median(each.height for each in known))) or not has_same_case(letter, known):
        return False
    bracketed = sum(each.style in ("closed", "half") for each in known)
    return letter.style in ("closed", "half") or letter.alone or bracketed < len(known)


def has_same_case(letter: Letter, known: Sequence[Letter]) -> bool:
    """Whether a letter is not plainly of the other case than most of those known."""
    told = [each.upper for each in known if each.upper is not None]
    return letter.upper is None or 2 * told.count(letter.upper) >= len(told)


def is_in_grid(letter: Letter, known: Sequence[Letter]) -> bool:
    """Whether a letter stands in the row of one known letter and in the column of another."""
    rows, columns = _aligned_labels(letter, known)
    return bool(rows) and bool(columns) and len(rows | columns) >= 2


def is_in_line(letter: Letter, known: Sequence[Letter]) -> bool:
    """Whether a letter in brackets, surely read, stands in the row or the column of a known one."""
    return letter.style in ("closed", "half") and letter.confidence >= 0.9 and any(_aligned_labels(letter, known))


def _aligned_labels(letter: Letter, known: Sequence[Letter]) -> tuple[set[str], set[str]]:
    """Labels of the letters in a letter's row and in its column."""
    near, others = 0.5 * letter.height, [each for each in known if each.label != letter.label]
    rows = {each.label for each in others if abs(each.box[1] - letter.box[1]) < near}
    return rows, {each.label for each in others if abs(each.box[0] - letter.box[0]) < near}


def labels_to_find(letters: Sequence[Letter], most: int) -> list[str]:
    """The labels to look for where no caption names any: as far as the letters found run, or `most` tiles go."""
    plain = [each.label for each in letters if len(each.label) == 1 and each.label.isalpha()]
    if letters and not plain:
        return [each.label for each in letters]
    last = max([ord(label) - 96 for label in plain], default=0)
    return [chr(96 + n) for n in range(1, min(26, max(last, most)) + 1)]


def _add_other_styles(chosen: list[Letter], found: list[Letter]) -> list[Letter]:
    """Add letters of another style (a bracket lost in reading) where size and alignment agree."""
    if not chosen:
        return chosen
    have = {each.label for each in chosen}
    height = round(median(each.height for each in chosen))
    for letter in sorted(found, key=lambda each: -each.confidence):
        if letter.label in have or not _is_similar_height(letter.height, height) or not has_same_case(letter, chosen):
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


def find_numeral_series(texts: Sequence[TextBox], most: int) -> list[str]:
    """The roman numbers up to `most`, where texts of a figure show that its panels bear such: (ii) and one more."""
    series = list(ROMANS[: max(2, min(most, len(ROMANS)))])
    found = [letter for text in texts if (letter := parse_roman(text, series)) is not None and letter.style == "closed"]
    labels = {each.label for each in _most_uniform(found)}
    return series if len(labels) >= 2 and any(len(label) > 1 for label in labels) else []
