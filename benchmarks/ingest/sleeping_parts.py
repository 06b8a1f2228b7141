"""Writes a package with an executor whose workers only sleep, in place of an analysis, and then answer as one does."""

from __future__ import annotations

import os
from pathlib import Path

_CODE = """
import time
import numpy as np
from mirsearch.corpus import Panel
from mirsearch.executors.dask_cluster import DaskExecutor
from mirsearch.ingest.remote.messages import FigureAnswer, FileAnswer, FileTask, ImageAnswer, pack, unpack

def sleep_and_answer(message):
    task = unpack(FileTask, message)
    time.sleep({sleep})
    row = np.frombuffer((task.content.encode() * task.setup.dims)[: task.setup.dims], np.uint8).astype(np.float32)
    vectors = (row / np.linalg.norm(row)).astype("<f4").tobytes()
    image = ImageAnswer((Panel((0, 0, 48, 48), caption=task.caption),), vectors, (b"\\xff\\xd8\\xff" + bytes(8000),))
    return pack(FileAnswer(figures=(FigureAnswer(0, 48, 48, "", "", 1, (image,)),)))

class SleepingWorkers(DaskExecutor):
    def submit(self, function, task, /):
        return super().submit(sleep_and_answer if unpack(FileTask, task).name else function, task)
"""
_POINTS = """[mirsearch.executors]
sleeping = sleeping_parts_package:SleepingWorkers
"""


def write_package(folder: Path, sleep: float) -> dict[str, str]:
    """Write it as it would lie in site-packages, and return the environment in which it is found."""
    info = folder / "sleeping_parts-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "sleeping_parts_package.py").write_text(_CODE.replace("{sleep}", str(sleep)))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sleeping-parts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(_POINTS)
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}
