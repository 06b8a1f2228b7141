"""Opening extractors: arguments, errors in one line, and weights that are found again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from mirsearch.errors import MirsearchError, UsageError
from mirsearch.extractors import factory
from mirsearch.extractors.factory import open_extractor, open_recorded_extractor, remember_weights
from mirsearch.indexes.base import ExtractorIdentity

TORCHLESS = """
import sys
for name in ("torch", "torchvision", "open_clip", "timm"):
    sys.modules[name] = None
from mirsearch.errors import MissingDependencyError
from mirsearch.extractors.factory import open_extractor
gems = [f"resnet{depth}-gem" for depth in (18, 50, 101, 152)]
for spec in (*gems, "open-clip:ViT-B-32/openai", "timm:resnet18"):
    try:
        open_extractor(spec)
    except MissingDependencyError as error:
        assert "mirsearch[torch]" in error.remedy and "\\n" not in str(error), error
    else:
        raise SystemExit(f"{spec} opened without torch")
from mirsearch import plugins
lacking = {each.name: each.error for each in plugins.list_plugins(try_loading=True) if each.group == "extractors"}
for name in ("resnet50-gem", "open-clip", "timm"):
    assert "mirsearch[torch]" in lacking[name], lacking
assert lacking["onnx"] is lacking["efficientnet"] is lacking["trained"] is None
extras = ("mirsearch[torch]", "mirsearch[formats]")
errors = [each.error for each in plugins.list_plugins(try_loading=True) if each.error]
assert all(any(extra in error for extra in extras) for error in errors), errors
from mirsearch.cli import app
from typer.testing import CliRunner
ran = CliRunner().invoke(app, ["ingest", sys.argv[1], "--extractor", "resnet50-gem", "--index", sys.argv[1] + "/i"])
print(ran.exit_code, ran.stderr.strip())
"""


def test_each_says_in_one_line_which_extra_it_needs(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    done = subprocess.run([sys.executable, "-c", TORCHLESS, str(tmp_path)], capture_output=True, text=True,
                          env=dict(os.environ), check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 mirsearch: ")
    assert done.stdout.count("\n") == 1
    assert "mirsearch[torch]" in done.stdout


@pytest.mark.parametrize("spec", ["efficientnet:x", "nothing", "onnx:nothing-of-the-kind"])
def test_names_that_lead_nowhere_are_refused(spec, tmp_path, monkeypatch):
    monkeypatch.setenv("MIRSEARCH_MODELS", str(tmp_path))
    with pytest.raises(MirsearchError) as refused:
        open_extractor(spec)
    assert refused.value.remedy


def test_weights_are_for_those_that_take_them(tmp_path):
    with pytest.raises(UsageError, match="takes no weights"):
        open_extractor("efficientnet", weights=tmp_path / "w.pt")


class Remembered:
    name, version, dims = "some:thing", "1-abc", 3

    def __init__(self, weights) -> None:
        self.weights = weights


def test_where_weights_lay_is_remembered_and_forgotten_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MIRSEARCH_MODELS", str(tmp_path / "models"))
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"")
    remember_weights(Remembered(weights))
    asked = []
    monkeypatch.setattr(factory, "open_extractor", lambda spec, weights, device: asked.append((spec, weights)))
    identity = ExtractorIdentity("some:thing", "1-abc", 3)
    open_recorded_extractor(identity)
    open_recorded_extractor(ExtractorIdentity("some:thing", "1-other", 3))
    weights.unlink()
    open_recorded_extractor(identity)
    assert asked == [("some:thing", weights), ("some:thing", None), ("some:thing", None)]


def test_a_damaged_note_is_as_none(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path))
    monkeypatch.setenv("MIRSEARCH_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "located.json").write_text("[not json")
    assert open_recorded_extractor(ExtractorIdentity("efficientnet", "1", 272)).name == "efficientnet"
