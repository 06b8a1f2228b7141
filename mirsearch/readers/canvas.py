"""The images of a figure of planes: where each lies on the canvas, and how it is read, plane by plane."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mirsearch.corpus import Box
from mirsearch.errors import ImageError
from mirsearch.imaging import images
from mirsearch.imaging.damage import DAMAGE_REMEDY, check_expansion, report_damage
from mirsearch.imaging.tones import Pixels
from mirsearch.readers.base import BeforePlane, ImageFile, Plane
from mirsearch.readers.rendering import channel_colors, merge_channels, project, samples_to_pixels
from mirsearch.readers.selection import Selection
from mirsearch.readers.stacks import Plan, PlannedImage, plan_images
from mirsearch.settings import Limits

GAP = 8
"""Px between two images on the canvas of a figure of planes."""

_SAMPLE_BYTES = 2
"""Bytes of a sample, about, for the check of how much a file unpacks."""


class PlaneImages:
    """Makes the images that a file's planes are shown as. The channels of one field are kept until the next field."""

    def __init__(self, path: Path, file: ImageFile, selection: Selection, limits: Limits) -> None:
        self.path, self.file, self.selection, self._limits = path, file, selection, limits
        self.plan: Plan = plan_images(file.planes, selection, limits)
        self._field = -1
        self._channels: dict[int, Pixels] = {}

    def read(self, number: int, before: BeforePlane) -> Pixels:
        """Return the RGB pixels of an image of the plan, in the size that it has on the canvas."""
        image = self.plan.images[number]
        if image.field != self._field:
            self._field, self._channels = image.field, {}
        if image.merged:
            names = [self.plan.images[at].heading for at in image.merged]
            colors = channel_colors(names, [self.plan.images[at].color for at in image.merged])
            return merge_channels((self._channel(at, before) for at in image.merged), colors)
        return self._channel(number, before)

    def read_page(self, index: int, before: BeforePlane) -> Pixels:
        """Return the RGB pixels of one plane (from 0), in full size."""
        before(0)
        samples = self._samples(index)
        with report_damage(self.path):
            return samples_to_pixels(samples)

    def planes_of(self, image: PlannedImage) -> int:
        """Return how many planes are decoded for an image, if none is kept."""
        return len(image.planes) + sum(len(self.plan.images[at].planes) for at in image.merged)

    def _channel(self, number: int, before: BeforePlane) -> Pixels:
        if number not in self._channels:
            image = self.plan.images[number]
            try:
                pixels = samples_to_pixels(project(self._planes(image, before), self.selection.projection))
            except ValueError as error:  # of planes that do not fit each other
                raise ImageError(f"{self.path}: {error}", DAMAGE_REMEDY) from error
            self._channels[number] = images.shrink(pixels, self.size(image))
        return self._channels[number]

    def _planes(self, image: PlannedImage, before: BeforePlane) -> Iterator[NDArray[Any]]:
        for done, index in enumerate(image.planes):
            before(done)
            yield self._samples(index)

    def _samples(self, index: int) -> NDArray[Any]:
        """Return the samples of a plane after a check of its size. ImageError if it is damaged or too large."""
        plane = self.file.planes[index]
        check_plane(self.path, plane, self._limits)
        with report_damage(self.path):
            samples = self.file.samples(index)
            if samples.shape[:2] != (plane.height, plane.width):
                raise ValueError(f"plane {index + 1} is {samples.shape}, not {plane.height} × {plane.width}")
            return samples

    def size(self, image: PlannedImage) -> tuple[int, int]:
        """Return the width and height of an image on the canvas: its own, or reduced to the limit of a side."""
        return images.fitted_size(image.size, self._limits.plane_side)

    def nm_per_px(self, image: PlannedImage) -> float | None:
        """Return the pixel size of an image on the canvas in nm, or None."""
        return None if image.nm_per_px is None else image.nm_per_px * image.size[0] / self.size(image)[0]

    def place(self) -> tuple[tuple[int, int], list[Box]]:
        """Return the size of the canvas (width, height) in px and the box of each image on it, row by row."""
        sizes = [self.size(image) for image in self.plan.images]
        cell_width, cell_height = max(width for width, _ in sizes), max(height for _, height in sizes)
        boxes: list[Box] = []
        for number, (width, height) in enumerate(sizes):
            row, column = divmod(number, self.plan.columns)
            left, top = column * (cell_width + GAP), row * (cell_height + GAP)
            boxes.append((left, top, left + width, top + height))
        return (max(box[2] for box in boxes), max(box[3] for box in boxes)), boxes


def check_plane(path: Path, plane: Plane, limits: Limits) -> None:
    """Raise ImageError if a plane has no pixels, more than the limit, or more than the file's bytes can mean."""
    pixels = plane.width * plane.height
    if plane.width < 1 or plane.height < 1 or pixels > limits.image_pixels:
        raise ImageError(
            f"{path}: a plane of {plane.width} × {plane.height} px; from 1 to {limits.image_pixels:,} are read",
            "crop it or reduce its size",
        )
    check_expansion(str(path), pixels * _SAMPLE_BYTES, path.stat().st_size, limits)
