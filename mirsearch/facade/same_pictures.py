"""Find pictures that a corpus shows more than once, from Python: `mirsearch reuse` and `mirsearch query --reuse`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from mirsearch.facade.images import ImageLike, open_image
from mirsearch.facade.panels import CorpusPanel
from mirsearch.facade.parts import Parts
from mirsearch.facade.values import FieldConditions, to_filters
from mirsearch.indexes.base import Index

if TYPE_CHECKING:
    from mirsearch.reuse.find import Reuse


class ComparedCorpus:
    """A corpus whose pictures can be compared with each other."""

    index: Index
    _parts: Parts

    def reuse(
        self,
        image: ImageLike | None = None,
        like: str | CorpusPanel | None = None,
        *,
        min_confidence: float = 0.5,
        within_figures: bool = False,
        filter: FieldConditions = None,  # noqa: A002  the name of the option
    ) -> Reuse:
        """Find pictures that are shown more than once; with an image or a panel (`like`), the panels that show it.

        They are found also cropped, mirrored, turned, scaled or with other contrast. `within_figures`: also pairs in
        one figure. Raises UsageError for a picture with too little to compare.
        """
        from mirsearch.reuse.find import find_reuse
        from mirsearch.reuse.query import asked_panel, find_query_reuse

        filters = to_filters(None, None, None, None, None, None, None, None, None, filter)
        if image is None and like is None:
            return find_reuse(self.index, filters, min_confidence, within_figures)
        if like is not None:
            named = like.id if isinstance(like, CorpusPanel) else like
            pixels, name, own = asked_panel(self.index, named)
        else:
            assert image is not None
            from mirsearch.search.query_image import ImageQuestion

            with ExitStack() as opened:
                path, shown = opened.enter_context(open_image(image))
                asked = ImageQuestion(path, self._parts.ocr, self._parts.detector, shown=shown)
                pixels, name, own = asked.resolve().pixels, asked.name, frozenset()
        return find_query_reuse(self.index, pixels, lambda: self._parts.extractor, filters, min_confidence, own, name)
