"""`show`, `analyze` and `stats` in a terminal."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from mirsearch.corpus import Panel, ScaleReading
from mirsearch.report.describe import AnalyzedPage, print_analysis, print_panel, print_stats
from tests.support.report_answers import make_answer, parts_answer, stored

STATS = {
    "articles": 12, "panels": 12345, "extractor": "efficientnet", "bytes": 12_345_678,
    "kinds": {"micrograph": 900, "unknown": 7}, "years": {"2019": 10, "unknown": 3, "2021": 30},
    "licenses": {f"license {at}": 50 - at for at in range(40)}, "fields_of_view": {"3": 5, "2": 9}, "techniques": {},
}  # fmt: skip


def console(width: int = 80, terminal: bool = True) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=width, force_terminal=terminal, color_system=None), out


@pytest.mark.parametrize("terminal", [True, False])
def test_a_panel_is_shown_with_all_its_facts(terminal: bool) -> None:
    screen, out = console(100, terminal)
    for hit in make_answer().hits:
        print_panel(hit.stored, screen)
    text = out.getvalue()
    assert "\u202e" not in text
    assert "\x00" not in text
    for words in (
        "Fig. 1a",
        "RETRACTED",
        "CC BY-NC 3.0",
        "https://doi.org/10.1000/x0",
        "none read",
        "Silver nanowires [bold]",
    ):
        assert words in text
    assert terminal or "\x1b" not in text


def test_a_panel_tells_what_became_of_its_file(tmp_path: Path) -> None:
    panel, _ = stored(0, tmp_path, "")
    path = tmp_path / "figure0.png"

    def shown() -> str:
        screen, out = console(400, terminal=False)
        print_panel(panel, screen)
        return next(line for line in out.getvalue().splitlines() if line.startswith("image"))

    assert shown().endswith(f"{path} (folder)")
    path.write_bytes(path.read_bytes() + b"\0")
    assert shown().endswith("(folder, has other content now)")
    path.unlink()
    assert shown().endswith("(folder, not there now)")


@pytest.mark.parametrize("width", [50, 80, 140])
def test_an_analysis_fits(width: int) -> None:
    panels = tuple(hit.stored.panel for hit in make_answer().hits)
    page = AnalyzedPage("fig [red].png", 1, 9, 9, panels)
    screen, out = console(width)
    print_analysis([page, dataclasses.replace(page, panels=())], screen)
    assert "fig [red].png" in out.getvalue()
    assert "page 2" in out.getvalue()
    if width >= 80:
        assert max(cell_len(line) for line in out.getvalue().splitlines()) <= width
        assert "= 50.0 px" in out.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_an_analysis_tells_parts_and_what_is_open(terminal: bool) -> None:
    panels = tuple(hit.stored.panel for hit in parts_answer().hits)
    screen, out = console(160, terminal)
    print_analysis([AnalyzedPage("f.png", 0, 9, 9, panels)], screen)
    text = out.getvalue()
    for words in ("b2 ", "DAPI <i>", "inset of b1", "500 nm? = 100.0 px", "doubtful 0.31",
                  "bar 38.8 px, length unknown", "?: doubtful (b2)",
                  'length of the bar unknown (b3): --scale "5 µm" gives it one'):  # fmt: skip
        assert words in text
    assert "Cryo-TEM" not in text
    plain, out = console(160, terminal)
    print_analysis([AnalyzedPage("f.png", 0, 9, 9, (Panel((0, 0, 9, 9), label="a"),))], plain)
    assert "heading" not in out.getvalue()


def test_an_analysis_tells_where_file_and_bar_disagree() -> None:
    told = ScaleReading(4.06, 500.0, 123.4, (0, 0, 1, 1), "500 nm", "label", 0.78)
    by_file = ScaleReading(8.12, source="metadata", confidence=0.22)
    panel = Panel((0, 0, 9, 9), label="a", scale=told, doubtful_scale=by_file)
    screen, out = console(160)
    print_analysis([AnalyzedPage("f.tif", 0, 9, 9, (panel,))], screen)
    text = out.getvalue()
    assert "a: 500 nm = 123.4 px → 4.06 nm/px (label, 0.78); the file's metadata say 8.12 nm/px" in text
    assert "?: doubtful" not in text


def test_numbers_and_histograms() -> None:
    screen, out = console()
    print_stats(STATS, screen)
    text = out.getvalue()
    assert "12,345" in text
    assert "12.3 MB" in text
    assert "29 others" in text
    years = [text.index(word) for word in ("2021", "2019")]
    assert years == sorted(years)
    assert text.index("100 nm – 1 µm") < text.index("1 µm – 10 µm")
    assert "techniques" not in text
    assert "█" in text
    bars = {line.split()[0]: line.count("█") for line in text.splitlines() if "█" in line}
    assert bars["micrograph"] > bars["not"] > 0
