"""Split a figure's caption among its panels: each gets its own words and those that speak of all panels."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mirsearch.analysis.captions.label_order import sort_labels
from mirsearch.analysis.captions.markers import Marker, find_markers
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
_GOES_ON = re.compile(r"^\s*+,?+\s*+(?:of|at|in|from|with|for|between|among|on|by|which|\w+ing)\b", re.IGNORECASE)
_TITLE = re.compile(
    r"^(?:supplementary |supporting )?(?:fig(?:ure)?|scheme|chart|plate)s?\.? ?S?\d+[a-z]?\W*$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class CaptionParts:
    """A caption split among its panels.

    `parts` has the own words by label (lower case, in order), `general` the words about all panels, `caption` the full
    caption, and `places` the parts by place ("left") if there are no labels.
    """

    parts: Mapping[str, str]
    general: str
    caption: str
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels that the caption names, in order."""
        return tuple(self.parts)

    def own_words(self, label: str | None) -> str:
        """Return the words about one panel alone; empty if the caption has none for it."""
        return self.parts.get(label.lower(), "") if label else ""

    def words_for(self, label: str | None) -> str:
        """Return the general words and the panel's own; the whole caption if it has no own words."""
        own = self.own_words(label)
        return f"{self.general} {own}".strip() if own else self.caption


def split_caption(caption: str) -> CaptionParts:
    """Split `caption` among the panels it names. It never fails: without panel labels all words are general."""
    whole = _SPACE.sub(" ", caption[: LIMITS.caption_chars]).strip()
    text = whole[: LIMITS.caption_parsed_chars]
    markers = find_markers(text)
    if not markers:
        return CaptionParts({}, whole, whole, _parts_by_place(text))
    distributor = _CaptionDistributor(text)
    starts = [marker.start for marker in markers]
    for start, end in _clauses(text, markers):
        candidates = markers[bisect_left(starts, start) : bisect_left(starts, end)]
        distributor.distribute_clause(start, end, [marker for marker in candidates if marker.end <= end])
    labels = sort_labels({label for marker in markers for label in marker.labels})
    parts = {label: _join(distributor.own_words.get(label, [])) for label in labels}
    general = _join([*distributor.general, whole[len(text) :].strip()])  # what is too long to be split is about all
    return CaptionParts(parts, general, whole, {})


def _join(pieces: list[str]) -> str:
    """Join the pieces that are not empty, each once."""
    return " ".join(dict.fromkeys(piece for piece in pieces if piece))


def _clauses(text: str, markers: list[Marker]) -> Iterator[tuple[int, int]]:
    """Yield the spans between full stops and semicolons outside brackets and abbreviations."""
    start = depth = 0
    marker_places = {place for marker in markers for place in range(marker.start, marker.end)}
    starts = {marker.start for marker in markers}
    for place, char in enumerate(text):
        if char in "([" and place not in marker_places:
            depth += 1
        elif char in ")]" and place not in marker_places:
            depth = max(0, depth - 1)
        elif char in ".;" and (depth == 0 or char == ".") and _ends_clause(text, place, char, starts):
            yield start, place + 1
            start, depth = place + 1, 0
    if start < len(text):
        yield start, len(text)


def _ends_clause(text: str, place: int, mark: str, starts: set[int]) -> bool:
    """Return whether a full stop or semicolon ends a clause."""
    following = text[place + 1 : place + 3]
    if not following:
        return True
    if place + 1 in starts or place + 2 in starts:
        return not _ABBREVIATION.search(text[max(0, place - 12) : place + 1]) or mark == ";"
    if following[0] != " " or (mark == "." and len(following) > 1 and following[1].islower()):
        return False
    return mark == ";" or not _ABBREVIATION.search(text[max(0, place - 12) : place + 1])


