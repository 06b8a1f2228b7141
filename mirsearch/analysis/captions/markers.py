"""Where a caption names its panels: "(a)", "b)", "c–e", "(F, G)" and their like, told apart from other brackets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

ROMANS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
_DASHES = "-‐‑‒–—−"
_ATOM = r"(?:[A-Za-z]\d{1,2}|[ivx]{2,4}|[IVX]{2,4}|[A-Za-z])['′]?"
_SEPARATOR = rf"(?:\s*,\s*(?:and\s+|&\s*)?|\s+and\s+|\s*[&/;+]\s*|\s*[{_DASHES}]\s*|\s+to\s+|\s+through\s+)"
_GROUP = rf"{_ATOM}(?:{_SEPARATOR}{_ATOM}){{0,25}}"
_NUMBER_GROUP = rf"\d{{1,2}}(?:{_SEPARATOR}\d{{1,2}}){{0,12}}"
_BRACKETED = re.compile(rf"(?<!\w)[(\[]\s*({_GROUP})\s*[.:]?\s*[)\]](?!\w)")
_NUMBERED = re.compile(rf"(?<!\w)[(\[]\s*({_NUMBER_GROUP})\s*[)\]](?!\w)")
_HALF = re.compile(rf"(?<![\w(\[{_DASHES}'′.])({_GROUP})\)(?!\w)")
_START = r"(?:^|(?<=[.;:)!?]\s)|(?<=[.;:)!?]\s\s)|(?<=[.;])|(?<=\())"
_BARE = re.compile(rf"{_START}({_GROUP})(?:(?:\s*[|:]\s*|\s*[,.]\s+|\s+)(?=[A-Z0-9(“\"'‘µμαβγδ∆Δσ])|\s*:\s+(?=[a-z]))")
_PANEL = re.compile(rf"\b[Pp]anels?\s+[(\[]?({_GROUP})[)\]]?(?!\w)[:,]?(?=\s+(?!panels?\b|by\b|on\b|in\b|from\b)\w)")
_FIGURE = re.compile(r"(?:figures?|figs?\.?|schemes?|tables?|ref(?:s|erence)?\.?)\s*S?\d*\s*,?\s*$", re.IGNORECASE)
_REFERRING = re.compile(r"\b(?:in|from|see|panels?|inset (?:of|to)|shown by|same as|to|than|of|for)\s*$", re.IGNORECASE)
_PIECE = re.compile(rf"(?:\band\b)|([{_DASHES}]|\bto\b|\bthrough\b)|({_ATOM}|\d{{1,2}})")
_MOST_RELATED = 12
"""How many markers before and behind one can belong to it."""

_BETWEEN = re.compile(rf"^\s*([{_DASHES}]|to|and|&|,)\s*$")


@dataclass(frozen=True, slots=True)
class Marker:
    """A place in a caption that names panels: span, labels in lower case, style, whether it only refers to them."""

    start: int
    end: int
    labels: tuple[str, ...]
    style: str
    upper: bool
    refers: bool = False


def find_markers(caption: str) -> list[Marker]:
    """The markers of `caption` in order, of the one style its panels are named in; empty where it names none."""
    ways = [
        _join_ranges(caption, _match_markers(caption, _BRACKETED, "bracket")),
        _match_markers(caption, _HALF, "half"),
        _match_markers(caption, _BARE, "bare"),
    ]
    every_bracket = ways[0]
    bracketed, half, bare = (_keep_sequence(way) for way in ways)
    first = len(_label_set(bare)) >= 2 and bare[0].start <= _first_start(bracketed, half)
    if first and _label_set(bare) >= _label_set(bracketed) and not _label_set(half) > _label_set(bare):
        extra = [each for each in every_bracket if set(each.labels) <= _label_set(bare) and each.upper == bare[0].upper]
        chosen = _drop_overlaps([*bare, *extra])
    elif len(_label_set(half)) > len(_label_set(bracketed)):
        extra = [each for each in every_bracket if set(each.labels) <= _label_set(half) and each.upper == half[0].upper]
        chosen = _drop_overlaps([*half, *extra])
    else:
        chosen = bracketed or half
    if not chosen:
        named = _keep_sequence(_match_markers(caption, _PANEL, "panel"))
        chosen = named if len(_label_set(named)) >= 2 else []
    if not chosen:
        chosen = _keep_sequence(_match_markers(caption, _NUMBERED, "bracket"))
        chosen = chosen if len(_label_set(chosen)) >= 2 else []
    return _mark_references(caption, chosen)


def label_order(label: str) -> tuple[int, str, int, int]:
    """Sort key: letters by alphabet, then their numbers, then primes; Roman and plain numbers by value."""
    bare = label.rstrip("'′")
    primes = len(label) - len(bare)
    if bare.isdigit():
        return (0, "", int(bare), primes)
    if len(bare) > 1 and bare in ROMANS:
        return (1, "", ROMANS.index(bare), primes)
    return (2, bare[:1], int(bare[1:]) if bare[1:].isdigit() else 0, primes)


def sort_labels(labels: Iterable[str]) -> list[str]:
    """Labels in order; "i", "v" and "x" are numerals where "ii" is there and "h" is not."""
    unique = set(labels)
    numerals = "ii" in unique and "h" not in unique
    if numerals:
        return sorted(unique, key=lambda each: (1, "", ROMANS.index(each), 0) if each in ROMANS else label_order(each))
    return sorted(unique, key=label_order)


def _match_markers(caption: str, pattern: re.Pattern[str], style: str) -> list[Marker]:
    found = []
    for match in pattern.finditer(caption):
        group = match.group(1)
        before = caption[max(0, match.start() - 30) : match.start()]
        if _FIGURE.search(before) and match.start() > 12:
            continue
        if style == "half" and before.rfind("(") > before.rfind(")"):
            continue
        start = match.start()
        if style == "half":
            kept = _one_case_ending(group)
            start, group = match.end(1) - len(kept), kept
        labels = expand_labels(group) if style != "bracket" or _has_one_case(group) else ()
        if labels:
            end = match.end(1) if style == "bare" else match.end()
            found.append(Marker(start, end, labels, style, group[0].isupper()))
    return found


def _has_one_case(group: str) -> bool:
    """Whether all labels of a group are of one case."""
    return len({match.group(2)[0].isupper() for match in _PIECE.finditer(group) if match.group(2)}) <= 1


def _one_case_ending(group: str) -> str:
    """The end of a group whose labels share the last one's case and rise: in "C, e)" or "2 h and b)" only e and b."""
    atoms = [match for match in _PIECE.finditer(group) if match.group(2)]
    start = 0
    for before, after in zip(atoms[-2::-1], atoms[:0:-1], strict=True):
        first, second = before.group(2), after.group(2)
        if first[0].isupper() != second[0].isupper() or not _is_before(first.lower(), second.lower()):
            start = after.start()
            break
    return group[start:]


