"""Sharing a figure's caption out to its panels: each gets its own words plus what speaks of all."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mirsearch.analysis.captions.markers import Marker, find_markers, sort_labels
from mirsearch.analysis.captions.shared_words import (
    JOINER,
    MOST_SHARING,
    PREPOSITION,
    adapt_head,
    has_own_subject,
    names_subject,
    shared_head,
    shared_tail,
    split_head,
    split_item,
    split_respective,
    trim_joiners,
)
from mirsearch.settings import LIMITS

_SPACE = re.compile(r"\s+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:fig|figs|eq|ref|refs|no|vs|ca|cf|al|approx|i\.e|e\.g"
    r"|resp|avg|max|min|temp|conc|wt|vol|sec|dr|st)|(?<!\d )\b(?-i:[A-Z]))\.$",
    re.IGNORECASE,
)
_OF_ALL = re.compile(
    r"\b(?:scale[ -]?bars?|bars?\s*[:=,]|error bars?|each (?:panel|image)|insets show|reproduced|reprinted|adapted"
    r"|all (?:the )?(?:panels|images|figures|micrographs|cases|samples|data|plots|scale)|copyright|permission"
    r"|characters represent|a\.u\.|abbreviations?|n\s?=\s?\d|colou?r (?:code|figure|online)|source data"
    r"|for interpretation)",
    re.IGNORECASE,
)
_PLACE_NAMES = r"(left|right|top|bottom|middle|center|centre|upper|lower)"
_PLACE = re.compile(
    rf"(?:^|[.;,(]\s*)\(?{_PLACE_NAMES}(?:[- ]?(?:most|hand))?(?: side)?(?: (?:panel|image|row|column)s?)?\)?\s*[:,)]",
    re.IGNORECASE,
)
_PLACE_BEHIND = re.compile(rf"\({_PLACE_NAMES}\)(?=\s*(?:[.,;]|and\b|$))", re.IGNORECASE)
_GOES_ON = re.compile(r"^\s*,?\s*(?:of|at|in|from|with|for|between|among|on|by|which|\w+ing)\b", re.IGNORECASE)
_TITLE = re.compile(
    r"^(?:supplementary |supporting )?(?:fig(?:ure)?|scheme|chart|plate)s?\.? ?S?\d+[a-z]?\W*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class CaptionParts:
    """A caption shared out: own words by label (lower case, in order), words on all panels, and parts by place."""

    parts: Mapping[str, str]
    general: str
    whole: str
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels the caption names, in order."""
        return tuple(self.parts)

    def own(self, label: str | None) -> str:
        """The words about one panel alone; empty where the caption has none for it."""
        return self.parts.get(label.lower(), "") if label else ""

    def part_for(self, label: str | None) -> str:
        """What speaks of a panel: the general words and its own; the whole caption where it has no words of its own."""
        own = self.own(label)
        return f"{self.general} {own}".strip() if own else self.whole


def split_caption(caption: str) -> CaptionParts:
    """Share `caption` out to the panels it names. Never fails: without panel labels all of it is general."""
    text = _SPACE.sub(" ", caption[: LIMITS.caption_chars]).strip()
    markers = find_markers(text)
    if not markers:
        return CaptionParts({}, text, text, _parts_by_place(text))
    sharer = _CaptionDistributor(text)
    starts = [m.start for m in markers]
    for start, end in _clauses(text, markers):
        inside = markers[bisect_left(starts, start) : bisect_left(starts, end)]
        sharer.clause(start, end, [m for m in inside if m.end <= end])
    labels = sort_labels({label for m in markers for label in m.labels})
    parts = {label: _join(sharer.own.get(label, [])) for label in labels}
    return CaptionParts(parts, _join(sharer.general), text, {})


def _join(pieces: list[str]) -> str:
    return " ".join(dict.fromkeys(piece for piece in pieces if piece))


