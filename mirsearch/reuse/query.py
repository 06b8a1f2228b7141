"""Find the panels of an index that show the same picture as a query."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from mirsearch.errors import UsageError
from mirsearch.extractors.base import Extractor
from mirsearch.indexes.base import Index
from mirsearch.query import Filters, Pixels, SearchRequest, StoredPanel, Vector
from mirsearch.readers.originals import OriginalImages
from mirsearch.reuse.comparing import compare_seen, judge_seen, shared_picture
from mirsearch.reuse.find import MIN_CONFIDENCE, Reuse, check_confidence
from mirsearch.reuse.keypoints import stretch
from mirsearch.reuse.matching import prepare
from mirsearch.reuse.pictures import Grays, decode_rgb, look_at, look_at_jpeg
from mirsearch.reuse.shared_pictures import SharedPicture
from mirsearch.search.asked_pictures import IMAGE_KINDS
from mirsearch.search.naming import named_panel
from mirsearch.settings import thread_count

QUERY_NEAREST = 60
"""Panels that are compared with a query for each of its views, nearest by their vectors."""
_PART_SIDE = 0.6
"""Share of each side that a part of a query has, whose vector is looked for, too: the query may be an overview."""


def find_query_reuse(
    index: Index,
    pixels: Pixels,
    extractor: Callable[[], Extractor],
    filters: Filters | None = None,
    min_confidence: float = MIN_CONFIDENCE,
    exclude: frozenset[str] = frozenset(),
    name: str = "",
) -> Reuse:
    """Return the panels that show the same picture as RGB pixels uint8 (h, w, 3), the surest first.

    Candidates are the panels that are nearest to the query, to its turned and mirrored views, with stretched contrast,
    and to its parts. Raises UsageError for a picture with too little to compare, and for a confidence that is none.
    """
    check_confidence(min_confidence)
    seen, gray = look_at(pixels)
    if seen.is_empty:
        raise UsageError(f"{name or 'the picture'} has too little to compare", "give one with more detail")
    panels = _candidates(index, extractor().embed(_views(pixels)), filters or Filters(), exclude)
    held_off: Counter[str] = Counter()
    grays, prepared = Grays(index), prepare(seen.keypoints)
    size = pixels.shape[1], pixels.shape[0]

    def compare(stored: StoredPanel) -> SharedPicture | None:
        other = look_at_jpeg(index.thumbnail(stored.panel.id))
        compared = compare_seen(seen, other, lambda: gray, lambda: grays.gray(stored.panel.id), None, prepared)
        verdict = None if compared is None else judge_seen(compared, seen, other)
        if compared is None or verdict is None or verdict.confidence < min_confidence:
            return None
        if verdict.held_off is not None:
            held_off[verdict.held_off] += 1
            return None
        return shared_picture(None, stored, (seen, other), compared, verdict.confidence, size, name)

    with ThreadPoolExecutor(thread_count()) as pool:
        found = [pair for pair in pool.map(compare, panels) if pair is not None]
    found.sort(key=lambda pair: (-pair.confidence, pair.b.panel.id))
    return Reuse(tuple(found), len(panels), dict(held_off))


def _candidates(index: Index, vectors: Vector, filters: Filters, exclude: frozenset[str]) -> list[StoredPanel]:
    """Return the panels that are nearest to one of the vectors, (n, dims), each once."""
    chosen = dataclasses.replace(filters, kinds=filters.kinds or IMAGE_KINDS)
    found: dict[str, None] = {}
    for vector in vectors:
        request = SearchRequest(vector=vector, filters=chosen, top=QUERY_NEAREST, exclude=exclude)
        found |= dict.fromkeys(scored.panel_id for scored in index.search(request).panels)
    return index.panels(list(found))


def asked_panel(index: Index, name: str) -> tuple[Pixels, str, frozenset[str]]:
    """Return the picture of a panel (from its file, or the small one), its id, and the ids of its figure's panels.

    Raises NotFoundError, or UsageError if there are several panels of this name or if there is no picture of it.
    """
    stored = named_panel(index, name)
    pixels = OriginalImages().crop(stored.figure, stored.panel.box)[0]
    if pixels is None:
        pixels = decode_rgb(index.thumbnail(stored.panel.id))
    if pixels is None:
        raise UsageError(f"there is no picture of {stored.panel.id}", "ingest its figure again")
    own = frozenset(other.panel.id for other in index.figure_panels(stored.figure.id))
    return pixels, stored.panel.id, own


def _views(pixels: Pixels) -> list[Pixels]:
    """Return the picture turned and mirrored (eight views), with stretched contrast, and its middle and corners."""
    turned = [np.rot90(pixels, turns) for turns in range(4)]
    views = [*turned, *(view[:, ::-1] for view in turned)]
    gray = stretch(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8))
    views.append(np.repeat(gray[..., None], 3, axis=2))
    height, width = pixels.shape[:2]
    rows, columns = max(round(_PART_SIDE * height), 1), max(round(_PART_SIDE * width), 1)
    middle = (height - rows) // 2, (width - columns) // 2
    corners = [(top, left) for top in (0, height - rows) for left in (0, width - columns)]
    views += [pixels[top : top + rows, left : left + columns] for top, left in (middle, *corners)]
    return [np.ascontiguousarray(view) for view in views]
