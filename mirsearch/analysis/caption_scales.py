"""Lengths of scale bars and widths of fields of view that a caption tells, and of which panels it tells them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mirsearch.analysis.lengths import Length, normalize_all, parse_length
from mirsearch.settings import LIMITS

CaptionKind = Literal["bar", "width"]


@dataclass(frozen=True, slots=True)
class CaptionScale:
    """What a caption says of a panel's scale: nm of its bar or of its field's width, the words, how sure (0 to 1).

    `inset` is the length of the bar of the panel's inset, where the caption tells it; `nm` is None where
    it tells only that.
    """

    nm: float | None
    kind: CaptionKind
    text: str
    confidence: float
    inset: float | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of a statement: a length, panel letters, the word inset, or the digits of a length told later."""

    what: Literal["value", "labels", "inset", "number"]
    length: Length | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Said:
    """One length of a statement with the panels it was said of (none: those of the place where it stands)."""

    length: Length
    labels: tuple[str, ...]
    inset: bool


_UNIT = r"(?:μ ?m|um|nm|mm|cm|pm|Å|microns?|micromet(?:er|re)s?|nanomet(?:er|re)s?|μM)"
_DIGITS = r"\d+(?:[.,]\d+)?"
_RANGE = r"[a-z][0-9]?(?: ?(?:[-–—]|to) ?[a-z][0-9]?)?"
_LIST = rf"{_RANGE}(?:(?: ?,(?: ?(?:and|&))? ?| ?(?:and|&|;) ?){_RANGE})*"
_ANCHOR = re.compile(
    r"(?<!error )(?<!color )(?<!colour )(?<!err\. )\b(?:scale ?-?bars?|scalebars?|scale ?-?markers?|bars?)\b",
    re.IGNORECASE,
)
_PIECE = re.compile(
    rf"(?P<value>(?<![\w.]){_DIGITS} ?-?{_UNIT}(?![A-Za-z0-9]))(?P<bad> ?(?:\^|[-−–] ?1\b|/)|)"
    r"|(?P<inset>\binsets?\b|\binserts?\b)"
    rf"|[(\[](?P<paren>(?:panels? )?{_LIST}(?:,? ?(?:and )?(?:the )?insets?)?)[)\]]"
    rf"|(?P<number>(?<![\w.]){_DIGITS}(?![\w.]))"
    rf"|(?<![\w'’-])(?P<bare>{_LIST})(?![\w'’])",
    re.IGNORECASE,
)
_MARKER = re.compile(
    rf"\((?P<paren>{_LIST})\)|(?:^|(?<=[.;:,] ))(?P<bare>{_LIST})(?:\)|,|\.|:)? (?=[A-Z(]|[a-z]{{3}})", re.IGNORECASE
)
_BEFORE = re.compile(rf"({_DIGITS} ?-?{_UNIT})(?: long)? $")
_WIDTH = re.compile(
    rf"\b(?:(?:image|field|frame|panel|picture|micrograph)s? ?(?:of view )?(?:widths?|sizes?|areas?)|field of view|scan(?: ?(?:"
    rf"widths?|sizes?|areas?))|scans? of|FOV),? ?(?:\([^)]{{1,12}}\) ?)?(?:is|are|was|were|of|=|:|≈|~|about)* ?(?:is|of)? ?"
    rf"(?P<first>{_DIGITS}) ?(?P<unit>{_UNIT})?(?: ?[×x*] ?{_DIGITS} ?(?P<last>{_UNIT}))?(?:\^?2)?",
    re.IGNORECASE,
)
_SQUARE = re.compile(
    rf"(?<![\w.])(?P<first>{_DIGITS}) ?(?P<unit>{_UNIT})?\^?2? ?[×x*] ?{_DIGITS} ?(?P<last>{_UNIT})(?:\^?2)?(?P<after>.{{0,40}})",
    re.IGNORECASE,
)
_LONGEST_STATEMENT = 400


def caption_scales(caption: str, labels: Sequence[str | None] = ()) -> dict[str | None, CaptionScale]:
    """What a caption says of the scale of each panel letter (lower case); None is what it says of all panels.

    `labels` are the letters the figure has, where they are known: a word of one letter is a label only if it is one.
    """
    text = normalize_all(caption[: LIMITS.caption_chars])
    known = frozenset(label.lower() for label in labels if label)
    found: dict[str | None, CaptionScale] = {}
    for labels_of, scale in [*_bars(text, known), *_widths(text, known)]:
        for label in labels_of or (None,):
            _enter(found, label, scale)
    return found


