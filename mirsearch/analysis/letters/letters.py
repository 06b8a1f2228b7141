"""Choose the panel letters among the texts of a figure, and compare letters with each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import hypot
from statistics import median

from mirsearch.analysis.base import TextBox
from mirsearch.analysis.captions.label_order import ROMANS, bare_label, sort_labels
from mirsearch.analysis.letters.reading import (
    Letter,
    parse_glued,
    parse_letter,
    parse_lookalike,
    parse_roman,
    read_letter,
)

__all__ = [
    "Letter", "are_in_order", "choose_among", "choose_letters", "find_numeral_series", "has_same_case", "is_in_grid",
    "is_in_line", "is_in_order", "labels_to_find", "longest_run", "matches_style", "merge_readings",
    "parse_glued", "parse_letter", "parse_lookalike", "parse_roman", "read_letter",
]  # fmt: skip

_HEIGHT_TOLERANCE = 0.45
"""Greatest difference of two letters' heights, as a share of the greater one: OCR's boxes vary."""

_CROWDED_SHARE = 0.5
"""Letters that span less than this share of the others' diagonal are too close together to be panel letters.

It came from one real figure whose plot names its curves (PMC7080552 Fig. 2 at 0.7 of its size).
"""


def choose_letters(texts: Sequence[TextBox], expected: Sequence[str]) -> list[Letter]:
    """Return one letter for each label, alike in style and size, from lines of text.

    With `expected` labels, only letters with these labels count. Without, only letters whose labels begin a sequence
    count; the sequence may have gaps.
    """
    expected_set = {bare_label(label) for label in expected}
    candidates = [letter for text in texts if (letter := read_letter(text, expected_set)) is not None]
    return choose_among(candidates, expected_set)


def choose_among(candidates: Sequence[Letter], expected: set[str]) -> list[Letter]:
    """Return one of the candidates for each label, alike in style and size; `expected` is as in `choose_letters`."""
    wanted = [letter for letter in candidates if not expected or letter.label in expected]
    groups = [
        [letter for letter in wanted if letter.style in ("closed", "half")],
        [letter for letter in wanted if letter.style in ("bare", "leading")],
    ]
    best: list[Letter] = []
    for group in groups:
        uniform = _most_uniform(group)
        uniform = [letter for letter in uniform if has_same_case(letter, uniform)]
        if not expected:
            uniform = _leading_sequence(uniform)
            if len(best) >= 2:
                break
        if len(uniform) > len(best) and not _is_crowded(uniform, best):
            best = uniform
    return _add_other_styles(best, wanted) if expected else best


def _is_crowded(letters: Sequence[Letter], others: Sequence[Letter]) -> bool:
    """Return whether letters stand close together, like names of curves, while several others are spread out."""
    return len(others) >= 2 and _diagonal(letters) < _CROWDED_SHARE * _diagonal(others)


def _diagonal(letters: Sequence[Letter]) -> float:
    """Return the diagonal of the area that letters span, in px."""
    lefts, tops = ([letter.box[side] for letter in letters] for side in (0, 1))
    return hypot(max(lefts) - min(lefts), max(tops) - min(tops))


def _most_uniform(letters: list[Letter]) -> list[Letter]:
    """Return the best letter for each label, all of the size that most of them share."""
    if not letters:
        return []
    groups: list[tuple[int, float, list[Letter]]] = []
    for anchor in letters:
        similar = [letter for letter in letters if _is_similar_height(letter.height, anchor.height)]
        chosen = {}
        for letter in sorted(similar, key=lambda letter: (_alignment_score(letter, similar), letter.confidence)):
            chosen[letter.label] = letter
        groups.append(
            (len(chosen), sum(_alignment_score(letter, similar) for letter in chosen.values()), list(chosen.values()))
        )
    return max(groups, key=lambda row: (row[0], row[1]))[2]


def _alignment_score(letter: Letter, others: list[Letter]) -> float:
    """Return how well a letter is placed among others: it rises with each other letter in its row or column."""
    tolerance = max(4.0, letter.height * 0.5)
    aligned = {
        other.label
        for other in others
        if other.label != letter.label
        and (abs(other.box[0] - letter.box[0]) < tolerance or abs(other.box[1] - letter.box[1]) < tolerance)
    }
    return len(aligned) + 0.5 * letter.confidence + (0.5 if letter.alone else 0.0)


def _is_similar_height(first: int, second: int) -> bool:
    """Return whether two heights in px are similar."""
    return abs(first - second) <= _HEIGHT_TOLERANCE * max(first, second)


def _leading_sequence(letters: list[Letter]) -> list[Letter]:
    """Return the letters with one-letter labels from "a" on, up to the first long gap.

    The first letter may lack up to four labels before it, later ones up to two.
    """
    kept: list[Letter] = []
    last = 96
    for letter in sorted(
        (letter for letter in letters if len(letter.label) == 1 and letter.label.isalpha()), key=_label_of
    ):
        if ord(letter.label) - last > 5 - 2 * bool(kept):
            break
        kept.append(letter)
        last = ord(letter.label)
    return kept


def _label_of(letter: Letter) -> str:
    """Return a letter's label, to sort by."""
    return letter.label


