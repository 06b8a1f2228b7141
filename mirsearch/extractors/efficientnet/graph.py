"""Builds the ONNX graph of EfficientNet-lite0 and of the vector pooled from several of its levels, without torch.

Network: Tan, Le, "EfficientNet" (ICML 2019), in its lite form (ReLU6, no squeeze-and-excite). GeM pooling: Radenović,
Tolias, Chum, "Fine-tuning CNN image retrieval with no human annotation" (TPAMI 2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from mirsearch.extractors.efficientnet.levels import BLOCK_CHANNELS, Level, Recipe
from mirsearch.extractors.graph_builder import GraphBuilder, Weights, normalize_rows

_BN_EPSILON = 1e-3
_STRIDE_2_BLOCKS = frozenset({1, 3, 5, 11})
_GEM_FLOOR = 1e-6


def descriptor_model(weights: Weights, recipe: Recipe, constants: Mapping[str, NDArray[Any]]) -> onnx.ModelProto:
    """Return a model from uint8 (n, h, w, 3) RGB to unit vectors float32 (n, recipe.dims).

    Each level is pooled, centered on its mean, normalized, whitened where the constants have a matrix "KEY-whitening",
    and weighted; the levels are then joined and normalized. With "technique-weights" (values, techniques) and
    "technique-bias", the square roots of the chances of each technique are joined, too: two pictures that are surely of
    one technique differ in nothing there (Hellinger's distance).
    """
    graph = GraphBuilder()
    centered = [
        normalize_rows(graph, graph.add("Sub", pooled, graph.constant(constants[level.key].astype(np.float32)[None])))
        for level, pooled in zip(recipe.levels, _pool_levels(graph, weights, recipe.levels), strict=True)
    ]
    parts = []
    for level, values in zip(recipe.levels, centered, strict=True):
        white = _whiten(graph, values, constants.get(f"{level.key}-whitening"))
        parts.append(graph.add("Mul", white, graph.scalar(level.weight)))
    looks = normalize_rows(graph, graph.add("Concat", *parts, axis=1))
    if recipe.techniques:
        techniques = _techniques(graph, centered, recipe, constants)
        looks = normalize_rows(graph, graph.add("Concat", looks, techniques, axis=1))
    return _model(graph, [looks], ["vector"], None if recipe.keeps_shape else recipe.side)


def _whiten(graph: GraphBuilder, values: str, matrix: NDArray[Any] | None) -> str:
    if matrix is None:
        return values
    return normalize_rows(graph, graph.add("MatMul", values, graph.constant(matrix.astype(np.float32))))


def _techniques(
    graph: GraphBuilder, values: Sequence[str], recipe: Recipe, constants: Mapping[str, NDArray[Any]]
) -> str:
    """Add the weighted square roots of the chances of each technique."""
    strengths = graph.add(
        "Add",
        graph.add("MatMul", graph.add("Concat", *values, axis=1),
                  graph.constant(constants["technique-weights"].astype(np.float32))),
        graph.constant(constants["technique-bias"].astype(np.float32)[None]),
    )  # fmt: skip
    roots = graph.add("Sqrt", graph.add("Softmax", strengths, axis=1))
    return graph.add("Mul", roots, graph.scalar(recipe.technique_weight))


def pooled_model(weights: Weights, levels: Sequence[Level], side: int | None) -> onnx.ModelProto:
    """Return a model from RGB uint8 (n, side, side, 3) to pooled values float32 (n, channels), one output a level.

    `side` None: (n, h, w, 3), of any size.
    """
    graph = GraphBuilder()
    return _model(graph, _pool_levels(graph, weights, levels), [f"level{i}" for i in range(len(levels))], side)


def _model(graph: GraphBuilder, results: Sequence[str], names: Sequence[str], side: int | None) -> onnx.ModelProto:
    graph.nodes.extend(
        helper.make_node("Identity", [result], [name]) for result, name in zip(results, names, strict=True)
    )
    sides = ("h", "w") if side is None else (side, side)
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", *sides, 3])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", None]) for name in names]
    return graph.model("efficientnet-lite0", [image], outputs)


def _pool_levels(graph: GraphBuilder, weights: Weights, levels: Sequence[Level]) -> list[str]:
    maps = _backbone(graph, weights, {level.tap for level in levels})
    return [_pool(graph, maps[level.tap], level) for level in levels]


def _backbone(graph: GraphBuilder, weights: Weights, wanted: set[str]) -> dict[str, str]:
    """Return the maps of the blocks (and the head) by name. The graph ends after the last wanted map."""
    pixels = graph.add("Cast", "image", to=TensorProto.FLOAT)
    pixels = graph.add("Transpose", pixels, perm=[0, 3, 1, 2])
    scaled = graph.add("Mul", graph.add("Sub", pixels, graph.scalar(127.5)), graph.scalar(1 / 127.5))
    x = _relu6(graph, _conv(graph, weights, scaled, "_conv_stem", "_bn0", stride=2))
    maps: dict[str, str] = {}
    for block in range(len(BLOCK_CHANNELS)):
        x = _block(graph, weights, x, block)
        maps[f"block{block}"] = x
        if wanted <= maps.keys():
            return maps
    maps["head"] = _relu6(graph, _conv(graph, weights, x, "_conv_head", "_bn1"))
    return maps


def _block(graph: GraphBuilder, weights: Weights, x: str, block: int) -> str:
    """Add an inverted residual block: expand, depthwise convolution, project; plus its input where shapes agree."""
    prefix = f"_blocks.{block}."
    stride = 2 if block in _STRIDE_2_BLOCKS else 1
    y = x
    if f"{prefix}_expand_conv.weight" in weights:
        y = _relu6(graph, _conv(graph, weights, y, f"{prefix}_expand_conv", f"{prefix}_bn0"))
    channels_in = weights[f"{prefix}_depthwise_conv.weight"].shape[0]
    y = _conv(graph, weights, y, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride, group=channels_in)
    y = _conv(graph, weights, _relu6(graph, y), f"{prefix}_project_conv", f"{prefix}_bn2")
    expanded = weights.get(f"{prefix}_expand_conv.weight")
    inputs = channels_in if expanded is None else expanded.shape[1]
    has_shortcut = stride == 1 and inputs == weights[f"{prefix}_project_conv.weight"].shape[0]
    return graph.add("Add", y, x) if has_shortcut else y


def _conv(
    graph: GraphBuilder, weights: Weights, x: str, conv: str, norm: str, *, stride: int = 1, group: int = 1
) -> str:
    """Add a convolution with its batch norm folded in, padded as TensorFlow's SAME."""
    kernel = weights[f"{conv}.weight"].astype(np.float64)
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"].astype(np.float64) + _BN_EPSILON)
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    folded = (kernel * scale[:, None, None, None]).astype(np.float32)
    return graph.add(
        "Conv",
        x,
        graph.constant(folded),
        graph.constant(bias.astype(np.float32)),
        strides=[stride, stride],
        kernel_shape=list(kernel.shape[2:]),
        group=group,
        auto_pad="SAME_UPPER",
    )


def _relu6(graph: GraphBuilder, x: str) -> str:
    return graph.add("Clip", x, graph.scalar(0.0), graph.scalar(6.0))


def _pool(graph: GraphBuilder, x: str, level: Level) -> str:
    """Pool a map (n, c, h, w) to (n, c)."""
    if level.pool == "mean":
        return graph.add("ReduceMean", x, axes=[2, 3], keepdims=0)
    if level.pool == "gem":
        powered = graph.add("Pow", graph.add("Clip", x, graph.scalar(_GEM_FLOOR)), graph.scalar(level.p))
        mean = graph.add("ReduceMean", powered, axes=[2, 3], keepdims=0)
        return graph.add("Pow", mean, graph.scalar(1.0 / level.p))
    if level.pool == "std":
        centered = graph.add("Sub", x, graph.add("ReduceMean", x, axes=[2, 3], keepdims=1))
        variance = graph.add("ReduceMean", graph.add("Mul", centered, centered), axes=[2, 3], keepdims=0)
        return graph.add("Sqrt", variance)
    raise ValueError(f"there is no pooling {level.pool!r}; use mean, gem or std")