class _CaptionDistributor:
    """Walks the clauses of a caption and gives each piece to the labels that it speaks of."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.own_words: dict[str, list[str]] = {}
        self.general: list[str] = []
        self.head = ""
        self.current: tuple[str, ...] = ()
        self.is_trailing = False

    def give_words(self, labels: tuple[str, ...], *pieces: str) -> None:
        """Add words to the own words of some labels."""
        words = " ".join(piece for piece in pieces if piece)
        for label in labels:
            self.own_words.setdefault(label, []).append(words)

    def distribute_clause(self, start: int, end: int, markers: list[Marker]) -> None:
        """Distribute one clause: with markers that name panels, with references only, or with neither."""
        naming = [marker for marker in markers if not marker.is_reference]
        words = trim_joiners(self.text[start:end])
        if not words or (start == 0 and _TITLE.match(words)):
            return
        if naming:
            self.is_trailing = self._has_trailing_labels(start, end, naming)
            (self._distribute_trailing if self.is_trailing else self._distribute_leading)(start, end, naming)
        elif _OF_ALL.search(words) or not self.current:
            self.general.append(words)
        elif markers:
            self.give_words(tuple(dict.fromkeys(label for marker in markers for label in marker.labels)), words)
        elif self.is_trailing:
            self.general.append(words)
        else:
            self.give_words(self.current, words)

    def _has_trailing_labels(self, start: int, end: int, markers: list[Marker]) -> bool:
        """Return whether the labels of a clause stand behind their words ("graphene (A) and LiFePO4 (B)")."""
        if any(other.style != "bracket" for other in markers) and not all(
            other.style == "bracket" for other in markers[1:]
        ):
            return False
        if not self.text[start : markers[0].start].strip():
            return False
        votes = 0
        for marker in markers:
            before = self.text[max(start, marker.start - 40) : marker.start]
            after = self.text[marker.end : min(end, marker.end + 40)].lstrip()
            leads = JOINER.search(before) or PREPOSITION.search(before)
            closes = not after or re.match(r"[,;.)]|(?:and|or)\b", after)
            is_contrast = closes and PREPOSITION.search(before)  # "before (a) and after (b)"
            votes += 2 if is_contrast else -1 if leads else 2 if closes else 1
        return votes > 0

    def _distribute_leading(self, start: int, end: int, markers: list[Marker]) -> None:
        """Distribute a clause whose labels stand before their words."""
        head = self.text[start : markers[0].start]
        if trim_joiners(head):
            self._take_head(head)
        bounds = [other.start for other in markers[1:]] + [end]
        pieces = [self.text[other.end : stop] for other, stop in zip(markers, bounds, strict=True)]
        done = self._distribute_by_trailing(pieces, markers)
        for number, (marker, piece) in enumerate(zip(markers, pieces, strict=True)):
            next_head = ""
            if number + 1 < len(markers):
                piece, next_head = split_head(piece)  # noqa: PLW2901
            tail = "" if self.head else shared_tail(piece, pieces[number + 1 : number + MOST_SHARING])
            if not done.get(number):
                self._give_items(marker.labels, piece, tail)
            if next_head:
                self.head = next_head
            self.current = marker.labels

    def _give_items(self, labels: tuple[str, ...], piece: str, tail: str) -> None:
        """Give a leading marker's piece to its labels: to all of them, or to each one thing of a list."""
        items = split_respective(piece, len(labels)) or [trim_joiners(piece)] * len(labels)
        for label, words in zip(labels, items, strict=True):
            has_head = any(
                self.head and self.head in earlier for earlier in self.own_words.get(label, [])[-MOST_SHARING:]
            )
            self.give_words((label,), "" if has_head or names_subject(words) else self.head, words, tail)

    def _distribute_by_trailing(self, pieces: list[str], markers: list[Marker]) -> dict[int, bool]:
        """Distribute "c–e SEM images of BM (c), PM (d) and SM (e)" by the labels behind the words.

        Return for each marker whether that was done; empty if the clause is not of this form.
        """
        first = markers[0]
        if len(markers) < 3 or len(first.labels) < 2 or first.style == markers[1].style == "half":
            return {}
        rest = markers[1:]
        if not all(
            set(marker.labels) <= set(first.labels) and len(marker.labels) < len(first.labels) for marker in rest
        ):
            return {}
        start = first.end
        if not self._has_trailing_labels(start, markers[-1].end + len(pieces[-1]), rest):
            return {}
        self._distribute_trailing(start, markers[-1].end + len(pieces[-1]), rest)
        self.current = first.labels
        return dict.fromkeys(range(len(markers)), True)

    def _take_head(self, head: str) -> None:
        """Keep the words before the first label of a clause: as general words if they speak of the whole figure."""
        cleaned = trim_joiners(head)
        if not self.current and head.rstrip().endswith((":", ".", ",")):
            self.general.append(cleaned)
            self.head = ""
        else:
            self.head = cleaned

    def _distribute_trailing(self, start: int, end: int, markers: list[Marker]) -> None:
        """Distribute a clause whose labels stand behind their words; words behind the last label apply to all of them.

        Words behind a label that begin like "of…" or "showing…" still belong to it, up to the next item.
        """
        head, place, last_has_own = "", start, False
        tail = trim_joiners(self.text[markers[-1].end : end]).rstrip(".")
        for number, marker in enumerate(markers):
            words = self.text[place : marker.start]
            if number and _GOES_ON.match(words):
                own_rest, words = split_item(words)
                self.give_words(markers[number - 1].labels, trim_joiners(own_rest))
                last_has_own = last_has_own or bool(own_rest)
            words = trim_joiners(words)
            self.give_words(marker.labels, "" if has_own_subject(words) else adapt_head(head, words), words)
            head = shared_head(words, head)
            place = marker.end
        for label in dict.fromkeys(
            label for other in (markers[-1:] if last_has_own else markers) for label in other.labels
        ):
            self.give_words((label,), tail)
        self.current, self.head = markers[-1].labels, ""


def _parts_by_place(text: str) -> dict[str, str]:
    """Return parts by place ("Left: …; right: …", "a wing (left) and a leg (right)") of a caption without labels."""
    trailing = list(_PLACE_BEHIND.finditer(text))
    if len({match.group(1).lower() for match in trailing}) >= 2 and trim_joiners(text[: trailing[0].start()]):
        starts = [0, *(match.end() for match in trailing[:-1])]
        pieces = [trim_joiners(text[start : match.start()]) for start, match in zip(starts, trailing, strict=True)]
        head, parts = "", []
        for words in pieces:
            parts.append(words if has_own_subject(words) else f"{adapt_head(head, words)} {words}".strip())
            head = shared_head(words, head)
        return {_place_name(match): words for match, words in zip(trailing, parts, strict=True)}
    leading = list(_PLACE.finditer(text))
    if len({match.group(1).lower() for match in leading}) < 2:
        return {}
    ends = [match.start() for match in leading[1:]] + [len(text)]
    return {
        _place_name(match): trim_joiners(text[match.end() : stop]) for match, stop in zip(leading, ends, strict=True)
    }


def _place_name(match: re.Match[str]) -> str:
    """Return the place that a match names, with one name for synonyms."""
    name = match.group(1).lower()
    return {"centre": "middle", "center": "middle", "upper": "top", "lower": "bottom"}.get(name, name)