def _is_before(first: str, second: str) -> bool:
    """Whether a label comes before another, as letters or as Roman numbers."""
    if first in ROMANS and second in ROMANS and len(first + second) > 2:
        return ROMANS.index(first) < ROMANS.index(second)
    return label_order(first) < label_order(second)


def expand_labels(group: str) -> tuple[str, ...]:
    """Labels of "a, c–e" in lower case: a c d e. Empty where the letters run backwards or the text is a word."""
    labels: list[str] = []
    pending = False
    for match in _PIECE.finditer(group):
        dash, atom = match.groups()
        if not atom:
            pending = pending or (bool(dash) and bool(labels))
            continue
        atom = atom.lower()
        if pending:
            middle = labels_between(labels[-1], atom)
            if middle is None:
                return ()
            labels.extend(middle)
            pending = False
        labels.append(atom)
    return tuple(dict.fromkeys(labels))


def labels_between(first: str, last: str) -> list[str] | None:
    """Labels strictly between two; None where they are no range. "a" to "b′" holds the b itself."""
    if last.endswith(("'", "′")) and not first.endswith(("'", "′")):
        middle = labels_between(first, last[:-1]) if first != last[:-1] else []
        return middle if middle is None or first == last[:-1] else [*middle, last[:-1]]
    if first.isdigit() and last.isdigit():
        return [str(n) for n in range(int(first) + 1, int(last))] if int(first) < int(last) else None
    if first in ROMANS and last in ROMANS and (first == "i" or len(first + last) > 2):
        low, high = ROMANS.index(first), ROMANS.index(last)
        return list(ROMANS[low + 1 : high]) if low < high else None
    if len(first) == 1 and len(last) == 1:
        return [chr(n) for n in range(ord(first) + 1, ord(last))] if first < last else None
    if first[0] == last[0] and first[1:].isdigit() and last[1:].isdigit():
        return [f"{first[0]}{n}" for n in range(int(first[1:]) + 1, int(last[1:]))]
    return [] if first[0] < last[0] and len(first) == len(last) else None


