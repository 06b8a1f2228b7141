"""Find the data sets of an HDF5 file that are marked as images, with their calibration."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mirsearch.imaging.pixel_sizes.sizes import to_number
from mirsearch.imaging.pixel_sizes.units import nm_per_unit
from mirsearch.readers.base import Plane
from mirsearch.settings import LIMITS

_MOST_SETS = 2_000
"""Most groups and data sets that are looked at."""

_LARGEST_JSON = 4 << 20
_NM_PER_METER = 1e9
_RECIPROCAL = ("1/", "^-1", "⁻¹", "_-1", "-1]")


@dataclass(frozen=True, slots=True)
class MarkedImage:
    """A data set with two axes of a picture, `rows` and `columns`; all other axes number its planes.

    `is_depth`: the planes are a depth, else they are moments. `is_color`: the last axis holds red, green and blue.
    """

    data: Any
    plane: Plane
    rows: int
    columns: int
    is_depth: bool = False
    is_color: bool = False
    description: str = ""

    @property
    def others(self) -> list[int]:
        """Return the axes that number the planes."""
        used = {self.rows, self.columns} | ({self.data.ndim - 1} if self.is_color else set())
        return [axis for axis in range(self.data.ndim) if axis not in used]

    def planes(self, number: int | None) -> list[Plane]:
        """Return the planes of image `number` of a file; None: the only one.

        Detectors of one scan are channels, so that all are shown; other images are positions.
        """
        plane = replace(self.plane, title="")
        if number is not None and self.plane.technique is not None:
            plane = replace(plane, channel=number, channel_name=self.plane.title)
        elif number is not None:
            plane = replace(self.plane, position=number)
        count = math.prod(self.data.shape[axis] for axis in self.others)
        if count == 1:
            return [plane]
        return [replace(plane, z=at) if self.is_depth else replace(plane, t=at) for at in range(count)]

    def read(self, at: int) -> Any:
        """Return the samples of plane `at`; only its part of the data set is read."""
        place: list[Any] = [slice(None)] * self.data.ndim
        for axis in reversed(self.others):
            at, place[axis] = divmod(at, self.data.shape[axis])
        samples = self.data[tuple(place)]
        return samples if self.rows < self.columns else np.swapaxes(samples, 0, 1)


def find_images(file: Any) -> list[MarkedImage]:
    """Return the marked images of an open h5py.File, in the order of the file."""
    if "Data/Image" in file:
        return list(_velox(file))
    found: list[MarkedImage] = []
    for count, item in enumerate(_walk(file)):
        if count >= _MOST_SETS:
            break
        image = _berkeley(item) or _hyperspy(item) or _hdf5_image(item)
        if image is not None:
            found.append(image)
    return found


def _walk(group: Any, depth: int = 0) -> Iterator[Any]:
    """Yield the items of a group and of those below it. Links to other files are left alone."""
    import h5py

    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            continue
        item = group[name]
        yield item
        if isinstance(item, h5py.Group) and depth < 12:
            yield from _walk(item, depth + 1)


def _is_picture(data: Any, rows: int, columns: int) -> bool:
    """Return whether a data set has numbers and two axes of a picture, all of them in the file itself."""
    if getattr(data, "external", None) or getattr(data, "is_virtual", False):
        return False
    chunk = getattr(data, "chunks", None)
    if chunk is not None and math.prod(chunk) > LIMITS.image_pixels:
        return False  # a part of it would be unpacked with all of the chunk
    kind = getattr(data, "dtype", np.dtype("O")).kind
    return kind in "uifcb" and data.ndim >= 2 and min(data.shape[rows], data.shape[columns]) >= 2 and data.size > 0


def _velox(file: Any) -> Iterator[MarkedImage]:
    """Yield the images of Velox: (rows, columns, frames), each with JSON of the first frame."""
    for item in list(file["Data/Image"].values())[:_MOST_SETS]:
        data = item.get("Data")
        if data is None or data.ndim != 3 or not _is_picture(data, 0, 1):
            continue
        told = _velox_metadata(item)
        size, unit = _look(told, "BinaryResult", "PixelSize", "width"), _look(told, "BinaryResult", "PixelUnitX")
        is_reciprocal = any(mark in str(unit) for mark in _RECIPROCAL)
        step = to_number(size)
        nm = step * _NM_PER_METER if step and unit == "m" else None
        detector = str(_look(told, "BinaryResult", "Detector") or "")
        mode = f"{_look(told, 'Optics', 'IlluminationMode') or ''} {_look(told, 'Instrument', 'InstrumentClass') or ''}"
        technique = "diffraction" if is_reciprocal else _electron_technique(detector)
        voltage = to_number(_look(told, "Optics", "AccelerationVoltage"))
        words = (detector, technique or "", mode.strip(), f"{voltage / 1000:g} kV" if voltage else "")
        plane = Plane(
            data.shape[1], data.shape[0], nm, title=detector, kind="diffraction" if is_reciprocal else "micrograph",
            technique=technique,
        )  # fmt: skip
        yield MarkedImage(data, plane, 0, 1, description=", ".join(filter(None, words))[:200])


def _velox_metadata(item: Any) -> Mapping[str, Any]:
    """Return the JSON that describes the first frame: bytes down the first column, up to a zero."""
    data = item.get("Metadata")
    if data is None or data.ndim != 2 or data.shape[0] > _LARGEST_JSON or data.dtype != np.uint8:
        return {}
    try:
        told = json.loads(bytes(data[:, 0]).split(b"\0", 1)[0])
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _electron_technique(detector: str) -> str | None:
    """Return the technique by the name of a detector: cameras are those of TEM."""
    name = detector.upper()
    if any(camera in name for camera in ("CETA", "CAM", "FALCON", "CCD", "K2", "K3")):
        return "TEM"
    return "STEM" if any(word in name for word in ("DF", "BF", "DPC", "SE", "PANTHER")) else None


def _look(told: Any, *path: str) -> Any:
    """Return a value of nested mappings, or None if a step is missing."""
    for name in path:
        told = told.get(name) if isinstance(told, Mapping) else None
    return told


def _berkeley(item: Any) -> MarkedImage | None:
    """Return an image of an EMD group of Berkeley's: `data` with an axis `dim1`, `dim2`, … for each of its axes."""
    if "emd_group_type" not in item.attrs or not hasattr(item, "get"):
        return None
    data = item.get("data", item.get("realslice"))
    if data is None or not hasattr(data, "dtype") or data.ndim < 2:
        return None
    rows, columns = data.ndim - 2, data.ndim - 1
    if not _is_picture(data, rows, columns):
        return None
    axis = item.get(f"dim{columns + 1}")
    values, units = _axis_values(axis), _text(axis.attrs.get("units", "")) if axis is not None else ""
    step = abs(values[1] - values[0]) if len(values) > 1 else None
    return MarkedImage(data, _calibrated(data, rows, columns, step, units, _title(item)), rows, columns, is_depth=True)


