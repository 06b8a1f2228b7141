"""Parse one statement of lengths: "1 mm (a), 50 µm (b–d) and 2 µm (e, inset)", "10 µm (main), 2 µm (inset) (a, b)"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from mirsearch.analysis.captions.tokens import DIGITS, Token, tokenize
from mirsearch.text.lengths import Length, parse_length

_RANGE = re.compile(r"\(([A-Za-z]\d?)\) ?(?:[-–—]|to|through) ?\(([A-Za-z]\d?)\)")
_IN_LIST = re.compile(r"[ ,]*+(?:and|or|&)?+ *+")


@dataclass(frozen=True, slots=True)
class NamedLength:
    """One length of a statement with what it was given for; without labels it holds for those in effect there."""

    length: Length
    labels: tuple[str, ...] = ()
    inset: bool = False
    place: str | None = None
    heading: str = ""
    ordinal: int | None = None
    count: int | None = None


@dataclass(slots=True)
class _Named:
    """A length and the tokens that belong to it."""

    length: Length
    tokens: list[Token] = field(default_factory=list)


def parse_statement(statement: str, known_labels: frozenset[str]) -> list[NamedLength]:
    """Return the lengths of one statement with the letters, places and words beside them, whichever come first."""
    statement = _RANGE.sub(r"(\1–\2)", statement)
    tokens = list(tokenize(statement, known_labels))
    if not any(token.kind == "value" for token in tokens):
        return []
    if "respectively" in statement.lower() or any(token.kind == "sequence" for token in tokens):
        lengths = _parse_respectively(tokens)
        if lengths:
            return lengths
    tokens = [token for token in _with_units(tokens, statement) if token.kind not in ("number", "sequence")]
    if tokens[0].kind == "value":
        return parse_values_first(tokens, statement)
    return _parse_names_first(tokens, statement)


def _with_units(tokens: Sequence[Token], statement: str) -> Iterator[Token]:
    """Yield the tokens; digits of a list get the unit of a length in it: `100 µm for a, 50 for b`, `50 and 5 µm`."""
    units = [
        re.sub(rf"^{DIGITS} ?-?", "", one.length.text) if one.kind == "value" and one.length else "" for one in tokens
    ]
    listed_units = list(units)
    for number in range(len(tokens) - 2, -1, -1):
        between = _IN_LIST.fullmatch(statement, tokens[number].end, tokens[number + 1].start)
        if tokens[number].kind == "number" and between:
            listed_units[number] = listed_units[number + 1]
    unit = next((unit for unit in units if unit), "")
    for number, token in enumerate(tokens):
        unit = units[number] or unit
        if token.kind == "number" and token.length is not None:
            following = tokens[number + 1].kind if number + 1 < len(tokens) else None
            is_named = following in ("labels", "inset", "place", "main")
            length = parse_length(
                f"{token.length.text} {listed_units[number] or (unit if is_named else '')}", repair=False
            )
            if length is not None:
                yield replace(token, kind="value", length=length)
                continue
        yield token


def parse_values_first(tokens: Sequence[Token], statement: str) -> list[NamedLength]:
    """Parse `1 mm (a), 50 µm (b–d) and 2 µm (e, inset)`, and `50 µm; insets, 10 µm`."""
    named: list[_Named] = []
    between: list[Token] = []
    end_of_value = 0
    has_last_names = tokens[-1].kind != "value"
    for token in tokens:
        if token.kind != "value" or token.length is None:
            between.append(token)
            continue
        split = _first_leading(between, statement, end_of_value, token.start, has_last_names) if between else 0
        trailing, leading = between[:split], between[split:]
        if named:
            named[-1].tokens.extend(trailing)
        if leading and not any(name.kind == "labels" for name in leading):
            leading = [*(name for name in trailing if name.kind == "labels"), *leading]
        named.append(_Named(token.length, leading))
        between, end_of_value = [], token.end
    if named:
        named[-1].tokens.extend(between)
    return _resolve(named)


def _first_leading(names: list[Token], statement: str, start: int, end: int, has_last_names: bool) -> int:
    """Return the number of the first of the names between two lengths that belongs to the second.

    Those behind a semicolon do: `50 µm; insets, 10 µm`, `5 µm (b; inset 1 µm)`.
    """
    behind = statement[names[-1].end : end]
    if behind.strip(" ,:=)("):
        return len(names)
    starts = [start, *(name.end for name in names[:-1])]
    gaps = [statement[first : name.start] for first, name in zip(starts, names, strict=True)]
    first = next(
        (
            number
            for number in range(len(gaps) - 1, -1, -1)
            if ";" in gaps[number] and (")" not in behind or "(" in gaps[number])
        ),
        None,
    )
    if first is None:
        return 0 if "," in gaps[0] and not has_last_names else len(names)
    return first


def _parse_names_first(tokens: Sequence[Token], statement: str) -> list[NamedLength]:
    """Parse `(a) 200 nm; (b, c) 1 µm; inset 50 nm` and `(a, b) 10 µm (main), 2 µm (inset)`."""
    named: list[_Named] = []
    names: list[Token] = []
    is_complete = False
    end_of_value = -9
    for token in tokens:
        if token.kind == "value" and token.length is not None:
            named.append(_Named(token.length, list(names)))
            is_complete, end_of_value = True, token.end
        elif is_complete and token.group and token.kind != "labels" and token.start - end_of_value <= 3:
            named[-1].tokens.append(token)  # "(a) 10 µm (main)"
        else:
            if is_complete:
                separator = statement[end_of_value : token.start]
                keeps_letters = token.kind != "labels" and ";" not in separator
                names = [name for name in names if name.kind == "labels" and keeps_letters]
                if names and token.text == "insets":  # those of all letters before
                    names = [name for one in named for name in one.tokens if name.kind == "labels"]
                is_complete = False
            names.append(token)
    return _resolve(named)


def _resolve(named: list[_Named]) -> list[NamedLength]:
    """Return the lengths with their names. Letters behind the names of several lengths hold for all of these."""
    for number in range(len(named) - 1, 0, -1):
        tokens, before = named[number].tokens, named[number - 1].tokens
        outer = [token for token in tokens if token.kind == "labels" and _stands_behind_names(token, tokens)]
        if outer and before and not any(token.kind == "labels" for token in before):
            before.extend(outer)
    every_label = [label for one in named for token in one.tokens for label in token.labels]
    lengths = [length for one in named for length in _named_lengths(one, every_label)]
    return [part for length in lengths for part in _split_place(length, every_label)]


def _split_place(length: NamedLength, every_label: Sequence[str]) -> Iterator[NamedLength]:
    """Yield a length; in `50 µm (c and d, left), 5 µm (d, right)` the place is d's, since only d has another length."""
    once = tuple(label for label in length.labels if every_label.count(label) == 1)
    if length.place and once and len(once) < len(length.labels):
        yield replace(length, labels=once, place=None)
        length = replace(length, labels=tuple(label for label in length.labels if label not in once))
    yield length


