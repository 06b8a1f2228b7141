"""Read uploaded pictures in processes that the system bounds: none can take the server with it.

A process decodes a picture, finds its images and reads their scales with the OCR engine and the detector that the
operator chose. It keeps what it read last, so that another part of the same picture is soon there.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

import numpy as np

from mirsearch.corpus import Box, LoneBar, Panel, ScaleReading
from mirsearch.errors import ImageError, SourceError, UsageError
from mirsearch.isolation.pool import run_isolated
from mirsearch.search.query_figure import FoundImages
from mirsearch.search.query_image import ImageQuestion, QueryPart
from mirsearch.search.query_page import QueryPage
from mirsearch.search.scale_options import ScaleOptions
from mirsearch.settings import LIMITS, SERVE_LIMITS

if TYPE_CHECKING:
    from mirsearch.analysis.base import OcrEngine, ScaleBarDetector

_REMEDY = "send a smaller image, or a part of it"
_MARGIN_BYTES = 1 << 20
"""Room that a message needs beside the pixels."""

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


@dataclass(frozen=True, slots=True)
class Parts:
    """The names of the OCR engine and of the scale-bar detector."""

    ocr: str
    detector: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a picture: see ImageQuestion. `wants_pixels`: the answer has them, too."""

    path: Path
    page: int
    name: str
    panel: str | None
    crop: Box | None
    scale: ScaleOptions
    wants_pixels: bool


@dataclass(frozen=True, slots=True)
class PlainPage:
    """A page in plain data: RGB pixels uint8 (height, width, 3) as bytes, and what else a QueryPage has."""

    pixels: bytes
    height: int
    width: int
    number: int
    nm_per_px: float | None
    note: str
    is_single: bool


@dataclass(frozen=True, slots=True)
class PlainPart:
    """The part that is searched with, without its pixels: see QueryPart."""

    box: Box
    kind: str
    label: str | None
    scale: ScaleReading | None
    field_of_view_nm: float | None
    notes: tuple[str, ...]
    doubtful_scale: ScaleReading | None
    bar: LoneBar | None


@dataclass(frozen=True, slots=True)
class PlainReading:
    """What was read: the page if its pixels were wanted, the part, and the images of the figure if they were found."""

    page: PlainPage | None
    part: PlainPart
    images: list[Panel] | None
    are_read: bool


@dataclass(eq=False)
class _Last:
    """What this process read last, and of which page of which file."""

    of: tuple[Path, int] | None = None
    page: QueryPage | None = None
    found: dict[bool, FoundImages] = field(default_factory=dict)


_LAST = _Last()


@dataclass(frozen=True)
class _RememberingQuestion(ImageQuestion):
    """A question that decodes and cuts a picture once, whatever is asked of it."""

    def open_page(self) -> QueryPage:
        if _LAST.of != (self.path, self.page) or _LAST.page is None:
            _LAST.of, _LAST.page, _LAST.found = None, None, {}
            _LAST.page = super().open_page()
            _LAST.of = self.path, self.page
        return _LAST.page

    def find_images(self, must_name: bool) -> FoundImages:
        if must_name not in _LAST.found:
            _LAST.found[must_name] = super().find_images(must_name)
        return _LAST.found[must_name]


def read_part(parts: Parts, asked: Asked) -> PlainReading:
    """Read a picture, within the process that calls this. Raises what ImageQuestion.resolve raises."""
    question = _RememberingQuestion(
        asked.path, *_load(parts), asked.panel, asked.crop, asked.scale, asked.page, asked.name
    )
    page = question.open_page()
    plain = _plain_page(page, asked.path) if asked.wants_pixels else None
    part = question.resolve()
    _check_numbers(part)
    found = _LAST.found.get(True) or _LAST.found.get(False)
    return PlainReading(
        plain,
        PlainPart(
            part.box, part.kind, part.label, part.scale, part.field_of_view_nm, part.notes, part.doubtful_scale,
            part.bar,
        ),
        None if found is None else found[0],
        found is not None and found[1],
    )  # fmt: skip


