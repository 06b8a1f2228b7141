"""Lengths of scale bars and widths of fields of view that a caption tells, and of which panels it tells them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mirsearch.analysis.captions.tokens import DIGITS, LIST, UNIT, Token, parse_letters, tokenize
from mirsearch.settings import LIMITS
from mirsearch.text.lengths import Length, normalize_all, parse_length

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
class _LabeledLength:
    """One length of a statement with the panels it was said of (none: those of the place where it stands)."""

    length: Length
    labels: tuple[str, ...]
    inset: bool


_ANCHOR = re.compile(
    r"(?<!error )(?<!color )(?<!colour )(?<!err\. )\b(?:scale ?-?bars?|scalebars?|scale ?-?markers?|bars?)\b",
    re.IGNORECASE,
)
_MARKER = re.compile(
    rf"\((?P<paren>{LIST})\)|(?:^|(?<=[.;:,] ))(?P<bare>{LIST})(?:\)|,|\.|:)? (?=[A-Z(]|[a-z]{{3}})", re.IGNORECASE
)
_BEFORE = re.compile(rf"({DIGITS} ?-?{UNIT})(?: long)? $")
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
_LONGEST_STATEMENT = 400


def caption_scales(caption: str, labels: Sequence[str | None] = ()) -> dict[str | None, CaptionScale]:
    """What a caption says of the scale of each panel letter (lower case); None is what it says of all panels.

    `labels` are the letters the figure has, where they are known: a word of one letter is a label only if it is one.
    """
    text = normalize_all(caption[: LIMITS.caption_chars])
    known = frozenset(label.lower() for label in labels if label)
    found: dict[str | None, CaptionScale] = {}
    for labels_of, scale in [*_bar_lengths(text, known), *_view_widths(text, known)]:
        for label in labels_of or (None,):
            _add_scale(found, label, scale)
    return found


def _add_scale(found: dict[str | None, CaptionScale], label: str | None, scale: CaptionScale) -> None:
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


def _bar_lengths(text: str, known: frozenset[str]) -> Iterator[tuple[tuple[str, ...], CaptionScale]]:
    """Every length said of a scale bar, with the labels it holds for (none: all panels)."""
    end_of_last = 0
    for anchor in _ANCHOR.finditer(text):
        if anchor.start() < end_of_last:
            continue
        statement, end = _statement(text, anchor)
        said = list(_parse_statement(statement, known))
        if not said:
            before = _BEFORE.search(text[: anchor.start()])
            length = parse_length(before.group(1)) if before else None
            if length is None:
                continue
            said = [_LabeledLength(length, (), False)]
        plural = anchor.group().lower().endswith("s")
        place = _labels_in_effect(text, anchor.start(), end, end_of_last, plural, known)
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


def _parse_statement(statement: str, known: frozenset[str]) -> Iterator[_LabeledLength]:
    """Lengths of one statement with the labels beside them, whichever comes first."""
    pieces = list(tokenize(statement, known))
    if "respectively" in statement.lower():
        paired = _parse_respectively(pieces)
        if paired:
            yield from paired
            return
    first = next((token.what for token in pieces if token.what in ("value", "labels", "inset")), None)
    if first is None or not any(token.what == "value" for token in pieces):
        return
    yield from _parse_labels_first(pieces) if first in ("labels", "inset") else _parse_values_first(pieces)


def _parse_labels_first(pieces: list[Token]) -> Iterator[_LabeledLength]:
    """`(a) 200 nm; (b, c) 1 µm; inset 50 nm`."""
    labels: tuple[str, ...] = ()
    inset, spent = False, False
    for token in pieces:
        if token.what in ("labels", "inset") and spent:
            labels, inset, spent = (), False, False
        if token.what == "labels":
            labels += token.labels
        elif token.what == "inset":
            inset = True
        elif token.what == "value" and token.length is not None:
            yield _LabeledLength(token.length, labels, inset)
            spent = True


def _parse_values_first(pieces: list[Token]) -> Iterator[_LabeledLength]:
    """`1 mm (a), 50 µm (b–d) and 2 µm (e, inset)`."""
    length: Length | None = None
    labels: tuple[str, ...] = ()
    own: tuple[str, ...] | None = None
    for token in [*pieces, Token("value")]:
        if token.what == "value":
            if length is not None:
                yield from _split_inset(length, labels, own)
            length, labels, own = token.length, (), None
        elif token.what == "labels":
            labels += token.labels
        elif token.what == "inset":
            own = labels


def _split_inset(length: Length, labels: tuple[str, ...], before: tuple[str, ...] | None) -> Iterator[_LabeledLength]:
    """`100 nm (k, insets of b, e)` is k's own length and the insets' of b and e; `2 µm (e, inset)` only an inset's."""
    if before is None:
        yield _LabeledLength(length, labels, False)
    elif before and before != labels:
        yield _LabeledLength(length, before, False)
        yield _LabeledLength(length, labels[len(before) :], True)
    else:
        yield _LabeledLength(length, labels, True)


def _parse_respectively(pieces: list[Token]) -> list[_LabeledLength]:
    """`100, 50 and 20 nm for a, b and c, respectively`: as many values as labels, the unit told once or each time."""
    labels = [label for token in pieces for label in token.labels]
    lengths: list[Length] = []
    waiting: list[str] = []
    for token in pieces:
        if token.what == "number" and token.length is not None:
            waiting.append(token.length.text)
        elif token.what == "value" and token.length is not None:
            unit = re.sub(rf"^{DIGITS} ?-?", "", token.length.text)
            made = [parse_length(f"{digits} {unit}") for digits in waiting]
            lengths += [each for each in made if each is not None]
            lengths.append(token.length)
            waiting = []
    if len(lengths) != len(labels) or len(labels) < 2:
        return []
    return [_LabeledLength(length, (label,), False) for length, label in zip(lengths, labels, strict=True)]


def _labels_in_effect(text: str, start: int, end: int, since: int, plural: bool, known: frozenset[str]) -> tuple[str, ...]:
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
    letters = parse_letters(match["paren"] or match["bare"], known, strict=False)
    if known:
        return letters if set(letters) <= known else ()
    if match["bare"] and letters == ("a",) and match.group()[1:2] == " ":
        return ()
    return letters


def _view_widths(text: str, known: frozenset[str]) -> Iterator[tuple[tuple[str, ...], CaptionScale]]:
    """Widths of fields of view: `image width 2 µm`, `scan size 25 µm (a–c), 10 µm (d–f)`, `10 × 10 µm² AFM scan`."""
    for match in [*_WIDTH.finditer(text), *_SQUARE.finditer(text)]:
        unit = match["unit"] or match["last"]
        length = parse_length(f"{match['first']} {unit}") if unit else None
        if length is None or length.plausibility == 0:
            continue
        words = " ".join(match.group().split())[:60]
        if "after" in match.groupdict():
            around = text[max(0, match.start() - 60) : match.start()] + match["after"]
            if not _PICTURE.search(around):
                continue
            words = words[: words.rfind(unit) + len(unit)] if unit in words else words
            said = [_LabeledLength(length, (), False)]
        else:
            statement, _ = _statement(text, match)
            said = [_LabeledLength(length, (), False)]
            if re.match(r" ?[(,;]? ?\(", statement):
                said = list(_parse_values_first([Token("value", length), *tokenize(statement, known)]))
        place = _labels_in_effect(text, match.start(), match.end(), 0, False, known)
        for each in said:
            yield each.labels or place, CaptionScale(each.length.nm, "width", words, 0.5)
