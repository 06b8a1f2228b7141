"""Read pixel sizes that microscopes write into TIFF files, and into text files beside images."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from lxml import etree

from mirsearch.text.lengths import NM_PER_UNIT, normalize, parse_length

_LOG = logging.getLogger(__name__)

_SMALLEST_PIXEL, _LARGEST_PIXEL = 1e-4, 1e6
"""Least and greatest pixel size in nm that a microscope's image can have: 0.1 pm and 1 mm."""

_LARGEST_BY_RESOLUTION = 5000.0
"""Greatest pixel size in nm that a resolution tag can give; larger ones are those of paper or a screen."""

_SMALLEST_BY_SCANNER = 500.0
"""Pixel size in nm above which a round number of dots per inch may be a scanner's or a printer's."""

_TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_LARGEST_SIDECAR = 1 << 20
"""Most bytes of a text file beside an image that is read."""

_LARGEST_XML = 8 << 20
"""Most characters of OME-XML that are parsed."""

_NM_PER_UNIT = {**NM_PER_UNIT, "μm": 1e3, "um": 1e3, "micron": 1e3, "microns": 1e3, "angstrom": 0.1, "inch": 2.54e7,
                "\\u00b5m": 1e3}  # fmt: skip
_RESOLUTION_UNIT_NM = {2: 2.54e7, 3: 1e7}
_XML_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False)


def pixel_size_nm(path: Path, page: int = 0) -> float | None:
    """Return the width of a pixel in nm according to a file's metadata, or None if it does not say.

    Reads tags of FEI/Thermo (34680, 34682), Zeiss (34118), Olympus SIS, Zeiss LSM, ImageJ, OME-XML and, where they can
    only mean a microscope, the resolution tags; then a JEOL or Hitachi text file beside the image.
    """
    with open_pixel_sizes(path) as size_of:
        return size_of(page)


@contextmanager
def open_pixel_sizes(path: Path) -> Iterator[Callable[[int], float | None]]:
    """Return a function that gives what `pixel_size_nm` returns for a page (from 0); the file is opened only once."""
    tags = _TiffTags(path) if _is_tiff(path) else None
    sidecar_size: list[float | None] = []

    def size_of(page: int) -> float | None:
        size = None if tags is None else _tiff_pixel_size(tags, page)
        if size is None and not sidecar_size:
            sidecar_size.append(_sidecar_pixel_size(path))
        return sidecar_size[0] if size is None else size

    try:
        yield size_of
    finally:
        if tags is not None:
            tags.close()


def _is_tiff(path: Path) -> bool:
    """Return whether the first bytes are a TIFF's: a suffix may be missing, or name another format."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(4) in _TIFF_HEADS
    except (OSError, ValueError):
        return False


def _keep_plausible(nm: float | None) -> float | None:
    """Return a pixel size if a microscope can have it, else None."""
    return nm if nm is not None and math.isfinite(nm) and _SMALLEST_PIXEL <= nm <= _LARGEST_PIXEL else None


class _TiffTags:
    """The tags of one TIFF, opened at the first request.

    What applies to all pages is read once, a page's own tags when it is selected. Damage makes tifffile raise many
    kinds of errors; `_tiff_pixel_size` handles them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: Any = None
        self._page: Any = None

    def close(self) -> None:
        """Close the file, if it was opened."""
        if self._opened is not None:
            self._opened.close()

    def select_page(self, page: int) -> None:
        """Make this page the one that `tag` reads. IndexError if there is no such page."""
        self._page = self.file.pages[page]  # never len(pages): it would follow a chain of any length first

    def tag(self, code: int) -> Any:
        """Return the value of a tag of the page, else of the first page, or None if neither has it."""
        tag = self._page.tags.get(code) or self.file.pages.first.tags.get(code)
        return None if tag is None else tag.value

    @property
    def file(self) -> Any:
        """Return the tifffile.TiffFile."""
        if self._opened is None:
            import tifffile

            self._opened = tifffile.TiffFile(self.path)
        return self._opened

    @cached_property
    def sis(self) -> Any:
        """Return the metadata of Olympus SIS, or None."""
        return self.file.sis_metadata

    @cached_property
    def lsm(self) -> Any:
        """Return the metadata of Zeiss LSM, or None."""
        return self.file.lsm_metadata

    @cached_property
    def imagej(self) -> Any:
        """Return the metadata of ImageJ, or None."""
        return self.file.imagej_metadata

    @cached_property
    def ome_nm(self) -> float | None:
        """Return `PhysicalSizeX` of OME-XML in nm; its unit is µm if none is given."""
        text = self.file.ome_metadata
        if not isinstance(text, str) or len(text) > _LARGEST_XML:
            return None
        try:
            root = etree.fromstring(text.encode("utf-8"), _XML_PARSER)
        except etree.LxmlError as error:
            _LOG.debug("OME-XML of %s: %s", self.path, error)
            return None
        for pixels in root.iter("{*}Pixels"):
            if pixels.get("PhysicalSizeX"):
                unit = _NM_PER_UNIT.get(normalize(pixels.get("PhysicalSizeXUnit", "µm")), math.nan)
                return _to_float(pixels.get("PhysicalSizeX"), unit)
        return None


def _tiff_pixel_size(tags: _TiffTags, page: int) -> float | None:
    """Return the first plausible pixel size that the tags of a page give, or None."""
    logger = logging.getLogger("tifffile")
    was_disabled, logger.disabled = logger.disabled, True  # it logs every odd tag of a damaged file to stderr
    try:
        tags.select_page(page)
        for reader in _READERS:
            size = _keep_plausible(reader(tags))
            if size is not None:
                return size
    except Exception as error:  # noqa: BLE001  damaged tags raise anything, and the pixels may still be sound
        _LOG.debug("no pixel size from the tags of %s: %s", tags.path, error)
    finally:
        logger.disabled = was_disabled
    return None


