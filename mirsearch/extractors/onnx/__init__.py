"""Extractors as ONNX files: export, check, run."""
