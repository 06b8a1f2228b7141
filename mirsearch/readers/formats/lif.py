"""Read images of Leica's LIF files with the package liffile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.readers.base import Color, Plane
from mirsearch.readers.formats.requirements import missing_formats
from mirsearch.settings import Limits

_NM_PER_METER = 1e9
_COLORS: dict[str, Color] = {
    "red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "cyan": (0, 255, 255), "magenta": (255, 0, 255),
    "yellow": (255, 255, 0),
}  # fmt: skip
"""Colors by the name of Leica's lookup table; Gray says nothing."""

_LARGEST_PIXEL = 1e-3
"""Meters: a step that is larger is none of a microscope."""


class LifFile:
    """An open LIF file. Each of its images is a position; other axes than depth, time and channel are moments too."""

    description = ""

    def __init__(self, opened: Any, limits: Limits) -> None:
        images = [image for image in opened.images if _frame_axes(image) is not None]
        self._places: list[tuple[Any, dict[str, int]]] = []
        self.planes: list[Plane] = []
        for number, image in enumerate(images):
            for plane, place in _planes(image, number if len(images) > 1 else None):
                if len(self.planes) >= limits.stack_planes:
                    return
                self.planes.append(plane)
                self._places.append((image, place))

    def samples(self, index: int) -> NDArray[Any]:
        """Return the samples of a plane."""
        image, place = self._places[index]
        return np.asarray(image.frame(**place))


def _planes(image: Any, position: int | None) -> Iterator[tuple[Plane, dict[str, int]]]:
    """Yield the planes of an image, each with its place along the axes of the image."""
    sizes = {axis: int(size) for axis, size in image.sizes.items()}
    rows, columns = _frame_axes(image) or ("Y", "X")
    axes = [axis for axis in sizes if axis not in (rows, columns, "S")]
    looks = _channels(image, sizes.get("C", 1))
    nm = _pixel_size(image)
    title = str(image.name)[:80] if position is not None else ""
    moments = [axis for axis in axes if axis not in ("C", "Z") and sizes[axis] > 1]
    has_depth = "Z" in axes and sizes["Z"] > 1
    for at in product(*(range(sizes[axis]) for axis in axes)):
        place = dict(zip(axes, at, strict=True))
        name, color = looks[place.get("C", 0)]
        yield (
            Plane(
                sizes[columns], sizes[rows], nm, place["C"] if sizes.get("C", 1) > 1 else None, name, color,
                place["Z"] if has_depth else None, _moment(place, moments, sizes), position, title,
                "micrograph",
            ),
            place,
        )  # fmt: skip


def _frame_axes(image: Any) -> tuple[str, str] | None:
    """Return the axes of the rows and columns of an image, in most "Y" and "X"; None if it is no picture."""
    axes = [axis for axis in image.dims if axis != "S"]
    return (axes[-2], axes[-1]) if len(axes) >= 2 and {axes[-2], axes[-1]} <= {"X", "Y", "Z"} else None


def _moment(place: Mapping[str, int], moments: list[str], sizes: Mapping[str, int]) -> int | None:
    """Return the number of a moment, counted over all axes that are neither channel nor depth; None without one."""
    number = 0
    for axis in moments:
        number = number * sizes[axis] + place[axis]
    return number if moments else None


def _pixel_size(image: Any) -> float | None:
    """Return the width of a pixel in nm, from the places of its columns in m."""
    columns = image.coords.get((_frame_axes(image) or ("Y", "X"))[1])
    if columns is None or len(columns) < 2:
        return None
    step = abs(float(columns[-1]) - float(columns[0])) / (len(columns) - 1)
    return step * _NM_PER_METER if 0 < step < _LARGEST_PIXEL else None


def _channels(image: Any, count: int) -> list[tuple[str, Color | None]]:
    """Return the name and the color of each channel, by its lookup table."""
    tables = [str(element.get("LUTName") or "") for element in image.xml_element.findall(".//ChannelDescription")]
    names = [str(element.get("DyeName") or "") for element in image.xml_element.findall(".//ChannelDescription")]
    looks = []
    for number in range(count):
        table = tables[number] if number < len(tables) else ""
        dye = names[number] if number < len(names) else ""
        looks.append((dye or (table if table.lower() in _COLORS else ""), _COLORS.get(table.lower())))
    return looks


class LifReader:
    """Reads LIF with the package liffile."""

    name = "lif"
    suffixes = frozenset((".lif",))

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return how to install liffile, if it is missing."""
        return missing_formats("liffile")

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether a file begins like LIF."""
        return head[:4] == b"\x70\0\0\0" and head[8:9] == b"\x2a"

    @contextmanager
    def open(self, path: Path, limits: Limits) -> Iterator[LifFile]:
        """Open a file."""
        import liffile

        with liffile.LifFile(path) as opened:
            yield LifFile(opened, limits)