def _axis_values(axis: Any) -> list[float]:
    """Return the first two places of an axis."""
    if axis is None or not hasattr(axis, "dtype") or axis.ndim != 1 or axis.dtype.kind not in "uif":
        return []
    return [float(value) for value in axis[:2]]


def _hyperspy(item: Any) -> MarkedImage | None:
    """Return an image of HyperSpy: `data` with groups axis-0, axis-1, …, each with name, scale, units, navigate."""
    if not hasattr(item, "get") or "axis-0" not in item or "data" not in item:
        return None
    data = item["data"]
    axes = [item[f"axis-{at}"].attrs for at in range(getattr(data, "ndim", 0)) if f"axis-{at}" in item]
    signal = [at for at, axis in enumerate(axes) if not bool(axis.get("navigate", True))]
    if len(axes) != getattr(data, "ndim", 0) or len(signal) != 2:
        return None
    rows, columns = signal
    if not _is_picture(data, rows, columns):
        return None
    axis = axes[columns]
    plane = _calibrated(data, rows, columns, to_number(axis.get("scale")), _text(axis.get("units", "")), _title(item))
    return MarkedImage(data, plane, rows, columns)


def _hdf5_image(item: Any) -> MarkedImage | None:
    """Return a data set that the attribute CLASS calls an image (the Image and Palette Specification of HDF5)."""
    if not hasattr(item, "dtype") or _text(item.attrs.get("CLASS", "")) != "IMAGE" or item.ndim not in (2, 3):
        return None
    is_color = item.ndim == 3
    if not _is_picture(item, 0, 1) or (is_color and item.shape[2] != 3):
        return None
    return MarkedImage(item, Plane(item.shape[1], item.shape[0], title=_title(item)), 0, 1, is_color=is_color)


def _calibrated(data: Any, rows: int, columns: int, step: float | None, units: str, title: str) -> Plane:
    """Return a plane with the step of its columns: a length, or the unit of a diffraction pattern."""
    plain = units.replace("_", "").strip("[]")
    is_reciprocal = any(mark in units for mark in _RECIPROCAL)
    unit = None if is_reciprocal else nm_per_unit(plain)
    nm = unit * step if unit is not None and step is not None and step > 0 else None
    kind = "diffraction" if is_reciprocal else "unknown" if nm is None else "micrograph"
    return Plane(data.shape[columns], data.shape[rows], nm, title=title[:80], kind=kind)


def _title(item: Any) -> str:
    """Return the last part of an item's path."""
    return _text(item.name).rsplit("/", 1)[-1]


def _text(value: Any) -> str:
    """Return an attribute as text, whether it is stored as bytes or as text."""
    value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return value if isinstance(value, str) else ""
