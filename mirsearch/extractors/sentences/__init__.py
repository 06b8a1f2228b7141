"""Sentence vectors: what words say, whatever the words. MiniLM from a package's weights, run by onnxruntime."""

from mirsearch.extractors.sentences.encoder import MiniLmEncoder

__all__ = ["MiniLmEncoder"]