def _clauses(text: str, markers: list[Marker]) -> Iterator[tuple[int, int]]:
    """Spans between full stops and semicolons that stand outside brackets and abbreviations."""
    start = depth = 0
    inside = {place for m in markers for place in range(m.start, m.end)}
    starts = {m.start for m in markers}
    for place, char in enumerate(text):
        if char in "([" and place not in inside:
            depth += 1
        elif char in ")]" and place not in inside:
            depth = max(0, depth - 1)
        elif char in ".;" and (depth == 0 or char == ".") and _ends_clause(text, place, char, starts):
            yield start, place + 1
            start, depth = place + 1, 0
    if start < len(text):
        yield start, len(text)


def _ends_clause(text: str, place: int, char: str, starts: set[int]) -> bool:
    """Whether a full stop or semicolon ends a clause."""
    after = text[place + 1 : place + 3]
    if not after:
        return True
    if place + 1 in starts or place + 2 in starts:
        return not _ABBREVIATION.search(text[max(0, place - 12) : place + 1]) or char == ";"
    if after[0] != " " or (char == "." and len(after) > 1 and after[1].islower()):
        return False
    return char == ";" or not _ABBREVIATION.search(text[max(0, place - 12) : place + 1])


class _CaptionDistributor:
    """Walks the clauses of a caption and hands each piece to the labels it speaks of."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.own: dict[str, list[str]] = {}
        self.general: list[str] = []
        self.head = ""
        self.current: tuple[str, ...] = ()
        self.trailing = False

    def give(self, labels: tuple[str, ...], *pieces: str) -> None:
        words = " ".join(piece for piece in pieces if piece)
        for label in labels:
            self.own.setdefault(label, []).append(words)

    def clause(self, start: int, end: int, markers: list[Marker]) -> None:
        """Share one clause: with markers of its own, with references only, or with neither."""
        real = [m for m in markers if not m.refers]
        words = trim_joiners(self.text[start:end])
        if not words or (start == 0 and _TITLE.match(words)):
            return
        if real:
            self.trailing = self._trails(start, end, real)
            (self._trailing if self.trailing else self._leading)(start, end, real)
        elif _OF_ALL.search(words) or not self.current:
            self.general.append(words)
        elif markers:
            self.give(tuple(dict.fromkeys(label for m in markers for label in m.labels)), words)
        elif self.trailing:
            self.general.append(words)
        else:
            self.give(self.current, words)

    def _trails(self, start: int, end: int, markers: list[Marker]) -> bool:
        """Whether the labels of a clause stand behind their words ("graphene (A) and LiFePO4 (B)")."""
        if any(m.style != "bracket" for m in markers) and not all(m.style == "bracket" for m in markers[1:]):
            return False
        if not self.text[start : markers[0].start].strip():
            return False
        votes = 0
        for marker in markers:
            before = self.text[max(start, marker.start - 40) : marker.start]
            after = self.text[marker.end : min(end, marker.end + 40)].lstrip()
            leads = JOINER.search(before) or PREPOSITION.search(before)
            closes = not after or re.match(r"[,;.)]|(?:and|or)\b", after)
            apart = closes and PREPOSITION.search(before)  # "before (a) and after (b)"
            votes += 2 if apart else -1 if leads else 2 if closes else 1
        return votes > 0

    def _leading(self, start: int, end: int, markers: list[Marker]) -> None:
        head = self.text[start : markers[0].start]
        if trim_joiners(head):
            self._take_head(head)
        bounds = [m.start for m in markers[1:]] + [end]
        pieces = [self.text[m.end : stop] for m, stop in zip(markers, bounds, strict=True)]
        inner = self._behind_words(pieces, markers)
        for number, (marker, piece) in enumerate(zip(markers, pieces, strict=True)):
            next_head = ""
            if number + 1 < len(markers):
                piece, next_head = split_head(piece)  # noqa: PLW2901
            tail = "" if self.head else shared_tail(piece, pieces[number + 1 : number + MOST_SHARING])
            if not inner.get(number):
                self._items(marker.labels, piece, tail)
            if next_head:
                self.head = next_head
            self.current = marker.labels

    def _items(self, labels: tuple[str, ...], piece: str, tail: str) -> None:
        """Give a leading marker's piece to its labels: to all of them, or one each of what it lists."""
        each = split_respective(piece, len(labels)) or [trim_joiners(piece)] * len(labels)
        for label, words in zip(labels, each, strict=True):
            known = any(self.head and self.head in told for told in self.own.get(label, [])[-MOST_SHARING:])
            self.give((label,), "" if known or names_subject(words) else self.head, words, tail)

    def _behind_words(self, pieces: list[str], markers: list[Marker]) -> dict[int, bool]:
        """Share "c–e SEM images of BM (c), PM (d) and SM (e)" out by the labels behind the words; which were done."""
        first = markers[0]
        if len(markers) < 3 or len(first.labels) < 2 or first.style == markers[1].style == "half":
            return {}
        rest = markers[1:]
        if not all(set(m.labels) <= set(first.labels) and len(m.labels) < len(first.labels) for m in rest):
            return {}
        start = first.end
        if not self._trails(start, markers[-1].end + len(pieces[-1]), rest):
            return {}
        self._trailing(start, markers[-1].end + len(pieces[-1]), rest)
        self.current = first.labels
        return dict.fromkeys(range(len(markers)), True)

    def _take_head(self, head: str) -> None:
        """Words before the first label of a clause: general where they speak of the whole figure."""
        cleaned = trim_joiners(head)
        if not self.current and head.rstrip().endswith((":", ".", ",")):
            self.general.append(cleaned)
            self.head = ""
        else:
            self.head = cleaned

    def _trailing(self, start: int, end: int, markers: list[Marker]) -> None:
        """Share a clause whose labels stand behind their words; what follows the last speaks of all of them.

        Words behind a label that begin like "of…" or "showing…" still belong to it, up to the next item.
        """
        head, place, behind = "", start, False
        tail = trim_joiners(self.text[markers[-1].end : end]).rstrip(".")
        for number, marker in enumerate(markers):
            words = self.text[place : marker.start]
            if number and _GOES_ON.match(words):
                more, words = split_item(words)
                self.give(markers[number - 1].labels, trim_joiners(more))
                behind = behind or bool(more)
            words = trim_joiners(words)
            self.give(marker.labels, "" if has_own_subject(words) else adapt_head(head, words), words)
            head = shared_head(words, head)
            place = marker.end
        for label in dict.fromkeys(label for m in (markers[-1:] if behind else markers) for label in m.labels):
            self.give((label,), tail)
        self.current, self.head = markers[-1].labels, ""


