"""Stores an ONNX model in fewer bits: fp16, or int8 calibrated on images."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper
from numpy.typing import NDArray

_MIN_TENSOR_SIZE = 256
"""Tensors with fewer numbers than this stay in 32 bits."""


def quantize(model: bytes, precision: str, images: Sequence[NDArray[np.uint8]] | None) -> bytes:
    """Return the model in `precision`.

    int8 measures the range of each layer on `images`, each (1, h, w, 3). Without images it rounds only layers of
    matrices, whose ranges it measures while the model runs.
    """
    if precision == "fp32":
        return model
    return _store_as_fp16(model) if precision == "fp16" else _quantize_to_int8(model, images)


def _store_as_fp16(model: bytes) -> bytes:
    """Store weights in 16 bits and widen them when the model is loaded: half the file size, 32-bit computation.

    Computing in 16 bits is not faster on a processor, and onnxruntime 1.32 crashes there on some such models.
    """
    read = onnx.load_model_from_string(model)
    widened = []
    for tensor in read.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        if values.size < _MIN_TENSOR_SIZE or not np.isfinite(values.astype(np.float16)).all():
            continue
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
        widened.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*widened, *read.graph.node]
    del read.graph.node[:]
    read.graph.node.extend(nodes)
    content: bytes = read.SerializeToString()
    return content


def _quantize_to_int8(model: bytes, images: Sequence[NDArray[np.uint8]] | None) -> bytes:
    from onnxruntime import quantization
    from onnxruntime.quantization import shape_inference

    logging.getLogger().setLevel(max(logging.getLogger().level, logging.WARNING))
    with tempfile.TemporaryDirectory() as folder:
        source, ready, target = (str(Path(folder) / name) for name in ("a.onnx", "b.onnx", "c.onnx"))
        Path(source).write_bytes(model)
        shape_inference.quant_pre_process(source, ready, skip_symbolic_shape=True)
        if images is None or not _is_convolutional(model):
            quantization.quantize_dynamic(ready, target, op_types_to_quantize=["MatMul", "Gemm"], per_channel=True)
        else:
            quantization.quantize_static(
                ready, target, _CalibrationImages(images),
                op_types_to_quantize=["Conv", "MatMul", "Gemm"], per_channel=True,
                quant_format=quantization.QuantFormat.QDQ, activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8, reduce_range=True,
            )  # fmt: skip
        return Path(target).read_bytes()


def _is_convolutional(model: bytes) -> bool:
    """Return whether most of the model's layers are convolutions."""
    kinds = [node.op_type for node in onnx.load_model_from_string(model).graph.node]
    return kinds.count("Conv") > kinds.count("MatMul") + kinds.count("Gemm")


class _CalibrationImages:
    """Gives the calibration images one by one, as onnxruntime's quantization expects."""

    def __init__(self, images: Sequence[NDArray[np.uint8]]) -> None:
        self._left: Iterator[NDArray[np.uint8]] = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next image by the name of the model's input, or None after the last."""
        image = next(self._left, None)
        return None if image is None else {"image": image}

    def set_range(self, start_index: int, end_index: int) -> None:
        """Do nothing: the images are few enough to be used at once."""
