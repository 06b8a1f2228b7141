"""Resizes images to the size that a network takes. PyTorch and ONNX models share this code, so that both agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mirsearch.extractors.efficientnet.levels import area_size
from mirsearch.settings import LIMITS

Mode = Literal["fit", "stretch", "crop", "area"]
Filter = Literal["bicubic", "bilinear"]
_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@dataclass(frozen=True, slots=True)
class Preparation:
    """Size and filter that images are resized with.

    `fit`: the longer side becomes `side` px, and both sides are rounded to multiples of `multiple`. `stretch`: the
    image becomes side × side px, whatever its shape. `crop`: the middle square is cut out and becomes side × side px.
    `area`: the image gets about side² px in its own shape, as the default extractor does it.
    The class's name and fields are part of the extractors' versions (by its repr): they must not change.
    """

    side: int = 224
    mode: Mode = "stretch"
    multiple: int = 32
    resample: Filter = "bicubic"

    def __post_init__(self) -> None:
        known = self.mode in get_args(Mode) and self.resample in get_args(Filter)
        if not (known and 1 <= self.multiple <= self.side <= LIMITS.extractor_side):
            raise ValueError(f"these settings can't prepare images: {asdict(self)}")

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Preparation:
        """Return the preparation that `as_json` described; ValueError for anything else."""
        try:
            return cls(int(values["side"]), values["mode"], int(values["multiple"]), values["resample"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"these settings can't prepare images: {values}") from error

    def as_json(self) -> dict[str, Any]:
        """Return the settings in plain JSON types."""
        return asdict(self)

    @property
    def is_square(self) -> bool:
        """Whether every prepared image has side × side px."""
        return self.mode in ("stretch", "crop")

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return an RGB image uint8 (h, w, 3) of any size, resized."""
        height, width = image.shape[:2]
        if self.mode == "crop":
            return self._crop_middle(image)
        if self.mode == "area":
            return self._resize(image, area_size(width, height, self.side))
        if self.mode == "stretch":
            return self._resize(image, (self.side, self.side))
        longest = max(height, width)
        return self._resize(image, (self._fit_length(width, longest), self._fit_length(height, longest)))

    def _fit_length(self, length: int, longest: int) -> int:
        rounded = round(length * self.side / longest / self.multiple) * self.multiple
        return max(self.multiple, rounded)

    def _crop_middle(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        shortest = min(height, width)
        # Crop before resizing: a strip 1 px high must not be enlarged to a million columns.
        top, left = (height - shortest) // 2, (width - shortest) // 2
        return self._resize(image[top : top + shortest, left : left + shortest], (self.side, self.side))

    def _resize(self, image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        if (image.shape[1], image.shape[0]) == size:
            return np.ascontiguousarray(image)
        picture = Image.fromarray(np.ascontiguousarray(image))
        return np.asarray(picture.resize(size, _FILTERS[self.resample], reducing_gap=3.0))


def check_images(images: Sequence[NDArray[np.uint8]]) -> None:
    """Raise ValueError for an image that is not uint8 (h, w, 3) or has no pixels."""
    for image in images:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"an image to embed must be uint8 (h, w, 3), not {image.dtype} {image.shape}")