def _stands_behind_names(letters: Token, tokens: Sequence[Token]) -> bool:
    """Return whether letters stand in other brackets than an inset, place or word before them: "(inset) (a, b)"."""
    names = [token for token in tokens if token.kind != "labels"]
    return (
        bool(names)
        and names[0].start < letters.start
        and all(token.group and token.group != letters.group for token in names)
    )


def _named_lengths(one: _Named, every_label: Sequence[str]) -> Iterator[NamedLength]:
    """Yield a length for what its tokens name, those of insets apart.

    `100 nm (k, insets of b, e)` is k's own length and that of the insets of b and e; `2 µm (e, inset)` is only an
    inset's; `200 nm (d, insets)` beside `1 µm (a–c)` is d's own and that of the insets of a to c.
    """
    labels = tuple(dict.fromkeys(label for token in one.tokens for label in token.labels))
    places = [token.text for token in one.tokens if token.kind == "place"]
    words = [token.text for token in one.tokens if token.kind in ("heading", "main", "inset")]
    insets = [n for n, token in enumerate(one.tokens) if token.kind == "inset"]
    has_main = any(token.kind == "main" for token in one.tokens)
    heading = " ".join(word for word in dict.fromkeys(words) if word.lower() not in ("inset", "insets", "main"))
    ordinal = next((int(token.text) for token in one.tokens if token.kind == "ordinal"), None)
    plain = NamedLength(one.length, labels, False, places[0] if places else None, heading, ordinal)
    if not insets:
        yield plain
        return
    before = tuple(label for token in one.tokens[: insets[0]] for label in token.labels)
    others = tuple(dict.fromkeys(label for label in every_label if label not in labels))
    is_listed_once = before == labels and all(every_label.count(label) == 1 for label in labels)
    if before and before != labels:
        yield replace(plain, labels=before, heading="")
        yield replace(plain, labels=tuple(label for label in labels if label not in before), inset=True)
    elif one.tokens[insets[0]].text == "insets" and is_listed_once and before and others:
        yield replace(plain, heading="")
        yield replace(plain, labels=others, inset=True)
    else:
        yield replace(plain, inset=True)
    if has_main and not before:
        yield replace(plain, heading="")


def _parse_respectively(tokens: list[Token]) -> list[NamedLength]:
    """Parse `100, 50 and 20 nm for a, b and c, respectively` and `from left to right, 10, 5 and 2 µm`.

    There are as many values as letters or places; the unit is given once or each time. Empty if the statement is not of
    this form.
    """
    lengths: list[Length] = []
    pending_digits: list[str] = []
    for token in tokens:
        if token.kind == "number" and token.length is not None:
            pending_digits.append(token.length.text)
        elif token.kind == "value" and token.length is not None:
            unit = re.sub(rf"^{DIGITS} ?-?", "", token.length.text)
            parsed = [parse_length(f"{digits} {unit}", repair=False) for digits in pending_digits]
            lengths += [length for length in parsed if length is not None]
            lengths.append(token.length)
            pending_digits = []
    if len(lengths) < 2:
        return []
    labels = [label for token in tokens for label in token.labels]
    if len(lengths) == len(labels):
        return [NamedLength(length, (label,)) for length, label in zip(lengths, labels, strict=True)]
    names = [token for token in tokens if token.kind in ("place", "main", "inset", "heading", "labels")]
    if len(names) == len(lengths):
        pairs = zip(lengths, names, strict=True)
        return [length for value, name in pairs for length in _named_lengths(_Named(value, [name]), ())]
    if any(token.kind == "sequence" for token in tokens) or not names:
        shared = tuple(dict.fromkeys(labels))
        return [NamedLength(length, shared, ordinal=n, count=len(lengths)) for n, length in enumerate(lengths, 1)]
    return []
