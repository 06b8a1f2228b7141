"""A figure's caption in runs of words, each with the panels that it speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_WORDS = 600
"""Longest caption, in words, whose parts are looked for."""
_MAX_PANELS = 40
_MIN_CHARS = 8
"""Shortest words, in characters, that are taken for a part of the caption; shorter ones stand in it by chance."""
_MAX_LETTERS = 12
"""Longest mark of a part, in characters: "(a)", "(b, c)"."""


@dataclass(frozen=True, slots=True)
class CaptionRun:
    """Words of a caption, and the numbers (from 0) of the panels they speak of: none where they speak of all."""

    words: str
    panels: tuple[int, ...] = ()


def caption_runs(caption: str, parts: Sequence[str]) -> tuple[CaptionRun, ...]:
    """Return the caption as runs, given each panel's own caption in the order of the panels.

    A panel's caption holds its own words and those about all panels, mostly as they stand in the whole caption. It is
    laid along the caption by its longest common runs; what lies in every panel's caption speaks of no single one.
    """
    words = caption.split()
    if not 2 <= len(parts) <= _MAX_PANELS or not words or len(words) > MAX_WORDS:
        return (CaptionRun(caption),) if caption else ()
    text = " ".join(words)
    owners = [frozenset[int]() for _ in text]
    for number, part in enumerate(parts):
        for start, end in _common_runs(text, part):
            for place in range(start, end):
                owners[place] |= {number}
    runs: list[CaptionRun] = []
    place = 0
    for word in words:
        found = owners[place] | owners[place + len(word) - 1]
        place += len(word) + 1
        panels = () if len(found) == len(parts) else tuple(sorted(found))
        if runs and runs[-1].panels == panels:
            runs[-1] = CaptionRun(f"{runs[-1].words} {word}", panels)
        else:
            runs.append(CaptionRun(word, panels))
    return tuple(_join_marks(runs))


def _common_runs(text: str, part: str) -> list[tuple[int, int]]:
    """Return start and end of the runs of a panel's caption that stand in the whole caption, each as long as can be."""
    words = part.split()[:MAX_WORDS]
    found = []
    at, behind = 0, 0
    while at < len(words):
        start, end, count = -1, -1, 0
        run = ""
        for word in words[at:]:
            longer = f"{run} {word}" if run else word
            place = text.find(longer, max(start, behind))
            place = text.find(longer) if place < 0 else place
            if place < 0:
                break
            run, start, end, count = longer, place, place + len(longer), count + 1
        if end - start >= _MIN_CHARS:
            found.append((start, end))
            behind = end
        at += max(count, 1)
    return found


def _join_marks(runs: list[CaptionRun]) -> list[CaptionRun]:
    """Give the letter in front of a part, which is in no panel's caption, to its part."""
    joined: list[CaptionRun] = []
    for run in runs:
        before = joined[-1] if joined else None
        if run.panels and before is not None and not before.panels:
            words = before.words.split()
            mark = [words.pop()] if _is_mark(words[-1]) else []
            while mark and words and len(" ".join([words[-1], *mark])) <= _MAX_LETTERS and _is_mark(words[-1]):
                mark.insert(0, words.pop())
            if mark:
                joined.pop()
                joined += [CaptionRun(" ".join(words))] if words else []
                run = CaptionRun(" ".join([*mark, run.words]), run.panels)  # noqa: PLW2901
        joined.append(run)
    return joined


def _is_mark(word: str) -> bool:
    bare = word.strip("()[]{}.,:;–-")
    return len(bare) <= 2 and len(word) <= _MAX_LETTERS and (bare.isalpha() or not bare)
