"""Find the panel letters, and the image under them, that a place in a caption speaks of."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, replace

from mirsearch.analysis.captions.markers import find_markers
from mirsearch.analysis.captions.places import BAR_IN_BRACKET, SubPart, find_subparts, place_name
from mirsearch.analysis.captions.statements import NamedLength
from mirsearch.analysis.captions.tokens import LIST, parse_letters

_MARKER = re.compile(
    rf"\( ?(?P<paren>{LIST}) ?\)|(?:^|(?<=[.;:,] ))(?P<bare>{LIST})(?:\)|,|\.|:)? (?=[A-Z(]|[a-z]{{3}})", re.IGNORECASE
)
_LETTERS_IN_BRACKET = re.compile(rf" ?(?:panels? )?({LIST}) ?[,;:]", re.IGNORECASE)

_INSET_OF = re.compile(r"\b(?:insets?|inserts?) (?:in|of|to|on)(?: panels?)? ?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where letters are named: span, letters, the place of an image under them, whether they are only referred to."""

    start: int
    end: int
    letters: tuple[str, ...]
    place: str | None = None
    is_reference: bool = False


class LettersInEffect:
    """Knows where a text names panels, and so which panels a statement without letters is about."""

    def __init__(self, text: str, known_labels: frozenset[str]) -> None:
        self._text = text
        self._known = known_labels
        markers = [
            _Mark(one.start, one.end, one.labels, place_name(one.place or "") or None, one.is_reference)
            for one in find_markers(text)
        ]
        self._references = [mark for mark in markers if mark.is_reference]
        if markers:
            self._marks = [mark for mark in markers if not mark.is_reference]
        else:
            self._marks = [
                _Mark(match.start(), match.end(), letters)
                for match in _MARKER.finditer(text)
                if (letters := _marker_letters(match, known_labels))
            ]
        self._starts = [mark.start for mark in self._marks]
        self._reference_starts = [mark.start for mark in self._references]
        self._previous_end = 0
        self._subparts: dict[int, list[SubPart]] = {}
        self._own: set[str] = set()

    @property
    def letters(self) -> tuple[str, ...]:
        """Return all letters that the text names, in the order in which it names them."""
        return _letters_of(self._marks)

    def part_start(self, place: int) -> int:
        """Return where the words of the panel begin that a place is about: behind the last letters before it, or 0."""
        behind = bisect_left(self._starts, place)
        return self._marks[behind - 1].end if behind else 0

    def marks_between(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the spans of the places between two that name panels."""
        marks = self._marks[bisect_left(self._starts, start) : bisect_left(self._starts, end)]
        return [(mark.start, mark.end) for mark in marks]

    def at(self, start: int, end: int, is_plural: bool, named: NamedLength) -> NamedLength:
        """Return `named` with the letters that a statement without letters, from `start` to `end`, holds for.

        It has the place or ordinal too, where the words around tell of one image. Statements are asked for in order. A
        statement that more panels follow, or that stands in brackets, belongs to the part that it stands in. The last
        one, a sentence behind all parts, holds for all panels.
        """
        letters = self._letters(start, end, is_plural)
        part = self._subpart(start)
        self._previous_end = end
        self._own.update(letters)
        if part is None or (self._marks and not letters):
            return replace(named, labels=letters)
        return replace(named, labels=letters, place=part.place, ordinal=part.ordinal, count=part.count)

    def _letters(self, start: int, end: int, is_plural: bool) -> tuple[str, ...]:
        """Return the letters that a statement without letters holds for; none if it holds for all panels."""
        bracket = self._open_bracket(start)
        piece = max(bracket, self._text.rfind(";", 0, start)) + 1  # "(C: ×40, bar = 5 µm; D: ×200, bar = 1 µm)"
        inside = _LETTERS_IN_BRACKET.match(self._text, piece, start) if bracket >= 0 else None
        letters = parse_letters(inside.group(1), self._known, known_only=True) if inside else ()
        behind = bisect_left(self._starts, start)
        letters = letters or self._letters_referred_to(start)
        if letters or not behind:
            return letters
        sentence = self._marks_of_last_sentence(behind)
        is_own_sentence = bracket < 0 and self._sentence_start(start) > sentence[-1].start
        if bracket < 0 and bisect_left(self._starts, end) == len(self._marks):
            return self._letters_of_last(sentence, is_own_sentence)
        if is_plural:
            said_of = self._marks[:behind] if is_own_sentence else sentence
            recent = [mark for mark in said_of if mark.start >= self._previous_end]
            return _letters_of(recent or sentence[-1:])
        return _letters_of(sentence if is_own_sentence else sentence[-1:])

    def _letters_of_last(self, sentence: list[_Mark], is_own_sentence: bool) -> tuple[str, ...]:
        """Return the letters of a statement behind all parts, of which `sentence` has the last letters.

        It is the last part's own if it stands in its sentence, or if all other parts have told their own.
        """
        if is_own_sentence:
            others = set(_letters_of(self._marks)) - set(_letters_of(sentence))
            return _letters_of(sentence) if self._own and others <= self._own else ()
        is_own = bool(self._own) or 1 == len(sentence) < len(self._marks)
        return sentence[-1].letters if is_own else ()

    def _letters_referred_to(self, start: int) -> tuple[str, ...]:
        """Return the letters whose inset a sentence without letters of its own is about: "The inset in (b) …"."""
        sentence = self._sentence_start(start)
        if bisect_left(self._starts, sentence) != bisect_left(self._starts, start):
            return ()
        first, last = (bisect_left(self._reference_starts, place) for place in (sentence, start))
        return _letters_of(
            [
                mark
                for mark in self._references[first:last]
                if _INSET_OF.search(self._text, max(0, mark.start - 20), mark.start)
            ]
        )

    def _open_bracket(self, start: int) -> int:
        """Return where the bracket that holds a place opens, or -1. It doesn't reach over a full stop."""
        opened = self._text.rfind("(", 0, start)
        closed = max(self._text.rfind(")", 0, start), self._text.rfind(". ", 0, start))
        return opened if opened > closed else -1

    def _sentence_start(self, place: int) -> int:
        return self._text.rfind(". ", 0, place) + 1

    def _marks_of_last_sentence(self, behind: int) -> list[_Mark]:
        """Return the marks of the last sentence that has any, of those before number `behind`."""
        start = self._sentence_start(self._starts[behind - 1])
        return self._marks[bisect_left(self._starts, start, 0, behind - 1) : behind]

    def _subpart(self, start: int) -> SubPart | None:
        """Return the piece that a place lies in, of those that speak of one image of a letter."""
        behind = bisect_left(self._starts, start)
        mark = self._marks[behind - 1] if behind else None
        if behind not in self._subparts:
            first = mark.end if mark else 0
            last = self._starts[behind] if behind < len(self._marks) else len(self._text)
            self._subparts[behind] = _with_bars(find_subparts(self._text, first, last), self._text)
        parts = self._subparts[behind]
        found = next((part for part in parts if part.start <= start < part.end), None)
        if found is None:
            return SubPart(mark.end, start, mark.start, mark.place) if mark and mark.place else None
        is_behind_all = (
            found is parts[-1] and self._open_bracket(start) < 0 and self._sentence_start(start) > found.start
        )
        return None if is_behind_all and self._previous_end <= parts[0].start else found


def _with_bars(parts: list[SubPart], text: str) -> list[SubPart]:
    """Return the pieces in which a bar is said of one image; a bar behind a whole list is said of all of them."""
    if not parts or parts[0].ordinal is None:
        return parts
    with_bars = [part for part in parts if BAR_IN_BRACKET.search(text, part.start, part.end)]
    return [] if with_bars == parts[-1:] else parts


def _letters_of(marks: list[_Mark]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(letter for mark in marks for letter in mark.letters))


def _marker_letters(match: re.Match[str], known_labels: frozenset[str]) -> tuple[str, ...]:
    """Return the labels of a marker; none if they are not the figure's own or the marker is the article a."""
    letters = parse_letters(match["paren"] or match["bare"], known_labels, known_only=False)
    if known_labels:
        return letters if set(letters) <= known_labels else ()
    if match["bare"] and letters == ("a",) and match.group()[1:2] == " ":
        return ()
    return letters
