"""Read images of Zeiss CZI files: channels, depth, time, scenes, mosaics; of large mosaics a smaller level."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mirsearch.imaging.pixel_sizes.sizes import to_number
from mirsearch.imaging.pixel_sizes.text import decode_text
from mirsearch.imaging.pixel_sizes.xml import parse_xml
from mirsearch.readers.base import Color, Plane
from mirsearch.readers.formats.czi_blocks import Block, CziSegments
from mirsearch.readers.formats.requirements import missing_formats
from mirsearch.settings import Limits

_NM_PER_METER = 1e9
_Key = tuple[int, int, int, int]
"""Position, moment, depth and channel of a plane."""

_FIELD_AXES = ("S", "B", "H", "V", "R", "I")
"""Axes that are told apart as positions: scene, block, phase, view, rotation, illumination."""


class CziFile:
    """An open CZI file. Each plane is put together of the subblocks of one level."""

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._segments = CziSegments(file)
        metadata = _Metadata(self._segments.xml())
        self.description = metadata.description
        blocks = self._segments.blocks()
        fields = {key: at for at, key in enumerate(sorted({_field(block) for block in blocks}))}
        planes: dict[_Key, list[Block]] = {}
        for block in blocks:
            start = block.start
            key = (fields[_field(block)], start.get("T", 0), start.get("Z", 0), start.get("C", 0))
            planes.setdefault(key, []).append(block)
        self.planes: list[Plane] = []
        self._parts: list[list[Block]] = []
        axes = [len({key[axis] for key in planes}) > 1 for axis in range(4)]
        for key in sorted(planes)[: limits.stack_planes]:
            parts = _best_level(planes[key], limits.plane_side)
            width, height = _extent(parts)[2:]
            position, t, z, c = (at if has else None for at, has in zip(key, axes, strict=True))
            nm = None if metadata.nm_per_px is None else metadata.nm_per_px * parts[0].reduction
            name, color, technique = metadata.channel(key[3])
            self.planes.append(Plane(width, height, nm, c, name, color, z, t, position, "", "micrograph", technique))
            self._parts.append(parts)

    def samples(self, index: int) -> NDArray[Any]:
        """Return the samples of a plane; parts of a mosaic that no subblock covers are 0."""
        parts = self._parts[index]
        left, top, width, height = _extent(parts)
        whole: NDArray[Any] | None = None
        for part in parts:
            samples = self._segments.samples(part)
            if len(parts) == 1:
                return samples
            if whole is None:
                whole = np.zeros((height, width, *samples.shape[2:]), samples.dtype)
            x, y = (part.start["X"] - left) // part.reduction, (part.start["Y"] - top) // part.reduction
            room = whole[y : y + samples.shape[0], x : x + samples.shape[1]]
            room[:] = samples[: room.shape[0], : room.shape[1]]
        assert whole is not None
        return whole


def _field(block: Block) -> tuple[int, ...]:
    return tuple(block.start.get(axis, 0) for axis in _FIELD_AXES)


def _best_level(blocks: Sequence[Block], side: int) -> list[Block]:
    """Return the subblocks of the finest level whose longer side is at most `side` px, or of the coarsest."""
    levels: dict[int, list[Block]] = {}
    for block in blocks:
        levels.setdefault(block.reduction, []).append(block)
    fitting = [level for level, parts in sorted(levels.items()) if max(_extent(parts)[2:]) <= side]
    return levels[fitting[0] if fitting else max(levels)]


def _extent(parts: Sequence[Block]) -> tuple[int, int, int, int]:
    """Return the left and top in px of the full level, and the width and height in px of the parts' own level."""
    left, top = min(part.start["X"] for part in parts), min(part.start["Y"] for part in parts)
    if len(parts) == 1:
        return left, top, *parts[0].stored
    right = max(part.start["X"] + part.size[0] for part in parts)
    bottom = max(part.start["Y"] + part.size[1] for part in parts)
    reduction = parts[0].reduction
    return left, top, max(1, (right - left) // reduction), max(1, (bottom - top) // reduction)


class _Metadata:
    """The pixel size, channels and instrument of the XML in a file; nothing of what is damaged."""

    def __init__(self, text: bytes) -> None:
        self._root = parse_xml(decode_text(text))

    def _text(self, path: str) -> str:
        found = None if self._root is None else self._root.findtext(path)
        return " ".join((found or "").split())

    @property
    def nm_per_px(self) -> float | None:
        """Return the width of a pixel in nm; the file gives it in m."""
        value = to_number(self._text(".//Scaling/Items/Distance[@Id='X']/Value"))
        return value * _NM_PER_METER if value is not None and value > 0 else None

    @property
    def description(self) -> str:
        """Return the microscope and the objective."""
        words = (
            self._text(".//Instrument/Microscopes/Microscope/System"),
            self._text(".//Objectives/Objective/Manufacturer/Model"),
        )
        return ", ".join(filter(None, words))[:200]

    def channel(self, number: int) -> tuple[str, Color | None, str | None]:
        """Return the name, the color and the technique of a channel."""
        if self._root is None:
            return "", None, None
        own = self._root.findall(".//Information/Image/Dimensions/Channels/Channel")
        shown = self._root.findall(".//DisplaySetting/Channels/Channel")
        if number >= len(own):
            return "", None, None
        channel = own[number]
        look = shown[number] if number < len(shown) else None
        name = channel.get("Name") or (look.get("Name") if look is not None else None) or ""
        method = f"{channel.findtext('ContrastMethod') or ''} {channel.findtext('IlluminationType') or ''}".lower()
        color = channel.findtext("Color") or (look.findtext("Color") if look is not None else None)
        return " ".join(name.split()), _color(color), _technique(method, channel.findtext("EmissionWavelength"))


def _technique(method: str, emission: str | None) -> str | None:
    if "fluorescence" in method or (emission and "transmitted" not in method):
        return "fluorescence"
    return "optical" if re.search(r"brightfield|phase|dic|transmitted|darkfield", method) else None


def _color(text: str | None) -> Color | None:
    """Return the color of "#AARRGGBB" or "#RRGGBB"; white says nothing."""
    found = re.fullmatch(r"#(?:[0-9A-Fa-f]{2})?([0-9A-Fa-f]{6})", (text or "").strip())
    if found is None or found[1].upper() == "FFFFFF":
        return None
    return (int(found[1][:2], 16), int(found[1][2:4], 16), int(found[1][4:], 16))


class CziReader:
    """Reads CZI; compressed ones with the package imagecodecs."""

    name = "czi"
    suffixes = frozenset((".czi",))

    @classmethod
    def missing_requirement(cls) -> str | None:
        """Return how to install imagecodecs, if it is missing: nearly all files are compressed."""
        return missing_formats("imagecodecs")

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Return whether a file begins like CZI."""
        return head.startswith(b"ZISRAWFILE")

    @contextmanager
    def open(self, path: Path, limits: Limits) -> Iterator[CziFile]:
        """Open a file."""
        with path.open("rb") as file:
            yield CziFile(file, limits)
