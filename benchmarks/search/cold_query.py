"""Times a cold `mirsearch query IMAGE --scale … --bar-px …` against a bare process that only embeds the same image.

    python -m benchmarks.search.cold_query [--index DIR] [--image FILE] [--runs 9]

The bare process imports onnxruntime, numpy and Pillow, loads the same ONNX model from a file and embeds the image: what
no query can do without. The two alternate, so that whatever else the machine does hits both. Both may keep compiled
modules, as Python does unless told otherwise, in a folder of their own. Without --index a small index of drawn pictures
is made first. The aim is a ratio of medians of at most 3.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor, model_bytes
from mirsearch.extractors.efficientnet.levels import SIDE

AIM = 3.0
BARE = """
import sys
import numpy as np
import onnxruntime
from PIL import Image
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
side = int(sys.argv[3])
image = Image.open(sys.argv[2]).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
vector = session.run(None, {"image": np.asarray(image)[None]})[0]
assert abs(float(np.linalg.norm(vector)) - 1) < 1e-3
"""


def draw(folder: Path, count: int = 4) -> list[Path]:
    """Pictures of round particles, each of another size and spacing, as PNG files."""
    y, x = np.mgrid[:480, :640]
    paths = []
    for number in range(1, count + 1):
        step = 20 + 17 * number
        noise = np.random.default_rng(number).integers(0, 40, x.shape)
        disks = ((x % step - step // 2) ** 2 + (y % step - step // 2) ** 2) < (step / 3) ** 2
        path = folder / f"particles-{number}.png"
        Image.fromarray((60 + noise + 120 * disks).astype(np.uint8)).save(path)
        paths.append(path)
    return paths


def seconds(command: list[str], folder: Path) -> float:
    """Wall time of a process; a process that fails ends the benchmark with what it said."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    took = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} … failed: {done.stderr.strip() or done.stdout.strip()}")
    return took


def measure(index: Path, image: Path, model: Path, runs: int) -> dict[str, list[float]]:
    """Seconds of each run of both, after one run of each to fill the file caches."""
    mirsearch = [sys.executable, "-m", "mirsearch"]
    scale = ["--scale", "500 nm", "--bar-px", "100"]
    commands = {
        "query": [*mirsearch, "query", str(image), *scale, "--index", str(index), "--format", "json"],
        "bare": [sys.executable, "-c", BARE, str(model), str(image), str(SIDE)],
    }
    for command in commands.values():
        seconds(command, model.parent)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            times[name].append(seconds(command, model.parent))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--index", type=Path, help="an index to ask; without it a small one is made")
    parser.add_argument("--image", type=Path, help="the image to ask with; without it a drawn one")
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw(Path(folder))
        index = options.index or Path(folder) / "index"
        if options.index is None:
            print("making a small index …", flush=True)
            seconds(
                [sys.executable, "-m", "mirsearch", "ingest", *map(str, drawn), "--index", str(index)], Path(folder)
            )
        elif not index.exists():
            parser.error(f"there is no index at {index}: leave --index out and one is made")
        model = Path(folder) / "model.onnx"
        model.write_bytes(model_bytes())
        times = measure(index, options.image or drawn[0], model, options.runs)
    medians = {name: statistics.median(values) for name, values in times.items()}
    ratio = medians["query"] / medians["bare"]
    for name, values in times.items():
        print(f"{name:6} median {medians[name]:.3f} s   fastest {min(values):.3f} s   slowest {max(values):.3f} s")
    print(
        f"ratio of medians {ratio:.2f}, of the fastest {min(times['query']) / min(times['bare']):.2f} (aim: ≤ {AIM:g})"
    )
    extractor = f"{EfficientNetExtractor.name} {EfficientNetExtractor.version}"
    result = {"extractor": extractor, "runs": options.runs, "ratio": round(ratio, 3), "aim": AIM}
    print(
        json.dumps(
            result | {f"{name}_s": round(value, 4) for name, value in medians.items()} | {"cpus": os.cpu_count()}
        )
    )


if __name__ == "__main__":
    main()
