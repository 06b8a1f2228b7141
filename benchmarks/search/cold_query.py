"""Times a cold `mirsearch query IMAGE --scale … --bar-px …` against a bare process that only embeds the same image.

    python -m benchmarks.search.cold_query [--index DIR] [--image FILE] [--runs 9]

The bare process imports onnxruntime, numpy and Pillow, loads the same ONNX model from a file and embeds the image:
every query needs these steps. The two processes alternate, so that other load on the machine affects both. Both may
cache compiled modules, as Python does by default, in a separate folder. Without --index, the benchmark first makes a
small index of drawn pictures. The aim is a ratio of medians of at most 2.
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
from mirsearch.extractors.efficientnet.levels import RECIPES, VERSION

AIM = 2.0
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


def draw_pictures(folder: Path, count: int = 4) -> list[Path]:
    """Draw pictures of round particles, with different sizes and spacings, as PNG files."""
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


def run_time(command: list[str], folder: Path) -> float:
    """Return the wall time of a process in seconds. If the process fails, exit with its message."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    started = time.perf_counter()
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    elapsed = time.perf_counter() - started
    if result.returncode:
        sys.exit(f"{' '.join(command[:4])} … failed: {result.stderr.strip() or result.stdout.strip()}")
    return elapsed


def measure(index: Path, image: Path, model: Path, runs: int) -> dict[str, list[float]]:
    """Return the seconds of each run of both processes, after one run of each to fill the file caches."""
    mirsearch = [sys.executable, "-m", "mirsearch"]
    scale = ["--scale", "500 nm", "--bar-px", "100"]
    commands = {
        "query": [*mirsearch, "query", str(image), *scale, "--index", str(index), "--format", "json"],
        "bare": [sys.executable, "-c", BARE, str(model), str(image), str(RECIPES[VERSION].side)],
    }
    for command in commands.values():
        run_time(command, model.parent)
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            times[name].append(run_time(command, model.parent))
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--index", type=Path, help="the index to query (default: make a small one)")
    parser.add_argument("--image", type=Path, help="the query image (default: a drawn one)")
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw_pictures(Path(folder))
        index = options.index or Path(folder) / "index"
        if options.index is None:
            print("making a small index …", flush=True)
            run_time(
                [sys.executable, "-m", "mirsearch", "ingest", *map(str, drawn), "--index", str(index)], Path(folder)
            )
        elif not index.exists():
            parser.error(f"there is no index at {index}: leave --index out to make one")
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
