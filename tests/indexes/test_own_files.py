"""Names of files inside an index: relative in the database, paths outside, and never out of the folder."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mirsearch import settings
from mirsearch.corpus import Origin
from mirsearch.indexes import open_index
from mirsearch.indexes.base import Failure, Index
from mirsearch.indexes.own_files import OwnFiles, is_inside
from tests.support.cli_runner import run
from tests.support.index_records import IDENTITY, record


def test_names_are_relative_inside_and_as_they_are_elsewhere(tmp_path: Path) -> None:
    own = OwnFiles(tmp_path / "index")
    inside = str(tmp_path / "index" / "acquired" / "a.pdf#page=3")
    assert own.to_stored(inside) == "index:acquired/a.pdf#page=3"
    assert own.to_path("index:acquired/a.pdf#page=3") == inside
    for elsewhere in (str(tmp_path / "index2" / "a.png"), "https://x.org/index:a", "figures/1.png", str(tmp_path)):
        assert own.to_stored(elsewhere) == own.to_path(elsewhere) == elsewhere


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "a\\..\\x", "", "a//b", "a\0b", "..", "#x"])
def test_a_stored_name_does_not_lead_out(name: str, tmp_path: Path) -> None:
    assert not is_inside(name)
    assert OwnFiles(tmp_path).to_path(f"index:{name}") == f"index:{name}"


def test_a_folder_is_known_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    own = OwnFiles(tmp_path / "link")
    for name in ("real", "link"):
        assert own.to_stored(str(tmp_path / name / "a.png")) == "index:a.png"
    assert own.to_path("index:a.png") == str(tmp_path / "link" / "a.png")


@pytest.fixture(params=["embedded", "elasticsearch"])
def index(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    location = str(tmp_path / "index") if request.param == "embedded" else request.getfixturevalue("es_location")
    with closing(open_index(location, create=IDENTITY)) as opened:
        yield opened


def _put(index: Index, *locations: str) -> str:
    made = record(1)
    origins = tuple(Origin("file", location) for location in locations)
    with index.writer() as writer:
        writer.put(dataclasses.replace(made, figure=dataclasses.replace(made.figure, origins=origins)))
    return made.figure.id


def test_an_index_finds_its_own_files_by_their_paths(index: Index, tmp_path: Path) -> None:
    path = str(settings.workspace(index.location) / "figures" / "1.png")
    figure = _put(index, "/data/1.png", path)
    assert [origin.location for origin in index.figure_panels(figure)[0].figure.origins] == ["/data/1.png", path]
    assert [origin.location for origin in index.known_figures([figure])[figure].origins] == ["/data/1.png", path]
    assert index.figures_at(path) == index.figures_at("*/1.png") == [figure]
    assert [known.id for known in index.figures_below(str(Path(path).parent))] == [figure]
    with index.writer() as writer:
        writer.add_origin(figure, Origin("file", path))
        writer.record_failures([Failure(path, "read", "bad")])
    assert [failure.input for failure in index.failures()] == [path]
    with index.writer() as writer:
        writer.record_failures([], [path])
        writer.remove_origins(figure, [Origin("file", path)])
    assert not index.failures()
    assert [origin.location for origin in index.figure_panels(figure)[0].figure.origins] == ["/data/1.png"]
    with index.writer() as writer:
        writer.replace_origins(figure, [Origin("b", path), Origin("a", "/x")])
    assert [origin.location for origin in index.figure_panels(figure)[0].figure.origins] == [path, "/x"]


def test_a_moved_folder_has_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(open_index("old", create=IDENTITY)) as index:
        figure = _put(index, str(settings.workspace("old") / "figures" / "1.png"))
    with closing(sqlite3.connect(tmp_path / "old" / "corpus.sqlite3")) as database:
        assert database.execute("SELECT location FROM origins").fetchall() == [("index:acquired/figures/1.png",)]
    (tmp_path / "old").rename(tmp_path / "new")
    (told, *_) = json.loads(run("show", figure, "--index", "new", "--format", "json").out)
    assert told["image"] == str(tmp_path / "new" / "acquired" / "figures" / "1.png")


def _make_old(folder: Path, *names: str) -> None:
    """Turn an index into one of an earlier mirsearch, which named files inside by paths."""
    from mirsearch.indexes.embedded.database.access import connect
    from mirsearch.indexes.embedded.database.checksums import seal_figures
    from mirsearch.indexes.embedded.database.schema import write_meta

    with closing(connect(folder / "corpus.sqlite3", "rw")) as database:
        for key, name in enumerate(names, start=1):
            database.execute("UPDATE origins SET location = ? WHERE key = ?", (name, key))
        seal_figures(database, [1])
        write_meta(database, names="")


def test_paths_of_an_earlier_mirsearch_become_relative_when_the_index_is_opened(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    with closing(open_index(str(folder), create=IDENTITY)) as index:
        figure = _put(index, "/1", "/2", "/3", "/4")
    picture = folder / "acquired" / "figures" / "1.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"x")
    moved = "/home/before/index/acquired/figures/1.png"  # written before the folder was moved
    gone = "/home/before/index/acquired/figures/gone.png"
    _make_old(folder, str(picture), moved, gone, "/data/4.png")
    shutil.rmtree(folder / "write.lock", ignore_errors=True)
    with closing(open_index(str(folder))) as index:
        locations = [origin.location for origin in index.figure_panels(figure)[0].figure.origins]
    assert locations == [str(picture), gone, "/data/4.png"]
    run("verify", "--index", folder)
    folder.rename(tmp_path / "moved")
    with closing(open_index(str(tmp_path / "moved"))) as index:
        locations = [origin.location for origin in index.figure_panels(figure)[0].figure.origins]
    assert locations[0] == str(tmp_path / "moved" / "acquired" / "figures" / "1.png")
