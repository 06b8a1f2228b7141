"""Read the lengths of scale bars and the widths of fields of view in a caption, and the panels they hold for."""

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
class _LabeledLength:
    """One length of a statement with the labels it was given for; without labels it holds for those in effect there."""

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
_LONGEST_STATEMENT = 400
"""Most characters after `scale bar` that are read as its statement; bounds time on hostile captions."""

_LONGEST_LENGTH = 60
"""Most characters of a length before `scale bar`."""


def caption_scales(caption: str, labels: Sequence[str | None] = ()) -> dict[str | None, CaptionScale]:
    """Return what a caption says about the scale of each panel letter (lower case); None stands for all panels.

    `labels` are the letters that the figure has, if they are known. A word of one letter then is a label only if it is
    one of them.
    """
    text = normalize_all(caption[: LIMITS.caption_parsed_chars])
    known_labels = frozenset(label.lower() for label in labels if label)
    scales: dict[str | None, CaptionScale] = {}
    for scale_labels, scale in [*_bar_lengths(text, known_labels), *_view_widths(text, known_labels)]:
        for label in scale_labels or (None,):
            _add_scale(scales, label, scale)
    return scales


def _add_scale(scales: dict[str | None, CaptionScale], label: str | None, scale: CaptionScale) -> None:
    """Keep the first main value of a label, a bar before a width, and an inset's value beside the main one."""
    existing = scales.get(label)
    if existing is None or (existing.kind == "width" and scale.kind == "bar"):
        scales[label] = scale
    elif scale.inset_nm is not None and existing.inset_nm is None:
        scales[label] = CaptionScale(existing.nm, existing.kind, existing.text, existing.confidence, scale.inset_nm)
    elif existing.nm is None:
        scales[label] = CaptionScale(scale.nm, scale.kind, scale.text, scale.confidence, existing.inset_nm)
    elif scale.nm not in (None, existing.nm) and scale.kind == existing.kind:
        scales[label] = CaptionScale(
            existing.nm, existing.kind, existing.text, min(existing.confidence, 0.4), existing.inset_nm
        )


def _bar_lengths(text: str, known_labels: frozenset[str]) -> Iterator[tuple[tuple[str, ...], CaptionScale]]:
    """Yield every length given for a scale bar, with the labels it holds for (none: all panels)."""
    previous_end = 0
    for anchor in _ANCHOR.finditer(text):
        if anchor.start() < previous_end:
            continue
        statement, end = _statement(text, anchor)
        lengths = list(_parse_statement(statement, known_labels))
        if not lengths:
            before = _BEFORE.search(text[max(0, anchor.start() - _LONGEST_LENGTH) : anchor.start()])
            length = parse_length(before.group(1)) if before else None
            if length is None:
                continue
            lengths = [_LabeledLength(length, (), False)]
        plural = anchor.group().lower().endswith("s")
        labels_here = _labels_in_effect(text, anchor.start(), end, previous_end, plural, known_labels)
        previous_end = end
        for labeled in lengths:
            words = " ".join(f"{anchor.group()} {labeled.length.text}".split())
            confidence = min(1.0, 0.5 + 0.5 * labeled.length.plausibility)
            nm, inset = (None, labeled.length.nm) if labeled.inset else (labeled.length.nm, None)
            yield labeled.labels or labels_here, CaptionScale(nm, "bar", words, confidence, inset)


def _statement(text: str, anchor: re.Match[str]) -> tuple[str, int]:
    """Return the words after `scale bar` up to the end of the sentence or bracket, and the position of that end."""
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


def _parse_statement(statement: str, known_labels: frozenset[str]) -> Iterator[_LabeledLength]:
    """Yield the lengths of one statement with the labels beside them, whichever come first."""
    tokens = list(tokenize(statement, known_labels))
    if "respectively" in statement.lower():
        lengths = _parse_respectively(tokens)
        if lengths:
            yield from lengths
            return
    first = next((token.kind for token in tokens if token.kind in ("value", "labels", "inset")), None)
    if first is None or not any(token.kind == "value" for token in tokens):
        return
    yield from _parse_labels_first(tokens) if first in ("labels", "inset") else _parse_values_first(tokens)


def _parse_labels_first(tokens: list[Token]) -> Iterator[_LabeledLength]:
    """Parse `(a) 200 nm; (b, c) 1 µm; inset 50 nm`."""
    labels: tuple[str, ...] = ()
    inset, is_complete = False, False
    for token in tokens:
        if token.kind in ("labels", "inset") and is_complete:
            labels, inset, is_complete = (), False, False
        if token.kind == "labels":
            labels += token.labels
        elif token.kind == "inset":
            inset = True
        elif token.kind == "value" and token.length is not None:
            yield _LabeledLength(token.length, labels, inset)
            is_complete = True


