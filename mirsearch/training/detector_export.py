"""Exports a trained detector as a model file with an ONNX model, compares it with the network, and measures it."""

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
from mirsearch.files.partial import temporary_folder
from mirsearch.models.artifact import Card, write_artifact
from mirsearch.training.detection_data import Sample, fit_sample
from mirsearch.training.detection_metrics import DetectionScores
from mirsearch.training.detector_comparison import compare_detectors
from mirsearch.training.detector_net import OnePicture
from mirsearch.training.detector_training import TrainingSettings, detect, to_tensor

OPSET = 17
MAX_DIFFERENCE = 0.02
"""Largest difference, in px or hundredths of a score, between the exported detector and the network."""

_COMPARED_SAMPLES = 8


def build_onnx(net: Any, side: int) -> bytes:
    """Return the network as an ONNX model that takes `image`, float32 (3, side, side)."""
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
    """Return the largest difference of boxes (px) or scores (hundredths) between network and export on fitted samples.

    It is infinite if the two find different classes.
    """
    from mirsearch.extractors.efficientnet.extractor import open_session

    session, largest = open_session(model), 0.0
    for sample, expected in zip(samples, detect(net.cpu(), samples, "cpu"), strict=True):
        boxes, scores, classes = session.run(None, {"image": to_tensor(sample).numpy()})
        confident = expected.scores > 0.1
        if not np.array_equal(expected.classes[confident], classes[scores > 0.1]):
            return float("inf")
        largest = max(
            largest,
            float(np.abs(expected.boxes[confident] - boxes[scores > 0.1]).max(initial=0)),
            100 * float(np.abs(expected.scores[confident] - scores[scores > 0.1]).max(initial=0)),
        )
    return largest


def export_detector(
    net: Any, settings: TrainingSettings, samples: Sequence[Sample], path: Path, card: Card
) -> tuple[Card, Mapping[str, DetectionScores]]:
    """Write the model file and measure it on test samples, beside the run-length detector.

    Raises MirsearchError, and writes nothing, if the ONNX model and the network disagree.
    """
    model = build_onnx(net, settings.net.side)
    deviation = largest_difference(
        net, model, [fit_sample(sample, settings.net.side) for sample in samples[:_COMPARED_SAMPLES]]
    )
    if deviation > MAX_DIFFERENCE:
        raise MirsearchError(
            f"the exported detector differs from the network by {deviation:g}, more than {MAX_DIFFERENCE:g}",
            "report it, with the versions of torch and onnx",
        )
    training = asdict(settings)
    decisive = {"backbone": settings.net.backbone, "side": settings.net.side, "least_thick": MIN_BOX_SIDE}
    draft = Card(
        name=card.name, kind=KIND, settings=decisive, license=card.license,
        data=dict(card.data) | {"training": training},
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(path.parent) as folder:
        trial = folder / path.name
        write_artifact(trial, draft, {MODEL_FILE: model})
        measured = compare_detectors(FasterRcnnDetector(str(trial)), samples)
    metrics = {name: each.as_json() for name, each in measured.items()} | {"onnx_difference": round(deviation, 5)}
    return write_artifact(path, Card(**(asdict(draft) | {"metrics": metrics})), {MODEL_FILE: model}), measured
