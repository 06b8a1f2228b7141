"""What a question loads. A start costs time for each module, so their set is bounded; the time itself is measured by
`python -m benchmarks.search.cold_query`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mirsearch.extractors.efficientnet.extractor import EfficientNetExtractor
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.indexes.embedded.index import EmbeddedIndex
from tests.support.index_records import put, record, vectors

MOST_OWN_MODULES = 180
"""Most modules of mirsearch that a question with a picture loads. Where this fails, load what is new inside the
function that needs it, or raise the bound if every question needs it."""
NOT_FOR_PICTURES = (
    "numpy.ma", "concurrent.futures", "rapidocr", "requests", "lxml", "rich.table", "elasticsearch",
    "mirsearch.text.tokens", "mirsearch.text.stemming", "mirsearch.text.figure_references", "mirsearch.licenses",
    "mirsearch.readers.canvas", "mirsearch.readers.stacks", "mirsearch.readers.rendering", "mirsearch.imaging.tiff",
    "mirsearch.imaging.pixel_sizes", "mirsearch.models.artifact", "mirsearch.isolation", "mirsearch.ingest",
    "mirsearch.sources", "mirsearch.web", "mirsearch.report.page",
)  # fmt: skip
NOT_FOR_WORDS = (
    "cv2", "PIL", "onnxruntime", "numpy.ma", "rapidocr", "requests", "lxml", "elasticsearch", "mirsearch.readers",
    "mirsearch.imaging.images", "mirsearch.analysis.panels", "mirsearch.text.figure_references", "mirsearch.isolation",
)  # fmt: skip
SCRIPT = """
import sys, json
sys.argv[0] = "mirsearch"
from mirsearch.cli import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, own = tmp_path_factory.mktemp("cold") / "index", EfficientNetExtractor
    with EmbeddedIndex.open(str(folder), create=ExtractorIdentity(own.name, own.version, own.dims)) as made:
        put(made, [dataclasses.replace(record(n), vectors=vectors(n, 2, own.dims)) for n in range(4)])
    return folder


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn picture with grains and a bar."""
    y, x = np.mgrid[:480, :640]
    noise = np.random.default_rng(1).integers(0, 40, x.shape)
    pixels = (60 + noise + 120 * (((x % 37 - 18) ** 2 + (y % 37 - 18) ** 2) < 144)).astype(np.uint8)
    pixels[450:456, 500:600] = 255
    path = tmp_path_factory.mktemp("asked") / "grains.png"
    Image.fromarray(pixels).save(path)
    return path


def loaded(*words: str) -> set[str]:
    """The modules that are loaded when a question has been answered."""
    ran = subprocess.run([sys.executable, "-c", SCRIPT, "query", *words], capture_output=True, text=True, check=False,
                         env={**os.environ, "MIRSEARCH_MODELS": "no-such-folder"})  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert json.loads(ran.stdout)["hits"]
    return set(json.loads(ran.stderr.splitlines()[-1]))


def test_a_question_with_a_picture_loads_only_what_it_needs(index, picture):
    found = loaded(str(picture), "--nm-per-px", "2", "--index", str(index), "--format", "json")
    own = {name for name in found if name.partition(".")[0] == "mirsearch"}
    assert own >= {"mirsearch.cli.query_cmd", "mirsearch.readers.pictures", "mirsearch.analysis.panels.thin_lines"}
    assert {"onnxruntime", "cv2"} <= found
    assert [name for name in NOT_FOR_PICTURES if name in found] == []
    assert len(own) <= MOST_OWN_MODULES, sorted(own)


def test_a_question_of_words_loads_nothing_of_pictures(index):
    found = loaded("--text", "nanotubes", "--index", str(index), "--format", "json")
    assert "mirsearch.text.tokens" in found
    assert [name for name in NOT_FOR_WORDS if name in found] == []
