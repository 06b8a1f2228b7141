"""The source of each folder, and runs over many folders."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from mirsearch import plugins
from mirsearch.errors import PluginError
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest
from mirsearch.sources.discover import discover_sources, find_figures

ARTICLE = b"""<article xmlns:xlink="http://www.w3.org/1999/xlink"><front><article-meta><title-group>
<article-title>Rods</article-title></title-group></article-meta></front><body><fig><label>Figure 1</label>
<caption><p>From JATS.</p></caption><graphic xlink:href="g1"/></fig></body></article>"""


def draw(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4 + number % 200, 4), number % 250).save(folder / name)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder with images and a table, an article, an EXSCLAIM! run, a folder of folders, and a hidden one."""
    root = tmp_path / "root"
    draw(
        root,
        "a.png",
        "plain/b.png",
        "paper/g1.png",
        "paper/images/extra.png",
        "run/x_fig1.png",
        "deep/er/c.png",
        ".git/d.png",
    )
    (root / "captions.csv").write_text("file,caption\na.png,of a\nplain/b.png,of b\ndeep/er/c.png,of c\n")
    (root / "paper" / "a.xml").write_bytes(ARTICLE)
    entry = {"figure_name": "x_fig1.png", "full_caption": "From EXSCLAIM.", "master_images": []}
    (root / "run" / "exsclaim_010_output.json").write_text(json.dumps({"x_fig1.png": entry}))
    return root


def split(found: list[FoundFigure | SourceFailure]) -> tuple[dict[str, str], list[SourceFailure]]:
    captions = [(each.path.name, each.caption) for each in found if isinstance(each, FoundFigure)]
    assert len(dict(captions)) == len(captions), "every figure once"
    return dict(captions), [each for each in found if isinstance(each, SourceFailure)]


def test_each_folder_by_its_source(mixed: Path) -> None:
    assert discover_sources(mixed) == [
        ("folder", mixed), ("folder", mixed / "deep" / "er"), ("jats", mixed / "paper"), ("folder", mixed / "plain"),
        ("exsclaim", mixed / "run"),
    ]  # fmt: skip
    captions, failures = split(list(find_figures([mixed])))
    assert captions == {"a.png": "of a", "b.png": "of b", "c.png": "of c", "g1.png": "From JATS.", "extra.png": "",
                        "x_fig1.png": "From EXSCLAIM."}  # fmt: skip
    assert failures == []


def test_the_order_is_stable(mixed: Path) -> None:
    assert list(find_figures([mixed])) == list(find_figures([str(mixed)]))


def test_a_source_can_be_forced(mixed: Path) -> None:
    captions, failures = split(list(find_figures([mixed], source="folder")))
    assert captions == {
        "a.png": "of a",
        "b.png": "of b",
        "c.png": "of c",
        "g1.png": "",
        "extra.png": "",
        "x_fig1.png": "",
    }
    assert failures == []
    captions, failures = split(list(find_figures([mixed / "plain", mixed / "paper"], source="jats")))
    assert captions == {"g1.png": "From JATS.", "extra.png": ""}
    assert [failure.location for failure in failures] == [str(mixed / "plain")]
    with pytest.raises(PluginError, match="no source named 'docx'"):
        list(find_figures([mixed], source="docx"))


def test_files_by_themselves(mixed: Path) -> None:
    paths = [mixed / "a.png", mixed / "paper" / "a.xml", mixed / "run" / "exsclaim_010_output.json"]
    captions, failures = split(list(find_figures(paths)))
    assert captions == {"a.png": "of a", "g1.png": "From JATS.", "x_fig1.png": "From EXSCLAIM."}
    assert failures == []
    table, failures = split(list(find_figures([mixed / "captions.csv"])))
    assert table == {"a.png": "of a", "b.png": "of b", "c.png": "of c"}


def test_the_same_path_twice_gives_its_figures_once(mixed: Path) -> None:
    captions, _ = split(list(find_figures([mixed / "plain", mixed / "plain", mixed / "plain" / "b.png"])))
    assert list(captions) == ["b.png"]


def test_columns_and_options_reach_the_source(tmp_path: Path) -> None:
    draw(tmp_path, "a.png")
    (tmp_path / "meta.csv").write_text("pic,words\na.png,mapped\n")
    found = find_figures([tmp_path], columns={"file": "pic", "caption": "words"}, options={"captions": "meta.csv"})
    assert split(list(found))[0] == {"a.png": "mapped"}


