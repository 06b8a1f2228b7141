"""A trained projection laid into the ONNX model of the extractor it stands on."""

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
    """A model whose output is `projection` of what it was: (x - mean) · matrix, of unit length, as `Projection.apply`.

    The model has one output, `vector`, float32 (n, dims), and an opset of 13 or later.
    """
    read = onnx.load_model_from_string(model)
    for node in read.graph.node:
        for names in (node.input, node.output):
            for at, name in enumerate(names):
                if name == _VECTOR:
                    names[at] = _INNER
    for name, value in _constants(projection).items():
        read.graph.initializer.append(numpy_helper.from_array(value, _PREFIX + name))
    read.graph.node.extend(_nodes())
    del read.graph.output[:]
    shape = ["n", projection.matrix.shape[1]]
    read.graph.output.append(helper.make_tensor_value_info(_VECTOR, TensorProto.FLOAT, shape))
    content: bytes = read.SerializeToString()
    return content


def _constants(projection: Projection) -> dict[str, Any]:
    first = np.eye(1, projection.matrix.shape[1], dtype=np.float32)
    return {
        "mean": projection.mean.astype(np.float32), "matrix": projection.matrix.astype(np.float32), "first": first,
        "columns": np.array([1], np.int64), "shortest": np.array(MIN_LENGTH, np.float32),
    }  # fmt: skip


def _nodes() -> list[onnx.NodeProto]:
    """Rows of no length become the first axis, as in numpy."""
    steps = (
        ("Sub", ("base", "mean"), "centered"), ("MatMul", ("centered", "matrix"), "moved"),
        ("Mul", ("moved", "moved"), "squares"), ("ReduceSum", ("squares", "columns"), "sum"),
        ("Sqrt", ("sum",), "length"),
        ("LessOrEqual", ("length", "shortest"), "empty"), ("Max", ("length", "shortest"), "divisor"),
        ("Div", ("moved", "divisor"), "unit"), ("Where", ("empty", "first", "unit"), ""),
    )  # fmt: skip
    return [
        helper.make_node(
            kind, [_PREFIX + each for each in inputs], [_PREFIX + output if output else _VECTOR],
            name=f"{_PREFIX}{kind.lower()}",
        )
        for kind, inputs, output in steps
    ]  # fmt: skip