def _parts_by_place(text: str) -> dict[str, str]:
    """Parts by place ("Left: …; right: …", "a wing (left) and a leg (right)") where a caption has no labels."""
    behind = list(_PLACE_BEHIND.finditer(text))
    if len({m.group(1).lower() for m in behind}) >= 2 and trim_joiners(text[: behind[0].start()]):
        starts = [0, *(m.end() for m in behind[:-1])]
        pieces = [trim_joiners(text[start : m.start()]) for start, m in zip(starts, behind, strict=True)]
        head, told = "", []
        for words in pieces:
            told.append(words if has_own_subject(words) else f"{adapt_head(head, words)} {words}".strip())
            head = shared_head(words, head)
        return {_place_name(m): words for m, words in zip(behind, told, strict=True)}
    found = list(_PLACE.finditer(text))
    if len({m.group(1).lower() for m in found}) < 2:
        return {}
    ends = [m.start() for m in found[1:]] + [len(text)]
    return {_place_name(m): trim_joiners(text[m.end() : stop]) for m, stop in zip(found, ends, strict=True)}


def _place_name(match: re.Match[str]) -> str:
    """The place a match names, under one name for those alike."""
    name = match.group(1).lower()
    return {"centre": "middle", "center": "middle", "upper": "top", "lower": "bottom"}.get(name, name)
