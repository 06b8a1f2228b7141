"""Read a PDF with PDFium: characters, images and pictures of its pages. Rectangles are in points from the top left.

PDFium is a C library. Damaged files may crash it or keep it busy, so mirsearch opens foreign PDFs in a bounded process
(see mirsearch.isolation).
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mirsearch.errors import SourceError
from mirsearch.sources.pdf.pages import MAX_PIXELS
from mirsearch.sources.pdf.symbols import shown_character
from mirsearch.sources.pdf.text import Char, Rect
from mirsearch.sources.pdf.xmp import XmpData, read_xmp

_MAX_CHARS = 60_000
_MAX_FONT_NAME_BYTES = 128
_MAX_OBJECTS = 20_000
_MAX_DEPTH = 6
"""Deepest nesting of forms that is read."""
_STEPS_PER_POINT = 16.0
"""Precision with which PDFium gives positions: it returns integers."""
_MAX_PAGE_INCHES = 14_400.0 / 72
_MAX_DPI, _MIN_DPI, _DRAWING_DPI = 600.0, 200.0, 300.0
"""Dots per inch of a picture: the resolution of its images within these bounds; the last value without images."""


@dataclass(frozen=True, slots=True)
class PlacedImage:
    """An image on a page: its box, its resolution in pixels per point, and a hash of its stored form."""

    box: Rect
    pixels_per_point: float
    digest: str


class PdfReader:
    """A PDF file. Raises SourceError if it is locked or damaged."""

    def __init__(self, path: Path, name: str) -> None:
        import pypdfium2

        self._pdfium, self._raw, self._name, self._path = pypdfium2, pypdfium2.raw, name, path
        try:
            self._document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            if "password" in str(error).lower():
                raise SourceError(f"{name}: locked with a password", "save it without a password") from error
            raise SourceError(f"{name}: not readable as PDF: {error}", "get it again") from error

    def __len__(self) -> int:
        return len(self._document)

    def close(self) -> None:
        """Close the file."""
        self._document.close()

    def metadata(self, key: str) -> str:
        """Return a value of the document's metadata, for example Title; empty if it is missing."""
        try:
            return str(self._document.get_metadata_value(key))
        except (self._pdfium.PdfiumError, UnicodeDecodeError):
            return ""

    def xmp(self) -> XmpData:
        """Return title and DOI of the file's XMP packet."""
        return read_xmp(self._path)

    @contextmanager
    def page(self, number: int) -> Iterator[PdfPage]:
        """Open a page, counted from 0. Raises SourceError if it is damaged."""
        try:
            page = self._document[number]
        except (self._pdfium.PdfiumError, IndexError) as error:
            raise SourceError(f"{self._name}: page {number + 1} is damaged", "get it again") from error
        try:
            yield PdfPage(page, self._raw)
        finally:
            page.close()


