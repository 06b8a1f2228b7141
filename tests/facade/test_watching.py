"""Saved questions tell what is new, once, on both indexes: as text, JSON and feeds."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import mirsearch
from mirsearch.errors import UsageError
from mirsearch.report import feeds
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.cli_runner import run
from tests.support.small_pictures import draw, identity

ATOM = {"a": feeds.ATOM}


@pytest.fixture(params=BACKENDS)
def location(request, tmp_path_factory) -> str:
    return new_location(request.param, request, tmp_path_factory)


@pytest.fixture
def folder(tmp_path) -> Path:
    for number in range(3):
        draw(tmp_path / "figures" / f"{number}.png", number)
    write_captions(tmp_path / "figures", "0.png,Gold rods", "1.png,Silver cubes", "2.png,Gold & <b>silver</b>")
    return tmp_path / "figures"


def write_captions(folder: Path, *rows: str) -> None:
    (folder / "captions.csv").write_text("\n".join(("file,caption", *rows)), encoding="utf-8")


def add_figures(folder: Path, location: str) -> list[str]:
    draw(folder / "3.png", 3)
    draw(folder / "4.png", 4)
    with (folder / "captions.csv").open("a", encoding="utf-8") as table:
        table.write("\n3.png,Gold stars ]]> \u202eevil\n4.png,Iron")
    run("ingest", folder, "--index", location)
    return [identity(folder / "3.png"), identity(folder / "4.png")]


def news(location: str, *words: object) -> dict[str, list[str]]:
    told = run("watch", "run", *words, "--format", "json", "--index", location).json()
    return {each["watch"]: [item["figure"] for item in each["new"]] for each in told}


def test_what_is_new_is_told_once(folder, location, tmp_path):
    run("ingest", folder, "--index", location)
    asked = draw(tmp_path / "asked.png", 0)
    run("watch", "add", "gold", "--text", "gold", "--weight", "text=0.5", "--index", location)
    run("watch", "add", "looks", asked, "--no-scale", "--all-kinds", "--index", location)
    run("watch", "add", "large", "--filter", "figure.width=10..", "--index", location)
    asked.unlink()  # the picture is kept in the index
    listed = {each["name"]: each for each in run("watch", "list", "--format", "json", "--index", location).json()}
    assert listed["gold"]["options"] == {"text": "gold", "weight": ["text=0.5"]}
    assert listed["looks"]["images"] == ["asked.png"]
    assert news(location) == {"gold": [], "large": [], "looks": []}
    gold, iron = add_figures(folder, location)
    assert news(location, "gold") == {"gold": [gold]}
    found = news(location)
    assert found["gold"] == []
    assert {name: set(figures) for name, figures in found.items() if name != "gold"} == {
        "large": {gold, iron}, "looks": {gold, iron}
    }  # fmt: skip
    assert news(location) == {"gold": [], "large": [], "looks": []}
    run("reanalyze", "--all", "--index", location)
    assert news(location) == {"gold": [], "large": [], "looks": []}  # read again is not new
    assert "nothing new" in run("watch", "run", "gold", "--index", location).out
    run("watch", "remove", "gold", "looks", "--index", location)
    assert "large" in run("watch", "list", "--index", location).out
    assert "gold" not in run("watch", "list", "--index", location).out
    assert run("verify", "--index", location).code == 0


def test_feeds_keep_the_last_news(folder, location, tmp_path):
    run("ingest", folder, "--index", location)
    run("watch", "add", "gold & co", "--text", "gold", "--index", location)
    gold, _ = add_figures(folder, location)
    path = tmp_path / "news.xml"
    for _ in range(2):  # a reader that comes late still finds what an earlier run told
        run("watch", "run", "--format", "atom", "--output", path, "--index", location)
        feed = ET.fromstring(path.read_bytes())
        (entry,) = feed.findall("a:entry", ATOM)
        assert entry.findtext("a:id", namespaces=ATOM) == f"urn:mirsearch:gold%20%26%20co:{gold}"
        assert entry.findtext("a:summary", namespaces=ATOM) == "Gold stars ]]> evil"
        assert feed.findtext("a:updated", namespaces=ATOM)
    told = run("watch", "run", "-f", "rss", "--index", location).out
    (item,) = ET.fromstring(told).iter("item")
    assert (item.findtext("guid"), item.findtext("category")) == (f"urn:mirsearch:gold%20%26%20co:{gold}", "gold & co")


def test_a_run_that_is_interrupted_loses_nothing(folder, location, tmp_path, monkeypatch):
    run("ingest", folder, "--index", location)
    run("watch", "add", "gold", "--text", "gold", "--index", location)
    gold, _ = add_figures(folder, location)
    from mirsearch.facade.watching import Watches

    def stop(self: Watches, told: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Watches, "settle", stop)
        assert run("watch", "run", "--index", location, code=130).out
    assert run("watch", "run", "--output", tmp_path / "no" / "folder.txt", "--index", location, code=None).code
    assert news(location) == {"gold": [gold]}


def test_one_watch_that_fails_does_not_stop_the_others(folder, location):
    run("ingest", folder, "--index", location)
    panel = f"{identity(folder / '1.png')}-1"
    run("watch", "add", "like", "--like", panel, "--index", location)
    run("watch", "add", "gold", "--text", "gold", "--index", location)
    run("delete", panel, "--yes", "--index", location)
    gold, _ = add_figures(folder, location)
    told = run("watch", "run", "--format", "json", "--index", location, code=1)
    assert [item["figure"] for item in told.json()[0]["new"]] == [gold]
    assert "like: " in told.err


def test_from_python_and_wrong_calls(folder, location, tmp_path):
    with mirsearch.open(location, create=True) as corpus:
        corpus.ingest(folder)
        watch = corpus.watches.add("gold", text="gold", fov=None)
        assert [each.name for each in corpus.watches.list()] == [watch.name]
        (told,) = corpus.watches.run()
        assert told.found == ()
        for options in ({"weight": {"text": 1.0}}, {"text": "x", "colour": "red"}, {"text": object()}):
            with pytest.raises(UsageError):
                corpus.watches.add("wrong", **options)
        large = tmp_path / "large.png"
        large.write_bytes(bytes(5 << 20))
        with pytest.raises(UsageError, match="4 MB"):
            corpus.watches.add("wrong", large)
    for words in (
        ["add", " ", "--text", "x"],
        ["add", "x", "--top", 3, "--technique", "SEM"],
        ["add", "x", "--like", "a", folder / "1.png"],
        ["add", "x", "no.png"],
    ):
        assert run("watch", *words, "--index", location, code=2).err
    for words in (["run", "unknown"], ["remove", "unknown"]):
        assert "watch list" in run("watch", *words, "--index", location, code=1).err


def test_an_empty_feed_is_one():
    assert ET.fromstring(feeds.atom([])).findtext("a:title", namespaces=ATOM) == "News of mirsearch"
    assert not list(ET.fromstring(feeds.rss([])).iter("item"))
    odd = (
        "w\0\x1b",
        {
            "figure": "f",
            "panel": "f-1",
            "name": "\x07",
            "article": None,
            "caption": None,
            "url": "javascript:x",
            "at": 3,
        },
    )
    assert ET.fromstring(feeds.atom([odd])).find(".//a:link", ATOM) is None
