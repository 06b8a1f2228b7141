"""How an image is brought to the size a network takes: one definition for torch and ONNX, so that both agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mirsearch.settings import LIMITS

Mode = Literal["fit", "stretch", "crop"]
Filter = Literal["bicubic", "bilinear"]
_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


@dataclass(frozen=True, slots=True)
class Preparation:
    """Size and filter. `fit`: the longer side is `side` px and both are rounded to whole multiples of `multiple`;
    `stretch`: side × side whatever the shape; `crop`: the shorter side is `side` px, then the middle is cut out.
    """

    side: int = 224
    mode: Mode = "stretch"
    multiple: int = 32
    resample: Filter = "bicubic"

    def __post_init__(self) -> None:
        known = self.mode in get_args(Mode) and self.resample in get_args(Filter)
        if not (known and 1 <= self.multiple <= self.side <= LIMITS.extractor_side):
            raise ValueError(f"not a way to prepare images: {asdict(self)}")

    @classmethod
    def of(cls, told: dict[str, Any]) -> Preparation:
        """The preparation that `as_json` told; ValueError for anything else."""
        try:
            return cls(int(told["side"]), told["mode"], int(told["multiple"]), told["resample"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a way to prepare images: {told}") from error

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @property
    def square(self) -> bool:
        """Whether every image comes out at side × side."""
        return self.mode != "fit"

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """An RGB image uint8 (h, w, 3) of any size, brought to the size."""
        height, width = image.shape[:2]
        if self.mode == "crop":
            return self._cropped(image)
        if self.mode == "stretch":
            return self._resized(image, (self.side, self.side))
        longest = max(height, width)
        return self._resized(image, (self._fitted(width, longest), self._fitted(height, longest)))

    def _fitted(self, length: int, longest: int) -> int:
        rounded = round(length * self.side / longest / self.multiple) * self.multiple
        return max(self.multiple, rounded)

    def _cropped(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        shortest = min(height, width)
        # The middle is cut out first: a strip 1 px high must not become one of a million columns.
        top, left = (height - shortest) // 2, (width - shortest) // 2
        return self._resized(image[top : top + shortest, left : left + shortest], (self.side, self.side))

    def _resized(self, image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        if (image.shape[1], image.shape[0]) == size:
            return np.ascontiguousarray(image)
        picture = Image.fromarray(np.ascontiguousarray(image))
        return np.asarray(picture.resize(size, _FILTERS[self.resample], reducing_gap=3.0))


def check_images(images: Sequence[NDArray[np.uint8]]) -> None:
    """ValueError for an image that is not uint8 (h, w, 3) with pixels in it."""
    for image in images:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"an image to embed must be uint8 (h, w, 3), not {image.dtype} {image.shape}")
