"""Scale bars by a trained network (Faster R-CNN), measured on the pixels; runs on onnxruntime, without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mirsearch.analysis.base import BarCandidate, Pixels
from mirsearch.analysis.scalebars.detector import RunLengthDetector
from mirsearch.corpus import Box
from mirsearch.errors import UsageError
from mirsearch.models.artifact import Artifact, ArtifactError, find_artifact

KIND = "scalebar-detector"
MODEL_FILE = "model.onnx"
BAR, LABEL = 1, 2

MIN_BOX_SIDE = 10.0
"""Boxes of bars are grown to this many px across, at the network's scale: a bar 2 px thick has no box to speak of."""

_MIN_SCORE = 0.05
_MAX_ENLARGEMENT = 2.0
_PADDING_LEVEL = 128
_CROP_MARGIN = 12
"""Px around a box within which its bar is measured."""

_MIN_COMMON_SHARE = 0.6
"""Share of the longer of two lengths that must be common for them to be of one bar."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Detections:
    """What a network finds in a picture: boxes float32 (n, 4) in its px, scores (n,), classes (n,) BAR or LABEL."""

    boxes: Floats
    scores: Floats
    classes: NDArray[np.int64]


def fit_picture(pixels: Pixels, side: int) -> tuple[Pixels, float]:
    """A picture RGB (h, w, 3) fitted into gray (side, side, 3), at its upper left, and by how much it was scaled."""
    height, width = pixels.shape[:2]
    factor = min(side / max(height, width), _MAX_ENLARGEMENT)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    canvas = np.full((side, side, 3), _PADDING_LEVEL, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=method)
    return canvas, factor


def grow_boxes(boxes: Floats, least: float = MIN_BOX_SIDE) -> Floats:
    """Boxes (n, 4) no thinner than `least` px either way, about their middles."""
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    half = np.maximum(half, least / 2)
    return np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)


class FasterRcnnDetector:
    """A scale-bar detector trained by `mirsearch train scalebar`; `argument` is an installed model's name or a file.

    The network says where bars are; their ends are measured on the pixels where there is an even run of them.
    """

    takes_argument = True

    def __init__(self, argument: str | None = None) -> None:
        if not argument:
            raise UsageError("faster-rcnn needs the name or the file of a model", "--scalebars faster-rcnn:NAME")
        self._artifact = find_artifact(argument, KIND)
        self.side = _read_side(self._artifact.card.settings, self._artifact)
        self.name = f"faster-rcnn:{self._artifact.card.name}@{self._artifact.card.version}"
        self._loading = Lock()
        self._loaded: Any = None
        self._runs = RunLengthDetector()

    def detect(self, pixels: Pixels) -> list[BarCandidate]:
        """Candidates, best first: boxes in px of `pixels` (RGB, uint8, (h, w, 3)), lengths to a fraction of a px."""
        if pixels.ndim != 3 or min(pixels.shape[:2]) < 8:
            return []
        found = self.found(pixels)
        bars = [
            self._measured(pixels, box, float(score))
            for box, score, kind in zip(found.boxes, found.scores, found.classes, strict=True)
            if kind == BAR and score >= _MIN_SCORE
        ]
        return sorted((bar for bar in bars if bar is not None), key=lambda bar: -bar.score)

    def found(self, pixels: Pixels) -> Detections:
        """All the network finds, bars grown to LEAST_THICK, in px of `pixels`."""
        canvas, factor = fit_picture(pixels, self.side)
        picture = canvas.astype(np.float32).transpose(2, 0, 1) / 255
        boxes, scores, classes = self._session.run(None, {"image": picture})
        return Detections(np.asarray(boxes, np.float32) / np.float32(factor), scores, classes)

    def _measured(self, pixels: Pixels, box: Floats, score: float) -> BarCandidate | None:
        """A found box as a candidate: the even run in it where there is one, else the box itself."""
        height, width = pixels.shape[:2]
        x0, y0, x1, y1 = (round(float(edge)) for edge in box)
        inside: Box = (max(0, x0), max(0, y0), min(width, x1), min(height, y1))
        if inside[2] - inside[0] < 2 or inside[3] - inside[1] < 1:
            return None
        upright = inside[3] - inside[1] > inside[2] - inside[0]
        along = (inside[1], inside[3]) if upright else (inside[0], inside[2])
        left, top = max(0, inside[0] - _CROP_MARGIN), max(0, inside[1] - _CROP_MARGIN)
        part = np.ascontiguousarray(pixels[top : inside[3] + _CROP_MARGIN, left : inside[2] + _CROP_MARGIN])
        for run in self._runs.detect(part):
            moved = _shift(run, left, top)
            if moved.vertical == upright and _common_share(_long_span(moved), along) >= _MIN_COMMON_SHARE and _overlaps(moved.box, inside):
                return replace(moved, score=score)
        return BarCandidate(inside, float(along[1] - along[0]), score, upright)

    @property
    def _session(self) -> Any:
        """The session, loaded at the first use; by one thread, where several detect at once."""
        with self._loading:
            if self._loaded is None:
                self._loaded = _open_session(self._artifact)
            return self._loaded


def _open_session(artifact: Artifact) -> Any:
    """The session of a model file; ArtifactError where it can't be run."""
    from onnxruntime.capi import onnxruntime_pybind11_state as causes

    from mirsearch.extractors.efficientnet.extractor import open_session

    try:
        return open_session(artifact.payload(MODEL_FILE))
    except (causes.Fail, causes.InvalidProtobuf, causes.InvalidGraph, causes.InvalidArgument, causes.NotImplemented,
            causes.RuntimeException) as error:  # fmt: skip
        reason = str(error).splitlines()[0][:200]
        raise ArtifactError(f"{artifact.path}: {MODEL_FILE} can't be run: {reason}", "train it again") from None


def _read_side(settings: Mapping[str, Any], artifact: Artifact) -> int:
    side = settings.get("side")
    if not isinstance(side, int) or not 32 <= side <= 4096:
        raise ArtifactError(f"{artifact.path}: a side of {json.dumps(side)} px is none", "train it again")
    return side


def _shift(bar: BarCandidate, x: int, y: int) -> BarCandidate:
    x0, y0, x1, y1 = bar.box
    return replace(bar, box=(x0 + x, y0 + y, x1 + x, y1 + y))


def _long_span(bar: BarCandidate) -> tuple[int, int]:
    return (bar.box[1], bar.box[3]) if bar.vertical else (bar.box[0], bar.box[2])


def _common_share(one: tuple[int, int], other: tuple[int, int]) -> float:
    """The common part of two spans as a share of the longer."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0, shared) / max(one[1] - one[0], other[1] - other[0], 1)


def _overlaps(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
