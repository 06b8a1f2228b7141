"""Take a worker's answer: what can't be what an analysis gives is refused, so that no worker can spoil a corpus."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mirsearch.corpus import KINDS, TECHNIQUES, Box, Panel
from mirsearch.ingest.analyzed import AnalyzedFile, ReadyFigure, ReadyImage
from mirsearch.ingest.remote.messages import FigureAnswer, FileAnswer, FileTask, ImageAnswer
from mirsearch.query import Vector
from mirsearch.settings import LIMITS

_MOST_PANELS = 2_000
"""Panels of one image. The largest figure seen, of 2,400 drawn cells, is cut into fewer."""
_MOST_THUMBNAIL = 1 << 20
_JPEG = b"\xff\xd8\xff"
_UNIT = 1e-3
"""Greatest difference of a vector's length from 1."""
_STAGES = ("read", "analyze", "embed")
_MOST_REASON = 2_000


def take_answer(answer: FileAnswer, task: FileTask) -> AnalyzedFile:
    """Return what a worker found in a file. Raises ValueError that says what is wrong with it."""
    numbers = [figure.number for figure in answer.figures]
    _require(len(set(numbers)) == len(numbers) <= LIMITS.image_pages, "figures that are given twice")
    _require(all(stage in _STAGES for stage in (*answer.seconds, *(stage for stage, _ in answer.failures))), "a stage")
    _require(bool(answer.figures or answer.failures), "neither figures nor a failure")
    return AnalyzedFile(
        [_take_figure(figure, task) for figure in answer.figures],
        [(stage, _line(reason)) for stage, reason in answer.failures],
        {stage: max(0.0, seconds) for stage, seconds in answer.seconds.items()},
        [_line(note) for note in answer.notes],
    )


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise ValueError(f"{what} that no analysis gives")


def _line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text[:_MOST_REASON])


def _take_figure(figure: FigureAnswer, task: FileTask) -> ReadyFigure:
    _require(0 <= figure.number < LIMITS.stack_planes, "a page")
    _require(task.page is None or figure.number == task.page, "another page")
    _require(0 < figure.width <= LIMITS.page_side and 0 < figure.height <= LIMITS.page_side, "a size")
    _require(0 < len(figure.images) <= figure.total <= LIMITS.image_pages, "a number of images")
    _require(len(figure.fragment) <= LIMITS.caption_chars and figure.fragment.isprintable(), "a name")
    _require(len(figure.description) <= LIMITS.caption_chars, "a description")
    images = [_take_image(image, figure, task) for image in figure.images]
    return ReadyFigure(
        figure.number, figure.width, figure.height, figure.fragment, figure.description, figure.total, images
    )


def _take_image(image: ImageAnswer, figure: FigureAnswer, task: FileTask) -> ReadyImage:
    _require(len(image.panels) <= _MOST_PANELS, "panels")
    _require(len(image.thumbnails) == len(image.panels), "thumbnails")
    for thumbnail in image.thumbnails:
        _require(thumbnail.startswith(_JPEG) and len(thumbnail) <= _MOST_THUMBNAIL, "thumbnails")
    for panel in image.panels:
        _check_panel(panel, (figure.width, figure.height))
    return ReadyImage(image.panels, _take_vectors(image.vectors, len(image.panels), task.setup.dims), image.thumbnails)


def _take_vectors(data: bytes, count: int, dims: int) -> Vector:
    _require(len(data) == 4 * count * dims, "vectors of a size")
    vectors = np.frombuffer(data, dtype="<f4").astype(np.float32).reshape(count, dims)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)
    _require(bool((np.abs(lengths - 1.0) < _UNIT).all()), "vectors of a length")  # False for what is not finite
    return vectors


def _check_panel(panel: Panel, size: tuple[int, int]) -> None:
    _require(_is_inside(panel.box, size) and panel.box[0] < panel.box[2] and panel.box[1] < panel.box[3], "a box")
    _require(panel.group is None or _is_inside(panel.group, size), "a group")
    _require(panel.kind in KINDS and (panel.technique is None or panel.technique in TECHNIQUES), "a kind")
    _require(_are_shares((panel.kind_confidence, panel.technique_confidence)), "a confidence")
    _require(not panel.id and not panel.figure_id, "an id")
    texts = (panel.label, panel.heading, panel.inset_of)
    _require(all(text is None or len(text) <= LIMITS.field_chars for text in texts), "a text")
    _require(len(panel.caption) <= LIMITS.caption_chars and len(panel.text) <= LIMITS.caption_chars, "a text")
    for reading in (panel.scale, panel.doubtful_scale):
        if reading is not None:
            _require(reading.nm_per_px > 0 and _are_shares((reading.confidence,)), "a scale")
            _require(reading.label_text is None or len(reading.label_text) <= LIMITS.field_chars, "a label")


def _is_inside(box: Box, size: tuple[int, int]) -> bool:
    return 0 <= box[0] <= box[2] <= size[0] and 0 <= box[1] <= box[3] <= size[1]


def _are_shares(values: Iterable[float]) -> bool:
    return all(0.0 <= value <= 1.0 for value in values)
