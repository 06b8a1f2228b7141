"""The retrieval benchmark: its measures by hand, and the default extractor's floors on real micrographs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import REPOSITORY


def test_average_precision_by_hand() -> None:
    from benchmarks.search.retrieval_tasks import average_precisions

    similarity = np.array([[0.9, 0.8, 0.7, 0.6], [0.9, 0.8, 0.7, 0.6], [0.5, 0.5, 0.5, 0.5]])
    relevant = np.array([[True, False, True, False], [False] * 4, [True, False, False, True]])
    everyone = np.ones_like(relevant)
    found = average_precisions(similarity, relevant, everyone)
    assert found[0] == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(found[1])
    assert found[2] == pytest.approx((1 / 3 + 2 / 4) / 2)  # equals: what is not relevant goes first
    without_first = everyone.copy()
    without_first[:, 0] = False
    assert average_precisions(similarity, relevant, without_first)[0] == pytest.approx(1 / 2)


def test_ranks_by_hand() -> None:
    from benchmarks.search.retrieval_tasks import diagonal_ranks

    similarity = np.array([[0.9, 0.8, 0.1], [0.9, 0.8, 0.1], [0.4, 0.4, 0.4]])
    assert list(diagonal_ranks(similarity)) == [1, 2, 3]


def test_intervals_hold_the_mean_and_are_wider_by_groups_that_agree() -> None:
    from benchmarks.search.retrieval_tasks import bootstrap_interval

    values = np.repeat(np.random.default_rng(3).random(20), 6)
    low, high = bootstrap_interval(values)
    wide_low, wide_high = bootstrap_interval(values, np.repeat([f"p{n}" for n in range(20)], 6))
    assert wide_low < low < values.mean() < high < wide_high
    assert wide_high - wide_low > 1.8 * (high - low)
    assert bootstrap_interval(np.array([0.5, np.nan, 0.5])) == (0.5, 0.5)


def run(module: str, *arguments: str) -> Any:
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.data
@pytest.mark.slow
def test_the_default_extractor_keeps_its_floors(shared_data: Path) -> None:
    (found,) = run("search.retrieval", "--data", str(shared_data), "--extractor", "efficientnet", "--looks-only")
    values = {task["task"]: task["value"] for task in found["tasks"]}
    assert values["same technique, other paper"] >= 0.50
    assert values["same paper"] >= 0.50
    assert values["other half of the same image"] >= 0.93
    assert values["left half finds the image in 10"] >= 0.97
    for task in found["tasks"]:
        assert task["by_query"][0] <= task["value"] <= task["by_query"][1]


def test_what_can_not_be_had_is_named_with_the_reason(tmp_path: Path, monkeypatch, capsys) -> None:
    import argparse

    from benchmarks.search import retrieval
    from mirsearch.errors import MissingDependencyError

    def opened(name: str, *_: object) -> Any:
        if name != "efficientnet":
            raise MissingDependencyError(f"the weights of {name} are not here", "give a file")
        return argparse.Namespace(name=name, dims=3)

    monkeypatch.setattr(retrieval, "open_extractor", opened)
    monkeypatch.setenv("MIRSEARCH_MODELS", str(tmp_path))
    assert [each.name for each in retrieval.available_extractors(argparse.Namespace(extractor=None))] == [
        "efficientnet"
    ]
    told = capsys.readouterr().out.splitlines()
    assert len(told) == len(retrieval.WITH_TORCH)
    assert all("not measured: the weights of" in line for line in told)


@pytest.mark.data
@pytest.mark.slow
def test_the_shipped_means_are_those_of_the_command(shared_data: Path, tmp_path: Path) -> None:
    run("extractors.reference_means", "--data", str(shared_data), "--out", str(tmp_path / "means.npz"))
    shipped = REPOSITORY / "mirsearch" / "extractors" / "efficientnet" / "reference_means.npz"
    with np.load(tmp_path / "means.npz") as made, np.load(shipped) as kept:
        assert sorted(made) == sorted(kept)
        for key in made:
            assert np.abs(made[key] - kept[key]).max() < 1e-3, key