def longest_run(letters: Sequence[Letter]) -> list[Letter]:
    """Return the letters that run a, b, c… (or i, ii…, or 1, 2…) from the first label without a gap.

    Each stands right of or below those before it. The longest of the three runs counts.
    """
    by_label = {letter.label: letter for letter in letters}
    best: list[Letter] = []
    for sequence in (
        [chr(n) for n in range(97, 123)],
        list(ROMANS),
        [str(n) for n in range(1, 10)],
    ):
        sequence_letters: list[Letter] = []
        for label in sequence:
            letter = by_label.get(label)
            if letter is None or any(not is_in_order(earlier, letter) for earlier in sequence_letters):
                break
            sequence_letters.append(letter)
        if len(sequence_letters) > len(best):
            best = sequence_letters
    return best


def is_in_order(first: Letter, second: Letter) -> bool:
    """Return whether `second` stands right of `first` or below it, as a later label does."""
    height = max(first.height, second.height)
    return second.box[0] > first.box[0] + height or second.box[1] > first.box[1] + height


def are_in_order(letters: Sequence[Letter], labels: Sequence[str]) -> bool:
    """Return whether each letter stands right of or below those whose labels come before its own in `labels`."""
    ordered = sorted(
        (letter for letter in letters if letter.label in labels), key=lambda letter: labels.index(letter.label)
    )
    return all(is_in_order(first, second) for first, second in combinations(ordered, 2))


def merge_readings(chosen: list[Letter], readings: Sequence[Letter], aligned_only: bool = False) -> list[Letter]:
    """Return the chosen letters and, for each label they lack, the reading that fits best.

    With `aligned_only`, a reading must stand in a row or column with another letter.
    """
    if not readings:
        return chosen
    pool = [*chosen, *readings]
    styles = {letter.style in ("closed", "half") for letter in chosen}
    best: dict[str, tuple[float, Letter]] = {}
    for letter in readings:
        if len(styles) == 1 and (letter.style in ("closed", "half")) not in styles:
            continue
        if not has_same_case(letter, chosen):
            continue
        score = _alignment_score(letter, pool) + letter.confidence
        score -= sum(not is_in_order(*_sort_pair(letter, other)) for other in chosen)
        if aligned_only and score < 2.0:
            continue
        if letter.label not in best or score > best[letter.label][0]:
            best[letter.label] = (score, letter)
    taken = {letter.label for letter in chosen}
    return [*chosen, *(letter for label, (_, letter) in best.items() if label not in taken)]


def _sort_pair(first: Letter, second: Letter) -> tuple[Letter, Letter]:
    """Return two letters in the order of their labels; numerals are ordered by value."""
    if first.label in ROMANS and second.label in ROMANS and len(first.label + second.label) > 2:
        swapped = ROMANS.index(first.label) > ROMANS.index(second.label)
    else:
        swapped = sort_labels([first.label, second.label])[0] != first.label
    return (second, first) if swapped else (first, second)