def _enter(found: dict[str | None, CaptionScale], label: str | None, scale: CaptionScale) -> None:
    """Keep the first main value of a label; a bar before a width; an inset's value beside the main one."""
    old = found.get(label)
    if old is None or (old.kind == "width" and scale.kind == "bar"):
        found[label] = scale
    elif scale.inset is not None and old.inset is None:
        found[label] = CaptionScale(old.nm, old.kind, old.text, old.confidence, scale.inset)
    elif old.nm is None:
        found[label] = CaptionScale(scale.nm, scale.kind, scale.text, scale.confidence, old.inset)
    elif scale.nm not in (None, old.nm) and scale.kind == old.kind:
        found[label] = CaptionScale(old.nm, old.kind, old.text, min(old.confidence, 0.4), old.inset)


def _bars(text: str, known: frozenset[str]) -> Iterator[tuple[tuple[str, ...], CaptionScale]]:
    """Every length said of a scale bar, with the labels it holds for (none: all panels)."""
    end_of_last = 0
    for anchor in _ANCHOR.finditer(text):
        if anchor.start() < end_of_last:
            continue
        statement, end = _statement(text, anchor)
        said = list(_parse(statement, known))
        if not said:
            before = _BEFORE.search(text[: anchor.start()])
            length = parse_length(before.group(1)) if before else None
            if length is None:
                continue
            said = [_Said(length, (), False)]
        plural = anchor.group().lower().endswith("s")
        place = _place(text, anchor.start(), end, end_of_last, plural, known)
        end_of_last = end
        for each in said:
            words = " ".join(f"{anchor.group()} {each.length.text}".split())
            sure = min(1.0, 0.5 + 0.5 * each.length.plausibility)
            nm, inset = (None, each.length.nm) if each.inset else (each.length.nm, None)
            yield each.labels or place, CaptionScale(nm, "bar", words, sure, inset)


def _statement(text: str, anchor: re.Match[str]) -> tuple[str, int]:
    """The words after `scale bar` up to the end of its sentence or bracket, and where they end."""
    start, depth = anchor.end(), 0
    inside = text.rfind("(", 0, anchor.start()) > text.rfind(")", 0, anchor.start())
    for index in range(start, min(len(text), start + _LONGEST_STATEMENT)):
        char = text[index]
        if char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if depth < 0 and inside:
                return text[start:index], index
        elif char == "." and depth <= 0 and re.match(r"\.(?:$|\s)", text[index : index + 2]):
            return text[start:index], index
    end = min(len(text), start + _LONGEST_STATEMENT)
    return text[start:end], end


def _parse(statement: str, known: frozenset[str]) -> Iterator[_Said]:
    """Lengths of one statement with the labels beside them, whichever comes first."""
    tokens = list(_tokens(statement, known))
    if "respectively" in statement.lower():
        paired = _respectively(tokens)
        if paired:
            yield from paired
            return
    first = next((token.what for token in tokens if token.what in ("value", "labels", "inset")), None)
    if first is None or not any(token.what == "value" for token in tokens):
        return
    yield from _labels_first(tokens) if first in ("labels", "inset") else _values_first(tokens)


def _labels_first(tokens: list[_Token]) -> Iterator[_Said]:
    """`(a) 200 nm; (b, c) 1 µm; inset 50 nm`."""
    labels: tuple[str, ...] = ()
    inset, spent = False, False
    for token in tokens:
        if token.what in ("labels", "inset") and spent:
            labels, inset, spent = (), False, False
        if token.what == "labels":
            labels += token.labels
        elif token.what == "inset":
            inset = True
        elif token.what == "value" and token.length is not None:
            yield _Said(token.length, labels, inset)
            spent = True


def _values_first(tokens: list[_Token]) -> Iterator[_Said]:
    """`1 mm (a), 50 µm (b–d) and 2 µm (e, inset)`."""
    length: Length | None = None
    labels: tuple[str, ...] = ()
    inset = False
    for token in tokens:
        if token.what == "value":
            if length is not None:
                yield _Said(length, labels, inset)
            length, labels, inset = token.length, (), False
        elif token.what == "labels":
            labels += token.labels
        elif token.what == "inset":
            inset = True
    if length is not None:
        yield _Said(length, labels, inset)


