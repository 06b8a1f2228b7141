"""Fit a picture into a frame of fixed size with a ruler, so that several frames can share one physical scale."""

from __future__ import annotations

from mirsearch.report.pictures import Picture
from mirsearch.report.views import FramedPicture, Ruler
from mirsearch.report.wording import format_length, round_length_below

_MAX_RULER_SHARE = 0.4
"""A ruler takes at most this part of the frame's width: room is left for its label."""


def frame_picture(
    picture: Picture | None, nm_per_px: float | None, description: str, no_scale: str = "scale not known"
) -> FramedPicture:
    """Return the framed picture (None: a note that there is none). `nm_per_px` is that of the panel's file.

    `no_scale` stands in place of the ruler where the scale is not known.
    """
    known = nm_per_px if nm_per_px is not None and 0 < nm_per_px < float("inf") else None
    if picture is None:
        size = FramedPicture.FRAME_WIDTH, FramedPicture.FRAME_HEIGHT
        return FramedPicture(description, None, *size, None, None, no_scale if known is None else "")
    ruler = None if known is None else _make_ruler(picture, known)
    return FramedPicture(description, picture.data_url, picture.width, picture.height, known, ruler, no_scale)


def _make_ruler(picture: Picture, nm_per_px: float) -> Ruler:
    """Return a ruler of a round length in the picture's own scale."""
    frame_width, frame_height = FramedPicture.FRAME_WIDTH, FramedPicture.FRAME_HEIGHT
    units_per_nm = min(frame_width / picture.width, frame_height / picture.height) / nm_per_px
    length_nm = round_length_below(_MAX_RULER_SHARE * frame_width / units_per_nm)
    return Ruler(length_nm * units_per_nm, format_length(length_nm))
