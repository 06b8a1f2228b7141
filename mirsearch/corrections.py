"""What a person put right in a panel, kept apart from what was read, and laid over it. No I/O."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mirsearch.corpus import Box, Panel, ScaleReading, to_json

FIELDS = ("label", "kind", "technique", "caption", "scale")
"""What can be corrected."""

SAME_BOX = 0.5
"""Boxes that share so much (intersection over union) are the same panel."""
SAME_LABEL = 0.1
"""Boxes that share only so much are, where the letter is the same, too."""

_READ = ("label", "kind", "kind_confidence", "technique", "technique_confidence", "caption")


@dataclass(frozen=True, slots=True)
class Correction:
    """Changes of one panel of a figure. `box` and `label` are the panel's as read when it was corrected.

    `changes` has some of FIELDS with plain JSON values. `panel` is the id of the panel they apply to now (None where
    the figure, as it is cut now, has none that fits), and `machine` what was read of that panel.
    """

    box: Box
    label: str | None
    changes: dict[str, Any]
    panel: str | None = None
    machine: dict[str, Any] | None = None


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (_area(one) + _area(other) - width * height)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def applied(
    panels: Sequence[Panel], corrections: Sequence[Correction]
) -> tuple[tuple[Panel, ...], tuple[Correction, ...]]:
    """Panels as read with the corrections laid over them, and the corrections with the panels they found."""
    result = list(panels)
    settled = [dataclasses.replace(each, panel=None, machine=None) for each in corrections]
    free = set(range(len(panels)))
    for _, number, at in sorted(_fits(panels, corrections), reverse=True):
        if settled[number].panel is None and at in free:
            free.remove(at)
            settled[number] = dataclasses.replace(settled[number], panel=panels[at].id, machine=reading(panels[at]))
            result[at] = changed(panels[at], settled[number].changes)
    return tuple(result), tuple(settled)


def _fits(panels: Sequence[Panel], corrections: Sequence[Correction]) -> list[tuple[float, int, int]]:
    """How well each correction fits each panel, by (share, correction, panel); those that don't are left out."""
    found = []
    for number, correction in enumerate(corrections):
        for at, panel in enumerate(panels):
            share = overlap(correction.box, panel.box)
            same_label = correction.label is not None and correction.label == panel.label
            if share >= (SAME_LABEL if same_label else SAME_BOX):
                found.append((share, number, at))
    return found


def reading(panel: Panel) -> dict[str, Any]:
    """What was read of a panel, as plain JSON."""
    return {name: getattr(panel, name) for name in _READ} | {"scale": panel.scale and to_json(panel.scale)}


def changed(panel: Panel, changes: dict[str, Any]) -> Panel:
    """A panel with changes laid over it; what a person says is certain."""
    new = {name: value for name, value in changes.items() if name in FIELDS}
    for name in ("kind", "technique"):
        if name in new:
            new[f"{name}_confidence"] = 1.0
    return _with(panel, new)


def machine_panel(panel: Panel, corrections: Sequence[Correction]) -> Panel:
    """The panel as it was read, without corrections."""
    own = next((each for each in corrections if each.panel == panel.id), None)
    return panel if own is None or own.machine is None else _with(panel, own.machine)


def _with(panel: Panel, values: dict[str, Any]) -> Panel:
    if values.get("scale") is not None:
        told = dict(values["scale"])
        told["bar"] = tuple(told["bar"]) if told.get("bar") else None
        values = values | {"scale": ScaleReading(**told)}
    return dataclasses.replace(panel, **values)


def merged(panel: Panel, corrections: Sequence[Correction], changes: dict[str, Any]) -> tuple[Correction, ...]:
    """The corrections with more changes of a panel, given as it was read; the later of the same field wins."""
    own = next((each for each in corrections if each.panel == panel.id), None)
    others = tuple(each for each in corrections if each is not own)
    fresh = Correction(panel.box, panel.label, (own.changes if own else {}) | changes, panel.id)
    return (*others, fresh)


def fields_of(panel_id: str, corrections: Sequence[Correction]) -> tuple[str, ...]:
    """What was corrected of a panel, in the order of FIELDS."""
    names = {name for each in corrections if each.panel == panel_id for name in each.changes}
    return tuple(name for name in FIELDS if name in names)


def as_json(correction: Correction) -> dict[str, Any]:
    """A correction as plain JSON."""
    return to_json(correction)


def from_json(told: dict[str, Any]) -> Correction:
    """A correction of its plain JSON."""
    x0, y0, x1, y1 = (int(each) for each in told["box"])
    return Correction((x0, y0, x1, y1), told["label"], told["changes"], told["panel"], told["machine"])


def panel_from_json(told: dict[str, Any]) -> Panel:
    """A panel of the plain JSON of `corpus.to_json`."""
    x0, y0, x1, y1 = (int(each) for each in told["box"])
    rest = {name: value for name, value in told.items() if name != "box"}
    return _with(Panel(box=(x0, y0, x1, y1)), rest)
