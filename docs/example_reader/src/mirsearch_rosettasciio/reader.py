"""A reader for mirsearch that asks rosettasciio for the formats that mirsearch does not read itself."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.imaging.pixel_sizes.units import nm_per_unit
from mirsearch.readers.base import Plane
from mirsearch.settings import Limits

MODULES = {
    ".bcf": "bruker",
    ".blo": "blockfile",
    ".mib": "quantumdetector",
    ".elid": "phenom",
    ".rpl": "ripple",
    ".sur": "digitalsurf",
    ".pro": "digitalsurf",
    ".asw": "jeol",
    ".tvips": "tvips",
    ".wdf": "renishaw",
    ".unf": "semper",
    ".dens": "dens",
}
"""The module of rosettasciio for each suffix."""


class RosettaFile:
    """The images of a file: signals with two axes of a picture. Further axes are moments."""

    description = ""

    def __init__(self, signals: list[dict[str, Any]], limits: Limits) -> None:
        self.planes: list[Plane] = []
        self._places: list[tuple[Any, int]] = []
        for number, signal in enumerate(signals):
            pictures = _pictures(signal)
            for at in range(0 if pictures is None else len(pictures)):
                if len(self.planes) < limits.stack_planes:
                    self.planes.append(_plane(signal, pictures, at, number if len(signals) > 1 else None))
                    self._places.append((pictures, at))

    def samples(self, index: int) -> NDArray[Any]:
        """Return the samples of a plane."""
        pictures, at = self._places[index]
        return np.asarray(pictures[at])


def _picture_axes(signal: dict[str, Any]) -> list[int]:
    """Return the two axes of a picture: those of the signal, or of a map of spectra those of the scan."""
    for is_scan in (False, True):
        axes = [at for at, axis in enumerate(signal["axes"]) if bool(axis.get("navigate")) is is_scan]
        if len(axes) == 2:
            return axes
    return []


def _pictures(signal: dict[str, Any]) -> Any:
    """Return the pictures of a signal as an array (n, h, w), or None. A map of spectra becomes its sum."""
    data, axes = signal["data"], _picture_axes(signal)
    if len(axes) != 2 or data.ndim != len(signal["axes"]) or data.dtype.kind not in "uif":
        return None
    others = tuple(at for at in range(data.ndim) if at not in axes)
    if bool(signal["axes"][axes[0]].get("navigate")):
        return np.asarray(data.sum(axis=others))[None]
    return np.moveaxis(data, axes, (-2, -1)).reshape(-1, *(data.shape[at] for at in axes))


def _plane(signal: dict[str, Any], pictures: Any, at: int, position: int | None) -> Plane:
    axis = signal["axes"][_picture_axes(signal)[1]]
    unit, step = nm_per_unit(axis.get("units") or ""), abs(float(axis.get("scale") or 0.0))
    title = str(signal.get("metadata", {}).get("General", {}).get("title", ""))[:80]
    return Plane(
        pictures.shape[2],
        pictures.shape[1],
        unit * step if unit and step else None,
        t=at if len(pictures) > 1 else None,
        position=position,
        title=title if position is not None else "",
    )


class RosettaReader:
    """Reads what rosettasciio reads, and mirsearch does not."""

    name = "rosettasciio"
    suffixes = frozenset(MODULES)

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return None: the package needs rosettasciio."""
        return None

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether a file has one of the suffixes; rosettasciio looks at the content."""
        return path.suffix.lower() in self.suffixes and bool(head)

    @contextmanager
    def open(self, path: Path, limits: Limits) -> Iterator[RosettaFile]:
        """Read a file."""
        module = importlib.import_module(f"rsciio.{MODULES[path.suffix.lower()]}")
        yield RosettaFile(module.file_reader(str(path)), limits)
