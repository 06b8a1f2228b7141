"""The default extractor: two levels of EfficientNet-lite0, run by onnxruntime."""
