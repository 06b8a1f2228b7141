"""The default extractor: two levels of EfficientNet-lite0, run by onnxruntime."""

from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor

__all__ = ["EfficientNetExtractor"]
