"""Read images of Nikon's ND2 files with the package nd2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.readers.base import Color, Plane
from mirsearch.readers.formats.requirements import missing_formats
from mirsearch.settings import Limits

_NM_PER_MICROMETER = 1e3
_HEADS = (b"\xda\xce\xbe\x0a", b"\0\0\0\x0cjP  \r\n\x87\n")
"""First bytes of an ND2 file of today, and of one of before 2010, which is a JPEG 2000."""


class Nd2File:
    """An open ND2 file. A frame holds all channels of a field, or the colors of a camera."""

    def __init__(self, opened: Any, limits: Limits) -> None:
        self._opened = opened
        sizes = dict(opened.sizes)
        self._channels = int(sizes.get("C", 1))
        self._colors = int(sizes.get("S", 1))
        width, height = int(sizes["X"]), int(sizes["Y"])
        size = float(opened.voxel_size().x) * _NM_PER_MICROMETER
        nm = size if 0 < size < float("inf") and size != _NM_PER_MICROMETER else None
        told = [_channel(opened, number) for number in range(self._channels)]
        self.description = _description(opened)
        self._places: list[tuple[int, int]] = []
        self.planes: list[Plane] = []
        for frame, place in enumerate(opened.loop_indices or ({},)):
            for number, (name, color, technique) in enumerate(told):
                if len(self.planes) >= limits.stack_planes:
                    return
                self._places.append((frame, number))
                self.planes.append(
                    Plane(width, height, nm, number if self._channels > 1 else None, name, color, place.get("Z"),
                          place.get("T"), place.get("P"), "", "micrograph", technique)
                )  # fmt: skip

    def samples(self, index: int) -> NDArray[Any]:
        """Return the samples of a plane."""
        frame, channel = self._places[index]
        samples = np.asarray(self._opened.read_frame(frame))
        if self._channels > 1:
            samples = samples[channel]
        return np.asarray(samples).squeeze()


def _channel(opened: Any, number: int) -> tuple[str, Color | None, str | None]:
    """Return the name, the color and the technique of a channel."""
    channels = getattr(opened.metadata, "channels", None) or []
    if number >= len(channels):
        return "", None, None
    channel = channels[number].channel
    color = getattr(channel, "color", None)
    own = None if color is None else (int(color.r), int(color.g), int(color.b))
    flags = {str(flag).lower() for flag in getattr(channels[number].microscope, "modalityFlags", None) or ()}
    technique = "fluorescence" if "fluorescence" in flags else "optical" if "brightfield" in flags else None
    return " ".join(str(channel.name or "").split()), own if own != (255, 255, 255) else None, technique


def _description(opened: Any) -> str:
    """Return the objective and the camera, as the file tells them in words."""
    told = opened.text_info or {}
    return " ".join(str(told.get("optics", "")).split())[:200] if isinstance(told, dict) else ""


class Nd2Reader:
    """Reads ND2 with the package nd2."""

    name = "nd2"
    suffixes = frozenset((".nd2",))

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return how to install nd2, if it is missing."""
        return missing_formats("nd2")

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether a file begins like ND2; an old one, a JPEG 2000, must have the suffix."""
        return head.startswith(_HEADS[0]) or (head.startswith(_HEADS[1]) and path.suffix.lower() == ".nd2")

    @contextmanager
    def open(self, path: Path, limits: Limits) -> Iterator[Nd2File]:
        """Open a file."""
        import nd2

        with nd2.ND2File(path) as opened:
            yield Nd2File(opened, limits)
