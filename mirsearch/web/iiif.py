"""The parameters of an image address in the form of the IIIF Image API 3, and the description of an image."""

from __future__ import annotations

import re
from typing import Any

from mirsearch.corpus import Box, Figure
from mirsearch.errors import UsageError
from mirsearch.report.wording import article_title, byline, license_link, license_name, venue

MAX_SIDE = 4_096
"""Longest side of an image that is sent, in px. Larger figures are asked for in parts."""
_CONTEXT = "http://iiif.io/api/image/3/context.json"
_NUMBER = r"\d{1,7}(?:\.\d{1,9})?"


def parse_region(text: str, width: int, height: int) -> Box:
    """Return the box of `full`, `square`, `x,y,w,h` or `pct:x,y,w,h` in an image of width × height px."""
    if text == "full":
        return (0, 0, width, height)
    if text == "square":
        side = min(width, height)
        x, y = (width - side) // 2, (height - side) // 2
        return (x, y, x + side, y + side)
    parts = re.fullmatch(rf"(pct:)?({_NUMBER}),({_NUMBER}),({_NUMBER}),({_NUMBER})", text)
    if not parts or (not parts[1] and "." in text):
        raise UsageError(f"{text!r} is no region", "give full, square, x,y,w,h in px, or pct:x,y,w,h")
    x0, y0, w, h = (float(part) for part in parts.groups()[1:])
    if parts[1]:
        x0, y0, w, h = x0 * width / 100, y0 * height / 100, w * width / 100, h * height / 100
    box = (round(x0), round(y0), min(round(x0 + w), width), min(round(y0 + h), height))
    if box[0] >= box[2] or box[1] >= box[3]:
        raise UsageError(f"the region {text} lies outside the image", f"the image is {width} × {height} px")
    return box


def parse_size(text: str, width: int, height: int) -> tuple[int, int]:
    """Return the size in px of a region of width × height px for `max`, `w,`, `,h`, `w,h`, `!w,h` or `pct:n`.

    Only a size with `^` in front may be larger than the region.
    """
    body, grows = text.removeprefix("^"), text.startswith("^")
    limit = MAX_SIDE
    if body == "max":
        factor = min(limit / max(width, height), float("inf") if grows else 1.0)
        return _scaled(width, height, factor)
    percent = re.fullmatch(rf"pct:({_NUMBER})", body)
    numbers = re.fullmatch(r"(!?)(\d{0,6}),(\d{0,6})", body)
    if percent:
        size = _scaled(width, height, float(percent[1]) / 100)
    elif numbers and (numbers[2] or numbers[3]) and not (numbers[1] and not (numbers[2] and numbers[3])):
        size = _size_of(numbers, width, height, grows)
    else:
        raise UsageError(f"{text!r} is no size", "give max, w, or ,h or w,h or !w,h in px, or pct:n")
    if min(size) < 1 or max(size) > limit:
        raise UsageError(f"the size {text} is out of range", f"give sides of 1 to {limit} px")
    if not grows and (size[0] > width or size[1] > height):
        raise UsageError(f"the size {text} is larger than the region", f"write ^{body} to enlarge it")
    return size


def _size_of(numbers: re.Match[str], width: int, height: int, grows: bool) -> tuple[int, int]:
    w, h = (int(number) if number else None for number in numbers.groups()[1:])
    if w is not None and h is not None:
        if not numbers[1]:
            return (w, h)
        factor = min(w / width, h / height)
        return _scaled(width, height, factor if grows else min(factor, 1.0)) if min(w, h) > 0 else (0, 0)
    if w is not None:
        return (w, max(1, round(height * w / width)) if w else 0)
    assert h is not None
    return (max(1, round(width * h / height)) if h else 0, h)


def _scaled(width: int, height: int, factor: float) -> tuple[int, int]:
    if factor <= 0:
        return (0, 0)
    return (max(1, round(width * factor)), max(1, round(height * factor)))


def image_info(figure: Figure, address: str) -> dict[str, Any]:
    """Return info.json of a figure: its size and sizes, what the server can do, its license and credit."""
    sizes = []
    for side in (320, 720, 1600):
        if side < max(figure.width, figure.height):
            width, height = _scaled(figure.width, figure.height, side / max(figure.width, figure.height))
            sizes.append({"type": "Size", "width": width, "height": height})
    info: dict[str, Any] = {
        "@context": _CONTEXT,
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level1",
        "width": figure.width,
        "height": figure.height,
        "maxWidth": MAX_SIDE,
        "maxHeight": MAX_SIDE,
        "sizes": sizes,
        "extraFeatures": ["regionByPct", "sizeByPct", "sizeByConfinedWh", "sizeByWh", "sizeUpscaling"],
        "preferredFormats": ["jpg"],
    }
    link, article = license_link(figure.article), figure.article
    if link:
        info["rights"] = link
    if article is not None:
        told = [byline(article), article_title(article), venue(article), license_name(article.license)]
        info["attribution"] = ", ".join(part for part in told if part)
    return info
