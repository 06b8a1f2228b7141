"""Writes a package with an OCR engine that only sleeps, and an extractor that makes up vectors."""

from __future__ import annotations

import os
from pathlib import Path

_CODE = """
import hashlib, os, time
import numpy as np

class SleepingOcr:
    name = "sleeping"
    def read(self, pixels, side_limit=None, longest=None):
        if longest is not None:  # the one look at the whole figure
            time.sleep(float(os.environ.get("SLEEP", "{sleep}")))
        return []
    def recognize(self, crops):
        return [("", 0.0)] * len(crops)

class MadeExtractor:
    name, version, dims = "made", "1", 64
    def embed(self, images):
        hashes = [hashlib.sha512(image.tobytes()).digest() for image in images]
        rows = [np.frombuffer(each, np.uint8).astype(np.float32) for each in hashes]
        rows = np.array(rows).reshape(len(rows), 64)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
"""
_POINTS = """[mirsearch.ocr]
sleeping = sleeping_parts_package:SleepingOcr

[mirsearch.extractors]
made = sleeping_parts_package:MadeExtractor
"""


def write_package(folder: Path, sleep: float) -> dict[str, str]:
    """Write it as it would lie in site-packages, and return the environment in which it is found."""
    info = folder / "sleeping_parts-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "sleeping_parts_package.py").write_text(_CODE.replace("{sleep}", str(sleep)))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sleeping-parts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(_POINTS)
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}
