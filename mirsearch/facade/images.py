"""The images of a question: files, addresses, and arrays of pixels."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mirsearch.errors import UsageError

ImageLike = str | os.PathLike[str] | NDArray[Any] | Image.Image
"""An image: a path, an https:// address, pixels uint8 (height, width) or (height, width, 3), or an image of Pillow."""
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.I)


@contextmanager
def open_image(image: ImageLike) -> Iterator[tuple[Path, str]]:
    """Yield the file of an image, and what the answer calls it where the file is a copy (else empty)."""
    if isinstance(image, np.ndarray | Image.Image):
        with TemporaryDirectory(prefix="mirsearch-") as folder:
            path = Path(folder) / "image.png"
            _to_picture(image).save(path)
            yield path, "image"
        return
    name = os.fspath(image)
    if _ADDRESS.match(name):
        from mirsearch.acquisition.http.single_image import fetch_image

        with TemporaryDirectory(prefix="mirsearch-") as folder:
            path = Path(folder) / "image"
            fetch_image(name, path)
            yield path, name
        return
    if not Path(name).exists():
        raise UsageError(f"{name}: no such file", "check the path")
    yield Path(name), ""


def _to_picture(image: NDArray[Any] | Image.Image) -> Image.Image:
    if isinstance(image, Image.Image):
        return image.convert("RGB")
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or image.size == 0:
        raise UsageError(
            f"an array of {image.dtype} and shape {image.shape} is no image",
            "give uint8 of shape (height, width) or (height, width, 3)",
        )
    return Image.fromarray(np.ascontiguousarray(image))
