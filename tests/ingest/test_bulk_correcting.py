"""Corrections in a table: read, applied, listed, written and taken back, on both indexes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirsearch.corpus import LoneBar, ScaleReading
from mirsearch.corrections import Correction
from mirsearch.errors import UsageError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import Index
from mirsearch.ingest.bulk_correcting import correct_rows
from mirsearch.ingest.correcting import undo_corrections
from mirsearch.ingest.correction_table import BadRow, CorrectionRow, read_table
from mirsearch.report.corrections import corrections_csv, corrections_json
from mirsearch.search.stored_corrections import list_corrections
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support import index_records
from tests.support.cli_runner import run

BAR = (5, 60, 45, 64)
FIGURES = 6


@pytest.fixture(params=BACKENDS)
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An index of six figures with two panels each; in the first, a has a doubtful scale and b a bar alone."""
    import dataclasses

    place = new_location(request.param, request, tmp_path_factory)
    with open_index(place, create=index_records.IDENTITY) as index, index.writer() as writer:
        for number in range(FIGURES):
            record = index_records.record(number)
            a, b = record.panels
            a = dataclasses.replace(
                a, scale=None, doubtful_scale=ScaleReading(12.5, 500.0, 40.0, BAR, "500 nm", "label", 0.4)
            )
            b = dataclasses.replace(b, scale=None, bar=LoneBar(BAR, 40.0))
            writer.put(dataclasses.replace(record, panels=(a, b)))
    return place


@pytest.fixture
def index(location: str) -> Iterator[Index]:
    opened = open_index(location)
    yield opened
    opened.close()


def panel(number: int, letter: str) -> str:
    return f"{index_records.record(number).figure.id}-{letter}"


