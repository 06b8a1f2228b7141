"""The cache of built models: complete or absent, checked, and optional where it can't be written."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from mirsearch.extractors.efficientnet import model_cache
from mirsearch.extractors.efficientnet.model_cache import cached_model, file_hash

MODEL = bytes(range(256)) * 40


class Builder:
    """Counts how often it is called."""

    def __init__(self, model: bytes = MODEL) -> None:
        self.model, self.calls = model, 0

    def __call__(self) -> bytes:
        self.calls += 1
        return self.model


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(model_cache, "_warned", set())
    return tmp_path / "cache" / "models"


def test_a_model_is_built_once(cache: Path) -> None:
    build = Builder()
    assert cached_model("net", "k1", build) == MODEL
    assert cached_model("net", "k1", build) == MODEL
    assert build.calls == 1
    assert [path.name for path in cache.iterdir()] == ["net.onnx"]


def test_another_key_builds_anew_in_the_same_place(cache: Path) -> None:
    cached_model("net", "k1", Builder())
    newer = Builder(b"newer")
    assert cached_model("net", "k2", newer) == b"newer"
    assert cached_model("net", "k2", newer) == b"newer"
    assert newer.calls == 1
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:10],
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: content[:-500] + bytes([content[-500] ^ 1]) + content[-499:],
        lambda content: b"\n" + content,
        lambda content: os.urandom(1000),
    ],
    ids=["empty", "head only", "cut", "longer", "one bit", "moved", "other"],
)
def test_a_damaged_copy_is_built_anew(cache: Path, damage) -> None:
    cached_model("net", "k1", Builder())
    path = cache / "net.onnx"
    path.write_bytes(damage(path.read_bytes()))
    build = Builder()
    assert cached_model("net", "k1", build) == MODEL
    assert build.calls == 1
    assert cached_model("net", "k1", build) == MODEL
    assert build.calls == 1


def test_without_a_place_it_works_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MIRSEARCH_CACHE", str(tmp_path / "file" / "cache"))
    build = Builder()
    with caplog.at_level(logging.WARNING):
        assert cached_model("net", "k1", build) == MODEL
        assert cached_model("net", "k1", build) == MODEL
    assert build.calls == 2
    assert len(caplog.records) == 1
    assert "MIRSEARCH_CACHE" in caplog.text


def test_a_folder_in_the_way_of_the_model(cache: Path, caplog: pytest.LogCaptureFixture) -> None:
    (cache / "net.onnx").mkdir(parents=True)
    assert cached_model("net", "k1", Builder()) == MODEL
    assert [path.name for path in cache.iterdir()] == ["net.onnx"]
    assert len(caplog.records) == 1


def test_a_build_that_fails_leaves_nothing(cache: Path) -> None:
    def fail() -> bytes:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cached_model("net", "k1", fail)
    assert not cache.exists()


def test_a_hash_is_remembered_until_the_file_changes(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"one")
    first = file_hash(path)
    record = cache / "weights.pth.sha256.json"
    record.write_text(record.read_text().replace(first, "0" * 64))
    assert file_hash(path) == "0" * 64  # taken from the record
    path.write_bytes(b"three")
    assert file_hash(path) not in (first, "0" * 64)
    record.write_text("{")
    path.write_bytes(b"one")
    assert file_hash(path) == first
