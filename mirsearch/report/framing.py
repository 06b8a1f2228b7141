"""Fit a picture into a frame of fixed size with a ruler, so that several frames can share one physical scale."""

from __future__ import annotations

from collections.abc import Sequence

from mirsearch.corpus import Box, Figure, Panel
from mirsearch.report.pictures import Picture
from mirsearch.report.views import FramedPicture, MapBox, Ruler
from mirsearch.report.wording import format_length, round_length_below

_MAP_WIDTH, _MAP_HEIGHT, _MAP_MARGIN = 74.0, 28.0, 6.0
"""Greatest size of the map of a figure beside the ruler, and its distance from the frame's edge, in its units."""
_MAX_MAPPED_SHARE = 0.8
"""Share of its figure's area above which a panel needs no map: it is the figure."""
_MAX_RULER_SHARE = 0.4
"""A ruler takes at most this part of the frame's width: room is left for its label."""


def frame_picture(
    picture: Picture | None,
    nm_per_px: float | None,
    description: str,
    no_scale: str = "scale not known",
    map_boxes: tuple[MapBox, ...] = (),
) -> FramedPicture:
    """Return the framed picture (None: a note that there is none). `nm_per_px` is that of the panel's file.

    `no_scale` stands in place of the ruler where the scale is not known, and `map_boxes` at its right.
    """
    known = nm_per_px if nm_per_px is not None and 0 < nm_per_px < float("inf") else None
    if picture is None:
        size = FramedPicture.FRAME_WIDTH, FramedPicture.FRAME_HEIGHT
        return FramedPicture(description, None, *size, None, None, no_scale if known is None else "", map_boxes)
    ruler = None if known is None else _make_ruler(picture, known)
    return FramedPicture(
        description, picture.data_url, picture.width, picture.height, known, ruler, no_scale, map_boxes, picture.note
    )


def figure_map(figure: Figure, panel: Panel, others: Sequence[Panel] = ()) -> tuple[MapBox, ...]:
    """Return a small map of the figure with the panel, its letter and other found images; empty if it is the figure."""
    if figure.width <= 0 or figure.height <= 0:
        return ()
    if panel.width * panel.height > _MAX_MAPPED_SHARE * figure.width * figure.height:
        return ()
    factor = min(_MAP_WIDTH / figure.width, _MAP_HEIGHT / figure.height)
    left = FramedPicture.FRAME_WIDTH - _MAP_MARGIN - factor * figure.width
    top = FramedPicture.FRAME_HEIGHT + (FramedPicture.RULER_HEIGHT - factor * figure.height) / 2

    def place(role: str, box: Box) -> MapBox:
        x0, x1 = (factor * min(max(edge, 0), figure.width) for edge in (box[0], box[2]))
        y0, y1 = (factor * min(max(edge, 0), figure.height) for edge in (box[1], box[3]))
        return MapBox(role, left + x0, top + y0, max(x1 - x0, 0), max(y1 - y0, 0))

    boxes = [place("figure", (0, 0, figure.width, figure.height))]
    boxes += [place("letter", panel.group)] if panel.group is not None else []
    boxes += [place("other", other.box) for other in others]
    return (*boxes, place("panel", panel.box))


def _make_ruler(picture: Picture, nm_per_px: float) -> Ruler:
    """Return a ruler of a round length in the picture's own scale."""
    frame_width, frame_height = FramedPicture.FRAME_WIDTH, FramedPicture.FRAME_HEIGHT
    units_per_nm = min(frame_width / picture.width, frame_height / picture.height) / nm_per_px
    length_nm = round_length_below(_MAX_RULER_SHARE * frame_width / units_per_nm)
    return Ruler(length_nm * units_per_nm, format_length(length_nm))