class PdfPage:
    """A page in the orientation in which it is shown."""

    def __init__(self, page: Any, raw: Any) -> None:
        self._page, self._raw = page, raw
        width, height = page.get_size()
        self.size: tuple[float, float] = (float(width), float(height))
        self._to_points = self._points_matrix()

    @property
    def is_drawable(self) -> bool:
        """Whether the page has a size that can be drawn."""
        return all(8.0 <= side <= _MAX_PAGE_INCHES * 72 for side in self.size)

    def _points_matrix(self) -> NDArray[np.float64]:
        """Return the matrix (2, 3) from page coordinates to points from the top left, with rotation and crop box."""
        width, height = (max(1, round(side * _STEPS_PER_POINT)) for side in self.size)
        corners = []
        for x, y in ((0.0, 0.0), (1000.0, 0.0), (0.0, 1000.0)):
            across, down = ctypes.c_int(), ctypes.c_int()
            self._raw.FPDF_PageToDevice(self._page.raw, 0, 0, width, height, 0, x, y, across, down)
            corners.append((across.value / _STEPS_PER_POINT, down.value / _STEPS_PER_POINT))
        origin, right, up = (np.asarray(corner) for corner in corners)
        return np.stack(((right - origin) / 1000.0, (up - origin) / 1000.0, origin), axis=1)

    def _rect(self, left: float, bottom: float, right: float, top: float) -> Rect:
        points = self._to_points @ np.array([[left, right], [bottom, top], [1.0, 1.0]])
        (x0, x1), (y0, y1) = sorted(points[0].tolist()), sorted(points[1].tolist())
        return x0, y0, x1, y1

    def text(self) -> str:
        """Return all text in the order of the page's content."""
        textpage = self._page.get_textpage()
        try:
            return str(textpage.get_text_range(0, min(textpage.count_chars(), _MAX_CHARS)))
        finally:
            textpage.close()

    def characters(self) -> Iterator[Char]:
        """Yield the characters in the order of the page's content, with the boxes their font gives them."""
        raw, textpage = self._raw, self._page.get_textpage()
        x, y, box = ctypes.c_double(), ctypes.c_double(), raw.FS_RECTF()
        font, flags = ctypes.create_string_buffer(_MAX_FONT_NAME_BYTES), ctypes.c_int()
        try:
            for index in range(min(textpage.count_chars(), _MAX_CHARS)):
                code = raw.FPDFText_GetUnicode(textpage.raw, index)
                if not code or not raw.FPDFText_GetLooseCharBox(textpage.raw, index, box):
                    continue
                raw.FPDFText_GetCharOrigin(textpage.raw, index, x, y)
                shown = self._rect(box.left, box.bottom, box.right, box.top)
                baseline = float(self._to_points[1] @ (x.value, y.value, 1.0))
                length = raw.FPDFText_GetFontInfo(textpage.raw, index, font, _MAX_FONT_NAME_BYTES, flags)
                name = font.value.decode("utf-8", "replace") if 0 < length <= _MAX_FONT_NAME_BYTES else ""
                yield Char(shown_character(chr(code), name), shown, baseline)
        finally:
            textpage.close()

    def images(self) -> list[PlacedImage]:
        """Return the images on the page and in its forms."""
        count = self._raw.FPDFPage_CountObjects(self._page.raw)
        images: list[PlacedImage] = []
        objects_left = [_MAX_OBJECTS]
        for index in range(min(count, _MAX_OBJECTS)):
            self._collect_images(
                self._raw.FPDFPage_GetObject(self._page.raw, index), np.eye(3), 0, objects_left, images
            )
        return images

    def _collect_images(self, item: Any, outer_matrix: NDArray[np.float64], depth: int, objects_left: list[int],
                        images: list[PlacedImage]) -> None:  # fmt: skip
        raw = self._raw
        objects_left[0] -= 1
        if not item or objects_left[0] < 0 or depth > _MAX_DEPTH:
            return
        kind = raw.FPDFPageObj_GetType(item)
        if kind not in (raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_FORM):
            return
        matrix = raw.FS_MATRIX()
        if not raw.FPDFPageObj_GetMatrix(item, matrix):
            return
        item_matrix = np.array([[matrix.a, matrix.c, matrix.e], [matrix.b, matrix.d, matrix.f], [0.0, 0.0, 1.0]])
        if kind == raw.FPDF_PAGEOBJ_FORM:
            for index in range(min(raw.FPDFFormObj_CountObjects(item), max(objects_left[0], 0))):
                self._collect_images(
                    raw.FPDFFormObj_GetObject(item, index), outer_matrix @ item_matrix, depth + 1, objects_left, images
                )
            return
        corners = (
            self._to_points @ (outer_matrix @ item_matrix) @ np.array([[0, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 1]])
        ).T
        across, down = ctypes.c_uint(), ctypes.c_uint()
        if not raw.FPDFImageObj_GetImagePixelSize(item, across, down) or not np.isfinite(corners).all():
            return
        wide, high = float(np.hypot(*(corners[1] - corners[0]))), float(np.hypot(*(corners[2] - corners[0])))
        box = (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())
        pixels_per_point = max(across.value / wide if wide > 1 else 0.0, down.value / high if high > 1 else 0.0)
        images.append(PlacedImage(box, pixels_per_point, self._digest(item, across.value, down.value)))

    def _digest(self, item: Any, width: int, height: int) -> str:
        """Return a hash of an image's stored bytes; for more than 64 KiB, of its sizes only."""
        size = self._raw.FPDFImageObj_GetImageDataRaw(item, None, 0)
        if not 0 < size <= 1 << 16:
            return f"{width}x{height}:{size}"
        buffer = ctypes.create_string_buffer(size)
        self._raw.FPDFImageObj_GetImageDataRaw(item, buffer, size)
        return f"{width}x{height}:{hashlib.sha256(buffer.raw).hexdigest()[:16]}"

    def render_gray(self) -> NDArray[np.uint8]:
        """Render the page in gray at one pixel per point, (height, width)."""
        return np.asarray(self._page.render(scale=1.0, grayscale=True).to_pil().convert("L"))

    def render_region(self, box: Rect, images: list[PlacedImage]) -> Image.Image:
        """Render a part of the page as RGB, in the resolution of the images in it."""
        area = (box[2] - box[0]) * (box[3] - box[1])
        pixels_per_point = max(
            (image.pixels_per_point for image in images if _shared_area(image.box, box) >= 0.1 * area), default=0.0
        )
        dpi = min(max(72.0 * pixels_per_point, _MIN_DPI), _MAX_DPI) if pixels_per_point else _DRAWING_DPI
        scale = min(dpi / 72.0, (MAX_PIXELS / max(area, 1.0)) ** 0.5)
        crop = (max(0.0, box[0]), max(0.0, self.size[1] - box[3]), max(0.0, self.size[0] - box[2]), max(0.0, box[1]))
        picture: Image.Image = self._page.render(scale=scale, crop=crop).to_pil().convert("RGB")
        return picture


def _shared_area(a: Rect, b: Rect) -> float:
    """Return the area that two rectangles share, in square points."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
