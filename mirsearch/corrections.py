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
    """Changes to one panel of a figure. `box`, `label` and `part` are what the analysis read when it was corrected.

    `changes` maps some of FIELDS to plain JSON values. `panel` is the id of the panel that they apply to now, or None
    if the figure now has no panel that matches. `machine` is the analysis result for that panel, without corrections.
    """

    box: Box
    label: str | None
    changes: dict[str, Any]
    panel: str | None = None
    machine: dict[str, Any] | None = None
    part: int | None = None


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

    Images that have a correction of their own keep that one.
    """
    spread: dict[int, list[Correction]] = {}
    for positions, region in _cut_regions(panels):
        number = _correction_of_region(panels, positions, region, corrections)
        if number is None or number in spread:
            continue
        about = corrections[number]
        others = [correction.box for correction in corrections if correction is not about]
        images = [
            panels[position]
            for position in positions
            if all(intersection_over_union(box, panels[position].box) < MIN_OVERLAP for box in others)
        ]
        parts = [
            Correction(image.box, image.label, _changes_of_image(about.changes, image, images), part=image.part)
            for image in images
        ]
        if any(part.changes for part in parts):
            spread[number] = [part for part in parts if part.changes]
    return [part for number, correction in enumerate(corrections) for part in spread.get(number, [correction])]


def _correction_of_region(
    panels: Sequence[Panel], positions: Sequence[int], region: Box, corrections: Sequence[Correction]
) -> int | None:
    """Return the index of the correction that is about a region as a whole, or None.

    One about a letter was made when the letter had one panel. One about all panels without a letter overlaps the
    region more than any panel.
    """
    label = panels[positions[0]].label
    rivals = [panel for at, panel in enumerate(panels) if label is None or at not in positions]
    best: tuple[float, int] | None = None
    for number, correction in enumerate(corrections):
        overlap = intersection_over_union(correction.box, region)
        same_label = label is not None and correction.label == label
        if correction.part is not None or overlap < (MIN_OVERLAP_SAME_LABEL if same_label else MIN_OVERLAP):
            continue
        if all(intersection_over_union(correction.box, rival.box) < overlap for rival in rivals):
            best = max(best or (overlap, number), (overlap, number))
    return None if best is None else best[1]


def _cut_regions(panels: Sequence[Panel]) -> list[tuple[list[int], Box]]:
    """Return the regions with several images, as indexes of their panels and their box.

    These are the letters with parts, and all panels without a letter together.
    """
    regions: dict[tuple[str | None, Box | None], list[int]] = {}
    for position, panel in enumerate(panels):
        if panel.label is None:
            regions.setdefault((None, None), []).append(position)
        elif panel.part is not None:
            regions.setdefault((panel.label, panel.group), []).append(position)
    boxes = [
        (positions, group or _bounds([panels[at].box for at in positions])) for (_, group), positions in regions.items()
    ]
    return [(positions, box) for positions, box in boxes if len(positions) > 1]


def _bounds(boxes: Sequence[Box]) -> Box:
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _changes_of_image(changes: dict[str, Any], image: Panel, images: Sequence[Panel]) -> dict[str, Any]:
    """Return those of the changes to a whole region that apply to one of its images.

    Letter and caption apply to all. Kind, technique and scale are about the images, and not about a plot or drawing
    beside them (unless the region was corrected to be one) nor about an inset, which has a scale of its own. A bar is
    in one image: if that is an inset, the scale is that of the inset alone.
    """
    bar = (changes.get("scale") or {}).get("bar")
    with_bar = (
        min((each for each in images if _has_middle(each.box, bar)), key=_panel_area, default=None) if bar else None
    )
    wanted = set(changes)
    if image.inset_of is not None or (image.kind in _DRAWN_KINDS and changes.get("kind") not in _DRAWN_KINDS):
        wanted -= set(_IMAGE_FIELDS)
    if with_bar is not None and with_bar.inset_of is not None:
        wanted -= {"scale"}
    own = {name: value for name, value in changes.items() if name in wanted}
    if with_bar is image:
        return own | {"scale": changes["scale"]}
    if bar and "scale" in own:
        own["scale"] = own["scale"] | {"bar": None, "length_px": None, "length_nm": None, "label_text": None}
    return own


def _has_middle(box: Box, inner: Sequence[int]) -> bool:
    """Return whether the middle of `inner` is in `box`."""
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return box[0] <= x < box[2] and box[1] <= y < box[3]


def _panel_area(panel: Panel) -> int:
    return _area(panel.box)


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
    updated = Correction(panel.box, panel.label, (own.changes if own else {}) | changes, panel.id, part=panel.part)
    return (*others, updated)


def corrected_fields(panel_id: str, corrections: Sequence[Correction]) -> tuple[str, ...]:
    """Return the names of the corrected fields of a panel, in the order of FIELDS."""
    if not corrections:
        return ()  # as for most panels; a listing asks for each
    names = {name for correction in corrections if correction.panel == panel_id for name in correction.changes}
    return tuple(name for name in FIELDS if name in names)


def correction_to_json(correction: Correction) -> dict[str, Any]:
    """Return a correction as plain JSON."""
    return to_json(correction)


def correction_from_json(values: dict[str, Any]) -> Correction:
    """Return the correction for the plain JSON of :func:`correction_to_json`."""
    x0, y0, x1, y1 = (int(edge) for edge in values["box"])
    return Correction(
        (x0, y0, x1, y1), values["label"], values["changes"], values["panel"], values["machine"], values.get("part")
    )


def panel_from_json(values: dict[str, Any]) -> Panel:
    """Return the panel for the plain JSON of `corpus.to_json`."""
    x0, y0, x1, y1 = (int(edge) for edge in values["box"])
    rest = {name: value for name, value in values.items() if name != "box"}
    return _replace_fields(Panel(box=(x0, y0, x1, y1)), rest)
