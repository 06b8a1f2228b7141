"""`mirsearch correct` and `reanalyze` on both indexes: what a person put right stays right."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from mirsearch.analysis import analyzer as analysis
from mirsearch.indexes import open_index
from tests.cli.test_end_to_end import BACKENDS, drawn, new_location
from tests.support.cli_runner import run

__all__ = ["drawn"]


@pytest.fixture(scope="module")
def ingested(drawn, tmp_path_factory) -> tuple[Path, Path, Path]:
    """A folder with two drawn figures, one with several panels; a copy of it; and its embedded index."""
    folder = tmp_path_factory.mktemp("corrected") / "figures"
    folder.mkdir()
    by_size = sorted(drawn.figures, key=lambda figure: len(figure.panels))
    for figure in (by_size[0], by_size[-1]):
        shutil.copy(drawn.folder / figure.file, folder / figure.file)
    names = [figure.file for figure in (by_size[0], by_size[-1])]
    rows = "".join(f'{name},"(a) Platelets. (b) Rods of hematite."\n' for name in names)
    (folder / "captions.csv").write_text(f"file,caption\n{rows}", encoding="utf-8")
    run("ingest", folder, "--index", folder.with_name("index"))
    return folder, shutil.copytree(folder, folder.with_name("kept")), folder.with_name("index")


@pytest.fixture
def figures(ingested) -> Path:
    """The folder as it was when its figures were taken in, whatever the last test did to it."""
    folder, kept, _ = ingested
    shutil.rmtree(folder)
    return shutil.copytree(kept, folder)


@pytest.fixture(params=BACKENDS)
def index(request, ingested, figures, tmp_path_factory) -> str:
    """The index of the folder, for one test alone."""
    location = new_location(request.param, request, tmp_path_factory)
    run("index", "copy", ingested[2], location)
    return location


def rows_of(index: str) -> dict[str, dict]:
    lines = run("export", "--vectors", "--index", index).out.splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


def correct(index: str, *words: object) -> dict:
    shown = run("correct", *words, "--index", index, "--format", "json").json()
    assert len(shown) == 1
    return shown[0]


def reanalyze(index: str, *words: object, code: int = 0) -> dict:
    return run("reanalyze", *words, "--index", index, "--format", "json", code=code).json()


def first(rows: dict[str, dict], figure_of: str | None = None) -> dict:
    """A panel of the figure with the most panels."""
    figures = [row["figure"] for row in rows.values()]
    wanted = max(figures, key=figures.count)
    return next(row for row in rows.values() if row["figure"] == wanted)


def without_vectors(rows: dict[str, dict]) -> dict[str, dict]:
    return {key: {name: value for name, value in row.items() if name != "vector"} for key, row in rows.items()}


def assert_same(one: dict[str, dict], other: dict[str, dict]) -> None:
    assert without_vectors(one) == without_vectors(other)
    for key, row in one.items():
        assert np.allclose(row["vector"], other[key]["vector"], atol=1e-6)


def test_a_correction_is_shown_ranked_and_filtered_by_and_taken_back(index):
    before = rows_of(index)
    panel = first(before)
    shown = correct(index, panel["id"], "--scale", "700 um", "--bar-px", "100", "--label", "q", "--kind", "TEM",
                    "--caption", "Zirconia whiskers")  # fmt: skip
    assert shown["id"] == panel["id"]
    assert (shown["label"], shown["kind"], shown["technique"], shown["caption"]) == (
        "q", "micrograph", "TEM", "Zirconia whiskers",
    )  # fmt: skip
    assert shown["scale"]["source"] == "user"
    assert shown["scale"]["nm_per_px"] == 7000
    assert (shown["scale"]["length_nm"], shown["scale"]["length_px"]) == (700_000, 100)
    assert shown["corrected"] == ["label", "kind", "technique", "caption", "scale"]
    after = rows_of(index)
    assert set(after) == set(before)
    assert (
        without_vectors({panel["id"]: shown}).items()
        == {
            panel["id"]: {
                name: value for name, value in after[panel["id"]].items() if name not in ("vector", "provenance")
            }
        }.items()
    )
    assert_same({key: row for key, row in after.items() if key != panel["id"]},
                {key: row for key, row in before.items() if key != panel["id"]})  # fmt: skip
    fov = shown["scale"]["field_of_view_nm"]
    found = run("query", "--text", "zirconia whisker", "--fov", f"{0.9 * fov}nm..{1.1 * fov}nm", "--technique", "TEM",
                "--index", index, "--format", "json").json()  # fmt: skip
    assert [hit["id"] for hit in found["hits"]] == [panel["id"]]
    like = next(key for key in before if key != panel["id"])
    ranked = run("query", "--like", like, "--field-of-view", f"{fov} nm", "--all-kinds", "--top", "50",
                 "--index", index, "--format", "json").json()  # fmt: skip
    assert next(hit for hit in ranked["hits"] if hit["id"] == panel["id"])["terms"]["scale"] == pytest.approx(
        1, abs=1e-6
    )
    assert "corrected" in run("show", panel["id"], "--index", index).out
    assert "corrections of 1 panels" in run("correct", panel["id"], "--reset", "--index", index).out
    assert_same(rows_of(index), before)
    assert "corrections of 0 panels" in run("correct", panel["id"], "--reset", "--index", index).out


def test_corrections_add_up_and_the_scale_can_be_taken_away(index):
    panel = first(rows_of(index))
    correct(index, panel["id"], "--nm-per-px", "3.5")
    shown = correct(index, panel["id"], "--technique", "afm")
    assert (shown["scale"]["nm_per_px"], shown["technique"]) == (3.5, "AFM")
    assert shown["corrected"] == ["technique", "scale"]
    assert correct(index, panel["id"], "--no-scale")["scale"] is None
    stats = run("stats", "--index", index, "--format", "json").json()
    assert stats["techniques"]["AFM"] == 1
    run("correct", panel["figure"], "--reset", "--index", index)
    assert {tuple(row["corrected"]) for row in rows_of(index).values()} == {()}


def test_the_length_alone_keeps_the_bar_that_was_read(index):
    panel = next(row for row in rows_of(index).values() if row["scale"] and row["scale"]["length_px"])
    scale = correct(index, panel["id"], "--scale", "3 mm")["scale"]
    assert (scale["length_px"], scale["bar"]) == (panel["scale"]["length_px"], panel["scale"]["bar"])
    assert scale["nm_per_px"] == pytest.approx(3e6 / panel["scale"]["length_px"])
    correct(index, panel["id"], "--no-scale")
    refused = run("correct", panel["id"], "--scale", "3 mm", "--index", index, code=2)
    assert "--bar-px" in refused.err


def test_corrections_survive_ingest_and_reanalysis(index, figures, monkeypatch):
    before = rows_of(index)
    panel = first(before)
    correct(index, panel["id"], "--scale", "700 um", "--bar-px", "100", "--label", "q", "--kind", "map")
    corrected = rows_of(index)
    table = figures / "captions.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("Platelets", "Ribbons"), encoding="utf-8")
    summary = run("ingest", figures, "--index", index, "--format", "json").json()
    assert summary["figures"]["updated"] == 2
    again = rows_of(index)
    assert set(again) == set(corrected)
    for name in ("label", "kind", "scale", "corrected"):
        assert again[panel["id"]][name] == corrected[panel["id"]][name]
    assert all("Ribbons" in row["figure_caption"] for row in again.values())

    current = reanalyze(index, "--all")
    assert current["figures"]["current"] == 2
    monkeypatch.setattr(analysis, "ANALYSIS_VERSION", "a later one")
    done = reanalyze(index, "--all")
    assert done["figures"] == {"reanalyzed": 2, "current": 0, "missing": 0, "changed": 0, "failed": 0}
    assert done["panels"] == {"now": len(again), "with_scale": done["panels"]["with_scale"], "embedded": 0}
    assert done["corrections"] == {"kept": 1, "without_panel": []}
    assert_same(rows_of(index), again)
    assert reanalyze(index, "--all")["figures"]["current"] == 2
    run("correct", panel["id"], "--reset", "--index", index)
    assert rows_of(index)[panel["id"]]["label"] == panel["label"]


def test_a_better_analysis_cuts_anew_and_embeds_only_what_changed(index, monkeypatch):
    before = rows_of(index)
    panel = first(before)
    correct(index, panel["id"], "--caption", "Mine")
    read = analysis.FigureAnalyzer.analyze

    def better(self, pixels, caption="", **options):
        import dataclasses

        panels = read(self, pixels, caption, **options)
        x0, y0, x1, y1 = panels[0].box
        return [dataclasses.replace(panels[0], box=(x0, y0, x1 - 9, y1), kind="photo"), *panels[1:]]

    monkeypatch.setattr(analysis.FigureAnalyzer, "analyze", better)
    some = reanalyze(index, panel["figure"], "--force")
    assert some["figures"]["reanalyzed"] == 1
    assert some["panels"]["embedded"] == 1
    assert some["corrections"]["kept"] == 1
    after = rows_of(index)
    changed = {key for key in after if after[key]["vector"] != before[key]["vector"]}
    assert changed <= {key for key in after if after[key]["box"] != before[key]["box"]}
    moved = next(row for row in after.values() if row["figure"] == panel["figure"] and row["kind"] == "photo")
    assert moved["box"][2] == before[moved["id"]]["box"][2] - 9
    assert not np.allclose(moved["vector"], before[moved["id"]]["vector"], atol=1e-3)
    assert [row["id"] for row in after.values() if row["caption"] == "Mine"] == [panel["id"]]
    assert reanalyze(index, panel["figure"], "--embed")["panels"]["embedded"] == some["panels"]["now"]


def test_a_correction_without_its_panel_waits_for_it(index, monkeypatch):
    panel = first(rows_of(index))
    correct(index, panel["id"], "--caption", "Mine")
    read = analysis.FigureAnalyzer.analyze
    x0, y0, _, _ = panel["box"]

    def worse(self, pixels, caption="", **options):
        from mirsearch.corpus import Panel

        return [Panel((x0, y0, x0 + 9, y0 + 9))]

    monkeypatch.setattr(analysis.FigureAnalyzer, "analyze", worse)
    lost = reanalyze(index, panel["figure"], "--force")
    assert lost["corrections"] == {"kept": 0, "without_panel": [panel["figure"]]}
    assert "Mine" not in {row["caption"] for row in rows_of(index).values()}
    monkeypatch.setattr(analysis.FigureAnalyzer, "analyze", read)
    assert reanalyze(index, panel["figure"], "--force")["corrections"]["kept"] == 1
    assert rows_of(index)[panel["id"]]["caption"] == "Mine"


def test_missing_and_changed_files_are_reported_and_nothing_is_lost(index, figures):
    before = rows_of(index)
    images = sorted({row["image"] for row in before.values()})
    Path(images[0]).unlink()
    Path(images[1]).write_bytes(Path(images[1]).read_bytes() + b"\0")
    summary = reanalyze(index, "--all", "--force", code=1)
    assert summary["figures"] == {"reanalyzed": 0, "current": 0, "missing": 1, "changed": 1, "failed": 0}
    assert sorted(each["file"] for each in summary["failures"]) == images
    result = run("reanalyze", "--all", "--force", "--index", index, code=1)
    assert all(image in result.err for image in images)
    assert "1 files missing, 1 files changed" in result.out
    assert_same(rows_of(index), before)


def test_an_analysis_that_fails_leaves_the_figure_as_it_was(index, monkeypatch):
    before = rows_of(index)

    def broken(self, pixels, caption="", **options):
        raise ZeroDivisionError("tripped")

    monkeypatch.setattr(analysis.FigureAnalyzer, "analyze", broken)
    summary = reanalyze(index, "--all", "--force", code=1)
    assert summary["figures"]["failed"] == 2
    assert "tripped" in summary["failures"][0]["reason"]
    assert_same(rows_of(index), before)


def test_interrupted_it_keeps_what_is_done_and_goes_on(index, monkeypatch):
    before = rows_of(index)
    monkeypatch.setattr(analysis, "ANALYSIS_VERSION", "a later one")
    from mirsearch.ingest import reanalysis

    store = reanalysis.Reanalysis._store

    def interrupt(self, result, writer):
        store(self, result, writer)
        raise KeyboardInterrupt

    monkeypatch.setattr(reanalysis.Reanalysis, "_store", interrupt)
    first_run = reanalyze(index, "--all", code=130)
    assert first_run["interrupted"]
    assert first_run["figures"]["reanalyzed"] == 1
    monkeypatch.setattr(reanalysis.Reanalysis, "_store", store)
    second = reanalyze(index, "--all")
    assert (second["figures"]["reanalyzed"], second["figures"]["current"]) == (1, 1)
    assert_same(rows_of(index), before)
    assert threading.active_count() < 50


def test_deleted_figures_come_back_with_their_corrections_when_that_is_undone(index, figures):
    panel = first(rows_of(index))
    correct(index, panel["id"], "--label", "q")
    run("delete", panel["figure"], "--yes", "--index", index)
    with open_index(index) as opened:
        assert opened.figure_notes([panel["figure"]]) == {}
    run("ingest", figures, "--index", index)
    assert panel["id"] not in rows_of(index)
    run("delete", "--undo", panel["figure"], "--index", index)
    run("ingest", figures, "--index", index)
    assert rows_of(index)[panel["id"]]["corrected"] == ["label"]


def test_calls_that_make_no_sense_are_refused(index):
    panel = first(rows_of(index))
    wrong = [
        ([], "nothing to correct"),
        (["--reset", "--label", "b"], "can't be combined"),
        (["--no-scale", "--nm-per-px", "2"], "can't be combined"),
        (["--scale", "500 nm", "--nm-per-px", "2"], "given twice"),
        (["--bar-px", "20"], "--scale"),
        (["--scale", "500 apples"], "--scale"),
        (["--nm-per-px", "-1"], "above 0"),
        (["--nm-per-px", "nan"], "above 0"),
        (["--kind", "painting"], "one of"),
        (["--technique", "X-ray"], "one of"),
        (["--label", "far too long"], "--label"),
        (["--label", "a\x1bb"], "--label"),
    ]
    for words, message in wrong:
        assert message in run("correct", panel["id"], *words, "--index", index, code=2).err
    several = run("correct", panel["figure"], "--label", "b", "--index", index, code=2)
    assert panel["id"] in several.err
    assert "nowhere" in run("correct", "nowhere", "--label", "b", "--index", index, code=1).err
    assert "nowhere" in run("correct", "nowhere", "--reset", "--index", index, code=1).err
    for words in ([], ["--all", panel["id"]]):
        assert "--all" in run("reanalyze", *words, "--index", index, code=2).err
    assert "nowhere" in run("reanalyze", "nowhere", "--index", index, code=1).err
    assert {tuple(row["corrected"]) for row in rows_of(index).values()} == {()}
