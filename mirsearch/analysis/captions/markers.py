"""Find where a caption names its panels: "(a)", "b)", "c–e", "(F, G)" and the like, but no other brackets."""

from __future__ import annotations

import re
from dataclasses import replace

from mirsearch.analysis.captions.label_order import ROMANS, bare_label, label_order
from mirsearch.analysis.captions.label_runs import Marker, drop_late_runs, keep_sequence, label_set
from mirsearch.analysis.captions.places import BARE_PLACE

_DASHES = "-‐‑‒–—−"
_ATOM = r"(?:[A-Za-z]\d{1,2}|[ivx]{2,4}|[IVX]{2,4}|[A-Za-z])['′]{0,3}"
_SEPARATOR = rf"(?:\s*+,\s*+(?:and\s++|&\s*+)?+|\s++(?:and|to|through)\s++|\s*+[{_DASHES}&/;+]\s*+)"
_GROUP = rf"{_ATOM}(?:{_SEPARATOR}{_ATOM}){{0,25}}"
_NUMBER_GROUP = rf"\d{{1,2}}(?:{_SEPARATOR}\d{{1,2}}){{0,12}}"
_BRACKETED = re.compile(
    rf"(?<!\w)[(\[]\s*+({_GROUP})\s*+(?:[,;:]?+\s*+(?:the )?(?P<place>(?i:{BARE_PLACE}))|[.:]?+)\s*+[)\]](?!\w)"
)
_NUMBERED = re.compile(rf"(?<!\w)[(\[]\s*+({_NUMBER_GROUP})\s*+[)\]](?!\w)")
_HALF = re.compile(rf"(?<![\w(\[{_DASHES}'′.])({_GROUP})\)(?!\w)")
_START = r"(?:^|(?<=[.;:)!?]\s)|(?<=[.;:)!?]\s\s)|(?<=[.;])|(?<=\())"
_BARE = re.compile(rf"{_START}({_GROUP})(?:(?:\s*[|:]\s*|\s*[,.]\s+|\s+)(?=[A-Z0-9(“\"'‘µμαβγδ∆Δσ])|\s*:\s+(?=[a-z]))")
_PANEL = re.compile(rf"\b[Pp]anels?\s+[(\[]?({_GROUP})[)\]]?(?!\w)[:,]?(?=\s+(?!panels?\b|by\b|on\b|in\b|from\b)\w)")
_FIRST_BEHIND_TITLE = re.compile(r"(?<=[a-z)\d] )(A)(?= [A-Z])")
_NUMBER_OF_FIGURE = re.compile(
    r"^((?:Supplementary |Extended Data )?(?:Fig(?:ure)?\.?|FIG\.) ?S?\d{1,2}[.:]?) (?=[a-zA-Z][:.,|)]? [A-Z])"
)
_FIGURE = re.compile(
    r"(?:figures?|figs?\.?|schemes?|tables?|ref(?:s|erence)?\.?)\s*+S?+\d*+\s*+,?+\s*+$", re.IGNORECASE
)
_PANEL_BEFORE = re.compile(r"(?:^|(?<=[.;] ))Panels? $")
_REFERRING = re.compile(
    r"\b(?:in|from|see|panels?|inset (?:of|to)|shown by|same as|as|with|to|than|of|for)\s*$", re.IGNORECASE
)
_PIECE = re.compile(rf"(?:\band\b)|([{_DASHES}]|\bto\b|\bthrough\b)|({_ATOM}|\d{{1,2}})")
_MOST_RELATED = 12
"""Most markers before and behind a marker that can belong to it; bounds time on hostile captions."""

_TITLE_BEFORE = re.compile(
    r"(?:(?:supplementary |extended data )?fig(?:ure)?\.? ?S?\d+[a-z]?[.:;]? ?)?(?:[^.]{1,150}\. )?", re.IGNORECASE
)
"""What may stand before the first letter: the number of the figure, and a title."""

_FIRST_LETTERS = frozenset("abcdefgh")
"""Letters at which the labels of a divided figure begin."""

_PRIMED = re.compile(r"\(\s*[a-zA-Z]\s*['\u2019\u2032]+\s*\)")
"""A letter with primes, "(c')", which is another one than the letter without."""

_BETWEEN = re.compile(rf"^\s*([{_DASHES}]|to|and|&|,)\s*$")


