"""Find where a caption tells an image by its place ("Left: …", "(top)", "from left to right: …")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_SIDE = r"(?:left|right|top|bottom|middle|cent(?:er|re)|central|upper|lower)"
OF_PICTURES = r"(?:(?:panel|image|row|column|picture|micrograph|part|half|side|photo|photograph|frame|corner)s?)"
PLACE = rf"(?<![\w-]){_SIDE}(?:[- ]?(?:most|hand)\b)?(?:[ -]{_SIDE}\b)?(?!-?\w| (?:magnif|part of the|side of the|of ))"
"""A place: `left`, `upper right`, `bottom-left`; bare, without the noun behind it."""

BARE_PLACE = rf"{PLACE}(?: (?:{OF_PICTURES}|(?:graph|plot|trace|chart)s?)\b)?"
"""A place with the noun behind it, of images and of drawings."""

_NAMED_PLACE = rf"(?P<place>{PLACE})(?: {OF_PICTURES}\b)?"
_LEADING = re.compile(
    rf"(?:^ ?|(?<=[.;,(] )|(?<=[.;,(]))(?:\(?(?:the |in the |on the )?{_NAMED_PLACE}\)?(?: ?[:,)]"
    r"|(?= shows?\b| display)))",
    re.IGNORECASE,
)
_TRAILING = re.compile(rf"\((?:the )?{_NAMED_PLACE}(?:[,;] ?[^()]{{1,80}})?\)", re.IGNORECASE)
SEQUENCE = re.compile(r"\b(?:from )?(?:left to right|top to bottom)\b|\(l(?:eft)? to r(?:ight)?\)", re.IGNORECASE)
"""Words that say that what follows are the images in order."""

_ITEM_END = re.compile(r"[,;](?: and\b)?|\band\b|\.(?= |$)", re.IGNORECASE)
BAR_IN_BRACKET = re.compile(r"\([^()]{0,60}?\b(?:scale ?-?)?bars?\b[^()]{0,120}\)", re.IGNORECASE)
"""A bar's length in brackets: `(Z slice 12, scale bar = 5 µm)`."""

_NAMES = {
    "center": "middle", "centre": "middle", "central": "middle", "upper": "top", "lower": "bottom",
}  # fmt: skip
_MOST_IMAGES = 26
"""Most images that a sequence can list; bounds time on hostile captions."""


@dataclass(frozen=True, slots=True)
class SubPart:
    """A piece of a letter's words that speaks of one of its images: span in the text, place or ordinal.

    `ordinal` counts from 1, in reading order; `count` is how many images the sequence has. `mark` is where the words
    that tell the place begin, in front of the piece or in it.
    """

    start: int
    end: int
    mark: int
    place: str | None = None
    ordinal: int | None = None
    count: int | None = None


def place_name(text: str) -> str:
    """Return a place with one name for synonyms, rows before columns: "upper-left image" is "top left"."""
    words = [word.removesuffix("most").removesuffix("hand") for word in re.findall(r"[a-z]+", text.lower())]
    names = [_NAMES.get(word, word) for word in words]
    kept = [name for name in names if name in ("left", "right", "top", "bottom", "middle")]
    return " ".join(sorted(dict.fromkeys(kept), key=lambda name: name not in ("top", "bottom")))


def is_at(place: str, image_place: str) -> bool:
    """Return whether an image at `image_place` ("top left") is meant by `place` ("left")."""
    return bool(place) and set(place.split()) <= set(image_place.split())


def find_subparts(text: str, start: int = 0, end: int | None = None) -> list[SubPart]:
    """Return the pieces of a letter's words that speak of one image each, in order; empty if there are none.

    `start` and `end` bound the letter's words in a longer text.
    """
    segment = text[start:end]
    found = _in_sequence(segment) or _by_place(segment)
    return [replace(part, start=part.start + start, end=part.end + start, mark=part.mark + start) for part in found]


def _by_place(text: str) -> list[SubPart]:
    """Return the pieces of "Left: …; right: …" and of "a wing (left) and a leg (right)"."""
    leading = list(_LEADING.finditer(text))
    trailing = list(_TRAILING.finditer(text))
    is_behind = bool(trailing) and bool(re.search(r"\w", re.split(r"[.;] ", text[: trailing[0].start()])[-1]))
    if is_behind and len({place_name(match["place"]) for match in trailing}) >= 2 and len(trailing) >= len(leading):
        return list(_trailing_pieces(text, trailing))
    if not leading:
        return []
    ends = [match.start() for match in leading[1:]] + [len(text)]
    return [
        SubPart(match.end(), stop, match.start(), place_name(match["place"]))
        for match, stop in zip(leading, ends, strict=True)
    ]


def _trailing_pieces(text: str, marks: list[re.Match[str]]) -> Iterator[SubPart]:
    """Yield the pieces before marks of places: from the mark, sentence or joint before, with the mark itself."""
    previous = 0
    for mark in marks:
        joints = [
            joint.end() for joint in re.finditer(r"[.;] |, | and | or | but | than ", text[previous : mark.start()])
        ]
        first = next((joint for joint in joints if previous or text[joint - 2] in ".;"), 0) if joints else 0
        if previous == 0 and joints:
            first = max((joint for joint in joints if text[joint - 2 : joint - 1] in (".", ";")), default=0)
        yield SubPart(previous + first, mark.end(), mark.start(), place_name(mark["place"]))
        previous = mark.end()


def _in_sequence(text: str) -> list[SubPart]:
    """Return the pieces of "from left to right: A, B and C". Items that end with a bar's length are whole pieces."""
    said = SEQUENCE.search(text)
    if said is None:
        return []
    behind = text[said.end() :]
    start = said.end() + (len(behind) - len(behind.lstrip(" ):,")))
    stop = _sentence_end(text, start)
    if not re.search(r"\w", text[start:stop]):  # "control, treated and washed cells (left to right)"
        start, stop = text.rfind(". ", 0, said.start()) + 1, said.start()
    bars = [match.end() for match in BAR_IN_BRACKET.finditer(text, start, stop)]
    cuts = bars if len(bars) >= 2 else _item_ends(text, start, stop)
    if len(bars) >= 2 and bars[-1] < stop and re.search(r"\w", text[bars[-1] : stop]):
        cuts = [*bars[:-1], stop]
    if not 2 <= len(cuts) <= _MOST_IMAGES:
        return []
    starts = [start, *cuts[:-1]]
    return [
        SubPart(first, last, said.start(), None, number, len(cuts))
        for number, (first, last) in enumerate(zip(starts, cuts, strict=True), 1)
    ]


def _item_ends(text: str, start: int, stop: int) -> list[int]:
    """Return the ends of the items of a list: at commas and "and" outside brackets, and the end of the list."""
    ends: list[int] = []
    depth, place = 0, start
    for joint in _ITEM_END.finditer(text, start, stop):
        between = text[place : joint.start()]
        depth = max(0, depth + between.count("(") - between.count(")"))
        place = joint.start()
        if depth == 0 and re.search(r"\w", text[ends[-1] if ends else start : joint.start()]):
            ends.append(joint.end())
    if re.search(r"\w", text[ends[-1] if ends else start : stop]):
        ends.append(stop)
    elif ends:
        ends[-1] = stop
    return ends


def _sentence_end(text: str, start: int) -> int:
    """Return where the sentence from `start` ends: at a full stop outside brackets, or the end of the text."""
    depth = 0
    for place in range(start, len(text)):
        char = text[place]
        depth += (char == "(") - (char == ")")
        if char == "." and depth <= 0 and text[place + 1 : place + 2] in ("", " "):
            return place
    return len(text)
