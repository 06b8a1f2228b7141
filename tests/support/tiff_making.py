"""Write small TIFFs with the tags of microscopes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile


def text_tag(code: int, text: str | bytes) -> tuple[Any, ...]:
    """Return a tag of characters for `write_page`."""
    data = text.encode() if isinstance(text, str) else text
    return (code, 2, len(data) + 1, data + b"\0", True)


def number_tag(code: int, value: float) -> tuple[Any, ...]:
    """Return a tag with one DOUBLE for `write_page`."""
    return (code, 12, 1, value, True)


def write_page(folder: Path, *tags: tuple[Any, ...], size: tuple[int, int] = (64, 48), **options: Any) -> Path:
    """Write a gray page of (width, height) with these tags to `folder/image.tif`; options are tifffile's."""
    path = folder / "image.tif"
    options.setdefault("metadata", None)
    tifffile.imwrite(path, np.zeros(size[::-1], np.uint8), extratags=list(tags), **options)
    return path


def write_pages(path: Path, pages: list[dict[str, Any]]) -> Path:
    """Write a TIFF of several gray pages: each with its `size`, `tags`, and other options of tifffile."""
    with tifffile.TiffWriter(path) as writer:
        for page in pages:
            width, height = page.pop("size", (64, 48))
            options = {"metadata": None, "extratags": page.pop("tags", ())} | page
            writer.write(np.zeros((height, width), np.uint8), **options)
    return path
