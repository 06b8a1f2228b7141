"""Corrections of panels by a person. They are stored apart from the analysis results and applied to them. No I/O."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mirsearch.corpus import Box, LoneBar, Panel, ScaleReading, to_json

FIELDS = ("label", "kind", "technique", "caption", "scale")
"""The fields of a panel that can be corrected."""

MIN_OVERLAP = 0.5
"""Smallest intersection over union of two boxes that are the same panel."""
MIN_OVERLAP_SAME_LABEL = 0.1
"""The same for two boxes with the same panel letter."""

_READ_FIELDS = ("label", "kind", "kind_confidence", "technique", "technique_confidence", "caption")
_READINGS = ("scale", "doubtful_scale", "bar")
_IMAGE_FIELDS = ("kind", "technique", "scale")
_DRAWN_KINDS = ("plot", "schematic")
"""Kinds of panels to which a correction of their whole letter does not apply in _IMAGE_FIELDS."""


@dataclass(frozen=True, slots=True)
class Correction:
    """Changes to one panel of a figure. `box` and `label` are what the analysis read when the panel was corrected.

    `changes` maps some of FIELDS to plain JSON values. `panel` is the id of the panel that they apply to now, or None
    if the figure now has no panel that matches. `machine` is the analysis result for that panel, without corrections.
    """

    box: Box
    label: str | None
    changes: dict[str, Any]
    panel: str | None = None
    machine: dict[str, Any] | None = None


def intersection_over_union(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes, 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (_area(one) + _area(other) - width * height)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def apply_corrections(
    panels: Sequence[Panel], corrections: Sequence[Correction]
) -> tuple[tuple[Panel, ...], tuple[Correction, ...]]:
    """Apply corrections to the panels that an analysis read.

    Returns the corrected panels, and the corrections with `panel` and `machine` of the panels that they match. A panel
    gets at most one correction: the one whose box overlaps most. A correction of a region that is several images now
    becomes one correction for each of them.
    """
    corrected = list(panels)
    corrections = _spread_over_parts(panels, corrections)
    matched = [dataclasses.replace(correction, panel=None, machine=None) for correction in corrections]
    unmatched = set(range(len(panels)))
    for _, number, position in sorted(_candidate_matches(panels, corrections), reverse=True):
        if matched[number].panel is None and position in unmatched:
            unmatched.remove(position)
            matched[number] = dataclasses.replace(
                matched[number], panel=panels[position].id, machine=reading_to_json(panels[position])
            )
            corrected[position] = apply_changes(panels[position], matched[number].changes)
    return tuple(corrected), tuple(matched)


def _candidate_matches(panels: Sequence[Panel], corrections: Sequence[Correction]) -> list[tuple[float, int, int]]:
    """Return (overlap, index of correction, index of panel) for each pair that may be the same panel."""
    matches = []
    for number, correction in enumerate(corrections):
        for position, panel in enumerate(panels):
            overlap = intersection_over_union(correction.box, panel.box)
            same_label = correction.label is not None and correction.label == panel.label
            if overlap >= (MIN_OVERLAP_SAME_LABEL if same_label else MIN_OVERLAP):
                matches.append((overlap, number, position))
    return matches


def _spread_over_parts(panels: Sequence[Panel], corrections: Sequence[Correction]) -> list[Correction]:
    """Return the corrections; one about a region that is cut into several images now is replaced by one for each.

    A correction is about a region, not about one image in it, if its box overlaps the region more than any panel.
    Images that have a correction of their own keep that one.
    """
    spread: dict[int, list[Correction]] = {}
    for positions, region in _cut_regions(panels):
        overlaps = [
            (intersection_over_union(correction.box, region), number)
            for number, correction in enumerate(corrections)
            if number not in spread
        ]
        overlap, number = max(overlaps, default=(0.0, -1))
        if overlap < MIN_OVERLAP:
            continue
        about = corrections[number]
        if any(intersection_over_union(about.box, panel.box) >= overlap for panel in panels):
            continue
        others = [correction.box for correction in corrections if correction is not about]
        free = [
            panels[position]
            for position in positions
            if all(intersection_over_union(box, panels[position].box) < MIN_OVERLAP for box in others)
        ]
        parts = [Correction(panel.box, panel.label, _changes_of_part(about.changes, panel)) for panel in free]
        if any(part.changes for part in parts):
            spread[number] = [part for part in parts if part.changes]
    return [part for number, correction in enumerate(corrections) for part in spread.get(number, [correction])]


def _cut_regions(panels: Sequence[Panel]) -> list[tuple[list[int], Box]]:
    """Return the regions with several images, as indexes of their panels and their box.

    These are the letters with parts, and all panels without a letter together.
    """
    regions: dict[tuple[str | None, Box | None], list[int]] = {}
    for position, panel in enumerate(panels):
        if panel.part is not None or panel.label is None:
            regions.setdefault((panel.label, panel.group), []).append(position)
    boxes = [(positions, group or _bounds([panels[at].box for at in positions])) for (_, group), positions in
             regions.items()]  # fmt: skip
    return [(positions, box) for positions, box in boxes if len(positions) > 1]


def _bounds(boxes: Sequence[Box]) -> Box:
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _changes_of_part(changes: dict[str, Any], panel: Panel) -> dict[str, Any]:
    """Return those of the changes to a whole region that apply to one of its images.

    A plot or drawing beside images keeps what was read of it, unless the region was corrected to be one. A scale
    applies to all images, but its bar is in one of them.
    """
    if panel.kind in _DRAWN_KINDS and changes.get("kind") not in _DRAWN_KINDS:
        return {name: value for name, value in changes.items() if name not in _IMAGE_FIELDS}
    scale = changes.get("scale")
    if scale is None or not scale.get("bar") or _has_middle(panel.box, scale["bar"]):
        return dict(changes)
    return changes | {"scale": scale | {"bar": None, "length_px": None, "length_nm": None, "label_text": None}}


def _has_middle(box: Box, inner: Sequence[int]) -> bool:
    """Return whether the middle of `inner` is in `box`."""
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return box[0] <= x < box[2] and box[1] <= y < box[3]


def reading_to_json(panel: Panel) -> dict[str, Any]:
    """Return what the analysis read of a panel, as plain JSON."""
    readings = {name: getattr(panel, name) for name in _READINGS}
    return {name: getattr(panel, name) for name in _READ_FIELDS} | {
        name: None if reading is None else to_json(reading) for name, reading in readings.items()
    }


def apply_changes(panel: Panel, changes: dict[str, Any]) -> Panel:
    """Return a panel with changes applied. The confidence of a changed value is 1.

    A corrected scale leaves nothing in doubt: it also replaces a doubtful reading and a bar without a length.
    """
    values = {name: value for name, value in changes.items() if name in FIELDS}
    if "scale" in values:
        values |= {"doubtful_scale": None, "bar": None}
    for name in ("kind", "technique"):
        if name in values:
            values[f"{name}_confidence"] = 1.0
    return _replace_fields(panel, values)


def uncorrected_panel(panel: Panel, corrections: Sequence[Correction]) -> Panel:
    """Return the panel as the analysis read it, without corrections."""
    own = next((correction for correction in corrections if correction.panel == panel.id), None)
    return panel if own is None or own.machine is None else _replace_fields(panel, own.machine)


def _replace_fields(panel: Panel, values: dict[str, Any]) -> Panel:
    values = dict(values)
    for name in ("scale", "doubtful_scale"):
        if values.get(name) is not None:
            values[name] = reading_from_json(values[name])
    if values.get("bar") is not None:
        values["bar"] = lone_bar_from_json(values["bar"])
    if values.get("group") is not None:
        values["group"] = tuple(values["group"])
    return dataclasses.replace(panel, **values)


def reading_from_json(values: dict[str, Any]) -> ScaleReading:
    """Return the scale reading for the plain JSON of `corpus.to_json`."""
    return ScaleReading(**values | {"bar": tuple(values["bar"]) if values.get("bar") else None})


def lone_bar_from_json(values: dict[str, Any]) -> LoneBar:
    """Return the bar without a length for the plain JSON of `corpus.to_json`."""
    x0, y0, x1, y1 = (int(edge) for edge in values["box"])
    return LoneBar((x0, y0, x1, y1), float(values["length_px"]))


def add_changes(panel: Panel, corrections: Sequence[Correction], changes: dict[str, Any]) -> tuple[Correction, ...]:
    """Return the corrections with more changes to a panel. `panel` is without corrections. Later changes win."""
    own = next((correction for correction in corrections if correction.panel == panel.id), None)
    others = tuple(correction for correction in corrections if correction is not own)
    updated = Correction(panel.box, panel.label, (own.changes if own else {}) | changes, panel.id)
    return (*others, updated)


def corrected_fields(panel_id: str, corrections: Sequence[Correction]) -> tuple[str, ...]:
    """Return the names of the corrected fields of a panel, in the order of FIELDS."""
    names = {name for correction in corrections if correction.panel == panel_id for name in correction.changes}
    return tuple(name for name in FIELDS if name in names)


def correction_to_json(correction: Correction) -> dict[str, Any]:
    """Return a correction as plain JSON."""
    return to_json(correction)


def correction_from_json(values: dict[str, Any]) -> Correction:
    """Return the correction for the plain JSON of :func:`correction_to_json`."""
    x0, y0, x1, y1 = (int(edge) for edge in values["box"])
    return Correction((x0, y0, x1, y1), values["label"], values["changes"], values["panel"], values["machine"])


def panel_from_json(values: dict[str, Any]) -> Panel:
    """Return the panel for the plain JSON of `corpus.to_json`."""
    x0, y0, x1, y1 = (int(edge) for edge in values["box"])
    rest = {name: value for name, value in values.items() if name != "box"}
    return _replace_fields(Panel(box=(x0, y0, x1, y1)), rest)