def _respectively(tokens: list[_Token]) -> list[_Said]:
    """`100, 50 and 20 nm for a, b and c, respectively`: as many values as labels, the unit told once or each time."""
    labels = [label for token in tokens for label in token.labels]
    lengths: list[Length] = []
    waiting: list[str] = []
    for token in tokens:
        if token.what == "number" and token.length is not None:
            waiting.append(token.length.text)
        elif token.what == "value" and token.length is not None:
            unit = re.sub(rf"^{_DIGITS} ?-?", "", token.length.text)
            made = [parse_length(f"{digits} {unit}") for digits in waiting]
            lengths += [each for each in made if each is not None]
            lengths.append(token.length)
            waiting = []
    if len(lengths) != len(labels) or len(labels) < 2:
        return []
    return [_Said(length, (label,), False) for length, label in zip(lengths, labels, strict=True)]


def _tokens(statement: str, known: frozenset[str]) -> Iterator[_Token]:
    for match in _PIECE.finditer(statement):
        if match["value"]:
            length = None if match["bad"] else parse_length(match["value"].replace("-", " "))
            if length is not None:
                yield _Token("value", length)
        elif match["inset"]:
            yield _Token("inset")
        elif match["number"]:
            yield _Token("number", Length(0.0, 0.0, match["number"]))
        else:
            words = match["paren"] or match["bare"]
            letters = _letters(words, known, strict=bool(match["bare"]))
            if letters:
                yield _Token("labels", labels=letters)
            if "inset" in words.lower():
                yield _Token("inset")


def _letters(words: str, known: frozenset[str], strict: bool) -> tuple[str, ...]:
    """Panel letters of `a`, `b–d`, `a, c and e`; words in running text count only where the letters are known."""
    clean = re.sub(r"\b(?:panels?|insets?|the)\b", " ", words.lower())
    letters: list[str] = []
    for first, last in re.findall(
        r"([a-z][0-9]?)(?: ?(?:[-–—]|\bto\b) ?([a-z][0-9]?))?(?![a-z])", re.sub(r"\band\b|&", ",", clean)
    ):
        letters += _span(first, last) if last else [first]
    if strict and known and not set(letters) <= known:
        return ()
    return tuple(dict.fromkeys(letters))


def _span(first: str, last: str) -> list[str]:
    if len(first) == len(last) == 1 and first < last:
        return [chr(code) for code in range(ord(first), ord(last) + 1)]
    if len(first) == len(last) == 2 and first[0] == last[0] and first[1] < last[1]:
        return [f"{first[0]}{digit}" for digit in range(int(first[1]), int(last[1]) + 1)]
    return [first, last]


def _place(text: str, start: int, end: int, since: int, plural: bool, known: frozenset[str]) -> tuple[str, ...]:
    """Labels that a statement without labels of its own holds for, from where it stands among the panels' parts.

    One that more panels follow, or that stands in brackets, is of the part it stands in; the last one is of all.
    """
    markers = [(match.start(), _marker_letters(match, known)) for match in _MARKER.finditer(text)]
    markers = [(position, letters) for position, letters in markers if letters]
    earlier = [letters for position, letters in markers if position < start]
    later = any(position >= end for position, _ in markers)
    bracket = text.rfind("(", 0, start) > max(text.rfind(")", 0, start), text.rfind(". ", 0, start))
    if not earlier or not (later or bracket):
        return ()
    if plural:
        recent = [letters for position, letters in markers if since <= position < start] or earlier[-1:]
        return tuple(dict.fromkeys(letter for letters in recent for letter in letters))
    return earlier[-1]


def _marker_letters(match: re.Match[str], known: frozenset[str]) -> tuple[str, ...]:
    letters = _letters(match["paren"] or match["bare"], known, strict=False)
    if known:
        return letters if set(letters) <= known else ()
    if match["bare"] and letters == ("a",) and match.group()[1:2] == " ":
        return ()
    return letters


def _widths(text: str, known: frozenset[str]) -> Iterator[tuple[tuple[str, ...], CaptionScale]]:
    """Widths of fields of view: `image width 2 µm`, `scan size 5 µm`, `10 × 10 µm² AFM scan`."""
    for match in [*_WIDTH.finditer(text), *_SQUARE.finditer(text)]:
        unit = match["unit"] or match["last"]
        if unit is None:
            continue
        if "after" in match.groupdict():
            around = text[max(0, match.start() - 60) : match.start()] + match["after"]
            if not re.search(r"\b(?:AFM|STM|scan|scans|image|images|topograph\w*|field|micrographs?|area)\b", around):
                continue
        length = parse_length(f"{match['first']} {unit}")
        if length is not None and length.plausibility > 0:
            place = _place(text, match.start(), match.end(), 0, False, known)
            yield place, CaptionScale(length.nm, "width", " ".join(match.group().split())[:60], 0.5)
