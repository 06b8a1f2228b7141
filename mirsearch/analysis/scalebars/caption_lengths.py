"""Find the length that a figure's caption gives for the bar of each panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mirsearch.analysis.captions.label_order import bare_label
from mirsearch.analysis.captions.scales import PlacedScale, caption_scales_of, choose_scale
from mirsearch.analysis.captions.split import split_caption
from mirsearch.corpus import Box, Panel

_MIN_STEP = 0.5
"""Least distance between the middles of two rows or columns, as a share of an image's side."""


@dataclass(frozen=True, slots=True)
class CaptionLength:
    """What the caption states about one panel: the length in nm of its bar, and the width in nm of its field of view.

    `own` is true if the length is said of the panel's letter. `certain` is false if the length is the only one of the
    caption and the panel has no letter. `unsure_label` is true if the panel may belong to another letter, `misplaced`
    if the caption gives another length for the bar of that letter.
    """

    bar: PlacedScale | None = None
    width: PlacedScale | None = None
    certain: bool = True
    misplaced: bool = False
    unsure_label: bool = False

    @property
    def own(self) -> bool:
        """Return whether the bar's length is said of the panel's letter."""
        return self.bar is not None and self.bar.letters is not None


@dataclass(frozen=True, slots=True)
class _Position:
    """Where a panel is among the images of its letter: place ("top left"), number from 1, number of images."""

    place: str | None = None
    ordinal: int | None = None
    count: int | None = None


def caption_lengths(
    panels: Sequence[Panel],
    caption: str,
    drawn: Sequence[bool],
    places: Mapping[str, Box] | None = None,
) -> list[CaptionLength]:
    """Return what a figure's caption states about each panel's bar. `drawn` tells which panels are drawings.

    `places` are where the letters were read, in px of the figure, if the panels are all of it: images of a letter that
    no panel has then have another one.
    """
    letters: list[str | None] = [panel.label for panel in panels]
    if caption.strip():  # the letters that the cutting didn't find, too: what is said of them is not said of all
        letters += split_caption(caption).labels
    figure_scales = caption_scales_of(caption, letters) if caption.strip() else []
    doubts = _doubtful_letters(panels, caption, figure_scales, places) if places is not None and caption.strip() else {}
    lengths = []
    for number, panel in enumerate(panels):
        scales = figure_scales
        if not any(scale.kind == "bar" for scale in scales) and panel.caption:
            scales = caption_scales_of(panel.caption, letters)
        length = _choose_length(panel, scales, _positions(panels, number, drawn))
        others = doubts.get(number, frozenset())
        differs = length.bar is not None and any(length.bar.nm != nm for nm in others)
        lengths.append(replace(length, misplaced=differs, unsure_label=number in doubts))
    return lengths


def _doubtful_letters(
    panels: Sequence[Panel], caption: str, scales: Sequence[PlacedScale], places: Mapping[str, Box]
) -> dict[int, frozenset[float | None]]:
    """Return the panels that may belong to another letter, each with the lengths of that letter's bars."""
    from mirsearch.analysis.scalebars.label_doubts import doubtful_letters  # a picture without a caption needs none

    return doubtful_letters(panels, caption, scales, places)


def _choose_length(panel: Panel, scales: Sequence[PlacedScale], positions: Sequence[_Position]) -> CaptionLength:
    """Return the length that holds for a panel: that of its place or number, of its letter, or of all panels.

    The only length in the caption is taken if the panel has no letter.
    """
    bar = width = None
    is_inset = panel.inset_of is not None
    label = _label_in(panel.label, scales)
    for position in positions:
        options = {
            "place": position.place, "ordinal": position.ordinal, "count": position.count, "heading": panel.heading,
        }  # fmt: skip
        bar = bar or choose_scale(scales, label, inset=is_inset, **options)  # type: ignore[arg-type]
        width = width or choose_scale(scales, label, kind="width", **options)  # type: ignore[arg-type]
    bars = [scale for scale in scales if scale.kind == "bar" and scale.inset == is_inset]
    if bar is None and panel.label is None and len({scale.nm for scale in bars}) == 1:
        return CaptionLength(bars[0], width, certain=False)
    return CaptionLength(bar, width)


def _label_in(label: str | None, scales: Sequence[PlacedScale]) -> str | None:
    """Return a label, without its primes if no length is said of it with them: what is said of c holds for c′ too."""
    if label is None or bare_label(label) == label:
        return label
    is_named = any(bare_label(other) != other for scale in scales for other in scale.letters or ())
    return label if is_named else bare_label(label)


def _positions(panels: Sequence[Panel], number: int, drawn: Sequence[bool]) -> list[_Position]:
    """Return where a panel is among the images of its letter: with and without the letter's drawings."""
    panel = panels[number]
    if panel.inset_of is not None:
        return [_Position()]
    same = [n for n, other in enumerate(panels) if other.label == panel.label and other.inset_of is None]
    images = [n for n in same if not drawn[n] or n == number]
    groups = [same] if len(images) == len(same) else [same, images]
    return [_find_position(panels, number, group) for group in groups]


def _find_position(panels: Sequence[Panel], number: int, group: Sequence[int]) -> _Position:
    """Return where a panel is among the panels of a group."""
    if len(group) < 2:
        return _Position()
    box = panels[number].box
    rows = _steps([panels[n].box[1] + panels[n].box[3] for n in group], box[3] - box[1])
    columns = _steps([panels[n].box[0] + panels[n].box[2] for n in group], box[2] - box[0])
    index = list(group).index(number)
    row = _name_step(rows[index], max(rows) + 1, ("top", "middle", "bottom"))
    column = _name_step(columns[index], max(columns) + 1, ("left", "middle", "right"))
    order = sorted(range(len(group)), key=lambda n: (rows[n], columns[n]))
    return _Position(f"{row} {column}".strip() or None, order.index(index) + 1, len(group))


def _steps(doubled_middles: Sequence[int], side: int) -> list[int]:
    """Return for each panel its row or column, from 0; `side` is the side of a panel in px."""
    ranked = sorted(range(len(doubled_middles)), key=lambda n: doubled_middles[n])
    steps, step = [0] * len(doubled_middles), 0
    for before, n in pairwise(ranked):
        step += (doubled_middles[n] - doubled_middles[before]) / 2 >= _MIN_STEP * side
        steps[n] = step
    return steps


def _name_step(step: int, count: int, names: tuple[str, str, str]) -> str:
    """Return the name of a row or column: that of the first, of the last, or of one between them."""
    if count == 1:
        return ""
    return names[0] if step == 0 else names[2] if step == count - 1 else names[1]
