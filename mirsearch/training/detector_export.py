"""Turns a trained detector into a model file: ONNX, compared with the network, and measured as it will be used."""

from __future__ import annotations

import datetime
import io
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mirsearch.analysis.scalebars.faster_rcnn import KIND, MIN_BOX_SIDE, MODEL_FILE, FasterRcnnDetector
from mirsearch.errors import MirsearchError
from mirsearch.models.artifact import Card, write_artifact
from mirsearch.training.detection_data import Sample, fit_sample
from mirsearch.training.detection_metrics import DetectionScores
from mirsearch.training.detector_comparison import compare_detectors
from mirsearch.training.detector_net import OnePicture
from mirsearch.training.detector_training import TrainingSettings, detect, to_tensor

OPSET = 17
MAX_DIFFERENCE = 0.02
"""Most px and hundredths of a score by which the exported detector may differ from the network."""

_COMPARED_SAMPLES = 8


def build_onnx(net: Any, side: int) -> bytes:
    """The network as an ONNX model that takes `image`, float32 (3, side, side)."""
    stream = io.BytesIO()
    net = net.cpu().eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        torch.onnx.export(
            OnePicture(net), (torch.rand(3, side, side),), stream, opset_version=OPSET, dynamo=False,
            input_names=["image"], output_names=["boxes", "scores", "classes"],
            dynamic_axes={"boxes": {0: "n"}, "scores": {0: "n"}, "classes": {0: "n"}},
        )  # fmt: skip
    return stream.getvalue()


def largest_difference(net: Any, model: bytes, samples: Sequence[Sample]) -> float:
    """Largest difference of boxes (px) or scores (hundredths) between the network and its export on fitted samples."""
    from mirsearch.extractors.efficientnet.extractor import open_session

    running, largest = open_session(model), 0.0
    for sample, own in zip(samples, detect(net.cpu(), samples, "cpu"), strict=True):
        boxes, marks, classes = running.run(None, {"image": to_tensor(sample).numpy()})
        sure = own.scores > 0.1
        if not np.array_equal(own.classes[sure], classes[marks > 0.1]):
            return float("inf")
        largest = max(
            largest,
            float(np.abs(own.boxes[sure] - boxes[marks > 0.1]).max(initial=0)),
            100 * float(np.abs(own.scores[sure] - marks[marks > 0.1]).max(initial=0)),
        )
    return largest


def export_detector(
    net: Any, settings: TrainingSettings, tested: Sequence[Sample], path: Path, card: Card
) -> tuple[Card, Mapping[str, DetectionScores]]:
    """Write the model file and measure it on samples that were held out, beside the detector of runs.

    MirsearchError where ONNX and network disagree: nothing is written.
    """
    model = build_onnx(net, settings.net.side)
    apart = largest_difference(
        net, model, [fit_sample(sample, settings.net.side) for sample in tested[:_COMPARED_SAMPLES]]
    )
    if apart > MAX_DIFFERENCE:
        raise MirsearchError(
            f"the exported detector differs from the network by {apart:g}",
            "report it, with the versions of torch and onnx",
        )
    told = asdict(settings)
    decisive = {"backbone": settings.net.backbone, "side": settings.net.side, "least_thick": MIN_BOX_SIDE}
    draft = Card(
        name=card.name, kind=KIND, settings=decisive, data=dict(card.data) | {"training": told}, license=card.license,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )  # fmt: skip
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        write_artifact(part, draft, {MODEL_FILE: model})
        measured = compare_detectors(FasterRcnnDetector(str(part)), tested)
    finally:
        part.unlink(missing_ok=True)
    metrics = {name: each.as_json() for name, each in measured.items()} | {"onnx_difference": round(apart, 5)}
    return write_artifact(path, Card(**(asdict(draft) | {"metrics": metrics})), {MODEL_FILE: model}), measured
