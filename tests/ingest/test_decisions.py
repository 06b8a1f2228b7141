"""Deleted figures stay deleted, and dismissed failures count no more, on both indexes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.cli_runner import run
from tests.support.small_pictures import draw, identity, listed


@pytest.fixture(params=BACKENDS)
def location(request, tmp_path_factory) -> str:
    return new_location(request.param, request, tmp_path_factory)


@pytest.fixture
def folder(tmp_path) -> Path:
    for number in range(4):
        draw(tmp_path / "figures" / f"{number}.png", number)
    return tmp_path / "figures"


def ingest(folder: Path, location: str, *words: object, code: int = 0) -> dict:
    return run("ingest", folder, "--index", location, "--format", "json", *words, code=code).json()


def test_deleted_figures_stay_deleted_until_that_is_undone(folder, location):
    ingest(folder, location)
    assert run("delete", "--list", "--index", location).out.strip() == "nothing was deleted"
    first, second = identity(folder / "0.png"), identity(folder / "1.png")
    run("correct", first, "--caption", "put right", "--index", location)
    run("delete", first, "1.png", "--yes", "--index", location)
    rows = run("delete", "--list", "--index", location, "--format", "json").json()
    assert {row["figure"]: (row["panels"], row["corrections"]) for row in rows} == {
        first: (1, True),
        second: (1, False),
    }
    assert str(folder / "0.png") in run("delete", "--list", "--index", location).out
    (folder / "0.png").rename(folder / "zero.png")
    for words in ((), ("--sync",)):
        done = ingest(folder, location, *words)
        assert done["deleted_before"] == 2
        assert not {first, second} & listed(location).keys()
    told = run("ingest", folder, "--index", location)
    assert "2 left out that you deleted" in told.out
    preview = ingest(folder, location, "--dry-run")["dry_run"]
    assert sorted(Path(place).name for place in preview["deleted"]) == ["1.png", "zero.png"]
    run("delete", "--undo", "1.png", "--index", location)
    run("delete", "--undo", first[:8], "--index", location)
    done = ingest(folder, location)
    assert (done["figures"]["new"], done["deleted_before"]) == (2, 0)
    (shown,) = run("show", first, "--index", location, "--format", "json").json()
    assert shown["caption"] == "put right"
    assert run("delete", "--list", "--index", location, "--format", "json").json() == []


def test_wrong_calls_of_delete_are_told(folder, location):
    ingest(folder, location)
    for words in ([], ["--undo"], ["--undo", "--all", "x"], ["--list", "x"], ["--all"]):
        assert run("delete", *words, "--index", location, code=2).err
    assert "no deleted figure" in run("delete", "--undo", "0.png", "--index", location, code=1).err
    run("delete", "0.png", "1.png", "--yes", "--index", location)
    assert ": 2;" in run("delete", "--undo", "--all", "--index", location).out


def test_a_dismissed_failure_counts_again_when_its_file_changes(folder, location):
    broken = folder / "broken.png"
    broken.write_bytes(draw(folder / "broken.png", 9).read_bytes()[:200])
    (folder / "captions.csv").write_text("file,caption\n0.png,one\nnone.png,two\n", encoding="utf-8")
    failed = ingest(folder, location, code=1)
    assert len(failed["failures"]) == 2
    assert "dismissed: 2" in run("failures", "--dismiss", "--all", "--index", location).out
    done = ingest(folder, location)
    assert (done["figures"]["failed"], len(done["dismissed"])) == (0, 2)
    assert "2 failed as before" in run("ingest", folder, "--index", location).out
    told = run("failures", "--index", location)
    assert (told.out.strip(), "2 dismissed" in told.err) == ("nothing failed", True)
    rows = run("failures", "--dismissed", "--index", location, "--format", "json").json()
    assert [row["dismissed"] for row in rows] == [True, True]
    broken.write_bytes(broken.read_bytes()[:150])
    failed = ingest(folder, location, code=1)
    assert [Path(each["file"]).name for each in failed["failures"]] == ["broken.png"]
    run("failures", "--dismiss", "broken.png", "--index", location)
    assert ingest(folder, location)["figures"]["failed"] == 0
    run("failures", "--undo", broken, "--index", location)
    assert ingest(folder, location, code=1)["figures"]["failed"] == 1
    draw(broken, 9)
    ingest(folder, location)
    broken.write_bytes(broken.read_bytes()[:150])  # it was well meanwhile: what was dismissed before is over
    assert ingest(folder, location, code=1)["figures"]["failed"] == 1
    for words in (["--dismiss"], ["x"], ["--dismiss", "--undo", "x"], ["--undo", "--all", "x"]):
        assert run("failures", *words, "--index", location, code=2).err
    assert run("failures", "--dismiss", "unknown.png", "--index", location, code=1).err
