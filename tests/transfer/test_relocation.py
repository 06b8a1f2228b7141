"""`mirsearch index relocate`, on both indexes."""

from __future__ import annotations

import dataclasses
import hashlib
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from mirsearch.corpus import Origin, figure_id
from mirsearch.indexes import open_index
from mirsearch.indexes.base import Failure, Index
from tests.support.cli_runner import run
from tests.support.index_records import IDENTITY, record


@pytest.fixture(params=["embedded", "elasticsearch"])
def location(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return str(tmp_path / "index") if request.param == "embedded" else request.getfixturevalue("es_location")


def _fill(index: Index, old: Path) -> list[str]:
    """Write three figures of files in a folder, one of an article, and one of a neighbor folder."""
    ids = []
    with index.writer() as writer:
        for number in range(5):
            path = old / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (200, 80), (number, 0, 0)).save(path)
            identity = figure_id(hashlib.sha256(path.read_bytes()).hexdigest())
            made = record(number, id=identity)
            places = {3: f"{old / 'x.pdf'}#page=1", 4: f"{old}er/4.png"}
            origins = (Origin("first", "/elsewhere/first.png"), Origin("folder", places.get(number, str(path))),
                       Origin("last", "/elsewhere/last.png"))  # fmt: skip
            writer.put(dataclasses.replace(made, figure=dataclasses.replace(made.figure, origins=origins)))
            ids.append(identity)
        writer.record_failures([Failure(str(old / "bad.png"), "read", "no image")])
    (old / "x.pdf").write_bytes(b"%PDF-1.4")
    return ids


def _places(index: Index, figure: str) -> list[str]:
    return [origin.location for origin in index.figure_panels(figure)[0].figure.origins]


def test_a_moved_folder_is_told_checked_and_changed(location: str, tmp_path: Path) -> None:
    old, new = tmp_path / "figures", tmp_path / "moved"
    with closing(open_index(location, create=IDENTITY)) as index:
        ids = _fill(index, old)
    words = ("index", "relocate", old, new, "--index", location)
    assert "none of the 4 files" in run(*words, code=2).err
    old.rename(new)
    (new / "1.png").write_bytes((new / "0.png").read_bytes())
    (new / "2.png").unlink()
    told = run(*words, "--dry-run", "--format", "json").json()
    expected = {"figures": 4, "locations": 4, "failures": 1, "same": 1, "changed": 1, "missing": 1, "containers": 1}
    assert told == expected | {"is_dry_run": True}
    with closing(open_index(location)) as index:
        assert _places(index, ids[0])[1] == str(old / "0.png")
    assert run(*words, "--format", "json").json() == expected | {"is_dry_run": False}
    with closing(open_index(location)) as index:
        assert _places(index, ids[0]) == ["/elsewhere/first.png", str(new / "0.png"), "/elsewhere/last.png"]
        assert _places(index, ids[3])[1] == f"{new / 'x.pdf'}#page=1"
        assert _places(index, ids[4])[1] == f"{old}er/4.png"
        assert [failure.input for failure in index.failures()] == [str(new / "bad.png")]
    run("verify", "--index", location)
    assert "is in" in run(*words, code=2).err


def test_what_is_told_is_told_in_words(tmp_path: Path) -> None:
    with closing(open_index(str(tmp_path / "index"), create=IDENTITY)) as index:
        _fill(index, tmp_path / "figures")
    words = ("index", "relocate", tmp_path / "figures", tmp_path / "new", "--index", tmp_path / "index")
    told = run(*words, "--force").out
    assert told == ("4 locations of 4 figures and 1 failure changed\nat the new place: 4 not there\n")
    assert "same folder" in run("index", "relocate", "a", "./a", "--index", tmp_path / "index", code=2).err
