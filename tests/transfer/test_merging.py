"""Merges of whole indexes, on both kinds."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

import pytest

from mirsearch.corpus import Origin
from mirsearch.corrections import Correction
from mirsearch.errors import IndexMismatchError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, Index
from mirsearch.transfer.merging import merge_index
from tests.support.cli_runner import run
from tests.support.index_records import IDENTITY, article, record
from tests.support.whole_indexes import contents, fill


@pytest.fixture(params=["embedded", "elasticsearch"])
def location(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return str(tmp_path / "target") if request.param == "embedded" else request.getfixturevalue("es_location")


def _put(index: Index, number: int, changes: dict[str, object], corrections: tuple[Correction, ...] = ()) -> str:
    made = record(number)
    figure = dataclasses.replace(made.figure, **changes)  # type: ignore[arg-type]
    with index.writer() as writer:
        writer.put(dataclasses.replace(made, figure=figure, corrections=corrections))
    return figure.id


def test_what_only_the_source_has_is_added_and_conflicts_are_told(location: str, tmp_path: Path) -> None:
    source = str(tmp_path / "source")
    here, there = Origin("folder", "/here/1.png"), Origin("folder", "/there/1.png")
    panels = record(1).panels
    mine = Correction(panels[0].box, panels[0].label, {"kind": "map"})
    theirs = Correction(panels[0].box, panels[0].label, {"kind": "photo", "technique": "AFM"})
    other = Correction(panels[1].box, panels[1].label, {"kind": "gel"})
    with closing(open_index(location, create=IDENTITY)) as index, closing(open_index(source, create=IDENTITY)) as added:
        both = _put(index, 1, {"origins": (here,), "label": None, "article": article(0, license=None)}, (mine,))
        changes = {"origins": (there, here), "caption": "Other", "article": article(0, retracted=True, license="CC0")}
        _put(added, 1, changes, (theirs, other))
        new = _put(added, 2, {"origins": (there,), "article": article(7, journal="Their journal", license="CC0")})
        _put(index, 40, {"article": article(7, license=None)})
        gone = _put(added, 3, {})  # of the article of figure 4
        same = _put(index, 4, {"origins": (here,)})
        _put(added, 4, {"origins": (here,)})
        with index.writer() as writer:
            writer.write_entries("deleted", {gone: {}})
        with added.writer() as writer:
            writer.write_entries("deleted", {same: {}, "f" * 16: {}})
    told = run("index", "merge", source, location, "--format", "json").json()
    assert (told["figures"], told["changed"], told["present"], told["left_out"]) == (1, 1, 1, 1)
    conflicts = {(each["field"], each["kept"], each["other"]) for each in told["conflicts"]}
    assert conflicts == {
        ("caption", record(1).figure.caption, "Other"),
        ("correction of kind", "map", "photo"),
        ("article.journal", "Ultramicroscopy", "Their journal"),
    }
    with closing(open_index(location)) as index:
        first, second = index.figure_panels(both)
        assert [origin.location for origin in first.figure.origins] == ["/here/1.png", "/there/1.png"]
        assert first.figure.label == "Figure 1"
        assert first.figure.article is not None
        assert (first.figure.article.license, first.figure.article.retracted) == ("CC0", True)
        assert (first.panel.kind, first.panel.technique, second.panel.kind) == ("map", "AFM", "gel")
        told_article = index.figure_panels(new)[0].figure.article
        assert told_article is not None
        assert (told_article.journal, told_article.license) == ("Ultramicroscopy", "CC0")
        assert not index.figure_panels(gone)
        assert set(index.entries("deleted")) == {gone, "f" * 16}
        before = contents(index)
    again = run("index", "merge", source, location, "--format", "json").json()
    assert (again["figures"], again["changed"], again["present"]) == (0, 0, 3)
    with closing(open_index(location)) as index:
        assert contents(index) == before
    run("verify", "--index", location)


def test_a_merge_into_an_empty_index_is_a_copy(location: str, tmp_path: Path) -> None:
    with closing(open_index(str(tmp_path / "source"), create=IDENTITY)) as source:
        fill(source, tmp_path)
        with closing(open_index(location, create=IDENTITY)) as index:
            assert merge_index(source, index).figures == 30
            assert contents(index) == contents(source)


def test_another_cutting_of_a_figure_is_told_and_the_targets_stays(tmp_path: Path) -> None:
    with closing(open_index(str(tmp_path / "a"), create=IDENTITY)) as one:
        with one.writer() as writer:
            writer.put(record(1, panels=3))
        with closing(open_index(str(tmp_path / "b"), create=IDENTITY)) as other:
            figure = _put(other, 1, {})
            summary = merge_index(one, other)
            assert [(each.field, each.kept[:8], each.other[:8]) for each in summary.conflicts] == [
                ("panels", "2 panels", "3 panels")
            ]
            assert len(other.figure_panels(figure)) == 2
    assert "conflict: figure" in run("index", "merge", tmp_path / "a", tmp_path / "b").out


def test_vectors_of_another_extractor_are_refused(tmp_path: Path) -> None:
    other = ExtractorIdentity("made", "2", IDENTITY.dims)
    with (
        closing(open_index(str(tmp_path / "a"), create=IDENTITY)) as one,
        closing(open_index(str(tmp_path / "b"), create=other)) as two,
        pytest.raises(IndexMismatchError),
    ):
        merge_index(one, two)
