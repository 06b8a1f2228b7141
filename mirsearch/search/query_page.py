"""The picture of a file that is asked with: the page that was named, or the image that stands for the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mirsearch.errors import ImageError, UsageError
from mirsearch.imaging import images
from mirsearch.readers.base import ignore_plane
from mirsearch.readers.figures import FileFigure, open_figures


@dataclass(frozen=True, slots=True, eq=False)
class QueryPage(images.Page):
    """A page with a note for people about the choice among a file's planes. `is_single`: it shows one image."""

    note: str = ""
    is_single: bool = False


def open_query_page(path: Path, page: int) -> QueryPage:
    """Return a page of a file, counted from 1; with 0, its picture, or the first image of its figure of planes.

    UsageError if the file has no such page, ImageError if it can't be read.
    """
    try:
        with open_figures(path, page=None if page == 0 else page - 1) as figures:
            figure = next(figures, None)
            if figure is not None:
                return _first_image(path, figure)
    except ImageError as error:
        if page and "has no page" in error.message:
            raise UsageError(error.message, error.remedy) from error
        raise
    if page == 0:
        raise ImageError(f"{path}: contains no picture", "convert it to png, jpg or tif")
    raise UsageError(f"{path} has no page {page}", "pages are counted from 1")


def _first_image(path: Path, figure: FileFigure) -> QueryPage:
    """Return the first image of a figure, and the names of the others as a note."""
    image = figure.images[0]
    note = ""
    if figure.fragment:
        first = image.panel.heading if image.panel is not None else ""
        others = f" of {len(figure.images)} images" if len(figure.images) > 1 else ""
        note = f"{path} is a stack: {first or 'the first image'}{others} was used; --page takes one plane"
    return QueryPage(image.read(ignore_plane), figure.number, image.nm_per_px, note, image.panel is not None)
