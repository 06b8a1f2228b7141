"""The benchmark of growth writes what it says, and its made words are those of the slower way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.indexes import growth, growth_report, made_corpus
from mirsearch.indexes import open_index


def test_made_words_are_drawn_as_numpy_draws_them() -> None:
    world = made_corpus.world(4, clusters=3, inner=2, vocabulary=500)
    odds = 1 / np.arange(10, 510) ** 1.05
    slow, fast = np.random.default_rng(9), np.random.default_rng(9)
    wanted = [slow.choice(world.words, size=size, p=odds / odds.sum()).tolist() for size in (1, 40, 900)]
    assert [world.draw_words(fast, size) for size in (1, 40, 900)] == wanted


def test_an_index_is_filled_and_asked_at_each_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    location, results = tmp_path / "grown", tmp_path / "results.jsonl"
    common = ["growth", "fill", str(location), "--sizes", "80,200", "--dims", "16", "--results", str(results)]
    monkeypatch.setattr("sys.argv", common)
    growth.main()
    asked = growth.ask_embedded(f"{location}-80", 3)
    assert (asked["panels"], asked["dims"]) == (80, 16)
    assert all(row["p50_ms"] <= row["p95_ms"] for row in asked["ways"].values())
    with open_index(str(location)) as index, open_index(f"{location}-80") as smaller:  # type: ignore[attr-defined]
        ids = [panel.panel.id for panel in index.figure_panels(f"{19:016x}")]
        assert index.stats()["panels"] == 200
        assert [index.vector(each).tolist() for each in ids] == [smaller.vector(each).tolist() for each in ids]
    assert [json.loads(line)["panels"] for line in results.read_text().splitlines()] == [80, 200]
    growth.tell({"asked": "x", "engine": "embedded", "load": 0.0, **asked}, str(results))
    fills, groups = growth_report.read(results)
    assert len(fills) == 2
    assert "| looks, scale, words |" in growth_report.tell_group("embedded", groups["embedded, 16 dims"])
    page = tmp_path / "page.md"
    page.write_text(f"before\n{growth_report.BEGIN}\nold\n{growth_report.END}\nafter\n")
    tables, curves = growth_report.report(results)
    growth_report.put_into(page, tables)
    assert page.read_text().startswith("before\n")
    assert page.read_text().endswith("\nafter\n")
    assert tables in page.read_text()
    assert "old" not in page.read_text()
    assert curves.count("<circle") == 1
    growth.tell({"asked": "y", "engine": "embedded", "load": 0.0, **asked, "segments": 1}, str(results))
    _, groups = growth_report.read(results)
    assert [len(each) for each in groups.values()] == [1, 1]  # what was merged is told apart
    assert "embedded, 16 dims, one segment" in groups
