"""`mirsearch list`: filters, orders, formats, widths, on both indexes."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from mirsearch.cli import app
from mirsearch.indexes import open_index
from mirsearch.query import Filters, Order
from mirsearch.report.listing_table import print_figures, print_panels
from mirsearch.search.answer import stored_json
from mirsearch.search.listing import Listing, list_figures, list_panels
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.cli_runner import run
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

RECORDS = list(MadeCorpus(seed=5).records(30))
RETRACTED = next(record.figure for record in RECORDS if record.figure.article is not None)


@pytest.fixture(scope="module", params=BACKENDS)
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    where = new_location(request.param, request, tmp_path_factory)
    with open_index(where, create=EXTRACTOR) as index, index.writer() as writer:  # type: ignore[attr-defined]
        for record in RECORDS:
            writer.put(record)
        assert RETRACTED.article is not None
        writer.mark_retracted([RETRACTED.article.id])
    return where


def lines(location: str, *words: str) -> list[dict]:
    return [json.loads(line) for line in run("list", "-i", location, "-f", "jsonl", *words).out.splitlines()]


def test_a_list_has_every_panel_once_by_id(location: str) -> None:
    with open_index(location) as index:  # type: ignore[attr-defined]
        stored = {each.panel.id: stored_json(each) for each in index.select_panels(Filters())}
    found = lines(location)
    assert [row["id"] for row in found] == sorted(stored)
    assert {row["id"]: row for row in found} == stored
    assert run("list", "-i", location, "-f", "json").json() == found


def test_filters_are_those_of_a_query(location: str) -> None:
    everything = lines(location)
    sem = lines(location, "--technique", "SEM", "--year", "2010-", "--license", "cc-by")
    assert sem
    assert [row["id"] for row in sem] == [
        row["id"] for row in everything
        if row["technique"] == "SEM" and (row["article"]["year"] or 0) >= 2010
        and row["article"]["license"] in ("CC BY 4.0", "https://creativecommons.org/licenses/by/4.0/")
    ]  # fmt: skip
    wide = lines(location, "--fov", "1um..", "--filter", "panel.number=0..1")
    assert wide
    assert all(row["scale"]["field_of_view_nm"] >= 1000 for row in wide)
    article = everything[0]["article"]["id"] or next(row["article"]["id"] for row in everything if row["article"]["id"])
    rest = lines(location, "--not-article", article)
    assert [row["id"] for row in rest] == [row["id"] for row in everything if row["article"]["id"] != article]
    assert len(rest) < len(everything)
    retracted = [row["id"] for row in everything if row["article"]["retracted"]]
    assert retracted
    assert [row["id"] for row in lines(location, "--retracted")] == retracted
    assert len(lines(location, "--no-retracted")) == len(everything) - len(retracted)


def test_the_field_of_view_sorts_both_ways_with_unknown_ones_last(location: str) -> None:
    views = [(row["scale"] or {}).get("field_of_view_nm") for row in lines(location, "--sort", "fov")]
    known = [view for view in views if view is not None]
    assert views == [*sorted(known), *[None] * (len(views) - len(known))]
    assert 0 < len(known) < len(views)
    top = lines(location, "--sort", "fov", "--reverse", "--top", "3")
    assert [row["scale"]["field_of_view_nm"] for row in top] == sorted(known)[:-4:-1]
    years = [row["article"]["year"] for row in lines(location, "--sort", "year") if row["article"]["year"]]
    assert years == sorted(years)


def test_figures_are_listed_with_their_panels(location: str) -> None:
    figures = lines(location, "--figures")
    assert [row["figure"] for row in figures] == sorted(record.figure.id for record in RECORDS)
    by_id = {record.figure.id: record for record in RECORDS}
    for row in figures:
        assert sorted(row["panels"]) == sorted(panel.id for panel in by_id[row["figure"]].panels)
        assert row["with_scale"] == sum(panel.scale is not None for panel in by_id[row["figure"]].panels)
    seen = list(dict.fromkeys(row["figure"] for row in lines(location, "--sort", "fov")))
    by_view = lines(location, "--figures", "--sort", "fov")
    assert [row["figure"] for row in by_view] == seen
    assert sum(len(row["panels"]) for row in by_view) == len(lines(location))
    journals = [row["article"]["journal"] for row in lines(location, "--figures", "--sort", "journal", "--top", "9")]
    assert journals == sorted(journals)


def test_csv_and_parquet_have_the_same_columns_and_rows(location: str, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for words in ([], ["--figures"]):
        rows = list(csv.DictReader(io.StringIO(run("list", "-i", location, "-f", "csv", *words).out)))
        run("list", "-i", location, "-f", "parquet", "-o", tmp_path / "x.parquet", *words)
        table = parquet.read_table(tmp_path / "x.parquet")
        assert table.column_names == list(rows[0])
        assert table.num_rows == len(rows)
        for name in ("figure", "title", "journal"):
            assert [value or "" for value in table.column(name).to_pylist()] == [row[name] for row in rows]
        assert table.schema.field("retracted").type == "bool"
        assert sum(table.column("retracted").to_pylist()) == sum(row["retracted"] == "yes" for row in rows) > 0
    panels = parquet.read_table(tmp_path / "x.parquet").schema
    assert panels.field("width").type == "int64"


def test_parquet_goes_through_a_pipe(location: str, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    words = [sys.executable, "-m", "mirsearch", "list", "-i", location, "-f", "parquet", "-o", "-", "--top", "7"]
    (tmp_path / "piped.parquet").write_bytes(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)
    assert parquet.read_table(tmp_path / "piped.parquet").num_rows == 7


def test_articles_of_a_list_are_cited_once(location: str) -> None:
    out = run("list", "-i", location, "--cite", "bibtex", "--has-scale").out
    dois = {row["article"]["doi"] for row in lines(location, "--has-scale") if row["article"]["doi"]}
    assert out.count("@") >= len(dois) > 1


@pytest.mark.parametrize(("words", "message"), [
    (["--sort", "scale.lenght_nm"], "no field is named 'scale.lenght_nm' (did you mean scale.length_nm?"),
    (["--sort", "jurnal"], "did you mean journal?"),
    (["--sort", "width_px"], "did you mean panel.width_px?"),
    (["--not-article", "own"], "--not-article own is for an image"),
    (["-o", "list.txt"], "a table is for the screen"),
    (["-f", "csv", "-o", "nowhere/list.csv"], "give a file in a folder that exists"),
    (["-f", "parquet", "-o", "nowhere/list.parquet"], "give a file in a folder that exists"),
    (["--filter", "figure.with=3"], "did you mean figure.width?"),
], ids=" ".join)  # fmt: skip
def test_wrong_calls_name_the_remedy(location: str, words: list[str], message: str) -> None:
    assert message in run("list", "-i", location, *words, code=2).err


def test_words_are_a_condition(location: str) -> None:
    everything = {row["id"]: row["caption"].lower() for row in lines(location)}
    found = {row["id"] for row in lines(location, "--text", "caption:gold NOT caption:silver")}
    assert found == {name for name, caption in everything.items() if "gold" in caption and "silver" not in caption}
    assert found
    both = {row["id"] for row in lines(location, "--text", "gold fi*", "--kind", "micrograph")}
    assert both <= {row["id"] for row in lines(location, "--text", "gold")}
    assert "at character 6" in run("list", "-i", location, "--text", "gold AND", code=2).err


def test_names_that_the_index_lacks_are_told_with_near_ones(location: str) -> None:
    told = run("list", "-i", location, "--text", "goldd", "--journal", "ACS Nanno").err
    assert "no panel has the word “goldd”: did you mean gold?" in told
    assert "the index has no journal 'ACS Nanno': it has ACS Nano" in told
    assert "only panels with the words “goldd”" in told


def test_nothing_to_list_is_told(location: str, tmp_path: Path) -> None:
    told = run("list", "-i", location, "--year", "1901")
    assert "no panel passes the filters: years 1901 to 1901" in told.err
    assert told.out == ""
    assert run("list", "-i", location, "-f", "json", "--year", "1901").json() == []
    open_index(str(tmp_path / "new"), create=EXTRACTOR).close()
    assert "is empty (add figures with: mirsearch ingest)" in run("list", "-i", tmp_path / "new").err


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_tables_fit_the_terminal(location: str, width: int) -> None:
    with open_index(location) as index:  # type: ignore[attr-defined]
        for order in (None, Order("scale.field_of_view_nm"), Order("panel.kind_confidence", True)):
            out = io.StringIO()
            screen = Console(file=out, width=width, force_terminal=True, color_system=None)
            listing = Listing(order=order)
            count = print_panels(list_panels(index, listing), screen, order)
            count += print_figures(list_figures(index, listing), screen)
            shown = out.getvalue().splitlines()
            assert len(shown) == count + 2
            assert max(map(cell_len, shown)) <= width
            assert all(panel.id in out.getvalue() for record in RECORDS for panel in record.panels)
            assert "RETRACTED" in out.getvalue()
            has_own = order is not None and order.field == "panel.kind_confidence"
            assert ("article" in shown[0]) == (width >= (140 if has_own else 120))
            assert ("kind_confidence" in shown[0]) == (has_own and width > 40)


def test_text_from_outside_stays_in_its_line(tmp_path: Path) -> None:
    record = RECORDS[0]
    hostile = "\x1b[31mred\x1b[0m\nnext\u202ereversed [bold]markup[/bold]"
    figure = dataclasses.replace(record.figure, label=hostile, caption=hostile)
    panels = tuple(dataclasses.replace(panel, caption=hostile, heading=hostile) for panel in record.panels)
    with open_index(str(tmp_path / "index"), create=EXTRACTOR) as index, index.writer() as writer:  # type: ignore[attr-defined]
        writer.put(dataclasses.replace(record, figure=figure, panels=panels))
    for words in ([], ["--figures"], ["--sort", "panel.heading"]):
        out = run("list", "-i", tmp_path / "index", *words).out
        assert len(out.splitlines()) == 1 + (1 if words == ["--figures"] else len(panels))
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert "[bold]markup" in out
    assert run("list", "-i", tmp_path / "index", "-f", "csv").out.count("\n") == 1 + len(panels)


def test_a_missing_pyarrow_is_told(location: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    told = run("list", "-i", location, "-f", "parquet", "-o", tmp_path / "x.parquet", code=1).err
    assert "--format parquet needs the package pyarrow, which is not installed" in told
    assert "pip install" in told
    assert not (tmp_path / "x.parquet").exists()


def test_a_list_comes_as_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first lines are written before the last panels are read."""
    from mirsearch.indexes.embedded.database import rows

    with open_index(str(tmp_path / "index"), create=EXTRACTOR) as index, index.writer() as writer:  # type: ignore[attr-defined]
        for record in RECORDS:
            writer.put(record)
    monkeypatch.setattr(rows, "BATCH_ROWS", 5)
    monkeypatch.setattr("mirsearch.indexes.embedded.database.checksums.BATCH_ROWS", 5)
    read: list[int] = []
    original = rows.read_figures
    monkeypatch.setattr(
        rows, "read_figures", lambda connection, keys: read.append(len(keys)) or original(connection, keys)
    )
    with open_index(str(tmp_path / "index")) as index:  # type: ignore[attr-defined]
        for order in (None, Order("article.year")):
            read.clear()
            panels = list_panels(index, Listing(order=order))
            next(panels)
            assert sum(read) <= 5
            assert len(list(panels)) > 50


def test_the_command_is_found_by_its_name() -> None:
    assert app.info.name == "mirsearch"
    assert "--figures" in run("list", "--help").out