def _join_ranges(caption: str, markers: list[Marker]) -> list[Marker]:
    """ "(a)–(c)" and "(a) and (b)" as one marker each."""
    joined: list[Marker] = []
    for marker in markers:
        link = _BETWEEN.match(caption[joined[-1].end : marker.start]) if joined else None
        if link and link.group(1) not in ("and", "&", ",") and joined[-1].upper == marker.upper:
            middle = labels_between(joined[-1].labels[-1], marker.labels[0])
            if middle is not None:
                labels = tuple(dict.fromkeys((*joined[-1].labels, *middle, *marker.labels)))
                joined[-1] = replace(joined[-1], end=marker.end, labels=labels)
                continue
        elif link and joined[-1].upper == marker.upper and _is_before(joined[-1].labels[-1], marker.labels[0]):
            labels = tuple(dict.fromkeys((*joined[-1].labels, *marker.labels)))
            joined[-1] = replace(joined[-1], end=marker.end, labels=labels)
            continue
        joined.append(marker)
    return joined


def _keep_sequence(markers: list[Marker]) -> list[Marker]:
    """Markers of one case whose labels form a sequence from its start; the rest name something else."""
    best: list[Marker] = []
    for upper in (False, True):
        same = [each for each in markers if each.upper == upper]
        accepted = _labels_in_sequence({label for each in same for label in each.labels})
        kept = [each for each in same if set(each.labels) <= accepted]
        if len(_label_set(kept)) > len(_label_set(best)):
            best = kept
    return best


def _labels_in_sequence(labels: set[str]) -> set[str]:
    """The labels that belong to a run a, b, c… (one may be missing in a row); numerals only where letters don't run."""
    letters = {label.rstrip("'′")[0] for label in labels if len(label.rstrip("'′")) == 1 or label[1:2].isdigit()}
    letters = {each for each in letters if each.isalpha()}
    run: set[str] = set()
    if letters and min(letters) <= "b":
        last = ord("a") - 1
        for letter in sorted(letters):
            if ord(letter) - last > 2:
                break
            run.add(letter)
            last = ord(letter)
    plain = {label for label in labels if label[0] in run and (label not in ROMANS or len(label) == 1)}
    romans = {label for label in labels if label in ROMANS}
    digits = {label for label in labels if label.isdigit()}
    if plain:
        return plain
    if "i" in romans and "ii" in romans:
        return romans
    return digits if {"1", "2"} <= digits else set()


def _label_set(markers: Iterable[Marker]) -> set[str]:
    return {label for marker in markers for label in marker.labels}


def _first_start(*ways: list[Marker]) -> int:
    return min((way[0].start for way in ways if way), default=1 << 30)


def _drop_overlaps(markers: list[Marker]) -> list[Marker]:
    kept: list[Marker] = []
    for marker in sorted(markers, key=lambda each: (each.start, -each.end)):
        if not kept or marker.start >= kept[-1].end:
            kept.append(marker)
    return kept


def _mark_references(caption: str, markers: list[Marker]) -> list[Marker]:
    """Mark those that only refer to a panel named elsewhere ("the inset in (b)")."""
    may_refer = [bool(_REFERRING.search(caption[max(0, m.start - 16) : m.start])) for m in markers]
    may_refer = [may and not _divides_group(caption, markers, n) for n, may in enumerate(may_refer)]
    defined = {label for m, may in zip(markers, may_refer, strict=True) if not may for label in m.labels}
    result = []
    for marker, may in zip(markers, may_refer, strict=True):
        refers = may and set(marker.labels) <= defined and not _opens_item(caption, marker)
        result.append(replace(marker, refers=refers))
    return result


def _divides_group(caption: str, markers: list[Marker], number: int) -> bool:
    """Whether a marker and others tell a group's labels apart: "(A, B) pollen from (A) lily and (B) pine"."""
    marker = markers[number]
    start = max(caption.rfind(". ", 0, marker.start), caption.rfind("; ", 0, marker.start)) + 1
    ends = [place for place in (caption.find(". ", marker.end), caption.find("; ", marker.end)) if place >= 0]
    near = markers[max(0, number - _MOST_RELATED) : number + _MOST_RELATED]
    inside = [m for m in near if start <= m.start and m.end <= min(ends, default=len(caption))]
    groups = [m for m in inside if m.start < marker.start and len(m.labels) > len(marker.labels)]
    told = {label for m in inside if m.start > inside[0].start for label in m.labels}
    return any(set(marker.labels) < set(group.labels) <= told for group in groups)


def _opens_item(caption: str, marker: Marker) -> bool:
    """Whether words of its own follow: "at (a) 2 h", unlike "in (b) is" or "in (b)."."""
    before = caption[max(0, marker.start - 16) : marker.start]
    if re.search(r"\b(?:in|from|see|panels?|than|as|to)\s*$", before, re.IGNORECASE):
        return False
    after = caption[marker.end : marker.end + 12].lstrip()
    return bool(re.match(r"[\w×~<>±(“\"]", after)) and not re.match(
        r"(?:and|is|are|was|were|shows?|with|at|by|using|respectively|has|have|or)\b", after
    )
