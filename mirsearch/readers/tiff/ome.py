"""Read which page of an OME-TIFF is which plane: image, channel, depth and moment (OME schema 2016-06)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirsearch.imaging.pixel_sizes.xml import parse_xml
from mirsearch.readers.base import Color

if TYPE_CHECKING:
    from lxml import etree

_FLUORESCENCE = ("fluorescence", "epifluorescence")
_TRANSMITTED = ("brightfield", "phase", "dic", "hoffmanmodulation", "obliqueillumination", "transmitted", "darkfield")


@dataclass(frozen=True, slots=True)
class OmeChannel:
    """A channel of an image: name, color, technique ("fluorescence", "optical" or None), samples in each pixel."""

    name: str = ""
    color: Color | None = None
    technique: str | None = None
    samples: int = 1


@dataclass(frozen=True, slots=True)
class OmePlane:
    """Which plane a page is: the number of its image, its place in channel, depth and time; None: no such axis."""

    image: int
    title: str
    channel: int | None
    z: int | None
    t: int | None
    told: OmeChannel


def parse_ome(text: str, most: int) -> dict[int, OmePlane]:
    """Return the plane of each page of a file by its number from 0, at most `most`; empty for damaged XML."""
    root = parse_xml(text)
    if root is None:
        return {}
    own_file = root.get("UUID")
    planes: dict[int, OmePlane] = {}
    for number, image in enumerate(root.iterfind("{*}Image")):
        pixels = image.find("{*}Pixels")
        if pixels is None:
            continue
        title = " ".join((image.get("Name") or "").split())
        for page, plane in _pages_of(pixels, number, title, own_file):
            if len(planes) >= most:
                return planes
            planes.setdefault(page, plane)
    return planes


def _pages_of(pixels: etree._Element, number: int, title: str, own_file: str | None) -> Iterator[tuple[int, OmePlane]]:
    """Yield (page, plane) of an image, as its TiffData elements place them."""
    channels = [_channel(element) for element in pixels.iterfind("{*}Channel")] or [OmeChannel()]
    samples = max(channel.samples for channel in channels)
    sizes = {
        "C": max(1, _number(pixels, "SizeC") // samples),
        "Z": _number(pixels, "SizeZ"),
        "T": _number(pixels, "SizeT"),
    }
    order = [axis for axis in (pixels.get("DimensionOrder") or "XYCZT") if axis in sizes]
    if sorted(order) != ["C", "T", "Z"]:
        return
    total = sizes["C"] * sizes["Z"] * sizes["T"]
    entries = pixels.findall("{*}TiffData")
    for entry in entries:
        file = entry.find("{*}UUID")
        if file is not None and own_file is not None and (file.text or "").strip() != own_file:
            continue  # the plane is in another file of the set
        first = _place({axis: _number(entry, f"First{axis}", 0) for axis in sizes}, order, sizes)
        default = 1 if entry.get("IFD") is not None and len(entries) > 1 else total - first
        count = _number(entry, "PlaneCount", default)
        page = _number(entry, "IFD", 0)
        for step in range(min(count, total - first)):
            at = _coordinates(first + step, order, sizes)
            channel = channels[at["C"]] if at["C"] < len(channels) else OmeChannel()
            told = {axis: at[axis] if sizes[axis] > 1 else None for axis in sizes}
            yield page + step, OmePlane(number, title, told["C"], told["Z"], told["T"], channel)


def _place(at: Mapping[str, int], order: list[str], sizes: Mapping[str, int]) -> int:
    """Return the number of a plane in an image by its coordinates; the first axis of the order runs fastest."""
    place, step = 0, 1
    for axis in order:
        place += at[axis] * step
        step *= sizes[axis]
    return place


def _coordinates(place: int, order: list[str], sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the coordinates of a plane by its number in an image."""
    at = {}
    for axis in order:
        place, at[axis] = divmod(place, sizes[axis])
    return at


def _channel(element: etree._Element) -> OmeChannel:
    """Return what a Channel element says. A wavelength of emission, or the name of a dye, means fluorescence."""
    words = {(element.get(name) or "").lower() for name in ("ContrastMethod", "IlluminationType")}
    technique = None
    if words.intersection(_TRANSMITTED):
        technique = "optical"
    elif words.intersection(_FLUORESCENCE) or element.get("EmissionWavelength") or element.get("Fluor"):
        technique = "fluorescence"
    name = " ".join((element.get("Name") or element.get("Fluor") or "").split())
    return OmeChannel(name, _color(element.get("Color")), technique, _number(element, "SamplesPerPixel"))


def _color(value: str | None) -> Color | None:
    """Return the color of a channel: a signed integer of 32 bits with red, green, blue, opacity; white says nothing."""
    try:
        bits = int(value or "") & 0xFFFFFFFF
    except ValueError:
        return None
    color = (bits >> 24 & 255, bits >> 16 & 255, bits >> 8 & 255)
    return None if color in ((255, 255, 255), (0, 0, 0)) else color


def _number(element: etree._Element, name: str, default: int = 1) -> int:
    """Return an attribute that is a whole number from 0 to a million, else the default."""
    value = element.get(name) or ""
    return int(value) if value.isdigit() and len(value) <= 6 else default
