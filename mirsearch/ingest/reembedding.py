"""Computes new vectors for panels of an index from their image files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mirsearch.errors import ImageError
from mirsearch.extractors.base import Extractor
from mirsearch.query import Pixels, StoredPanel, Vector
from mirsearch.readers.originals import OriginalImages


class PanelImages:
    """Reads panels from the files of their figures. The last image is kept: panels come figure by figure."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor
        self._originals = OriginalImages()

    def embed(self, panels: Sequence[StoredPanel]) -> Vector:
        """Return unit vectors, float32 (n, dims). ImageError names a figure whose file is missing or changed."""
        if not panels:
            return np.zeros((0, self._extractor.dims), dtype=np.float32)
        return self._extractor.embed([self.pixels(stored) for stored in panels])

    def pixels(self, stored: StoredPanel) -> Pixels:
        """Return a panel's pixels, RGB uint8 (h, w, 3). ImageError names a figure whose file is missing or changed."""
        figure = stored.figure
        pixels, _ = self._originals.crop(figure, stored.panel.box)
        if pixels is not None:
            return pixels
        locations = ", ".join(origin.location for origin in figure.origins) or "nowhere"
        raise ImageError(
            f"the image of figure {figure.id} is not where it was: {locations}",
            "put the file back, or delete the figure from the index; finished work is kept",
        )
