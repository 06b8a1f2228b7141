"""Builds the ONNX graph of MiniLM, a small BERT, and of the sentence vector pooled from it, without torch.

Network: Devlin et al., "BERT" (NAACL 2019), distilled: Wang et al., "MiniLM: Deep self-attention distillation for
task-agnostic compression of pre-trained transformers" (NeurIPS 2020). Mean pooling of the tokens: Reimers, Gurevych,
"Sentence-BERT" (EMNLP 2019).
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import TensorProto, helper

from mirsearch.extractors.graph_builder import GraphBuilder, Weights, normalize_rows

GRAPH_VERSION = "1"
HEADS = 12
_EPSILON = 1e-12


def sentence_model(weights: Weights, heads: int = HEADS) -> onnx.ModelProto:
    """Return a model from the numbers of one text's tokens, int64 (1, tokens), to its unit vector float32 (1, dims).

    `weights` are those of BERT as the library transformers names them. No token is masked: each text runs alone, so its
    vector does not depend on others.
    """
    graph = GraphBuilder()
    x = _embed_tokens(graph, weights)
    layers = sum(name.endswith(".attention.self.query.weight") for name in weights)
    for layer in range(layers):
        x = _layer(graph, weights, x, f"encoder.layer.{layer}", heads)
    vector = normalize_rows(graph, graph.add("ReduceMean", x, axes=[1], keepdims=0))
    graph.nodes.append(helper.make_node("Identity", [vector], ["vector"]))
    dims = weights["embeddings.word_embeddings.weight"].shape[1]
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "tokens"])
    return graph.model("sentence", [tokens], [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, dims])])


def _embed_tokens(graph: GraphBuilder, weights: Weights) -> str:
    """Add the vectors of tokens and of their places. All tokens are of the first kind of segment."""
    words = graph.add("Gather", graph.constant(weights["embeddings.word_embeddings.weight"]), "tokens", axis=0)
    segment = weights["embeddings.token_type_embeddings.weight"][0]
    places = graph.constant(weights["embeddings.position_embeddings.weight"] + segment)
    count = graph.add("Slice", graph.add("Shape", "tokens"), *(_whole(graph, n) for n in (1, 2, 0)))
    own = graph.add("Slice", places, _whole(graph, 0), count, _whole(graph, 0))
    return _normalize(graph, weights, graph.add("Add", words, own), "embeddings.LayerNorm")


def _layer(graph: GraphBuilder, weights: Weights, x: str, name: str, heads: int) -> str:
    """Add a layer: attention, then two dense ones with GELU between; each is added to its input and normalized."""
    attended = _dense(graph, weights, _attend(graph, weights, x, name, heads), f"{name}.attention.output.dense")
    x = _normalize(graph, weights, graph.add("Add", attended, x), f"{name}.attention.output.LayerNorm")
    inner = _gelu(graph, _dense(graph, weights, x, f"{name}.intermediate.dense"))
    outer = graph.add("Add", _dense(graph, weights, inner, f"{name}.output.dense"), x)
    return _normalize(graph, weights, outer, f"{name}.output.LayerNorm")


def _attend(graph: GraphBuilder, weights: Weights, x: str, name: str, heads: int) -> str:
    """Add attention of several heads: (1, tokens, dims) to the same shape."""
    dims = weights[f"{name}.attention.self.query.weight"].shape[0]
    shape = graph.constant(np.array([0, 0, heads, dims // heads], np.int64))

    def heads_of(part: str, order: list[int]) -> str:
        dense = _dense(graph, weights, x, f"{name}.attention.self.{part}")
        return graph.add("Transpose", graph.add("Reshape", dense, shape), perm=order)

    query, key, value = (heads_of(*each) for each in (
        ("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])))  # fmt: skip
    strength = graph.add("MatMul", query, key)
    shares = graph.add("Softmax", graph.add("Mul", strength, graph.scalar(1 / math.sqrt(dims // heads))), axis=-1)
    joined = graph.add("Transpose", graph.add("MatMul", shares, value), perm=[0, 2, 1, 3])
    return graph.add("Reshape", joined, graph.constant(np.array([0, 0, dims], np.int64)))


def _dense(graph: GraphBuilder, weights: Weights, x: str, name: str) -> str:
    product = graph.add("MatMul", x, graph.constant(weights[f"{name}.weight"].T))
    return graph.add("Add", product, graph.constant(weights[f"{name}.bias"]))


def _gelu(graph: GraphBuilder, x: str) -> str:
    """Add x·Φ(x), exactly: by the error function, not by the approximation with tanh."""
    error = graph.add("Erf", graph.add("Mul", x, graph.scalar(1 / math.sqrt(2))))
    half = graph.add("Mul", x, graph.scalar(0.5))
    return graph.add("Mul", half, graph.add("Add", error, graph.scalar(1.0)))


def _normalize(graph: GraphBuilder, weights: Weights, x: str, name: str) -> str:
    scale, bias = (graph.constant(weights[f"{name}.{part}"]) for part in ("weight", "bias"))
    return graph.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=_EPSILON)


def _whole(graph: GraphBuilder, value: int) -> str:
    return graph.constant(np.array([value], np.int64))
