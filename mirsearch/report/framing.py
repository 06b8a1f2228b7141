"""A picture with a ruler under it, as SVG: a frame of 400 × 300 units, so that frames can share one physical scale."""

from __future__ import annotations

from mirsearch.report.markup import Markup, el
from mirsearch.report.pictures import Picture
from mirsearch.report.wording import format_length, round_length_below

WIDTH, HEIGHT, STRIP = 400, 300, 34
_BAR_SHARE = 0.4


def scene(
    picture: Picture | None, nm_per_px: float | None, description: str, without: str = "scale not known"
) -> Markup:
    """The frame of a picture (None: a note that there is none); `nm_per_px` is that of the panel's file.

    `without` stands in place of the ruler where there is no scale.
    """
    known = nm_per_px is not None and 0 < nm_per_px < float("inf")
    width, height = (picture.width, picture.height) if picture else (WIDTH, HEIGHT)
    attributes: dict[str, object] = {
        "class": "scene",
        "viewBox": f"0 0 {WIDTH} {HEIGHT + STRIP}",
        "role": "img",
        "aria-label": description,
        "data-w": width,
        "data-h": height,
        "data-nm": nm_per_px if known and picture else None,
        "data-without": without,
    }
    return el(
        "svg",
        attributes,
        _bed(),
        _view(picture, width, height),
        _ruler(width, height, nm_per_px if known else None, without),
    )


def _bed() -> Markup:
    return el("rect", {"class": "bed", "width": WIDTH, "height": HEIGHT})


def _view(picture: Picture | None, width: int, height: int) -> Markup:
    if picture is None:
        return el("text", {"class": "none", "x": WIDTH // 2, "y": HEIGHT // 2}, "no picture at hand")
    image = el("image", {"href": picture.data_url, "width": width, "height": height, "preserveAspectRatio": "none"})
    view: dict[str, object] = {"class": "view", "width": WIDTH, "height": HEIGHT, "viewBox": f"0 0 {width} {height}"}
    return el("svg", view, image)


def _ruler(width: int, height: int, nm_per_px: float | None, without: str) -> Markup:
    """A bar of a round length in the picture's own scale, with its label; `without` where no scale is known."""
    middle = HEIGHT + STRIP / 2
    if nm_per_px is None:
        text = el("text", {"x": 0, "y": middle + 6}, without)
        return el("g", {"class": "ruler unknown"}, text)
    units_per_nm = min(WIDTH / width, HEIGHT / height) / nm_per_px
    bar_nm = round_length_below(_BAR_SHARE * WIDTH / units_per_nm)
    bar = bar_nm * units_per_nm
    parts = (
        el("rect", {"x": 0, "y": middle - 3.0, "width": bar, "height": 6}),
        el("text", {"x": bar + 9.0, "y": middle + 6}, format_length(bar_nm)),
    )
    return el("g", {"class": "ruler"}, *parts)