def test_paths_without_figures_are_reported_and_the_others_are_read(tmp_path: Path) -> None:
    draw(tmp_path, "good/a.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "words.txt").write_text("words")
    paths = [tmp_path / "none", tmp_path / "empty", tmp_path / "words.txt", tmp_path / "good"]
    captions, failures = split(list(find_figures(paths)))
    assert list(captions) == ["a.png"]
    assert {failure.location: failure.reason.split(";")[0] for failure in failures} == {
        str(tmp_path / "none"): "no such file or folder", str(tmp_path / "empty"): "no source finds figures here",
        str(tmp_path / "words.txt"): "no source finds figures here",
    }  # fmt: skip


def test_bad_inputs_of_each_source_are_reported_and_the_others_are_read(tmp_path: Path) -> None:
    draw(tmp_path, "good/a.png", "half/b.png", "table/c.png")
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "a.nxml").write_bytes(ARTICLE[:-40])
    (tmp_path / "bomb.xml").write_bytes(b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>')
    (tmp_path / "half" / "exsclaim.json").write_text('{"b.png": {"figure_name": "b.png", "master_images": [')
    (tmp_path / "table" / "captions.csv").write_text("name,words\nc.png,x\n")
    captions, failures = split(list(find_figures([tmp_path])))
    assert captions == {
        "a.png": "",
    }
    failures_by_name = {Path(failure.location).name: failure for failure in failures if not failure.is_note}
    assert set(failures_by_name) == {"a.nxml", "bomb.xml", "exsclaim.json", "captions.csv"}
    assert all("(" in failure.reason and "\n" not in failure.reason for failure in failures_by_name.values())


def test_links_in_a_circle(tmp_path: Path) -> None:
    draw(tmp_path, "root/a.png", "root/sub/b.png")
    (tmp_path / "root" / "sub" / "up").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "gone").symlink_to(tmp_path / "nowhere")
    captions, failures = split(list(find_figures([tmp_path / "root"])))
    assert sorted(captions) == ["a.png", "b.png"]
    assert failures == []


def test_folders_nested_too_deep(tmp_path: Path) -> None:
    draw(tmp_path, "/".join(["d"] * 80) + "/a.png")
    captions, failures = split(list(find_figures([tmp_path])))
    assert captions == {}
    assert "nested more than" in failures[0].reason


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path, "good/a.png", "shut/b.png")
    iterdir = Path.iterdir

    def guarded(self: Path) -> Iterator[Path]:
        if self.name == "shut":
            raise PermissionError(13, "Permission denied")
        return iterdir(self)

    if os.getuid() == 0:  # the superuser may read everything
        monkeypatch.setattr(Path, "iterdir", guarded)
    else:
        (tmp_path / "shut").chmod(0)
    captions, failures = split(list(find_figures([tmp_path])))
    assert list(captions) == ["a.png"]
    assert [(Path(failure.location).name, "Permission denied" in failure.reason) for failure in failures] == [
        ("shut", True)
    ]


class Broken:
    """A third party's source that fails in the middle."""

    name = "broken"
    priority = 50

    def recognizes(self, path: Path) -> bool:
        if path.name == "slip":
            raise KeyError("slip")
        return path.name in ("theirs", "huge")

    def find_figures(self, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
        if request.paths[0].name == "huge":
            raise MemoryError
        raise RuntimeError("gave\nup")
        yield


def test_a_source_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path, "good/a.png", "theirs/b.png", "slip/c.png", "huge/d.png")
    load, names = plugins.load, plugins.names
    monkeypatch.setattr(plugins, "names", lambda group: sorted([*names(group), "absent", "broken"]))

    def loaded(group: str, name: str) -> object:
        if name == "absent":
            raise PluginError("absent fails to load", "reinstall it")
        return Broken if name == "broken" else load(group, name)

    monkeypatch.setattr(plugins, "load", loaded)
    captions, failures = split(list(find_figures([tmp_path])))
    assert sorted(captions) == ["a.png", "c.png"]
    reasons = [failure.reason for failure in failures]
    assert any("absent fails to load" in reason for reason in reasons)
    assert any("source 'broken' failed: RuntimeError: gave up" in reason for reason in reasons)
    assert any("failed to check this path" in reason for reason in reasons)
    assert any("memory is short for source 'broken'; close other programs" in reason for reason in reasons)


@pytest.mark.data
def test_real_folders(shared_data: Path) -> None:
    found = list(find_figures([shared_data / "articles", shared_data / "micrograph_extractor"]))
    images = [each for each in found if isinstance(each, FoundFigure)]
    assert {each.origin.source for each in images} == {"jats", "exsclaim", "folder"}
    assert len(images) == len({each.path for each in images}) > 200
    assert all(each.caption and each.article for each in images)
    assert all(each.is_note for each in found if isinstance(each, SourceFailure))


def test_an_index_among_the_figures_is_no_folder_of_figures(tmp_path: Path) -> None:
    draw(tmp_path, "a.png")
    acquired = tmp_path / "mirsearch-index" / "acquired"
    acquired.mkdir(parents=True)
    draw(acquired, "b.png")
    (tmp_path / "mirsearch-index" / "corpus.sqlite3").write_bytes(b"")
    assert discover_sources(tmp_path) == [("folder", tmp_path)]
