"""The pictures of a question as one: their common direction among the vectors, their scale, and what the answer shows.

Several images are asked with as the mean of their vectors (average query expansion; Chum et al., "Total Recall", ICCV
2007). The mean distance of a panel to the images is a linear function of its distance to that mean. So the order is
that of the mean distance, and every index answers it like a question with one image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from mirsearch.corpus import Panel, ScaleReading
from mirsearch.errors import UsageError
from mirsearch.extractors.base import Extractor
from mirsearch.indexes.base import Index
from mirsearch.query import Pixels, StoredPanel, Vector
from mirsearch.search.answer import QueryImage
from mirsearch.search.question import Question
from mirsearch.text.lengths import format_length

if TYPE_CHECKING:
    from mirsearch.search.query_image import QueryPart

IMAGE_KINDS = ("micrograph", "diffraction", "map", "photo", "gel", "unknown")
"""Kinds that answer an image if the question names no kind: all but plots and schematics."""
_MIN_MEAN = 1e-6
"""Least length of the mean of unit vectors. A shorter one has no direction: the images have nothing in common."""
_MAX_VIEW_RATIO = 4.0
"""Ratio of the largest to the smallest field of view from which their mean is told: 2σ of the scale term."""


@dataclass(frozen=True, slots=True)
class AskedPictures:
    """What a question shows: vector, kind, scale, field of view in nm, images, and notes for the reader.

    All are None, empty or "unknown" for a question of words alone, and `kind` is None.
    """

    vector: Vector | None = None
    kind: str | None = None
    scale: ScaleReading | None = None
    field_of_view_nm: float | None = None
    shown: tuple[QueryImage, ...] = ()
    notes: tuple[str, ...] = ()


def read_pictures(
    index: Index, question: Question, stored: StoredPanel | None, extractor: Callable[[], Extractor]
) -> AskedPictures:
    """Return the pictures of a question: its images, or the panel of the index that it asks with."""
    if stored is not None:
        return _stored_picture(index, question, stored)
    if not question.images:
        return AskedPictures(field_of_view_nm=question.field_of_view_nm)
    parts = [image.resolve() for image in question.images]
    vector = _mean_direction(extractor().embed([part.pixels for part in parts]))
    readings = [_scale_and_view(question, part) for part in parts]
    views = [view for _, view in readings if view is not None]
    kinds = [part.kind for part in parts]
    scale, notes = readings[0][0], [note for part in parts for note in part.notes]
    fov = question.field_of_view_nm or _mean_view(views)
    if len(parts) > 1:
        scale = None
        notes += _notes_on_several(question, views, len(parts))
    return AskedPictures(
        vector,
        next((kind for kind in kinds if kind in IMAGE_KINDS), kinds[0]),
        scale,
        fov,
        tuple(
            QueryImage(image.name, part.label, part.box, *reading, part.pixels)
            for image, part, reading in zip(question.images, parts, readings, strict=True)
        ),
        tuple(notes),
    )


def _stored_picture(index: Index, question: Question, stored: StoredPanel) -> AskedPictures:
    panel = stored.panel
    scale, fov = _scale_and_view(question, panel)
    label = panel.label if panel.label is None or panel.part is None else f"{panel.label}{panel.part}"
    pixels = _thumbnail_pixels(index, panel.id)
    return AskedPictures(
        index.vector(panel.id), panel.kind, scale, fov,
        (QueryImage(panel.id, label, panel.box, scale, fov, pixels),), _doubt_notes(question, panel, fov),
    )  # fmt: skip


def _mean_direction(vectors: Vector) -> Vector:
    """Return the direction of the mean of unit vectors, (n, dims) → (dims,)."""
    if len(vectors) == 1:
        only: Vector = vectors[0]
        return only
    mean = vectors.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    if length < _MIN_MEAN:
        raise UsageError("the images have nothing in common", "ask with each of them: --batch")
    return np.asarray(mean / length, dtype=np.float32)


def _scale_and_view(question: Question, source: QueryPart | Panel) -> tuple[ScaleReading | None, float | None]:
    """Return scale reading and field of view (nm): given with the question, of the image, or of the panel."""
    if not question.use_scale:
        return None, question.field_of_view_nm
    scale, fov = source.scale, question.field_of_view_nm or source.field_of_view_nm
    if scale is None and fov is None and question.doubtful and source.doubtful_scale is not None:
        scale = source.doubtful_scale
        fov = (source.box[2] - source.box[0]) * scale.nm_per_px
    return scale, fov


def _mean_view(views: Sequence[float]) -> float | None:
    """Return the geometric mean of fields of view: the scale term compares their logarithms."""
    if len(views) < 2:
        return views[0] if views else None
    return math.exp(sum(math.log(view) for view in views) / len(views))


def _notes_on_several(question: Question, views: Sequence[float], count: int) -> list[str]:
    """Return what a reader should know of the scale of several images."""
    if not question.use_scale or question.field_of_view_nm is not None or not views:
        return []
    notes = []
    if len(views) < count:
        notes.append(f"the scale of {count - len(views)} of the {count} images is not known: that of the others counts")
    if max(views) / min(views) > _MAX_VIEW_RATIO:
        ends = f"{format_length(min(views))} to {format_length(max(views))}"
        mean = _mean_view(views)
        middle = "" if mean is None else f", {format_length(mean)},"
        notes.append(f"the images' fields of view are {ends}: their mean{middle} counts; --no-scale ignores them")
    return notes


def _doubt_notes(question: Question, panel: Panel, fov: float | None) -> tuple[str, ...]:
    """Return that the scale of the indexed panel that is asked with is doubtful, where it is therefore not used."""
    if panel.doubtful_scale is None or not question.use_scale or fov is not None:
        return ()
    return (f"the scale of {panel.id} is doubtful: it is not used; --doubtful uses it",)


def _thumbnail_pixels(index: Index, panel_id: str) -> Pixels | None:
    thumbnail = index.thumbnail(panel_id)
    if thumbnail is None:
        return None
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(thumbnail), formats=("JPEG",)) as opened:
            return np.asarray(opened.convert("RGB"), dtype=np.uint8)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return None  # a damaged small picture keeps no one from asking
