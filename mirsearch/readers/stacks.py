"""Which images the planes of a file make: channels and their merge, projections of a depth, moments and positions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mirsearch.readers.base import Color, Plane
from mirsearch.readers.selection import Selection, first_middle_last
from mirsearch.settings import Limits

MERGE = "Merge"
"""Heading of the merge of the channels of a field."""

_LIGHT = (None, "fluorescence", "optical")
"""Techniques whose channels are merged: detectors of an electron microscope are not colors of one picture."""


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """One image of a figure of planes: the planes that are projected into it, or for a merge the images it is made of.

    `field` numbers the field (a position at a moment) that the image belongs to. `size` is the width and height in px.
    """

    planes: tuple[int, ...]
    heading: str
    field: int
    size: tuple[int, int]
    nm_per_px: float | None = None
    kind: str = "unknown"
    technique: str | None = None
    color: Color | None = None
    merged: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The images of a figure of planes in reading order, the number of images in each row, and what is left out."""

    images: tuple[PlannedImage, ...]
    columns: int
    note: str = ""


def plan_images(planes: Sequence[Plane], selection: Selection, limits: Limits) -> Plan:
    """Return the images to make of a file's planes."""
    if selection.pages is not None:
        return _plan_pages(planes, selection, limits)
    fields = _fields(planes)
    chosen = _chosen_fields(planes, fields, limits.figure_images)
    images: list[PlannedImage] = []
    cut = 0
    for number, key in enumerate(chosen):
        channels = _channels(planes, fields[key])
        merge = 1 if _can_merge(planes, channels) else 0
        room = limits.figure_images - merge
        cut += max(0, len(channels) - room)
        name = _field_name(planes[fields[key][0]], key, fields)
        single = [_channel_image(planes, channel, name, number, selection) for channel in channels[:room]]
        images += [*[_merge_image(single, len(images), name)] * merge, *single]
    notes = (
        f"{len(chosen)} of {len(fields)} positions and moments were taken" if len(chosen) < len(fields) else "",
        f"{cut} channels were left out" if cut else "",
    )
    per_field = len(images) // max(1, len(chosen))
    columns = per_field if per_field > 1 and len(chosen) > 1 else _square_columns(len(images))
    return Plan(tuple(images), columns, "; ".join(filter(None, notes)))


def _plan_pages(planes: Sequence[Plane], selection: Selection, limits: Limits) -> Plan:
    """Return one image for each page that was asked for."""
    asked = tuple(range(len(planes))) if isinstance(selection.pages, str) else selection.pages or ()
    pages = [page for page in asked if page < len(planes)]
    notes = (
        f"the first {limits.image_pages} of {len(pages)} pages were taken" if len(pages) > limits.image_pages else "",
        f"{len(asked) - len(pages)} of the pages asked for are not among its {len(planes)}"
        if len(pages) < len(asked)
        else "",
    )
    images = [
        _image((page,), planes[page], _joined(planes[page].channel_name, f"page {page + 1}"), number)
        for number, page in enumerate(pages[: limits.image_pages])
    ]
    return Plan(tuple(images), _square_columns(len(images)), "; ".join(filter(None, notes)))


_Key = tuple[int, int]
"""Position and moment of a field."""


def _fields(planes: Sequence[Plane]) -> dict[_Key, list[int]]:
    """Return the planes of each field: those of one position (or image of the file) at one moment."""
    fields: dict[_Key, list[int]] = {}
    for index, plane in enumerate(planes):
        fields.setdefault((plane.position or 0, plane.t or 0), []).append(index)
    return fields


def _chosen_fields(planes: Sequence[Plane], fields: dict[_Key, list[int]], most: int) -> list[_Key]:
    """Return the first, middle and last moment of the first, middle and last position, as many as there is room for."""
    chosen: list[_Key] = []
    for position in first_middle_last(sorted({position for position, _ in fields})):
        moments = sorted(moment for at, moment in fields if at == position)
        chosen += [(position, moment) for moment in first_middle_last(moments)]
    sizes = [len(_channels(planes, fields[key])) for key in chosen]
    largest = max(size + (size > 1) for size in sizes)
    return [chosen[at] for at in first_middle_last(range(len(chosen)), max(1, most // largest))]


def _channels(planes: Sequence[Plane], field: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the planes of each channel of a field, in the order of their depth."""
    channels: dict[int, list[int]] = {}
    for index in field:
        channels.setdefault(planes[index].channel or 0, []).append(index)
    return [tuple(sorted(channels[number], key=lambda index: planes[index].z or 0)) for number in sorted(channels)]


def _can_merge(planes: Sequence[Plane], channels: Sequence[tuple[int, ...]]) -> bool:
    """Return whether channels are colors of one field: two or more of one size, and none by electrons or a tip."""
    firsts = [planes[channel[0]] for channel in channels]
    sizes = {(plane.width, plane.height) for plane in firsts}
    return len(firsts) > 1 and len(sizes) == 1 and all(plane.technique in _LIGHT for plane in firsts)


def _field_name(plane: Plane, key: _Key, fields: dict[_Key, list[int]]) -> str:
    """Return the words that tell a field from the others: "position 2 · t 300"; of a single one, its title."""
    positions, moments = {position for position, _ in fields}, {moment for _, moment in fields}
    position = (plane.title or f"position {key[0] + 1}") if len(positions) > 1 else plane.title
    return _joined(position, f"t {key[1] + 1}" if len(moments) > 1 else "")


def _channel_image(
    planes: Sequence[Plane], channel: tuple[int, ...], field_name: str, field: int, selection: Selection
) -> PlannedImage:
    """Return the image of one channel of a field: a plane, or the projection of its depth."""
    first = planes[channel[0]]
    if len(channel) > 1 and selection.projection == "middle":
        channel = (channel[len(channel) // 2],)
    depth = f"{selection.projection} of {len(channel)} planes" if len(channel) > 1 else ""
    name = first.channel_name or (f"channel {first.channel + 1}" if first.channel is not None else "")
    return _image(channel, first, _joined(name, field_name, "" if name else depth), field)


def _merge_image(channels: Sequence[PlannedImage], at: int, field_name: str) -> PlannedImage:
    """Return the merge of the images of a field's channels, which stand behind place `at` of the figure."""
    lit = [number for number, image in enumerate(channels) if image.technique != "optical"]
    lit = lit if len(lit) > 1 else list(range(len(channels)))
    techniques = {channels[number].technique for number in lit}
    return PlannedImage(
        (), _joined(MERGE, field_name), channels[0].field, channels[0].size, channels[0].nm_per_px,
        "micrograph" if channels[0].kind == "micrograph" else "unknown",
        techniques.pop() if len(techniques) == 1 else None, None, tuple(at + 1 + number for number in lit),
    )  # fmt: skip


def _image(channel: tuple[int, ...], first: Plane, heading: str, field: int) -> PlannedImage:
    size = (first.width, first.height)
    return PlannedImage(channel, heading, field, size, first.nm_per_px, first.kind, first.technique, first.color)


def _square_columns(count: int) -> int:
    """Return the columns of a grid for so many images that is about as wide as high."""
    return max(1, math.ceil(math.sqrt(count)))


def _joined(*parts: str) -> str:
    return " · ".join(filter(None, parts))
