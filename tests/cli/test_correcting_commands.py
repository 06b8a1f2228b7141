"""`correct --list`, `correct` of doubtful scales and lone bars, `show` of parts, and `analyze --scale`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from PIL import ImageDraw

from mirsearch.corpus import Article, Figure, LoneBar, Origin, Panel, ScaleReading, panel_ids
from mirsearch.indexes.base import FigureRecord
from tests.support.bar_drawings import draw_ground
from tests.support.cli_runner import run
from tests.support.index_records import filled, record, vectors

GROUP = (0, 0, 300, 100)
READING = ScaleReading(2.0, 100.0, 50.0, (10, 80, 60, 84), "100 nm", "label", 0.95)
FIGURE = "00000000000000ff"


def parts_record() -> FigureRecord:
    """Return a figure whose letter b has a read, a shared and a doubtful scale, and whose c has a lone bar."""
    read = [
        Panel((0, 0, 100, 100), "b", "micrograph", 0.9, "SEM", 0.9, scale=READING, part=1, group=GROUP, heading="DAPI"),
        Panel((100, 0, 200, 100), "b", "micrograph", 0.9, "Cryo-TEM", 0.42, part=2, group=GROUP, heading="Merge",
              scale=dataclasses.replace(READING, source="shared", confidence=0.8)),
        Panel((200, 0, 300, 100), "b", part=3, group=GROUP,
              doubtful_scale=ScaleReading(50.0, 5_000.0, 100.0, (190, 80, 290, 84), "5 µm", "label", 0.31)),
        Panel((0, 100, 300, 200), "c", bar=LoneBar((1, 180, 40, 183), 38.8)),
        Panel((0, 200, 300, 300), "d",
              doubtful_scale=ScaleReading(9.0, 900.0, 100.0, (9, 280, 109, 284), "900 nm", "label", 0.46)),
    ]  # fmt: skip
    ids = panel_ids(FIGURE, read)
    panels = tuple(dataclasses.replace(panel, id=name, figure_id=FIGURE) for panel, name in zip(read, ids, strict=True))
    figure = Figure(
        FIGURE, 300, 300, "Figure 2", "grains", Article("doi:10.1/x", "Grains \x1b[31m"), (Origin("folder", "2.png"),)
    )
    return FigureRecord(figure, panels, vectors(7, 5), tuple(b"jpeg" for _ in ids))


@pytest.fixture
def index(tmp_path: Path) -> Path:
    with filled(tmp_path, [parts_record(), record(1)]):
        return tmp_path / "index"


def test_doubtful_scales_are_first_in_line_and_the_surest_is_the_first(index: Path) -> None:
    found = run("correct", "--list", "--index", index, "--format", "json").json()
    assert [panel["id"].rpartition("-")[2] for panel in found] == ["d", "b3", "c"]
    lines = run("correct", "--list", "--index", index).out.splitlines()
    assert "Fig. 2d" in lines[1]
    assert "Fig. 2b, part 3" in lines[2]
    assert "5 µm? = 100.0 px" in lines[2]
    assert "bar 38.8 px, length unknown" in lines[3]
    assert lines[4] == "2 doubtful scales (?), 1 bar without a length"
    assert "--no-scale rejects it" in lines[5]
    assert "\x1b" not in "".join(lines)


def test_a_correction_takes_a_panel_off_the_list(index: Path) -> None:
    confirmed = run("correct", f"{FIGURE}-d", "--scale", "900 nm", "--index", index, "--format", "json").json()[0]
    assert confirmed["scale"]["nm_per_px"] == pytest.approx(9.0)
    assert confirmed["scale"]["source"] == "user"
    given = run("correct", f"{FIGURE}-c", "--scale", "5 µm", "--index", index, "--format", "json").json()[0]
    assert given["scale"]["nm_per_px"] == pytest.approx(5000 / 38.8)
    run("correct", f"{FIGURE}-b3", "--no-scale", "--index", index)
    assert run("correct", "--list", "--index", index, "--format", "json").json() == []
    assert "no scale is doubtful" in run("correct", "--list", "--index", index).out


@pytest.mark.parametrize("words", [[], [FIGURE, "--list"], ["--list", "--no-scale"], ["--list", "--reset"]])
def test_wrong_calls_of_correct(words: list[str], index: Path) -> None:
    ran = run("correct", *words, "--index", index, code=2)
    assert ran.out == ""
    assert len(ran.err.strip().splitlines()) == 1


def test_a_panel_is_shown_with_its_part_heading_and_open_questions(index: Path) -> None:
    blocks = run("show", FIGURE, "--index", index).out.split("\n\n")
    assert blocks[0].startswith("Fig. 2b, part 1  ")
    assert "DAPI" in blocks[0]
    assert "all of b is at 0, 0, 300, 100" in blocks[0]
    assert "SEM (0.90), micrograph (0.90)" in blocks[0]
    assert "(from the bar in b1, 0.80)" in blocks[1]
    assert "Cryo-TEM" not in blocks[1]
    assert "5 µm? = 100.0 px → 50 nm/px? (label, doubtful 0.31)" in blocks[2]
    assert f'mirsearch correct {FIGURE}-b3 --scale "5 µm"' in blocks[2]
    assert "bar 38.8 px, length unknown" in blocks[3]
    single = run("show", f"{FIGURE}-b2", "--index", index).out
    assert "(from the bar in b1, 0.80)" in single


def test_analyze_gives_a_lone_bar_the_length_that_the_user_knows(tmp_path: Path) -> None:
    image = draw_ground(3)
    ImageDraw.Draw(image).rectangle((340, 325, 439, 331), fill="white")
    image.save(tmp_path / "lone.png")
    plain = run("analyze", tmp_path / "lone.png", "--overlay", tmp_path / "out.png").out
    assert "px, length unknown" in plain
    assert '--scale "5 µm" gives it one' in plain
    assert (tmp_path / "out.png").stat().st_size > 1000
    panel = run("analyze", tmp_path / "lone.png", "--scale", "5 um", "--format", "json").json()[0]["panels"][0]
    assert panel["scale"]["nm_per_px"] == pytest.approx(50, rel=0.01)
    assert panel["scale"]["source"] == "user"
    assert panel["bar"] is None
    assert run("analyze", tmp_path / "lone.png", "--scale", "5 apples", code=2).out == ""
