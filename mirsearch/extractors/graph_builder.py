"""Collects the nodes and constants of an ONNX graph that is built from a package's weights, without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Weights = Mapping[str, NDArray[Any]]

_OPSET = 17
_IR_VERSION = 8


@dataclass
class GraphBuilder:
    """Collects the nodes and constants of a graph."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, value: NDArray[Any]) -> str:
        """Add a constant. Returns its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def scalar(self, value: float) -> str:
        """Add a constant of one float32. Returns its name."""
        return self.constant(np.asarray(value, np.float32))

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node. Returns the name of its output."""
        output = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))
        return output

    def model(
        self, name: str, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """Return the model of the graph."""
        body = helper.make_graph(self.nodes, name, inputs, outputs, self.constants)
        model = helper.make_model(body, opset_imports=[helper.make_opsetid("", _OPSET)], producer_name="mirsearch")
        model.ir_version = _IR_VERSION
        return model


def normalize_rows(graph: GraphBuilder, x: str) -> str:
    """Scale rows to unit length. The length has a floor, so that a row of zeros stays zeros and does not become NaN."""
    norm = graph.add("ReduceL2", x, axes=[1], keepdims=1)
    return graph.add("Div", x, graph.add("Max", norm, graph.scalar(1e-12)))
