"""Adds a trained projection to the ONNX model of its base extractor."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from mirsearch.extractors.trained import MIN_LENGTH, Projection

_VECTOR = "vector"
_PREFIX = "projection/"
_INNER = f"{_PREFIX}base"


def append_projection(model: bytes, projection: Projection) -> bytes:
    """Return the model with `projection` applied to its output: (x - mean) · matrix, as `Projection.apply` does.

    `model` must have one output, `vector`, float32 (n, dims), and an opset of 13 or later.
    """
    extended = onnx.load_model_from_string(model)
    for node in extended.graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                if name == _VECTOR:
                    names[position] = _INNER
    for name, value in _constants(projection).items():
        extended.graph.initializer.append(numpy_helper.from_array(value, _PREFIX + name))
    extended.graph.node.extend(_nodes())
    del extended.graph.output[:]
    shape = ["n", projection.matrix.shape[1]]
    extended.graph.output.append(helper.make_tensor_value_info(_VECTOR, TensorProto.FLOAT, shape))
    content: bytes = extended.SerializeToString()
    return content


def _constants(projection: Projection) -> dict[str, Any]:
    first = np.eye(1, projection.matrix.shape[1], dtype=np.float32)
    return {
        "mean": projection.mean.astype(np.float32), "matrix": projection.matrix.astype(np.float32), "first": first,
        "columns": np.array([1], np.int64), "shortest": np.array(MIN_LENGTH, np.float32),
    }  # fmt: skip


def _nodes() -> list[onnx.NodeProto]:
    """Return the nodes of the projection. A zero vector becomes (1, 0, 0, …), as in `Projection.apply`."""
    steps = (
        ("Sub", ("base", "mean"), "centered"), ("MatMul", ("centered", "matrix"), "moved"),
        ("Mul", ("moved", "moved"), "squares"), ("ReduceSum", ("squares", "columns"), "sum"),
        ("Sqrt", ("sum",), "length"),
        ("LessOrEqual", ("length", "shortest"), "empty"), ("Max", ("length", "shortest"), "divisor"),
        ("Div", ("moved", "divisor"), "unit"), ("Where", ("empty", "first", "unit"), ""),
    )  # fmt: skip
    return [
        helper.make_node(
            kind, [_PREFIX + name for name in inputs], [_PREFIX + output if output else _VECTOR],
            name=f"{_PREFIX}{kind.lower()}",
        )
        for kind, inputs, output in steps
    ]  # fmt: skip