def find_markers(caption: str) -> list[Marker]:
    """Return the markers of `caption` in order, all of the style that names its panels; empty if it names none."""
    caption = _NUMBER_OF_FIGURE.sub(lambda match: f"{match.group(1)};", caption, count=1)
    candidates = [
        _join_ranges(caption, _match_markers(caption, _BRACKETED, "bracket")),
        _match_markers(caption, _HALF, "half"),
        _match_markers(caption, _BARE, "bare"),
    ]
    every_bracket, every_bare = candidates[0], candidates[2]
    bracketed, half, bare = drop_late_runs([keep_sequence(markers) for markers in candidates])
    both = keep_sequence([*every_bracket, *every_bare])  # "e Movie of particles of 20 nm (f) and 90 nm (g). h Plot"
    bare_of_both = [marker for marker in both if marker.style == "bare"]
    if bare and not bracketed and len(label_set(bare_of_both)) > len(label_set(bare)):
        bare = sorted(both, key=lambda marker: marker.start)
    bare_first = len(label_set(bare)) >= 2 and bare[0].start <= _first_start(bracketed, half)
    if bare_first and label_set(bare) >= label_set(bracketed) and not label_set(half) > label_set(bare):
        chosen = _with_brackets([*_first_behind_title(caption, bare), *bare], bare, every_bracket)
    elif len(label_set(half)) > len(label_set(bracketed)):
        chosen = _with_brackets(half, half, every_bracket)
    else:
        chosen = bracketed or half
    if not chosen:
        by_word = keep_sequence(_match_markers(caption, _PANEL, "panel"))
        chosen = by_word if len(label_set(by_word)) >= 2 else []
    if not chosen:
        chosen = keep_sequence(_match_markers(caption, _NUMBERED, "bracket"))
        chosen = chosen if len(label_set(chosen)) >= 2 else []
    if not chosen:
        chosen = _only_letter(caption, [*every_bracket, *candidates[1], *every_bare])
    return _mark_references(caption, chosen)


def _only_letter(caption: str, markers: list[Marker]) -> list[Marker]:
    """Return the only letter of a caption, which it begins with, perhaps behind a title: "d) SEM image."; else none.

    Without a bracket only A counts, with a comma, colon or bar behind it: "A, SEM image."
    """
    opening = [
        marker
        for marker in markers
        if _TITLE_BEFORE.fullmatch(caption[: marker.start])
        and len(marker.labels) == 1
        and marker.labels[0] in _FIRST_LETTERS
        and (marker.style != "bare" or (marker.labels[0] == "a" and caption[marker.end : marker.end + 1] in ",:|"))
    ]
    is_alone = len(label_set(opening)) == 1 and not _PRIMED.search(caption)
    return _drop_overlaps(opening) if is_alone else []


def _with_brackets(chosen: list[Marker], naming: list[Marker], brackets: list[Marker]) -> list[Marker]:
    """Return the chosen markers with those in brackets that have the same labels."""
    labels, upper = label_set(naming), naming[0].upper
    return _drop_overlaps([*chosen, *(one for one in brackets if set(one.labels) <= labels and one.upper == upper)])


def _first_behind_title(caption: str, markers: list[Marker]) -> list[Marker]:
    """Return the marker A of a caption whose title has no full stop: "Rods A SEM image. B TEM image."."""
    if "a" in label_set(markers) or not markers[0].upper:
        return []
    return _match_markers(caption[: markers[0].start], _FIRST_BEHIND_TITLE, "bare")[:1]


def _match_markers(caption: str, pattern: re.Pattern[str], style: str) -> list[Marker]:
    """Return the markers that a pattern finds, without references to other figures."""
    markers = []
    for match in pattern.finditer(caption):
        group = match.group(1)
        before = caption[max(0, match.start() - 30) : match.start()]
        if _FIGURE.search(before) and match.start() > 12:
            continue
        if style == "half" and before.rfind("(") > before.rfind(")"):
            continue
        start = match.start()
        if style == "half":
            group_ending = _one_case_ending(group)
            start, group = match.end(1) - len(group_ending), group_ending
        labels = expand_labels(group) if style != "bracket" or _has_one_case(group) else ()
        if labels:
            end = match.end(1) if style == "bare" else match.end()
            if style == "bracket" and (word := _PANEL_BEFORE.search(caption, max(0, start - 10), start)):
                start = word.start()
            place = match["place"] if style == "bracket" and "place" in pattern.groupindex else None
            markers.append(Marker(start, end, labels, style, group[0].isupper(), place=place))
    return markers


def _has_one_case(group: str) -> bool:
    """Return whether all labels of a group are of one case."""
    return len({match.group(2)[0].isupper() for match in _PIECE.finditer(group) if match.group(2)}) <= 1


def _one_case_ending(group: str) -> str:
    """Return the end of a group whose labels share the last one's case and ascend: in "C, e)" only e."""
    atoms = [match for match in _PIECE.finditer(group) if match.group(2)]
    start = 0
    for earlier, later in zip(atoms[-2::-1], atoms[:0:-1], strict=True):
        first, second = earlier.group(2), later.group(2)
        if first[0].isupper() != second[0].isupper() or not _is_before(first.lower(), second.lower()):
            start = later.start()
            break
    return group[start:]


def _is_before(first: str, second: str) -> bool:
    """Return whether a label comes before another, as letters or as roman numerals."""
    if first in ROMANS and second in ROMANS and len(first + second) > 2:
        return ROMANS.index(first) < ROMANS.index(second)
    return label_order(first) < label_order(second)


