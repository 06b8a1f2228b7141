"""Read the lengths of scale bars and the widths of fields of view in a caption, and the images they hold for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mirsearch.analysis.captions.letters_in_effect import LettersInEffect
from mirsearch.analysis.captions.places import OF_PICTURES, PLACE, is_at, place_name
from mirsearch.analysis.captions.scale_words import ANCHOR, clause_before, find_statement, is_of_inset
from mirsearch.analysis.captions.statements import NamedLength, parse_statement, parse_values_first
from mirsearch.analysis.captions.tokens import DIGITS, UNIT, Token, tokenize
from mirsearch.settings import LIMITS
from mirsearch.text.lengths import normalize_all, parse_length

CaptionKind = Literal["bar", "width"]


@dataclass(frozen=True, slots=True)
class CaptionScale:
    """What a caption says about a panel's scale.

    `nm` is the length of its bar or the width of its field of view, `text` the words, `confidence` from 0 to 1.
    `inset_nm` is the length of the bar of the panel's inset, if the caption gives it. `nm` is None if the caption gives
    only that.
    """

    nm: float | None
    kind: CaptionKind
    text: str
    confidence: float
    inset_nm: float | None = None


@dataclass(frozen=True, slots=True)
class PlacedScale:
    """One length that a caption gives, and the images it holds for.

    `nm` is the length of a bar or the width of a field of view (`kind`), `text` the words, `confidence` from 0 to 1.
    `letters` are the panel letters (lower case) that it holds for; None stands for all. What is said of images under
    one letter narrows that: `inset` (only insets and enlarged parts), `place` ("top", "bottom left", "middle"; rows
    before columns), `ordinal` (the k-th of `count` images in reading order, from 1), `heading` ("overview", "wild
    type"). A length without any of these holds for every image of its letters.
    """

    letters: frozenset[str] | None
    nm: float
    kind: CaptionKind
    text: str
    confidence: float
    place: str | None = None
    ordinal: int | None = None
    count: int | None = None
    inset: bool = False
    heading: str = ""

    @property
    def scope(self) -> Literal["own", "all"]:
        """Return "own" if the length is said of some letters, "all" if it is said of the whole figure."""
        return "all" if self.letters is None else "own"


_BEFORE = re.compile(rf"(?<!\d)({DIGITS} ?-?{UNIT})(?: long)? $")
_WIDTH = re.compile(
    r"\b(?:(?:image|field|frame|panel|picture|micrograph)s? ?(?:of view )?(?:widths?|sizes?|areas?)|field of view"
    r"|scan(?: ?(?:widths?|sizes?|areas?))|scans? of|FOV),? ?(?:\([^)]{1,12}\) ?)?"
    r"(?:is|are|was|were|of|=|:|≈|~|about)* ?(?:is|of)? ?"
    rf"(?P<first>{DIGITS}) ?(?P<unit>{UNIT})?(?: ?[×x*] ?{DIGITS} ?(?P<last>{UNIT}))?(?:\^?2)?",
    re.IGNORECASE,
)
_SQUARE = re.compile(
    rf"(?<![\w.])(?P<first>{DIGITS}) ?(?P<unit>{UNIT})?\^?2? ?[×x*] ?{DIGITS} ?(?P<last>{UNIT})(?:\^?2)?"
    r"(?P<after>.{0,40})",
    re.IGNORECASE,
)
_PICTURE = re.compile(r"\b(?:AFM|STM|scan|scans|image|images|topograph\w*|field|micrographs?|area)\b")
_OF_ALL = re.compile(
    r"\b(?:all|every|each)(?: of)?(?: the| these)?(?: other)? ?(?:panels?|images?|micrographs?|figures?|pictures?"
    r"|subfigures?|cases?|frames?)\b|\bthroughout\b",
    re.IGNORECASE,
)
_ALL_BARS = re.compile(r"\b(?:all|every|each)(?: of)?(?: the)? $", re.IGNORECASE)
_PLACE_BEFORE = re.compile(rf"(?P<place>{PLACE})(?: {OF_PICTURES}\b)?[,:]? (?:the )?$", re.IGNORECASE)
_LONGEST_LENGTH = 60
"""Most characters of a length before `scale bar`."""


def caption_scales_of(caption: str, letters: Sequence[str | None] = ()) -> list[PlacedScale]:
    """Return every length that a caption gives for bars and fields of view, with the images it holds for, in order.

    `letters` are the letters that the figure has, if they are known. A word of one letter then is a panel letter only
    if it is one of them. Equal lengths for the same images are given once. See `choose_scale`.
    """
    text = normalize_all(caption[: LIMITS.caption_parsed_chars])
    known_labels = frozenset(letter.lower() for letter in letters if letter)
    in_effect = LettersInEffect(text, known_labels)
    found = [*_bar_lengths(text, known_labels, in_effect), *_view_widths(text, known_labels, in_effect)]
    return list(dict.fromkeys(found))


def choose_scale(
    scales: Sequence[PlacedScale],
    letter: str | None,
    *,
    inset: bool = False,
    place: str | None = None,
    ordinal: int | None = None,
    count: int | None = None,
    heading: str = "",
    kind: CaptionKind = "bar",
) -> PlacedScale | None:
    """Return the length that holds for one image, or None if the caption gives none or several for it.

    `inset` tells whether the image is an inset. An image beside the others can be the enlarged one too, if it is at the
    place that the caption tells. `place` is where the image is among its letter's images ("top", "bottom left"),
    `ordinal` its number among these `count` images in reading order, `heading` the words printed at it. What is said of
    its letter comes before what is said of all, and what is said of its place, ordinal or heading before what is said
    of all images of the letter. If lengths that fit equally differ, the answer is None. Without a letter, a length that
    is said of letters is not taken.
    """
    own = letter.lower().replace("′", "'") if letter else None
    fitting = [
        (_fit(scale, place, ordinal, count, heading), scale)
        for scale in scales
        if scale.kind == kind
        and (scale.inset or not inset)
        and (scale.letters is None or own in _plain_primes(scale.letters))
    ]
    ranked = [
        (scale.letters is not None, fit, scale)
        for fit, scale in fitting
        if fit is not None and (fit > 0 or scale.inset == inset)
    ]
    if not ranked:
        return None
    best = max(rank[:2] for rank in ranked)
    chosen = [scale for *rank, scale in ranked if tuple(rank) == best]
    return chosen[0] if len({scale.nm for scale in chosen}) == 1 else None


def _plain_primes(letters: frozenset[str]) -> set[str]:
    return {letter.replace("′", "'") for letter in letters}


def _fit(scale: PlacedScale, place: str | None, ordinal: int | None, count: int | None, heading: str) -> int | None:
    """Return how many things that a length is said of are known of an image; None if one is not so or not known."""
    fit = 0
    if scale.place:
        if place is None or not is_at(scale.place, place):
            return None
        fit += 1
    if scale.ordinal:
        if ordinal != scale.ordinal or (None not in (count, scale.count) and count != scale.count):
            return None
        fit += 1
    if scale.heading:
        if heading and not _words(heading) & _words(scale.heading):
            return None
        fit += bool(heading)
    return fit


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.lower()))


def caption_scales(caption: str, labels: Sequence[str | None] = ()) -> dict[str | None, CaptionScale]:
    """Return what a caption says about the scale of each panel letter (lower case); None stands for all panels.

    This is for figures with one image under each letter: of several lengths the first is kept, and unsure. See
    `caption_scales_of`.
    """
    scales: dict[str | None, CaptionScale] = {}
    for placed in caption_scales_of(caption, labels):
        nm, inset_nm = (None, placed.nm) if placed.inset else (placed.nm, None)
        for label in (None,) if placed.letters is None else sorted(placed.letters):
            _add_scale(scales, label, CaptionScale(nm, placed.kind, placed.text, placed.confidence, inset_nm))
    return scales


def _add_scale(scales: dict[str | None, CaptionScale], label: str | None, scale: CaptionScale) -> None:
    """Keep the first main value of a label, a bar before a width, and an inset's value beside the main one."""
    existing = scales.get(label)
    if existing is None or (existing.kind == "width" and scale.kind == "bar"):
        scales[label] = scale
    elif scale.inset_nm is not None and existing.inset_nm is None:
        scales[label] = replace(existing, inset_nm=scale.inset_nm)
    elif existing.nm is None:
        scales[label] = replace(scale, inset_nm=existing.inset_nm)
    elif scale.nm not in (None, existing.nm) and scale.kind == existing.kind:
        scales[label] = replace(existing, confidence=min(existing.confidence, 0.4))


def _bar_lengths(text: str, known_labels: frozenset[str], in_effect: LettersInEffect) -> Iterator[PlacedScale]:
    """Yield every length given for a scale bar, with the images it holds for."""
    previous_end = 0
    for anchor in ANCHOR.finditer(text):
        if anchor.start() < previous_end:
            continue
        statement, end = find_statement(text, anchor, in_effect)
        lengths = parse_statement(statement, known_labels)
        if not lengths:
            before = _BEFORE.search(text[max(0, anchor.start() - _LONGEST_LENGTH) : anchor.start()])
            length = parse_length(before.group(1), repair=False) if before else None
            if length is None:
                continue
            lengths = [NamedLength(length)]
        is_plural = anchor.group().lower().endswith("s")
        here = NamedLength(lengths[0].length)
        if not _OF_ALL.search(statement) and not _ALL_BARS.search(text[max(0, anchor.start() - 20) : anchor.start()]):
            here = in_effect.at(anchor.start(), end, is_plural, here)
        lengths = _give_in_order(lengths, here.labels or in_effect.letters)
        part_start = in_effect.part_start(anchor.start())
        of_inset = is_of_inset(text, anchor.start(), previous_end, part_start)
        at_place = _PLACE_BEFORE.search(clause_before(text, max(previous_end, part_start), anchor.start()))
        if at_place and not here.place:
            here = replace(here, place=place_name(at_place["place"]))
        previous_end = end
        for named in lengths:
            words = " ".join(f"{anchor.group()} {named.length.text}".split())
            confidence = min(1.0, 0.5 + 0.5 * named.length.plausibility)
            yield _placed(replace(named, inset=named.inset or of_inset), here, "bar", words, confidence)


def _give_in_order(lengths: list[NamedLength], letters: tuple[str, ...]) -> list[NamedLength]:
    """Return lengths of which nothing is said but their order, each for one of as many letters: "10 and 5 µm"."""
    if len(lengths) < 2 or len(lengths) != len(letters):
        return lengths
    if any(one.labels or one.place or one.heading or one.inset for one in lengths):
        return lengths
    pairs = zip(lengths, letters, strict=True)
    return [replace(one, labels=(letter,), ordinal=None, count=None) for one, letter in pairs]


def _placed(named: NamedLength, here: NamedLength, kind: CaptionKind, words: str, confidence: float) -> PlacedScale:
    """Return a length with what the statement names, else with the letters and the place in effect `here`."""
    labels = named.labels or here.labels
    is_same = not named.labels or named.labels == here.labels
    where = named if named.place or named.ordinal or not is_same else here
    return PlacedScale(
        frozenset(labels) or None, named.length.nm, kind, words, confidence,
        where.place, where.ordinal, where.count, named.inset, named.heading,
    )  # fmt: skip


def _view_widths(text: str, known_labels: frozenset[str], in_effect: LettersInEffect) -> Iterator[PlacedScale]:
    """Yield the widths of fields of view with the images they hold for.

    Examples are `image width 2 µm`, `scan size 25 µm (a–c), 10 µm (d–f)`, `10 × 10 µm² AFM scan`.
    """
    for match in [*_WIDTH.finditer(text), *_SQUARE.finditer(text)]:
        unit = match["unit"] or match["last"]
        length = parse_length(f"{match['first']} {unit}", repair=False) if unit else None
        if length is None or length.plausibility == 0:
            continue
        words = " ".join(match.group().split())[:60]
        lengths = [NamedLength(length)]
        if "after" in match.groupdict():
            around = text[max(0, match.start() - 60) : match.start()] + match["after"]
            if not _PICTURE.search(around):
                continue
            words = words[: words.rfind(unit) + len(unit)] if unit in words else words
        else:
            statement, _ = find_statement(text, match, in_effect)
            if re.match(r" ?[(,;]? ?\(", statement):
                lengths = parse_values_first([Token("value", length), *tokenize(statement, known_labels)], statement)
        here = in_effect.at(match.start(), match.end(), False, NamedLength(length))
        for named in lengths:
            yield _placed(named, here, "width", words, 0.5)
