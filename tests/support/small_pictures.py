"""Small pictures that are read at once, and folders of them, for tests of keeping a corpus."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np

from mirsearch.corpus import figure_id
from tests.support.cli_runner import run


def draw(path: Path, seed: int) -> Path:
    """Write a gray picture of blobs that is told by its seed."""
    rows = np.random.default_rng(seed).normal(size=(48, 64))
    smooth = cv2.GaussianBlur(rows, (9, 9), 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    gray = cv2.normalize(smooth, None, 20, 235, cv2.NORM_MINMAX).astype(np.uint8)
    done, data = cv2.imencode(".png", gray)
    assert done
    path.write_bytes(data.tobytes())
    return path


def identity(path: Path) -> str:
    """The id of the figure that a picture's file has now."""
    return figure_id(hashlib.sha256(path.read_bytes()).hexdigest())


def listed(location: str) -> dict[str, list[str]]:
    """The figures of an index, by id, with the places of their files."""
    told = run("list", "--figures", "--format", "jsonl", "--index", location).out.splitlines()
    rows = [json.loads(line) for line in told]
    return {row["id"] if "id" in row else row["figure"]: [each["location"] for each in row["origins"]] for row in rows}


def folder_contents(folder: Path) -> dict[str, list[str]]:
    """The figures that the pictures of a folder are, by id, with their places."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.png")):
        found.setdefault(identity(path), []).append(str(path))
    return found