def _check_numbers(part: QueryPart) -> None:
    """Raise UsageError where a scale that was given leads to a number that can't be told."""
    told = [part.field_of_view_nm]
    for reading in (part.scale, part.doubtful_scale):
        told += [] if reading is None else [reading.nm_per_px, reading.length_nm, reading.length_px]
    if not all(number is None or math.isfinite(number) for number in told):
        raise UsageError("a number of the answer is out of range", "give smaller weights and lengths")


def decode_page(parts: Parts, path: Path, page: int) -> PlainPage:
    """Decode a page, within the process that calls this. ImageError if it can't be read, or is too large to send."""
    question = _RememberingQuestion(path, *_load(parts), page=page)
    return _plain_page(question.open_page(), path)


def load_parts(parts: Parts) -> bool:
    """Load what reading pictures needs."""
    from mirsearch.readers.find import load_readers

    return bool(_load(parts) and load_readers())


@lru_cache(maxsize=1)
def _load(parts: Parts) -> tuple[OcrEngine, ScaleBarDetector]:
    from mirsearch import plugins

    return plugins.load("ocr", parts.ocr)(), plugins.create("scalebars", parts.detector)


def _plain_page(page: QueryPage, path: Path) -> PlainPage:
    height, width = page.pixels.shape[:2]
    if height * width > SERVE_LIMITS.upload_pixels or page.pixels.nbytes > LIMITS.worker_bytes - _MARGIN_BYTES:
        raise ImageError(f"{path}: {width} × {height} px are more than this server takes", _REMEDY)
    pixels = np.ascontiguousarray(page.pixels).tobytes()
    return PlainPage(pixels, height, width, page.number, page.nm_per_px, page.note, page.is_single)


class Reader:
    """Reads pictures in other processes, with the parts of given names.

    Its functions raise ImageError if a picture takes too long or too much memory, or crashes what reads it.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def start(self) -> None:
        """Start a process and load what it needs, so that nobody waits for that."""
        self._run(Path("the reader of pictures"), load_parts, self._parts)

    def page(self, path: Path, page: int) -> QueryPage:
        """Return a decoded page. Raises what open_query_page raises."""
        return _page(self._run(path, decode_page, self._parts, path, page))

    def part(self, asked: Asked, page: QueryPage | None) -> tuple[QueryPage, QueryPart, FoundImages | None]:
        """Return the page (the given one, if there is one), the part, and the images if they were looked for.

        Raises what ImageQuestion.resolve raises.
        """
        from mirsearch.imaging.images import crop

        read = self._run(asked.path, read_part, self._parts, dataclasses.replace(asked, wants_pixels=page is None))
        whole = page if page is not None or read.page is None else _page(read.page)
        if whole is None:
            raise ImageError(f"{asked.path}: its reader gave no usable answer", _REMEDY)
        part = read.part
        pixels = crop(whole.pixels, part.box)
        found = QueryPart(
            part.box, pixels, part.kind, part.label, part.scale, part.field_of_view_nm, part.notes,
            part.doubtful_scale, part.bar,
        )  # fmt: skip
        return whole, found, None if read.images is None else (read.images, read.are_read)

    def _run(self, path: Path, function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        try:
            return run_isolated(
                function, *arguments, name=str(path), seconds=SERVE_LIMITS.reading_seconds, remedy=_REMEDY
            )
        except SourceError as error:
            raise ImageError(error.message, error.remedy) from error


def _page(plain: PlainPage) -> QueryPage:
    pixels = np.frombuffer(bytearray(plain.pixels), np.uint8)
    if pixels.size != plain.height * plain.width * 3:
        raise ImageError("the reader of pictures gave no usable answer", _REMEDY)
    shaped = pixels.reshape(plain.height, plain.width, 3)
    return QueryPage(shaped, plain.number, plain.nm_per_px, plain.note, plain.is_single)
