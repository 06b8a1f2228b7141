"""`mirsearch ingest --progress json`: what happens, as lines of JSON on stderr."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.cli_runner import run


def test_each_step_is_a_line_of_json(tmp_path: Path) -> None:
    figures = tmp_path / "figures"
    figures.mkdir()
    Image.fromarray(np.full((40, 60), 200, dtype=np.uint8)).save(figures / "plain.png")
    (figures / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\ntorn")
    words = ("ingest", figures, "--index", tmp_path / "index", "--progress", "json", "--format", "json")
    result = run(*words, code=1)
    events = [json.loads(line) for line in result.err.splitlines()]
    phases = [event["phase"] for event in events if event["event"] == "phase"]
    assert phases == ["looking", "waiting", "figures", "finishing"]
    (failure,) = [event for event in events if event["event"] == "failure"]
    assert failure["file"] == str(figures / "torn.png")
    assert failure["reason"] == result.json()["failures"][0]["reason"]
    last = [event for event in events if event["event"] == "progress"][-1]
    assert (last["done"], last["total"], last["new"], last["failed"]) == (2, 2, 1, 1)
    assert run(*words[:-2], code=1).err.count('"event"') >= 3
    assert run(*words[:4], "--progress", "none", code=1).err.startswith("mirsearch: ")
