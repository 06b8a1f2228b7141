"""Detect scale bars with a trained network (Faster R-CNN) and measure them on the pixels.

The network runs on onnxruntime, without torch.
"""

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
from mirsearch.analysis.panels.boxes import overlaps, shift_bar
from mirsearch.analysis.scalebars.detector import RunLengthDetector
from mirsearch.corpus import Box
from mirsearch.errors import UsageError
from mirsearch.models.artifact import Artifact, ArtifactError, find_artifact

KIND = "scalebar-detector"
"""Kind of artifact that holds such a network."""

MODEL_FILE = "model.onnx"
"""Name of the network's file in the artifact."""

BAR, LABEL = 1, 2
"""The network's classes."""

MIN_BOX_SIDE = 10.0
"""Least side in px, at the network's scale, of the boxes of bars; a bar 2 px thick would have no useful box."""

_MIN_SCORE = 0.05
"""Least score of a bar that is returned."""

_MAX_ENLARGEMENT = 2.0
"""Greatest factor by which a small picture is enlarged for the network."""

_PADDING_LEVEL = 128
"""Gray level of the rest of the network's square picture."""

_CROP_MARGIN = 12
"""Px around a box within which its bar is measured."""

_MIN_COMMON_SHARE = 0.6
"""Least share of the longer of two lengths that must be common if they are of one bar."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Detections:
    """What a network finds in a picture: boxes float32 (n, 4) in px, scores (n,), and classes (n,), BAR or LABEL."""

    boxes: Floats
    scores: Floats
    classes: NDArray[np.int64]


def fit_picture(pixels: Pixels, side: int) -> tuple[Pixels, float]:
    """Return an RGB picture (h, w, 3) scaled into the upper left of a gray square, and the factor.

    The square is (side, side, 3).
    """
    height, width = pixels.shape[:2]
    factor = min(side / max(height, width), _MAX_ENLARGEMENT)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    canvas = np.full((side, side, 3), _PADDING_LEVEL, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=method)
    return canvas, factor


def grow_boxes(boxes: Floats, min_side: float = MIN_BOX_SIDE) -> Floats:
    """Return the boxes (n, 4), grown about their centers where needed so that no side is less than `min_side` px."""
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    half = np.maximum(half, min_side / 2)
    return np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)


class FasterRcnnDetector:
    """A scale-bar detector trained by `mirsearch train scalebar`.

    `argument` is the name of an installed model or a file. The network finds bars. Their ends are measured on the
    pixels where there is an even run of them.
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
        """Return candidates, best first, with boxes in px of `pixels` and lengths to a fraction of a px.

        `pixels` are RGB, uint8, (h, w, 3).
        """
        if pixels.ndim != 3 or min(pixels.shape[:2]) < 8:
            return []
        detections = self.detect_all(pixels)
        bars = [
            self._measure(pixels, box, float(score))
            for box, score, kind in zip(detections.boxes, detections.scores, detections.classes, strict=True)
            if kind == BAR and score >= _MIN_SCORE
        ]
        return sorted((bar for bar in bars if bar is not None), key=lambda bar: -bar.score)

    def detect_all(self, pixels: Pixels) -> Detections:
        """Return all that the network finds, in px of `pixels`. Boxes of bars are grown to MIN_BOX_SIDE."""
        canvas, factor = fit_picture(pixels, self.side)
        picture = canvas.astype(np.float32).transpose(2, 0, 1) / 255
        boxes, scores, classes = self._session.run(None, {"image": picture})
        return Detections(np.asarray(boxes, np.float32) / np.float32(factor), scores, classes)

    def _measure(self, pixels: Pixels, box: Floats, score: float) -> BarCandidate | None:
        """Return a detected box as a candidate: the even run of pixels in it, if there is one, else the box itself."""
        height, width = pixels.shape[:2]
        x0, y0, x1, y1 = (round(float(edge)) for edge in box)
        inside: Box = (max(0, x0), max(0, y0), min(width, x1), min(height, y1))
        if inside[2] - inside[0] < 2 or inside[3] - inside[1] < 1:
            return None
        upright = inside[3] - inside[1] > inside[2] - inside[0]
        span = (inside[1], inside[3]) if upright else (inside[0], inside[2])
        left, top = max(0, inside[0] - _CROP_MARGIN), max(0, inside[1] - _CROP_MARGIN)
        crop = np.ascontiguousarray(pixels[top : inside[3] + _CROP_MARGIN, left : inside[2] + _CROP_MARGIN])
        for run in self._runs.detect(crop):
            shifted = shift_bar(run, left, top)
            if (
                shifted.vertical == upright
                and _common_share(_long_span(shifted), span) >= _MIN_COMMON_SHARE
                and overlaps(shifted.box, inside)
            ):
                return replace(shifted, score=score)
        return BarCandidate(inside, float(span[1] - span[0]), score, upright)

    @property
    def _session(self) -> Any:
        """The network's session. It is loaded at first use, by one thread only."""
        with self._loading:
            if self._loaded is None:
                self._loaded = _open_session(self._artifact)
            return self._loaded


def _open_session(artifact: Artifact) -> Any:
    """Return the session of a model file. Raises ArtifactError if the file cannot be run."""
    from onnxruntime.capi import onnxruntime_pybind11_state as causes

    from mirsearch.extractors.efficientnet.extractor import open_session

    try:
        return open_session(artifact.payload(MODEL_FILE))
    except (causes.Fail, causes.InvalidProtobuf, causes.InvalidGraph, causes.InvalidArgument, causes.NotImplemented,
            causes.RuntimeException) as error:  # fmt: skip
        reason = str(error).splitlines()[0][:200]
        raise ArtifactError(f"{artifact.path}: {MODEL_FILE} can't be run: {reason}", "train it again") from None


def _read_side(settings: Mapping[str, Any], artifact: Artifact) -> int:
    """Return the side in px of the network's picture. Raises ArtifactError if the settings have no valid one."""
    side = settings.get("side")
    if not isinstance(side, int) or not 32 <= side <= 4096:
        raise ArtifactError(f"{artifact.path}: a side of {json.dumps(side)} px is none", "train it again")
    return side


def _long_span(bar: BarCandidate) -> tuple[int, int]:
    """Return the start and end of a bar along its axis."""
    return (bar.box[1], bar.box[3]) if bar.vertical else (bar.box[0], bar.box[2])


def _common_share(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the common part of two spans as a share of the longer one."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0, shared) / max(one[1] - one[0], other[1] - other[0], 1)
