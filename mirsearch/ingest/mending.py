"""Makes damaged parts of figures of an index again, from the files of the figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from mirsearch.errors import MirsearchError
from mirsearch.extractors.base import Extractor
from mirsearch.imaging import images
from mirsearch.indexes.base import FigureRecord
from mirsearch.indexes.embedded.database.figures import FigureRow
from mirsearch.indexes.embedded.database.salvage import Blobs, DamagedFigure
from mirsearch.ingest.figure_analysis import Analyzer, analyze_figure
from mirsearch.query import StoredPanel
from mirsearch.readers.originals import OriginalImages, open_original

_UNREADABLE = {"missing": "its file is missing", "changed": "its file has another content now"}


class FigureMender:
    """Analyzes damaged figures again, and embeds panels or draws thumbnails that were lost.

    The analysis and the extractor are loaded when the first figure needs them.
    """

    def __init__(self, load_analyzer: Callable[[], Analyzer], load_extractor: Callable[[], Extractor]) -> None:
        self._load_analyzer, self._load_extractor = load_analyzer, load_extractor

    @cached_property
    def _analyzer(self) -> Analyzer:
        return self._load_analyzer()

    @cached_property
    def _extractor(self) -> Extractor:
        return self._load_extractor()

    def __call__(self, damaged: DamagedFigure) -> FigureRecord | Blobs | str:
        """Return the figure as it is read now, or the lost blobs, or why neither is possible."""
        if damaged.row is None:
            return "its own data can't be trusted"
        try:
            if damaged.lost:
                return self._make_blobs(damaged.lost, damaged.panels)
            return self._analyze(damaged.row)
        except MirsearchError as error:
            return error.message

    def _make_blobs(self, lost: Sequence[tuple[str, str]], panels: Sequence[StoredPanel]) -> Blobs | str:
        by_id, originals, blobs = {stored.panel.id: stored for stored in panels}, OriginalImages(), Blobs()
        for name, panel_id in lost:
            stored = by_id[panel_id]
            pixels, state = originals.crop(stored.figure, stored.panel.box)
            if pixels is None:
                return _UNREADABLE[state]
            if name == "vector":
                blobs[name, panel_id] = np.asarray(self._extractor.embed([pixels])[0]).astype("<f2").tobytes()
            else:
                blobs[name, panel_id] = images.thumbnail(pixels)
        return blobs

    def _analyze(self, row: FigureRow) -> FigureRecord | str:
        figure, source_panels = row.figure, row.notes().source_panels
        with open_original(figure) as original:
            if original.figure is None:
                return _UNREADABLE[original.state]
            panels, crops = analyze_figure(original.figure, figure, self._analyzer, source_panels)
            if not original.is_unchanged:
                return _UNREADABLE["changed"]
        vectors = np.asarray(self._extractor.embed(crops), dtype=np.float32).reshape(len(crops), self._extractor.dims)
        thumbnails = tuple(images.thumbnail(crop) for crop in crops)
        return FigureRecord(figure, panels, vectors, thumbnails, self._analyzer.version, source_panels)