def table(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_table_corrects_many_panels_and_tells_what_it_cannot_use(index: Index, tmp_path: Path) -> None:
    figure = index_records.record(2).figure
    source = table(
        tmp_path / "rows.csv",
        "ID,Panel,scale,no_scale,label,kind,bar_px,my notes",
        f"{panel(0, 'a')},,500 nm,,,,,confirmed",
        f"{panel(0, 'b')},,5 µm,,none,,,",
        f"{panel(1, 'a')},,,yes,,SEM,,",
        f"{figure.id},b,2 um,,,,80,of a figure",
        f"{figure.id},,2 um,,,,,two panels",
        f"{panel(3, 'a')},,,,,,,nothing to do",
        "nowhere,,1 um,,,,,",
        f"{panel(3, 'b')},,500,,,,,no unit",
        f"{panel(3, 'b')},,,,,pastry,,",
        f"{panel(3, 'b')},,,perhaps,,,,",
        f"{panel(4, 'a')},,,,x,,,",
        f"{panel(4, 'a')},,,,y,,,the later row wins",
    )
    rows = list(read_table(source))
    planned = correct_rows(index, rows, dry_run=True)
    assert list(list_corrections(index)) == []
    done = correct_rows(index, rows)
    assert (done.corrected, done.reset, [bad.line for bad in done.bad]) == (
        planned.corrected, planned.reset, [bad.line for bad in planned.bad],
    )  # fmt: skip
    assert set(done.corrected) == {panel(0, "a"), panel(0, "b"), panel(1, "a"), panel(2, "b"), panel(4, "a")}
    assert {bad.line: bad.reason.partition(" (")[0] for bad in done.bad} == {
        6: f"{figure.id} has 2 panels",
        8: f"nothing in {index.location} has the id, DOI or file name 'nowhere'",
        9: "scale: '500' is not a length",
        10: "kind 'pastry' is not known",
        11: "no_scale 'perhaps' is neither yes nor no",
    }
    a, b = (stored.panel for stored in index.figure_panels(index_records.record(0).figure.id))
    assert a.scale == ScaleReading(12.5, 500.0, 40.0, BAR, "500 nm", "user")
    assert (b.scale, b.label) == (ScaleReading(125.0, 5000.0, 40.0, BAR, None, "user"), None)
    other = index.panels([panel(1, "a"), panel(2, "b"), panel(4, "a")])
    assert (other[0].panel.scale, other[0].panel.technique, other[0].panel.kind) == (None, "SEM", "micrograph")
    assert other[1].panel.scale == ScaleReading(25.0, 2000.0, 80.0, None, None, "user")
    assert other[2].panel.label == "y"


def test_what_is_written_restores_all_corrections(index: Index, location: str, tmp_path: Path) -> None:
    run("correct", panel(0, "a"), "--scale", "500 nm", "--kind", "TEM", "--index", location)
    run("correct", panel(0, "b"), "--nm-per-px", "3.25", "--label", "", "--index", location)
    run("correct", panel(1, "b"), "--no-scale", "--caption", '=1+1, "quoted"; new', "--index", location)
    before = corrections_json(list(list_corrections(index)))
    assert [row["read"]["scale"] for row in before if "scale" in row["changes"]] == [None, None, None]
    target = tmp_path / "saved.csv"
    run("corrections", "--format", "csv", "--output", target, "--index", location)
    assert "'=1+1" in target.read_text(encoding="utf-8")
    assert run("corrections", "--undo", "--all", "--index", location).out.strip() == "took back 3 corrections"
    assert "nothing is corrected" in run("corrections", "--index", location).out
    assert all(panel.panel.doubtful_scale or panel.panel.bar for panel in index.figure_panels(before[0]["figure"]))
    run("correct", "--from", target, "--index", location)
    assert corrections_json(list(list_corrections(index))) == before
    listed = run("corrections", "--index", location).out
    assert all(
        words in listed for words in ("scale 500 nm", "kind micrograph", "3 corrections in 2 figures", "500 nm?")
    )


def test_single_corrections_are_taken_back_by_name(index: Index, location: str) -> None:
    for number in range(3):
        run("correct", panel(number, "a"), "--label", "z", "--index", location)
        run("correct", panel(number, "b"), "--label", "y", "--index", location)
    assert undo_corrections(index, [panel(0, "a")]) == 1
    left = {each.correction.panel for each in list_corrections(index)}
    assert left == {panel(0, "b"), panel(1, "a"), panel(1, "b"), panel(2, "a"), panel(2, "b")}
    assert undo_corrections(index, [index_records.record(1).figure.id, panel(1, "a")]) == 2
    assert {each.correction.panel for each in list_corrections(index, [panel(2, "b")])} == {panel(2, "b")}
    assert undo_corrections(index, ["10.1000/a0"]) == 3  # the article has figures 0 to 2
    assert list(list_corrections(index)) == []


def test_rows_reset_and_corrections_without_a_panel_are_kept(index: Index, tmp_path: Path) -> None:
    record = index_records.record(5)
    lost = Correction((500, 500, 600, 600), "q", {"label": "r"})
    with index.writer() as writer:
        import dataclasses

        writer.put(dataclasses.replace(record, corrections=(lost,)))
    assert index.corrected_figures() == [record.figure.id]
    (found,) = list_corrections(index)
    assert found.panel is None
    rows = csv.DictReader(io.StringIO(corrections_csv([found])))
    assert next(rows)["id"] == ""
    done = correct_rows(index, [CorrectionRow(2, panel(5, "a"), changes={"label": "x"})])
    assert len(list(list_corrections(index))) == 2
    source = table(tmp_path / "reset.csv", "id,reset", f"{panel(5, 'a')},x")
    assert correct_rows(index, read_table(source)).reset == done.corrected
    assert [each.correction.changes for each in list_corrections(index)] == [{"label": "r"}]
    assert undo_corrections(index) == 1


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_of_spreadsheets_are_read(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "sheet.csv"
    rows = [["id", "scale", "comment"], ["one", "500 nm", "a"], ["two", "none", ""], ["", "", ""], ["three", "", "x"]]
    text = "\r\n".join(delimiter.join(row) for row in rows) + "\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    first, second = read_table(path)
    assert isinstance(first, CorrectionRow)
    assert isinstance(second, CorrectionRow)
    assert (first.name, first.scale.length_nm, second.scale.read) == ("one", 500.0, False)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    for name, content in {
        "none.csv": b"file,caption\na,b\n",
        "empty.csv": b"",
        "latin.csv": "id,scale\nx,5 µm\n".encode("latin-1"),
        "binary.csv": b"id,scale\n\0\xff\0\n",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError):
            list(read_table(tmp_path / name))
    with pytest.raises(UsageError, match="no such file"):
        list(read_table(tmp_path / "gone.csv"))
    path = table(tmp_path / "rows.csv", "id,nm_per_px,label", 'a,"4,1",', "b,nan,", "c,-1,", ",,d", "e,,abcdefghi")
    assert all(isinstance(row, BadRow) for row in read_table(path))
    assert len(list(read_table(path))) == 5
