"""Split a caption into its clauses: at full stops and semicolons, but not within brackets or behind abbreviations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mirsearch.analysis.captions.label_runs import Marker

_ABBREVIATION = re.compile(
    r"(?:\b(?:fig|figs|eq|ref|refs|no|vs|ca|cf|al|approx|i\.e|e\.g"
    r"|resp|avg|max|min|temp|conc|wt|vol|sec|dr|st)|(?<!\d )\b(?-i:[A-Z]))\.$",
    re.IGNORECASE,
)


def split_clauses(text: str, markers: list[Marker]) -> Iterator[tuple[int, int]]:
    """Yield the spans between full stops and semicolons outside brackets and abbreviations."""
    start = depth = 0
    marker_places = {place for marker in markers for place in range(marker.start, marker.end)}
    starts = {marker.start for marker in markers}
    for place, char in enumerate(text):
        if char in "([" and place not in marker_places:
            depth += 1
        elif char in ")]" and place not in marker_places:
            depth = max(0, depth - 1)
        elif char in ".;" and (depth == 0 or char == ".") and _ends_clause(text, place, char, starts):
            yield start, place + 1
            start, depth = place + 1, 0
    if start < len(text):
        yield start, len(text)


def _ends_clause(text: str, place: int, mark: str, starts: set[int]) -> bool:
    """Return whether a full stop or semicolon ends a clause."""
    following = text[place + 1 : place + 3]
    if not following:
        return True
    if place + 1 in starts or place + 2 in starts:
        return not _ABBREVIATION.search(text[max(0, place - 12) : place + 1]) or mark == ";"
    if following[0] != " " or (mark == "." and len(following) > 1 and following[1].islower()):
        return False
    return mark == ";" or not _ABBREVIATION.search(text[max(0, place - 12) : place + 1])
