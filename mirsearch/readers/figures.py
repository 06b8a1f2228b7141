"""The figures of a file: each picture of its own, or one figure of planes on a canvas that is never drawn whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mirsearch.corpus import Box, Figure, Panel
from mirsearch.errors import ImageError
from mirsearch.imaging import images
from mirsearch.imaging.damage import report_damage
from mirsearch.imaging.tones import Pixels
from mirsearch.readers.base import BeforePlane, ignore_plane
from mirsearch.readers.find import find_reader
from mirsearch.readers.selection import Selection, split_location
from mirsearch.settings import LIMITS, Limits

if TYPE_CHECKING:
    from mirsearch.readers.canvas import PlaneImages

CANVAS_GRAY = 255
"""Gray level of the canvas between the images of a figure of planes."""


_SURE = 0.95
"""Confidence of a kind and a technique that a file states."""

_MOST_HEADING = 200
"""Most characters of a heading that a file gives."""


@dataclass(frozen=True, slots=True, eq=False)
class FigureImage:
    """One image of a figure: its place on the canvas, its nm per px, what the file says of it, and how to read it.

    `panel` is None for a flat picture, whose panels the analysis finds. `read` returns RGB pixels (h, w, 3) and calls
    its argument before each plane that it decodes, with the number of planes read so far.
    """

    box: Box
    nm_per_px: float | None
    panel: Panel | None
    read: Callable[[BeforePlane], Pixels]
    planes: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class FileFigure:
    """A figure of a file. `fragment` is the end of its origin's location: "" but for a figure of planes."""

    number: int
    width: int
    height: int
    images: tuple[FigureImage, ...]
    fragment: str = ""
    description: str = ""
    note: str = ""

    def image_at(self, box: Box) -> FigureImage | None:
        """Return the image that holds a box of the canvas, or None if none holds all of it."""
        for image in self.images:
            if holds(image.box, box):
                return image
        return None

    def pixels(self) -> Pixels:
        """Return the whole figure, with all its images. ImageError if that is larger than a picture may be."""
        if len(self.images) == 1 and self.images[0].box == (0, 0, self.width, self.height):
            return self.images[0].read(ignore_plane)
        if self.width * self.height > LIMITS.image_pixels:
            raise ImageError(f"a canvas of {self.width} × {self.height} px is too large to draw", "take one panel")
        canvas = np.full((self.height, self.width, 3), CANVAS_GRAY, np.uint8)
        for image in self.images:
            x0, y0, x1, y1 = image.box
            canvas[y0:y1, x0:x1] = image.read(ignore_plane)
        return canvas


def holds(outer: Box, inner: Box) -> bool:
    """Return whether a box lies in another."""
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


@contextmanager
def open_figures(
    path: Path, selection: Selection | None = None, limits: Limits = LIMITS, page: int | None = None
) -> Iterator[Iterator[FileFigure]]:
    """Open a file, and give its figures one by one. `page` (from 0) gives this page alone, as a figure of its own.

    ImageError names the file if it is missing, empty, damaged, no image, or larger than the limits.
    """
    reader = find_reader(path)
    chosen = selection or Selection()
    pages = getattr(reader, "pages", None)
    if pages is not None:
        yield _separate_figures(pages(path, limits), chosen, limits, page)
        return
    from mirsearch.readers.canvas import PlaneImages  # a picture needs none of it

    _check_file(path, limits)
    with ExitStack() as stack:
        with report_damage(path):
            file = stack.enter_context(reader.open(path, limits))
            if not file.planes:
                raise EOFError("there is no image in it")
        source = PlaneImages(path, file, chosen, limits)
        yield iter([_planes_figure(source) if page is None else _page_figure(source, page)])


@contextmanager
def open_figure(figure: Figure, location: str) -> Iterator[FileFigure | None]:
    """Open a figure of an index from a file that has its content: as it was made when it was ingested.

    None if the file gives no figure of that page and size. ImageError if it can't be read.
    """
    path, selection = split_location(location)
    page = figure.page if selection is None else None
    with open_figures(Path(path), selection, page=page) as found:
        wanted = (figure.page, figure.width, figure.height)
        yield next((own for own in found if (own.number, own.width, own.height) == wanted), None)


def _check_file(path: Path, limits: Limits) -> None:
    """Raise ImageError if a file can't hold planes that are read one by one."""
    size = path.stat().st_size
    if size > limits.stack_bytes:
        raise ImageError(f"{path}: {size:,} bytes, more than the limit of {limits.stack_bytes:,}", "split it")


def _separate_figures(
    pages: Iterator[images.Page], selection: Selection, limits: Limits, page: int | None
) -> Iterator[FileFigure]:
    """Yield the pages of a file that are figures of their own: the first ones, or those that were asked for."""
    asked = None if selection.pages is None or isinstance(selection.pages, str) else set(selection.pages)
    asked = asked if page is None else {page}
    most = limits.figure_images if selection.pages is None and page is None else limits.image_pages
    count, held = 0, None
    try:
        for found in pages:
            if asked is not None and found.number not in asked:
                continue
            if held is not None and count == most:
                held = replace(
                    held, note=f"it has more than {most} pages, and the first {most} were taken; see --pages"
                )
                break
            if held is not None:
                yield held
            count, held = count + 1, _flat_figure(found.pixels, found.number, found.nm_per_px)
    except ImageError:  # the pages before a damaged one count
        if held is not None:
            yield held
        raise
    if held is not None:
        yield held


def _flat_figure(pixels: Pixels, number: int, nm_per_px: float | None) -> FileFigure:
    height, width = pixels.shape[:2]
    image = FigureImage((0, 0, width, height), nm_per_px, None, lambda before: pixels)
    return FileFigure(number, width, height, (image,))


def _page_figure(source: PlaneImages, page: int) -> FileFigure:
    """Return one plane of a file as a figure of its own. ImageError if the file has no such plane."""
    if page >= len(source.file.planes):
        raise ImageError(f"{source.path}: has no page {page + 1}", f"it has {len(source.file.planes)}")
    plane = source.file.planes[page]
    box = (0, 0, plane.width, plane.height)
    is_told = plane.kind != "unknown" or plane.technique is not None
    panel = _panel(box, plane.channel_name, plane.kind, plane.technique) if is_told else None
    image = FigureImage(box, plane.nm_per_px, panel, lambda before: source.read_page(page, before))
    return FileFigure(page, plane.width, plane.height, (image,), description=source.file.description)


def _planes_figure(source: PlaneImages) -> FileFigure:
    """Return the figure of all planes of a file; of a single plane, a picture in its own size."""
    if len(source.file.planes) == 1:
        return _page_figure(source, 0)
    if not source.plan.images:
        raise ImageError(
            f"{source.path}: none of the pages asked for is in it", f"it has {len(source.file.planes)} pages"
        )
    (width, height), boxes = source.place()
    made = [
        FigureImage(
            box,
            source.nm_per_px(image),
            _panel(box, image.heading, image.kind, image.technique),
            partial(source.read, number),
            source.planes_of(image),
        )
        for number, (image, box) in enumerate(zip(source.plan.images, boxes, strict=True))
    ][: source.selection.images]
    return FileFigure(
        0, width, height, tuple(made), source.selection.fragment, source.file.description, source.plan.note
    )


def _panel(box: Box, heading: str, kind: str, technique: str | None) -> Panel:
    """Return the panel of an image of planes, with what the file says about it."""
    return Panel(
        box, kind=kind, kind_confidence=_SURE * (kind != "unknown"), technique=technique,
        technique_confidence=_SURE * (technique is not None), heading=heading[:_MOST_HEADING],
    )  # fmt: skip