def matches_style(letter: Letter, known: Sequence[Letter]) -> bool:
    """Return whether a letter has the size and style of the known letters; True if none are known."""
    if not known:
        return True
    if not _is_similar_height(letter.height, round(median(other.height for other in known))) or not has_same_case(
        letter, known
    ):
        return False
    bracketed = sum(other.style in ("closed", "half") for other in known)
    return letter.style in ("closed", "half") or letter.alone or bracketed < len(known)


def has_same_case(letter: Letter, known: Sequence[Letter]) -> bool:
    """Return whether a letter's case agrees with most of the known letters; True if the case can't be told."""
    cases = [other.upper for other in known if other.upper is not None]
    return letter.upper is None or 2 * cases.count(letter.upper) >= len(cases)


def is_in_grid(letter: Letter, known: Sequence[Letter]) -> bool:
    """Return whether a letter stands in the row of one known letter and in the column of another."""
    rows, columns = _aligned_labels(letter, known)
    return bool(rows) and bool(columns) and len(rows | columns) >= 2


def is_in_line(letter: Letter, known: Sequence[Letter]) -> bool:
    """Return whether a letter in brackets, read with confidence, stands in the row or column of a known letter."""
    return letter.style in ("closed", "half") and letter.confidence >= 0.9 and any(_aligned_labels(letter, known))


def _aligned_labels(letter: Letter, known: Sequence[Letter]) -> tuple[set[str], set[str]]:
    """Return the labels of the known letters in a letter's row, and of those in its column."""
    tolerance, others = 0.5 * letter.height, [other for other in known if other.label != letter.label]
    rows = {other.label for other in others if abs(other.box[1] - letter.box[1]) < tolerance}
    return rows, {other.label for other in others if abs(other.box[0] - letter.box[0]) < tolerance}


def labels_to_find(letters: Sequence[Letter], tile_count: int) -> list[str]:
    """Return the labels to look for where no caption names any.

    They run from "a" to the last letter found, or to as many labels as there are tiles.
    """
    alphabetic = [letter.label for letter in letters if len(letter.label) == 1 and letter.label.isalpha()]
    if letters and not alphabetic:
        return [letter.label for letter in letters]
    last = max([ord(label) - 96 for label in alphabetic], default=0)
    return [chr(96 + n) for n in range(1, min(26, max(last, tile_count)) + 1)]


def _add_other_styles(chosen: list[Letter], candidates: list[Letter]) -> list[Letter]:
    """Return the chosen letters and those of another style that agree in size and alignment.

    OCR may lose a bracket.
    """
    if not chosen:
        return chosen
    taken = {other.label for other in chosen}
    height = round(median(other.height for other in chosen))
    for letter in sorted(candidates, key=lambda other: -other.confidence):
        if letter.label in taken or not _is_similar_height(letter.height, height) or not has_same_case(letter, chosen):
            continue
        tolerance = max(6.0, height * 0.6)
        is_aligned = any(
            abs(letter.box[0] - other.box[0]) < tolerance or abs(letter.box[1] - other.box[1]) < tolerance
            for other in chosen
        )
        if is_aligned and letter.alone:
            chosen = [*chosen, letter]
            taken.add(letter.label)
    return chosen


def find_numeral_series(texts: Sequence[TextBox], tile_count: int) -> list[str]:
    """Return the roman numerals up to `tile_count` if a figure's texts show that its panels bear them; else none.

    Two numerals in brackets are enough if one has more than one letter, like (ii).
    """
    series = list(ROMANS[: max(2, min(tile_count, len(ROMANS)))])
    closed_numerals = [
        letter for text in texts if (letter := parse_roman(text, series)) is not None and letter.style == "closed"
    ]
    labels = {letter.label for letter in _most_uniform(closed_numerals)}
    return series if len(labels) >= 2 and any(len(label) > 1 for label in labels) else []
