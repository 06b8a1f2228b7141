"""Keep the markers of a caption whose labels run like panel letters: a, b, c…"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mirsearch.analysis.captions.label_order import ROMANS, bare_label

_LAST_FIRST_LETTER = "h"
"""Last letter at which the labels of a divided figure begin; later ones name variables, as in "(x) and (y)"."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A place in a caption that names panels: span, labels in lower case, style, and whether the labels are capitals.

    The style is "bracket", "half", "bare" or "panel". `is_reference` tells that it only refers to panels named
    elsewhere. `place` has the words for one image of the panels: "top left" in "(A, top left)".
    """

    start: int
    end: int
    labels: tuple[str, ...]
    style: str
    upper: bool
    is_reference: bool = False
    place: str | None = None


def keep_sequence(markers: list[Marker]) -> list[Marker]:
    """Return the markers of one case whose labels form a sequence from its start; the others name something else."""
    best: list[Marker] = []
    for upper in (False, True):
        same_case = [marker for marker in markers if marker.upper == upper]
        accepted = _labels_in_sequence({label for marker in same_case for label in marker.labels})
        kept = [marker for marker in same_case if set(marker.labels) <= accepted]
        if len(label_set(kept)) > len(label_set(best)):
            best = kept
    return best


def _labels_in_sequence(labels: set[str]) -> set[str]:
    """Return the labels that belong to a run a, b, c…, in which single letters may be missing.

    A run may begin later where a figure was divided: then the first two letters must follow each other. Numerals count
    only if letters form no run.
    """
    letters = {label[0] for label in labels if len(bare_label(label)) == 1 or label[1:2].isdigit()}
    letters = {letter for letter in letters if letter.isalpha()}
    run: set[str] = set()
    first = min(letters, default="z")
    if first <= "b" or (first <= _LAST_FIRST_LETTER and chr(ord(first) + 1) in letters):
        last = ord("a") - 1 if first <= "b" else ord(first) - 1
        for letter in sorted(letters):
            if ord(letter) - last > 2:
                break
            run.add(letter)
            last = ord(letter)
    lettered = {label for label in labels if label[0] in run and (label not in ROMANS or len(label) == 1)}
    romans = {label for label in labels if label in ROMANS}
    digits = {label for label in labels if label.isdigit()}
    if lettered:
        return lettered
    if "i" in romans and "ii" in romans:
        return romans
    return digits if {"1", "2"} <= digits else set()


def drop_late_runs(runs: list[list[Marker]]) -> list[list[Marker]]:
    """Return the runs of each style, without those that begin late where another style's run begins at a or b."""
    firsts = [min(label_set(run), default="z") for run in runs]
    begins_early = any(first[0] <= "b" or first in ROMANS for first in firsts)
    return [
        [] if begins_early and "b" < first[0] <= _LAST_FIRST_LETTER else run
        for run, first in zip(runs, firsts, strict=True)
    ]


def label_set(markers: Iterable[Marker]) -> set[str]:
    """Return the labels of some markers."""
    return {label for marker in markers for label in marker.labels}