def expand_labels(group: str) -> tuple[str, ...]:
    """Return the labels of "a, c–e" in lower case: a c d e; none if they run backwards or the text is a word."""
    labels: list[str] = []
    in_range = False
    for match in _PIECE.finditer(group):
        dash, atom = match.groups()
        if not atom:
            in_range = in_range or (bool(dash) and bool(labels))
            continue
        atom = atom.lower()
        if in_range:
            middle = labels_between(labels[-1], atom)
            if middle is None:
                return ()
            labels.extend(middle)
            in_range = False
        labels.append(atom)
    return tuple(dict.fromkeys(labels))


def labels_between(first: str, last: str) -> list[str] | None:
    """Return the labels strictly between two, or None if they are no range. "a" to "b′" includes b itself."""
    bare, base = bare_label(first), bare_label(last)
    if last != base:
        primed = [last[:count] for count in range(len(base), len(last))]  # c, c′ of c″
        if bare == base:
            return primed[len(first) - len(base) + 1 :] if len(first) < len(last) else None
        between = labels_between(bare, base)
        return between if between is None else [*between, *primed]
    return _plain_labels_between(first, last)


def _plain_labels_between(first: str, last: str) -> list[str] | None:
    """Return the labels strictly between two whose last has no prime, or None if they are no range."""
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
    """Return the markers, with "(a)–(c)" and "(a) and (b)" joined to one marker each."""
    joined: list[Marker] = []
    for marker in markers:
        link = _BETWEEN.match(caption[joined[-1].end : marker.start]) if joined else None
        if link and link.group(1) not in ("and", "&", ",") and joined[-1].upper == marker.upper:
            between = labels_between(joined[-1].labels[-1], marker.labels[0])
            if between is not None:
                labels = tuple(dict.fromkeys((*joined[-1].labels, *between, *marker.labels)))
                joined[-1] = replace(joined[-1], end=marker.end, labels=labels)
                continue
        elif link and joined[-1].upper == marker.upper and _is_before(joined[-1].labels[-1], marker.labels[0]):
            labels = tuple(dict.fromkeys((*joined[-1].labels, *marker.labels)))
            joined[-1] = replace(joined[-1], end=marker.end, labels=labels)
            continue
        joined.append(marker)
    return joined


def _first_start(*marker_lists: list[Marker]) -> int:
    """Return where the first marker of the lists starts; a huge number if all lists are empty."""
    return min((markers[0].start for markers in marker_lists if markers), default=1 << 30)


def _drop_overlaps(markers: list[Marker]) -> list[Marker]:
    """Return the markers in order, without those that overlap an earlier or longer one."""
    kept: list[Marker] = []
    for marker in sorted(markers, key=lambda marker: (marker.start, -marker.end)):
        if not kept or marker.start >= kept[-1].end:
            kept.append(marker)
    return kept


def _mark_references(caption: str, markers: list[Marker]) -> list[Marker]:
    """Return the markers; those that only refer to a panel named elsewhere ("the inset in (b)") are marked so."""
    may_refer = [bool(_REFERRING.search(caption[max(0, marker.start - 16) : marker.start])) for marker in markers]
    may_refer = [can_refer and not _divides_group(caption, markers, n) for n, can_refer in enumerate(may_refer)]
    defined = {
        label for marker, can_refer in zip(markers, may_refer, strict=True) if not can_refer for label in marker.labels
    }
    result = []
    for marker, can_refer in zip(markers, may_refer, strict=True):
        is_reference = can_refer and set(marker.labels) <= defined and not _opens_item(caption, marker)
        result.append(replace(marker, is_reference=is_reference))
    return result


def _divides_group(caption: str, markers: list[Marker], number: int) -> bool:
    """Return whether a marker and others name the labels of a group one by one.

    An example is "(A, B) pollen from (A) lily and (B) pine".
    """
    marker = markers[number]
    start = max(caption.rfind(". ", 0, marker.start), caption.rfind("; ", 0, marker.start)) + 1
    ends = [place for place in (caption.find(". ", marker.end), caption.find("; ", marker.end)) if place >= 0]
    nearby = markers[max(0, number - _MOST_RELATED) : number + _MOST_RELATED]
    inside = [other for other in nearby if start <= other.start and other.end <= min(ends, default=len(caption))]
    groups = [other for other in inside if other.start < marker.start and len(other.labels) > len(marker.labels)]
    named = {label for other in inside if other.start > inside[0].start for label in other.labels}
    return any(set(marker.labels) < set(group.labels) <= named for group in groups)


def _opens_item(caption: str, marker: Marker) -> bool:
    """Return whether words of its own follow a marker: "at (a) 2 h", unlike "in (b) is" or "in (b)."."""
    before = caption[max(0, marker.start - 16) : marker.start]
    if re.search(r"\b(?:in|from|see|panels?|than|as|to)\s*$", before, re.IGNORECASE):
        return False
    after = caption[marker.end : marker.end + 12].lstrip()
    return bool(re.match(r"[\w×~<>±(“\"]", after)) and not re.match(
        r"(?:and|is|are|was|were|shows?|with|at|by|using|respectively|has|have|or)\b", after
    )
