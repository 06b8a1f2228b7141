"""Find the words about one of several images: by places where a caption has no letters, or under one letter."""

from __future__ import annotations

import re

from mirsearch.analysis.captions.places import SubPart, find_subparts, is_at
from mirsearch.analysis.captions.shared_words import adapt_head, has_own_subject, shared_head, trim_joiners

_PLACE_NAMES = r"(left|right|top|bottom|middle|center|centre|upper|lower)"
_PLACE = re.compile(
    rf"(?:^|[.;,(]\s*)\(?{_PLACE_NAMES}(?:[- ]?(?:most|hand))?(?: side)?(?: (?:panel|image|row|column)s?)?\)?\s*[:,)]",
    re.IGNORECASE,
)
_PLACE_BEHIND = re.compile(rf"\({_PLACE_NAMES}\)(?=\s*(?:[.,;]|and\b|$))", re.IGNORECASE)
_COLORS = r"(?:blue|red|green|cyan|magenta|yellow|white|gr[ae]y|purple|orange|violet|far[- ]red|light|dark)"
_CHANNEL = re.compile(
    r"(?<![^\s,;:])(?:and )?(?:(?!(?:for|of|and|with|in|by|or|as|is|are|stained|label+ed)\b)[^\s,;()]{1,60}+ ){1,3}"
    rf"[(\[]{_COLORS}(?: {_COLORS})?[)\]](?:,? and\b|,)?",
    re.IGNORECASE,
)
"""A channel of an image and its color: `DAPI (blue)`."""

_PREPOSITION = re.compile(r"(?:of|for|in|with|from|at|after|before|by|under|without|during) ")
_LEFTOVER = re.compile(r"(?<![, ])[, ]++(?:and )?(?=[.;]|$)")
_INSET = re.compile(r"(?:^|(?<=[.;(] ))(?:the |lower |upper |left |right )?insets?\b[^.;]{0,400}[.;]?", re.IGNORECASE)


def words_about_image(
    words: str, place: str | None, ordinal: int | None, count: int | None, heading: str, *, inset: bool = False
) -> str:
    """Return what a letter's words say of one of its images; empty if they don't tell it from the others.

    That are the words of its place ("Left: …"), its number ("from left to right: …") or its heading, with those that
    all images share. Of channels with their colors ("DAPI (blue)") only those of the heading are kept.
    """
    if inset:
        return " ".join(match.group() for match in _INSET.finditer(words))
    parts = find_subparts(words)
    chosen = [part for part in parts if _is_of(part, place, ordinal, count)] or _with_heading(words, parts, heading)
    if not chosen or len(chosen) == len(parts):
        return _without_other_channels(words, heading)
    pieces = [_piece(words, part, parts[0]) for part in chosen]
    about = " ".join(piece for piece in (_shared_words(words, parts), *pieces, _shared_tail(words, parts)) if piece)
    return _without_other_channels(about, heading) or about


def _shared_words(words: str, parts: list[SubPart]) -> str:
    """Return the words before all pieces, which all images share: "Cells." in "Cells. Left: …"."""
    return words[: min(parts[0].start, parts[0].mark)].rstrip(" ,;:(")


def _shared_tail(words: str, parts: list[SubPart]) -> str:
    """Return the words behind all pieces that go on with "of": "of wood" in "Photo (top) and SEM (bottom) of wood."."""
    behind = words[parts[-1].end :]
    return behind.strip() if parts[-1].mark >= parts[-1].start and _PREPOSITION.match(behind.lstrip()) else ""


def _piece(words: str, part: SubPart, first: SubPart) -> str:
    """Return the words of a piece; of items before their marks, with the head that they share with the first one."""
    piece = trim_joiners(words[part.start : part.end])
    if part.mark < part.start or part is first:
        return piece
    beginning = words[first.start : min(first.end, first.mark)].rstrip(" ,;")
    preposition = _PREPOSITION.match(piece)
    if preposition:
        return f"{beginning.partition(f' {preposition.group()}')[0]} {piece}".strip()
    return piece if has_own_subject(piece) else f"{shared_head(beginning, '')} {piece}".strip()


def _is_of(part: SubPart, place: str | None, ordinal: int | None, count: int | None) -> bool:
    """Return whether a piece of words is about the image at a place or of a number among `count` images."""
    if part.place:
        return place is not None and is_at(part.place, place)
    return part.ordinal is not None and part.ordinal == ordinal and count in (None, part.count)


def _with_heading(words: str, parts: list[SubPart], heading: str) -> list[SubPart]:
    """Return the only piece that has all words of a heading."""
    wanted = _word_set(heading)
    found = [part for part in parts if wanted and wanted <= _word_set(words[part.start : part.end])]
    return found if len(found) == 1 else []


def _without_other_channels(words: str, heading: str) -> str:
    """Return words without the channels that a heading doesn't name; empty if it names none of several."""
    channels = list(_CHANNEL.finditer(words))
    wanted = _word_set(heading)
    others = [match for match in channels if not wanted & _word_set(match.group())]
    if not wanted or len(channels) < 2 or len(others) == len(channels):
        return ""
    kept, start = [], 0
    for match in others:
        kept.append(words[start : match.start()])
        start = match.end()
    return _LEFTOVER.sub("", " ".join(" ".join([*kept, words[start:]]).split()))


def _word_set(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.lower()))


def parts_by_place(text: str) -> dict[str, str]:
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