def _parse_values_first(tokens: list[Token]) -> Iterator[_LabeledLength]:
    """Parse `1 mm (a), 50 µm (b–d) and 2 µm (e, inset)`."""
    length: Length | None = None
    labels: tuple[str, ...] = ()
    labels_before_inset: tuple[str, ...] | None = None
    for token in [*tokens, Token("value")]:
        if token.kind == "value":
            if length is not None:
                yield from _split_inset(length, labels, labels_before_inset)
            length, labels, labels_before_inset = token.length, (), None
        elif token.kind == "labels":
            labels += token.labels
        elif token.kind == "inset":
            labels_before_inset = labels


def _split_inset(
    length: Length, labels: tuple[str, ...], labels_before_inset: tuple[str, ...] | None
) -> Iterator[_LabeledLength]:
    """Yield the lengths of one value with the labels beside it, those of insets apart.

    `100 nm (k, insets of b, e)` is k's own length and that of the insets of b and e; `2 µm (e, inset)` is only an
    inset's.
    """
    if labels_before_inset is None:
        yield _LabeledLength(length, labels, False)
    elif labels_before_inset and labels_before_inset != labels:
        yield _LabeledLength(length, labels_before_inset, False)
        yield _LabeledLength(length, labels[len(labels_before_inset) :], True)
    else:
        yield _LabeledLength(length, labels, True)


def _parse_respectively(tokens: list[Token]) -> list[_LabeledLength]:
    """Parse `100, 50 and 20 nm for a, b and c, respectively`.

    There are as many values as labels; the unit is given once or each time. Empty if the statement is not of this form.
    """
    labels = [label for token in tokens for label in token.labels]
    lengths: list[Length] = []
    pending_digits: list[str] = []
    for token in tokens:
        if token.kind == "number" and token.length is not None:
            pending_digits.append(token.length.text)
        elif token.kind == "value" and token.length is not None:
            unit = re.sub(rf"^{DIGITS} ?-?", "", token.length.text)
            parsed = [parse_length(f"{digits} {unit}") for digits in pending_digits]
            lengths += [length for length in parsed if length is not None]
            lengths.append(token.length)
            pending_digits = []
    if len(lengths) != len(labels) or len(labels) < 2:
        return []
    return [_LabeledLength(length, (label,), False) for length, label in zip(lengths, labels, strict=True)]


def _labels_in_effect(
    text: str, start: int, end: int, previous_end: int, is_plural: bool, known_labels: frozenset[str]
) -> tuple[str, ...]:
    """Return the labels that a statement without labels holds for, from its position among the panels' parts.

    A statement that more panels follow, or that stands in brackets, belongs to the part it stands in. The last one
    holds for all panels.
    """
    markers = [(match.start(), _marker_letters(match, known_labels)) for match in _MARKER.finditer(text)]
    markers = [(position, letters) for position, letters in markers if letters]
    earlier = [letters for position, letters in markers if position < start]
    has_later = any(position >= end for position, _ in markers)
    in_bracket = text.rfind("(", 0, start) > max(text.rfind(")", 0, start), text.rfind(". ", 0, start))
    if not earlier or not (has_later or in_bracket):
        return ()
    if is_plural:
        recent = [letters for position, letters in markers if previous_end <= position < start] or earlier[-1:]
        return tuple(dict.fromkeys(letter for letters in recent for letter in letters))
    return earlier[-1]


def _marker_letters(match: re.Match[str], known_labels: frozenset[str]) -> tuple[str, ...]:
    """Return the labels of a marker; none if they are not the figure's own or the marker is the article a."""
    letters = parse_letters(match["paren"] or match["bare"], known_labels, known_only=False)
    if known_labels:
        return letters if set(letters) <= known_labels else ()
    if match["bare"] and letters == ("a",) and match.group()[1:2] == " ":
        return ()
    return letters


def _view_widths(text: str, known_labels: frozenset[str]) -> Iterator[tuple[tuple[str, ...], CaptionScale]]:
    """Yield the widths of fields of view with the labels they hold for (none: all panels).

    Examples are `image width 2 µm`, `scan size 25 µm (a–c), 10 µm (d–f)`, `10 × 10 µm² AFM scan`.
    """
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
            lengths = [_LabeledLength(length, (), False)]
        else:
            statement, _ = _statement(text, match)
            lengths = [_LabeledLength(length, (), False)]
            if re.match(r" ?[(,;]? ?\(", statement):
                lengths = list(_parse_values_first([Token("value", length), *tokenize(statement, known_labels)]))
        labels_here = _labels_in_effect(text, match.start(), match.end(), 0, False, known_labels)
        for labeled in lengths:
            yield labeled.labels or labels_here, CaptionScale(labeled.length.nm, "width", words, 0.5)
