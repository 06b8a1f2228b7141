"""Split a figure's caption among its panels: each gets its own words and those that speak of all panels."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from mirsearch.analysis.captions.clauses import split_clauses
from mirsearch.analysis.captions.image_words import parts_by_place, words_about_image
from mirsearch.analysis.captions.label_order import sort_labels
from mirsearch.analysis.captions.label_runs import Marker
from mirsearch.analysis.captions.markers import find_markers
from mirsearch.analysis.captions.shared_words import (
    JOINER,
    MOST_SHARING,
    PREPOSITION,
    adapt_head,
    change_head,
    find_group_changes,
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
_OF_ALL = re.compile(
    r"\b(?:error bars?|each (?:panel|image)|insets show|reproduced|reprinted|adapted"
    r"|all (?:the )?(?:panels|images|figures|micrographs|cases|samples|data|plots|scale)|copyright|permission"
    r"|characters represent|a\.u\.|abbreviations?|n\s?=\s?\d|colou?r (?:code|figure|online)|source data"
    r"|for interpretation)",
    re.IGNORECASE,
)
_OF_SCALE = re.compile(r"(?<!error )(?<!color )\b(?:scale[ -]?bars?|bars?\s*[:=,])", re.IGNORECASE)
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

    def words_for_part(
        self,
        label: str | None,
        place: str | None = None,
        ordinal: int | None = None,
        heading: str = "",
        *,
        count: int | None = None,
        inset: bool = False,
    ) -> str:
        """Return the general words and those about one of several images under a letter, or of the whole figure.

        `place` is where the image is among them ("top left"), `ordinal` its number of `count` in reading order,
        `heading` the words printed at it. Where the caption does not tell them apart, these are the letter's words.
        """
        own = self.own_words(label) if self.parts else self.caption
        about = words_about_image(own, place, ordinal, count, heading, inset=inset)
        return f"{self.general if self.parts else ''} {about}".strip() if about else self.words_for(label)


def split_caption(caption: str) -> CaptionParts:
    """Split `caption` among the panels it names. It never fails: without panel labels all words are general."""
    whole = _SPACE.sub(" ", caption[: LIMITS.caption_chars]).strip()
    text = whole[: LIMITS.caption_parsed_chars]
    markers = find_markers(text)
    if not markers:
        return CaptionParts({}, whole, whole, parts_by_place(text))
    distributor = _CaptionDistributor(
        text, max((marker.start for marker in markers if not marker.is_reference), default=0)
    )
    starts = [marker.start for marker in markers]
    for start, end in split_clauses(text, markers):
        candidates = markers[bisect_left(starts, start) : bisect_left(starts, end)]
        distributor.distribute_clause(start, end, [marker for marker in candidates if marker.end <= end])
    labels = sort_labels({label for marker in markers for label in marker.labels})
    parts = {label: _join(distributor.own_words.get(label, [])) for label in labels}
    general = _join([*distributor.general, whole[len(text) :].strip()])  # what is too long to be split is about all
    return CaptionParts(parts, general, whole, {})


def _join(pieces: list[str]) -> str:
    """Join the pieces that are not empty, each once."""
    return " ".join(dict.fromkeys(piece for piece in pieces if piece))


def _place_words(marker: Marker) -> str:
    """Return the place that a marker names, in brackets, so that the words behind it keep it."""
    return f"({marker.place})" if marker.place else ""


class _CaptionDistributor:
    """Walks the clauses of a caption and gives each piece to the labels that it speaks of."""

    def __init__(self, text: str, last_naming: int) -> None:
        self.text = text
        self.last_naming = last_naming
        self.block: tuple[str, ...] = ()
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
            self._begin_clause(start, naming)
            self.is_trailing = self._has_trailing_labels(start, end, naming)
            (self._distribute_trailing if self.is_trailing else self._distribute_leading)(start, end, naming)
        elif not self.current or self._is_of_all(words, end, markers):
            self.general.append(words)
        elif markers:
            self.give_words(tuple(dict.fromkeys(label for marker in markers for label in marker.labels)), words)
        elif _OF_SCALE.search(words):
            self.give_words(self.block, words)
        elif self.is_trailing:
            self.general.append(words)
        else:
            self.give_words(self.current, words)

    def _is_of_all(self, words: str, end: int, references: list[Marker]) -> bool:
        """Return whether a clause that names no panels is about all. A bar behind all parts is."""
        if _OF_ALL.search(words):
            return True
        return bool(_OF_SCALE.search(words)) and not references and end > self.last_naming

    def _begin_clause(self, start: int, markers: list[Marker]) -> None:
        """Note the labels of the sentence. A sentence that begins with a label has no head of the sentence before."""
        is_new_sentence = self.text[max(0, start - 2) : start].rstrip()[-1:] == "."
        labels = tuple(dict.fromkeys(label for marker in markers for label in marker.labels))
        self.block = labels if is_new_sentence else tuple(dict.fromkeys((*self.block, *labels)))
        if is_new_sentence and not self.head.endswith(":"):
            self.head = ""

    def _has_trailing_labels(self, start: int, end: int, markers: list[Marker]) -> bool:
        """Return whether the labels of a clause stand behind their words ("graphene (A) and LiFePO4 (B)")."""
        if any(other.style != "bracket" for other in markers) and not all(
            other.style == "bracket" for other in markers[1:]
        ):
            return False
        if not self.text[start : markers[0].start].strip():
            return False
        if self._follows_title(end, markers):
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

    def _follows_title(self, end: int, markers: list[Marker]) -> bool:
        """Return whether a caption's first label stands behind a title without a full stop: "Rods (a) SEM image."."""
        after = self.text[markers[0].end : end].lstrip(" :,.|)")
        return not self.current and len(markers) == 1 and bool(re.match(r"[A-Z]\w* \w", after))

    def _distribute_leading(self, start: int, end: int, markers: list[Marker]) -> None:
        """Distribute a clause whose labels stand before their words."""
        head = self.text[start : markers[0].start]
        if trim_joiners(head):
            self._take_head(head, is_title=self._follows_title(end, markers))
        bounds = [other.start for other in markers[1:]] + [end]
        pieces = [
            _place_words(other) + self.text[other.end : stop] for other, stop in zip(markers, bounds, strict=True)
        ]
        changes = find_group_changes(pieces)
        done = self._distribute_by_trailing(pieces, markers)
        for number, (marker, piece) in enumerate(zip(markers, pieces, strict=True)):
            next_head = ""
            if number + 1 < len(markers):
                piece, next_head = split_head(piece)  # noqa: PLW2901
                if not next_head and number in changes and change_head(self.head, changes[number][1]):
                    piece, next_head = changes[number][0], change_head(self.head, changes[number][1])  # noqa: PLW2901
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

    def _take_head(self, head: str, is_title: bool) -> None:
        """Keep the words before the first label of a clause: as general words if they speak of the whole figure."""
        cleaned = trim_joiners(head)
        if not self.current and _TITLE.match(cleaned):
            self.head = ""
        elif not self.current and (is_title or head.rstrip().endswith((":", ".", ","))):
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
