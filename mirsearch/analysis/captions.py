"""Sharing a figure's caption out to its panels: each gets its own words plus what speaks of all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mirsearch.analysis.caption_markers import Marker, find_markers, sorted_labels
from mirsearch.settings import LIMITS

_SPACE = re.compile(r"\s+")
_ABBREVIATION = re.compile(
    r"(?:\b(?:fig|figs|eq|ref|refs|no|vs|ca|cf|al|approx|i\.e|e\.g"
    r"|resp|avg|max|min|temp|conc|wt|vol|sec|dr|st)|(?<!\d )\b(?-i:[A-Z]))\.$",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(
    r"(?:\b(?:of|for|at|in|with|from|by|under|after|before|on|to|between|using|via|into|without|versus|vs\.?"
    r"|following|namely|following|is|are|was|were|show|shows|showing|the|a|an)|[:=])\s*$",
    re.IGNORECASE,
)
_JOINER = re.compile(r"(?:^|[,;:.([]|\b(?:and|or|but|while|whereas|then|both|&))\s*$", re.IGNORECASE)
_OF_ALL = re.compile(
    r"\b(?:scale[ -]?bars?|bars?\s*[:=,]|error bars?|each (?:panel|image)|insets show|reproduced|reprinted|adapted"
    r"|all (?:the )?(?:panels|images|figures|micrographs|cases|samples|data|plots|scale)|copyright|permission"
    r"|characters represent|a\.u\.|abbreviations?|n\s?=\s?\d|colou?r (?:code|figure|online)|source data"
    r"|for interpretation)",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"(?:^|[.;,(]\s*)\(?(left|right|top|bottom|middle|center|centre|upper|lower)"
    r"(?: panels?| images?)?\)?\s*[:,)]",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"^\s*,?\s*(?:of|at|in|from|with|for|between|among|on|by|which|\w+ing)\b", re.IGNORECASE)
_TITLE = re.compile(
    r"^(?:supplementary |supporting )?(?:fig(?:ure)?|scheme|chart|plate)s?\.? ?S?\d+[a-z]?\W*$", re.IGNORECASE
)
_LEADING_JOIN = re.compile(r"^[\s,;:.|–—-]*(?:(?:and|while|whereas|but|&)\s+)?", re.IGNORECASE)


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
        return CaptionParts({}, text, text, _places(text))
    sharer = _Sharer(text)
    for start, end in _clauses(text, markers):
        sharer.clause(start, end, [m for m in markers if start <= m.start and m.end <= end])
    labels = sorted_labels({label for m in markers for label in m.labels})
    parts = {label: _joined(sharer.own.get(label, [])) for label in labels}
    return CaptionParts(parts, _joined(sharer.general), text, {})


def _joined(pieces: list[str]) -> str:
    return " ".join(dict.fromkeys(piece for piece in pieces if piece))


def _clauses(text: str, markers: list[Marker]) -> Iterator[tuple[int, int]]:
    """Spans between full stops and semicolons that stand outside brackets and abbreviations."""
    start = depth = 0
    inside = {place for m in markers for place in range(m.start, m.end)}
    for place, char in enumerate(text):
        if char in "([" and place not in inside:
            depth += 1
        elif char in ")]" and place not in inside:
            depth = max(0, depth - 1)
        elif char in ".;" and (depth == 0 or char == ".") and _ends(text, place, char, markers):
            yield start, place + 1
            start, depth = place + 1, 0
    if start < len(text):
        yield start, len(text)


def _ends(text: str, place: int, char: str, markers: list[Marker]) -> bool:
    """Whether a full stop or semicolon ends a clause."""
    after = text[place + 1 : place + 3]
    if not after:
        return True
    if any(m.start == place + 1 or m.start == place + 2 for m in markers):
        return not _ABBREVIATION.search(text[max(0, place - 12) : place + 1]) or char == ";"
    if after[0] != " " or (char == "." and len(after) > 1 and after[1].islower()):
        return False
    return char == ";" or not _ABBREVIATION.search(text[max(0, place - 12) : place + 1])


def _clean(piece: str) -> str:
    """A piece without the joining words and marks around it; a lone closing bracket goes too."""
    piece = _LEADING_JOIN.sub("", piece, count=1).strip()
    piece = re.sub(r"(?:[\s,;:]|\b(?:and|while|whereas)$)+$", "", piece).strip()
    if piece.count(")") > piece.count("("):
        piece = piece.lstrip(")").rstrip(")").strip()
    elif piece.count("(") > piece.count(")"):
        piece = piece.rstrip("(").strip()
    return piece


class _Sharer:
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
        words = _clean(self.text[start:end])
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
            before, after = self.text[start : marker.start], self.text[marker.end : end].lstrip()
            leads = _JOINER.search(before) or _PREPOSITION.search(before)
            closes = not after or re.match(r"[,;.)]|(?:and|or)\b", after)
            votes += (-1 if leads else 1) + (0 if leads or not closes else 1)
        return votes > 0

    def _leading(self, start: int, end: int, markers: list[Marker]) -> None:
        head = self.text[start : markers[0].start]
        if _clean(head):
            self._take_head(head)
        bounds = [m.start for m in markers[1:]] + [end]
        pieces = [self.text[m.end : stop] for m, stop in zip(markers, bounds, strict=True)]
        inner = self._behind_words(pieces, markers)
        for number, (marker, piece) in enumerate(zip(markers, pieces, strict=True)):
            next_head = ""
            if number + 1 < len(markers):
                piece, next_head = _split_head(piece)  # noqa: PLW2901
            tail = "" if self.head else self._shared_tail(piece, pieces[number + 1 :])
            if not inner.get(number):
                for label in marker.labels:
                    known = any(self.head and self.head in each for each in self.own.get(label, []))
                    self.give((label,), "" if known else self.head, _clean(piece), tail)
            if next_head:
                self.head = next_head
            self.current = marker.labels

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
        cleaned = _clean(head)
        if not self.current and head.rstrip().endswith((":", ".", ",")):
            self.general.append(cleaned)
            self.head = ""
        else:
            self.head = cleaned

    @staticmethod
    def _shared_tail(piece: str, later: list[str]) -> str:
        """What an item left hanging takes from the next: "(a) Low- and (b) High-resolution SEM image"."""
        words = _clean(piece)
        hangs = (
            words.endswith(("-", "‐"))
            or not words
            or (len(words.split()) <= 2 and bool(re.search(r"(?:,|\band)\s*$", piece)))
        )
        if not hangs or not later:
            return ""
        if not words or words.endswith(("-", "‐")):
            return _clean(_split_head(later[0])[0])
        longest = next((each for each in later if len(each.split()) > 4), "")
        nouns = re.search(r"\b(?:images?|views?|micrographs?|curves?|patterns?|plots?|spectra|profiles?)\b.*", longest)
        return _clean(nouns.group(0)) if nouns else ""

    def _trailing(self, start: int, end: int, markers: list[Marker]) -> None:
        """Share a clause whose labels stand behind their words; what follows the last speaks of all of them.

        Words behind a label that begin like "of…" or "showing…" still belong to it, up to the next item.
        """
        head, place, behind = "", start, False
        tail = _clean(self.text[markers[-1].end : end]).rstrip(".")
        for number, marker in enumerate(markers):
            words = self.text[place : marker.start]
            if number and _GOES_ON.match(words):
                more, words = _split_item(words)
                self.give(markers[number - 1].labels, _clean(more))
                behind = behind or bool(more)
            words = _clean(words)
            opening = head.removesuffix(" the") if words.startswith(("the ", "a ")) else head
            self.give(marker.labels, "" if _own_subject(words) else opening, words)
            lead = re.match(r"[Ss]cale[ -]?bars?|.*\b(?:of|for|in|with|on)\b(?: the\b)?", words)
            head = lead.group(0) if lead else head
            place = marker.end
        for label in dict.fromkeys(label for m in (markers[-1:] if behind else markers) for label in m.labels):
            self.give((label,), tail)
        self.current, self.head = markers[-1].labels, ""


def _split_item(words: str) -> tuple[str, str]:
    """Split words between two labels at the last "and" (or comma) that opens the next item."""
    cuts = list(re.finditer(r",?\s+and\s+|;\s+", words))
    if not cuts:
        return "", words
    return words[: cuts[-1].start()], words[cuts[-1].end() :]


def _own_subject(words: str) -> bool:
    """Whether an item stands alone: it has its own "… of …"."""
    return bool(re.search(r"\b(?:of|for|in|with|on)\b", words)) or not words


def _split_head(piece: str) -> tuple[str, str]:
    """Split off a clause at the end that opens the next items: "MoS2, voltage profiles of" gives both."""
    stripped = re.sub(r"(?:,?\s*\band)?\s*$", "", piece)
    if not _PREPOSITION.search(stripped):
        return piece, ""
    cut = max(stripped.rfind(", "), stripped.rfind("; "), stripped.rfind(". "))
    if cut < 0:
        joined = stripped.rfind(" and ")
        cut = joined if joined >= 0 and stripped.endswith(("of", "for")) else -1
    if cut < 0:
        return piece, _clean(piece) if stripped.endswith(":") else ""
    return piece[:cut], _clean(stripped[cut:]) + (":" if stripped.endswith(":") else "")


def _places(text: str) -> dict[str, str]:
    """Parts by place ("Left: …; right: …") where a caption has no labels."""
    found = list(_PLACE.finditer(text))
    names = {"centre": "middle", "center": "middle", "upper": "top", "lower": "bottom"}
    if len({m.group(1).lower() for m in found}) < 2:
        return {}
    ends = [m.start() for m in found[1:]] + [len(text)]
    pairs = ((names.get(m.group(1).lower(), m.group(1).lower()), text[m.end() : stop]) for m, stop in
             zip(found, ends, strict=True))  # fmt: skip
    return {name: _clean(part) for name, part in pairs}
