"""Names of panels on an overlay: what a tag says, how large it is, and where it hides nothing that was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mirsearch.corpus import Box, Panel
from mirsearch.report.overlay_style import Style, overlaps
from mirsearch.report.text_drawing import Color, plate_size
from mirsearch.report.wording import panel_heading, panel_name

_MIN_TEXT = 9
"""Smallest letters of a tag, px: smaller ones can't be read."""
_MAX_WIDTH_SHARE, _MAX_HEIGHT_SHARE = 0.5, 0.3
"""Greatest size of a tag, as a share of its panel's sides: the picture must stay visible."""
_MAX_HEADING_SHARE = 0.7
"""The same for the width of a tag with the panel's heading."""
_MAX_HEADED = 8
"""Most images of a letter whose tags have a heading. With more, the legend has it, and the pictures stay free."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A word on a plate: its box in px of the drawing, the size of its letters, and the color of the plate."""

    box: Box
    text: str
    size: int
    color: Color


def place_tags(
    panels: Sequence[Panel], boxes: Sequence[Box], colors: Sequence[Color], taken: list[Box], style: Style, area: Box
) -> list[Tag]:
    """Return a tag for each panel, in a corner where it hides nothing of `taken` and no other tag if there is one.

    `boxes` are the panels' boxes in px of the drawing, and `area` is that of the drawing. Adds the tags to `taken`. All
    tags of a letter have letters of one size, and either all or none of them have the heading.
    """
    names: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    keys = [panel.label or f"#{at}" for at, panel in enumerate(panels)]
    for key in dict.fromkeys(keys):
        own = [at for at in range(len(panels)) if keys[at] == key]
        names[key], sizes[key] = _choose_names([(panels[at], at + 1) for at in own], [boxes[at] for at in own], style)
    tags = []
    for key, box, color in zip(keys, boxes, colors, strict=True):
        text = names[key].pop(0)
        place = _free_corner(box, plate_size(text, sizes[key]), taken, area)
        taken.append(place)
        tags.append(Tag(place, text, sizes[key], color))
    return tags


def place_group_tags(
    groups: dict[Box, tuple[str, Color]], boxes: Sequence[Box], taken: list[Box], style: Style, area: Box
) -> list[Tag]:
    """Return a tag for each group's letter, just outside its frame where no panel and no tag lies, else inside."""
    tags = []
    size = max(_MIN_TEXT, round(style.text * 0.8))
    for box, (letter, color) in groups.items():
        width, height = plate_size(letter, size)
        x0, y0, x1, y1 = box
        outside = [(x0, y0 - height), (x0 - width, y0), (x1 - width, y0 - height), (x0, y1), (x1, y0)]
        places = [(x, y, x + width, y + height) for x, y in outside]
        inside = [place for place in places if _lies_in(place, area)]
        free = [place for place in inside if not any(overlaps(place, other) for other in (*taken, *boxes))]
        place = free[0] if free else _free_corner(box, (width, height), taken, area)
        taken.append(place)
        tags.append(Tag(place, letter, size, color))
    return tags


def _choose_names(numbered: Sequence[tuple[Panel, int]], boxes: Sequence[Box], style: Style) -> tuple[list[str], int]:
    """Return the longest names of a letter's panels that leave their pictures visible, and the size of their letters.

    They are key and heading, the key alone, or only the part's number; letters shrink before names become shorter.
    """
    names = [panel_name(panel, number) for panel, number in numbered]
    headings = [panel_heading(panel, 40) for panel, _ in numbered]
    long = [" · ".join(filter(None, pair)) for pair in zip(names, headings, strict=True)]
    short = [str(panel.part or name)[:6] for (panel, _), name in zip(numbered, names, strict=True)]
    sizes = [size for size in (style.text, round(style.text * 0.8), round(style.text * 0.65)) if size > _MIN_TEXT]
    sizes.append(_MIN_TEXT)
    choices = [(long, size, _MAX_HEADING_SHARE) for size in sizes[:2] if len(numbered) <= _MAX_HEADED and any(headings)]
    choices += [(names, size, _MAX_WIDTH_SHARE) for size in sizes]
    for texts, size, share in choices:
        if all(_fits(text, size, share, box) for text, box in zip(texts, boxes, strict=True)):
            return texts, size
    return short, _MIN_TEXT


def _fits(text: str, size: int, share: float, box: Box) -> bool:
    width, height = plate_size(text, size)
    return width <= share * (box[2] - box[0]) and height <= _MAX_HEIGHT_SHARE * (box[3] - box[1])


def _free_corner(box: Box, plate: tuple[int, int], taken: Sequence[Box], area: Box) -> Box:
    """Return the place of a plate in a corner of a box: the first that hides nothing, else the first."""
    width, height = plate
    x0, y0, x1, y1 = box
    corners = [(x1 - width, y0), (x0, y0), (x1 - width, y1 - height), (x0, y1 - height)]
    inside = [(min(max(x, 0), area[2] - width), min(max(y, 0), area[3] - height)) for x, y in corners]
    places = [(x, y, x + width, y + height) for x, y in inside]
    return next((place for place in places if not any(overlaps(place, other) for other in taken)), places[0])


def _lies_in(box: Box, area: Box) -> bool:
    return area[0] <= box[0] and area[1] <= box[1] and box[2] <= area[2] and box[3] <= area[3]