def _fei_pixel_size(tags: _TiffTags) -> float | None:
    """Return `PixelWidth` (in m in the file) of any section in the tags of FEI and Thermo microscopes."""
    for code in (34680, 34682):
        value = tags.tag(code)
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        if isinstance(value, str):
            match = re.search(r"PixelWidth\s*[=>]\s*([-+.\deE]{1,30})", value)
            if match:
                return _to_float(match.group(1), 1e9)
            match = re.search(
                r"<pixelWidth[^<>]*>\s*([-+.\deE]{1,30})|<X[^<>]*unit=\"m\"[^<>]*>\s*([-+.\deE]{1,30})", value
            )
            if match:
                return _to_float(match.group(1) or match.group(2), 1e9)
        if isinstance(value, Mapping):
            for section in value.values():
                if isinstance(section, Mapping) and "PixelWidth" in section:
                    return _to_float(section["PixelWidth"], 1e9)
    return None


def _zeiss_pixel_size(tags: _TiffTags) -> float | None:
    """Return `ap_image_pixel_size` (or `ap_pixel_size`) of Zeiss microscopes: a name, a value and a unit."""
    value = tags.tag(34118)
    if not isinstance(value, Mapping):
        return None
    for key in ("ap_image_pixel_size", "ap_pixel_size"):
        entry = value.get(key)
        if isinstance(entry, tuple | list) and len(entry) >= 3:
            return _to_float(entry[1], _NM_PER_UNIT.get(normalize(str(entry[2])), math.nan))
    return None


def _olympus_pixel_size(tags: _TiffTags) -> float | None:
    """Return `pixelsizex` (in m in the file) of Olympus SIS."""
    value = tags.sis
    return _to_float(value["pixelsizex"], 1e9) if isinstance(value, Mapping) and "pixelsizex" in value else None


def _lsm_pixel_size(tags: _TiffTags) -> float | None:
    """Return `VoxelSizeX` (in m in the file) of Zeiss LSM files."""
    value = tags.lsm
    return _to_float(value["VoxelSizeX"], 1e9) if isinstance(value, Mapping) and "VoxelSizeX" in value else None


def _ome_pixel_size(tags: _TiffTags) -> float | None:
    """Return `PhysicalSizeX` of OME-XML."""
    return tags.ome_nm


def _imagej_pixel_size(tags: _TiffTags) -> float | None:
    """Return the pixel size from ImageJ's unit and the pixels per unit of the resolution tag."""
    value = tags.imagej
    if not isinstance(value, Mapping) or "unit" not in value:
        return None
    per_unit = _ratio(tags.tag(282))
    unit = _NM_PER_UNIT.get(normalize(str(value["unit"]).replace("\\u00B5", "µ")), math.nan)
    return unit / per_unit if per_unit else None


def _resolution_pixel_size(tags: _TiffTags) -> float | None:
    """Return the pixel size by the resolution tag, if it is too fine for print or scan and no round dots per inch."""
    per_unit, unit = _ratio(tags.tag(282)), _RESOLUTION_UNIT_NM.get(int(tags.tag(296) or 0))
    if not per_unit or unit is None:
        return None
    nm = unit / per_unit
    dots_per_inch = 2.54e7 / nm
    if nm > _LARGEST_BY_RESOLUTION or (
        nm > _SMALLEST_BY_SCANNER and math.isclose(dots_per_inch, round(dots_per_inch, -2), rel_tol=1e-6)
    ):
        return None
    return nm


_READERS: tuple[Callable[[_TiffTags], float | None], ...] = (
    _fei_pixel_size,
    _zeiss_pixel_size,
    _olympus_pixel_size,
    _lsm_pixel_size,
    _ome_pixel_size,
    _imagej_pixel_size,
    _resolution_pixel_size,
)


def _ratio(value: Any) -> float | None:
    """Return a TIFF rational as a number, or None if it is zero or broken."""
    if isinstance(value, tuple | list) and len(value) >= 2 and value[1]:
        return float(value[0]) / float(value[1]) or None
    return None


def _to_float(value: Any, factor: float) -> float | None:
    """Return a value as a number times a factor, or None if it is no number."""
    try:
        return float(value) * factor
    except (TypeError, ValueError):
        return None


def _sidecar_pixel_size(path: Path) -> float | None:
    """Return the pixel size from the text file that a JEOL or Hitachi microscope writes beside its image."""
    for text in _read_sidecars(path):
        pairs = dict(re.findall(r"^\$*\s*([A-Z_a-z]{2,40})[\s=]+([^\r\n]{1,80})", text, re.MULTILINE))
        if "SM_MICRON_BAR" in pairs and "SM_MICRON_MARKER" in pairs:
            length, pixels = parse_length(pairs["SM_MICRON_MARKER"]), _to_float(pairs["SM_MICRON_BAR"].strip(), 1.0)
            if length is not None and pixels:
                return _keep_plausible(length.nm / pixels)
        if "PixelSize" in pairs and "[SemImageFile]" in text:
            return _keep_plausible(_to_float(pairs["PixelSize"].strip(), 1.0))
    return None


def _read_sidecars(path: Path) -> Iterator[str]:
    """Yield the text of the files beside an image that have its name and the suffix .txt."""
    for suffix in (".txt", ".TXT"):
        sidecar = path.with_suffix(suffix)
        try:
            if sidecar != path and sidecar.is_file() and sidecar.stat().st_size <= _LARGEST_SIDECAR:
                yield sidecar.read_text("latin-1")
        except OSError as error:
            _LOG.debug("can't read %s: %s", sidecar, error)
