"""Pixel sizes of OME-XML: each Image has its own, and TiffData tells which pages are its planes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mirsearch.imaging.pixel_sizes.resolution import is_print
from mirsearch.imaging.pixel_sizes.sizes import NO_LENGTH, PixelSize, stated_size, to_number
from mirsearch.imaging.pixel_sizes.tags import PageTags, TiffTags
from mirsearch.imaging.pixel_sizes.units import to_nm
from mirsearch.imaging.pixel_sizes.xml import local_name, parse_xml

_MOST_SPANS = 100_000
"""Most TiffData elements of a file that are looked at."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Pages of a file that are planes of one Image: the first and the number of them."""

    first: int
    count: int
    image: _ImageSize


@dataclass(frozen=True, slots=True)
class _ImageSize:
    """The pixel size of an Image, and its (width, height) in px; None what is not given."""

    pixel: PixelSize | None
    size: tuple[float, float] | None

    def on(self, page: PageTags) -> PixelSize | None:
        """Return the pixel size of a page, which may be a resized copy of the plane."""
        return None if self.pixel is None else self.pixel.follow(page.size, self.size)


class OmeSizes:
    """The pixel sizes of the pages of an OME-TIFF. `found` is False if the file is none."""

    def __init__(self, tiff: TiffTags) -> None:
        text = tiff.first.description
        root = parse_xml(text) if "<OME" in text[:4096] or ":OME" in text[:4096] else None
        self.found = root is not None and local_name(root) == "OME"
        images = _images(root) if self.found else []
        self._only = _common([_image_size(pixels) for pixels in images])
        self._spans = list(_spans(root, images, tiff.path.name)) if self.found else []

    def size_of(self, page: PageTags) -> PixelSize | None:
        """Return the pixel size of the Image whose plane a page is, or None if it says nothing.

        A page that no TiffData names has the size that all Images of the file share.
        """
        for span in self._spans:
            if span.first <= page.number < span.first + span.count:
                return span.image.on(page)
        return None if self._only is None else self._only.on(page)


def _images(root: Any) -> list[Any]:
    """Return the Pixels element of each Image."""
    return [
        pixels for image in root if local_name(image) == "Image" for pixels in image if local_name(pixels) == "Pixels"
    ]


def _common(images: list[_ImageSize]) -> _ImageSize | None:
    """Return what all Images share, or None."""
    return images[0] if images and all(image == images[0] for image in images) else None


def _image_size(pixels: Any) -> _ImageSize:
    """Return the sizes that Pixels state."""
    return _ImageSize(_pixel_size(pixels), stated_size(pixels.get("SizeX"), pixels.get("SizeY")))


def _pixel_size(pixels: Any) -> PixelSize | None:
    """Return `PhysicalSizeX` and `PhysicalSizeY`, in µm where no unit is given."""
    if not (pixels.get("PhysicalSizeX") or "").strip():
        return None
    x, y = (_length(pixels, f"PhysicalSize{axis}") for axis in "XY")
    return NO_LENGTH if x is None or is_print(x) else PixelSize(x, y)


def _length(pixels: Any, name: str) -> float | None:
    """Return a length of Pixels in nm, or None if it is missing, broken, zero or no length."""
    return to_nm(to_number(pixels.get(name)), pixels.get(f"{name}Unit", "µm"))


def _spans(root: Any, images: list[Any], name: str) -> Iterator[_Span]:
    """Yield which pages of the file called `name` are planes of which Image."""
    own_id = str(root.get("UUID") or "")
    seen = 0
    for pixels in images:
        image, planes = _image_size(pixels), _plane_count(pixels)
        for data in pixels:
            if local_name(data) != "TiffData":
                continue
            seen += 1
            if seen > _MOST_SPANS:
                return
            if _is_elsewhere(data, name, own_id):
                continue
            first, count = to_number(data.get("IFD") or "0"), to_number(data.get("PlaneCount") or "")
            default = 1 if data.get("IFD") is not None or data.get("FirstZ") is not None else planes
            yield _Span(int(first or 0), int(default if count is None else count), image)


def _plane_count(pixels: Any) -> int:
    """Return the number of pages that all planes of an Image take: samples of a color share a page."""
    sizes = [to_number(pixels.get(f"Size{axis}") or "1") or 1 for axis in "ZT"]
    channels = [child for child in pixels if local_name(child) == "Channel"]
    count = len(channels) or int(to_number(pixels.get("SizeC") or "1") or 1)
    return max(1, int(sizes[0] * sizes[1] * count))


def _is_elsewhere(data: Any, name: str, own_id: str) -> bool:
    """Return whether a TiffData means pages of another file, by its UUID."""
    uuid = next((child for child in data if local_name(child) == "UUID"), None)
    if uuid is None:
        return False
    file_name = str(uuid.get("FileName") or "").replace("\\", "/").rsplit("/", 1)[-1]
    return file_name != name and not (own_id and str(uuid.text or "").strip() == own_id)
