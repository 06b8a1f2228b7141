"""`mirsearch ingest --sync`: the index follows its folders, on both indexes."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest

import mirsearch
from mirsearch.errors import SourceError
from mirsearch.indexes import open_index
from mirsearch.ingest.contents import ContentHashes
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.cli_runner import run
from tests.support.small_pictures import draw, folder_contents, identity, listed

ARTICLE = """<article xmlns:xlink="http://www.w3.org/1999/xlink"><front><article-meta>
<article-id pub-id-type="doi">10.1000/a1</article-id><title-group><article-title>Rods</article-title></title-group>
</article-meta></front><body><fig id="f1"><label>Figure 1</label><caption><p>Rods of gold</p></caption>
<graphic xlink:href="fig1.png"/></fig></body></article>"""


@pytest.fixture(params=BACKENDS)
def location(request, tmp_path_factory) -> str:
    return new_location(request.param, request, tmp_path_factory)


@pytest.fixture
def folder(tmp_path) -> Path:
    for number in range(5):
        draw(tmp_path / "figures" / f"{number}.png", number)
    return tmp_path / "figures"


def sync(folder: Path, location: str, *words: object, code: int = 0) -> dict:
    return run("ingest", folder, "--sync", "--index", location, "--format", "json", *words, code=code).json()


def same(found: dict[str, list[str]], folder: Path) -> bool:
    wanted = folder_contents(folder)
    return {figure: sorted(places) for figure, places in found.items()} == wanted


def test_the_index_follows_a_folder(folder, location):
    assert sync(folder, location)["figures"]["new"] == 5
    gone, old = identity(folder / "0.png"), identity(folder / "1.png")
    (folder / "0.png").unlink()
    draw(folder / "1.png", 11)
    (folder / "2.png").rename(folder / "two.png")
    shutil.copy(folder / "3.png", folder / "three.png")
    draw(folder / "new.png", 12)
    told = run("ingest", folder, "--sync", "--dry-run", "--index", location, "--format", "json").json()["dry_run"]
    assert {name: [Path(place).name for place in told[name]] for name in ("new", "replacing", "moved", "present")} == {
        "new": ["new.png"], "replacing": ["1.png"], "moved": ["three.png", "two.png"], "present": ["3.png", "4.png"]
    }  # fmt: skip
    going = {(Path(each["place"]).name, each["reason"]) for each in told["going"]}
    assert going == {("0.png", "the file is gone"), ("1.png", "the file has other content")}
    assert [Path(each["place"]).name for each in told["leaving"]] == ["2.png"]
    assert len(listed(location)) == 5  # nothing was done
    done = sync(folder, location)
    assert (done["figures"]["new"], len(done["removed"]), done["origins_removed"]) == (2, 2, 1)
    assert same(listed(location), folder)
    assert not {gone, old} & listed(location).keys()
    assert sync(folder, location)["figures"] == {
        "new": 0, "updated": 0, "already_there": 6, "failed": 0
    }  # fmt: skip
    assert run("verify", "--index", location).code == 0


def test_a_figure_stays_while_another_file_shows_it(folder, location, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    run("ingest", folder, other, "--index", location)
    (folder / "0.png").unlink()
    draw(folder / "1.png", 11)
    sync(folder, location)
    found = listed(location)
    assert found[identity(other / "0.png")] == [str(other / "0.png")]
    assert found[identity(other / "1.png")] == [str(other / "1.png")]
    assert len(found) == 6
    sync(folder, location)
    (other / "0.png").unlink()
    assert len(sync(folder, location)["removed"]) == 0  # only what lies in this folder is looked at
    assert len(sync(other, location)["removed"]) == 1


@pytest.mark.parametrize("state", ["missing", "empty", "most"])
def test_most_of_a_folder_never_goes_without_force(folder, location, tmp_path, state):
    sync(folder, location)
    if state == "missing":
        folder.rename(tmp_path / "elsewhere")
    else:
        for number in range(5 if state == "empty" else 3):
            (folder / f"{number}.png").unlink()
    draw(tmp_path / "figures2" / "a.png", 50)
    refused = run("ingest", folder, "--sync", "--index", location, code=1)
    assert "--force" in refused.err
    assert ("is its disk mounted" in refused.err) == (state == "missing")
    told = run("ingest", folder, "--sync", "--dry-run", "--index", location, code=1)
    assert "refused" in told.err
    assert "5 would be taken out" in told.out or "3 would be taken out" in told.out
    assert len(listed(location)) == 5
    sync(folder, location, "--force")
    assert len(listed(location)) == (2 if state == "most" else 0)


def test_what_cannot_be_read_stays(folder, location, monkeypatch):
    deep = draw(folder / "deep" / "5.png", 5)
    sync(folder, location)
    draw(folder / "0.png", 10)
    (folder / "0.png").write_bytes((folder / "0.png").read_bytes()[:200])  # half a file
    (folder / "captions.csv").write_text("no,columns,of,ours\n1,2,3,4\n", encoding="utf-8")
    walk = Path.iterdir
    unreadable = PermissionError(13, "Permission denied")

    def refuse(path: Path):
        if path.name == "deep":
            raise unreadable
        return walk(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    done = sync(folder, location, code=1)
    assert len(done["removed"]) == 0
    assert len(listed(location)) == 6
    monkeypatch.undo()
    (folder / "captions.csv").unlink()
    done = sync(folder, location, code=1)  # half a file is still there: what it was stays
    assert (len(done["removed"]), done["figures"]["failed"]) == (0, 1)
    draw(folder / "0.png", 10)
    deep.unlink()
    assert len(sync(folder, location)["removed"]) == 2
    assert same(listed(location), folder)
    assert run("failures", "--index", location).out.strip() == "nothing failed"


def test_pictures_in_an_archive_come_and_go_with_it(folder, location, tmp_path):
    def pack(*numbers: int) -> None:
        with zipfile.ZipFile(folder / "more.zip", "w") as archive:
            for number in numbers:
                archive.write(draw(tmp_path / "parts" / f"{number}.png", number), f"{number}.png")

    pack(20, 21)
    sync(folder, location)
    assert len(listed(location)) == 7
    pack(21, 22)
    done = sync(folder, location)
    assert (done["figures"]["new"], len(done["removed"])) == (1, 1)
    assert identity(tmp_path / "parts" / "20.png") not in listed(location)
    run("ingest", folder, "--sync", "--source", "folder", "--index", location)  # archives are not opened now
    assert len(listed(location)) == 7
    (folder / "more.zip").write_bytes(b"PK\3\4 damaged")
    assert len(sync(folder, location, code=None)["removed"]) == 0
    (folder / "more.zip").unlink()
    assert len(sync(folder, location)["removed"]) == 2
    assert same(listed(location), folder)


def test_what_is_excluded_is_left_out_and_goes(folder, location):
    draw(folder / "raw" / "5.png", 5)
    draw(folder / "deep" / "raw" / "6.png", 6)
    draw(folder / "deep" / "7.png", 7)
    (folder / "deep" / ".mirsearchignore").write_text("# ours\n7.png\n", encoding="utf-8")
    run("ingest", folder, "--exclude", "raw/", "--exclude", "[01].png", "--index", location)
    names = {Path(place).name for places in listed(location).values() for place in places}
    assert names == {"2.png", "3.png", "4.png"}
    sync(folder, location)
    assert len(listed(location)) == 7
    (folder / ".mirsearchignore").write_text("/raw\n3.*\n!deep/raw/\n", encoding="utf-8")
    told = run("ingest", folder, "--sync", "--dry-run", "--index", location).out
    assert "3.png (the file is excluded)" in told
    done = sync(folder, location)
    assert {Path(each["place"]).name for each in done["removed"]} == {"3.png", "5.png"}
    names = {Path(place).name for places in listed(location).values() for place in places}
    assert names == {"0.png", "1.png", "2.png", "4.png", "6.png"}
    (folder / ".mirsearchignore").write_bytes(b"\xff\xfe\n")  # can't be read: nothing goes for it
    done = sync(folder, location, code=1)
    assert (len(done["removed"]), len(listed(location))) == (0, 5)


def test_corrections_come_back_with_their_figure(folder, location, tmp_path):
    sync(folder, location)
    figure = identity(folder / "0.png")
    run("correct", figure, "--caption", "put right", "--index", location)
    (folder / "0.png").rename(tmp_path / "away.png")
    sync(folder, location)
    assert figure not in listed(location)
    (tmp_path / "away.png").rename(folder / "deep.png")
    sync(folder, location)
    (shown,) = run("show", figure, "--index", location, "--format", "json").json()
    assert (shown["caption"], shown["corrected"]) == ("put right", ["caption"])
    with open_index(location) as index:
        assert index.entries("corrections set aside") == {}


def test_from_python(folder, location):
    with mirsearch.open(location, create=True) as corpus:
        assert corpus.ingest(folder, sync=True, exclude="4.png").figures_new == 4
        (folder / "0.png").unlink()
        preview = corpus.ingest(folder, sync=True, exclude="4.png", dry_run=True)
        assert [Path(place).name for place, _ in preview.going] == ["0.png"]
        assert len(corpus.ingest(folder, sync=True, exclude=["4.png"]).removed) == 1
        for path in folder.iterdir():
            path.unlink()
        with pytest.raises(SourceError, match="3 of the 3 figures"):
            corpus.ingest(folder, sync=True)
        assert len(corpus.ingest(folder, sync=True, force=True).removed) == 3


def test_wrong_calls_are_told(folder, location, tmp_path):
    for words in (
        [folder / "0.png", "--sync"], [folder, "--force"], [tmp_path / "nowhere", "--sync"],
        [tmp_path / "nowhere", "--dry-run"], ["--keyword", "nano", "--sync"], [folder, "--update"], ["--forget"],
        ["--dry-run"],
    ):  # fmt: skip
        assert run("ingest", *words, "--index", location, code=2).err
    told = run("ingest", folder, "--dry-run", "--index", location).out
    assert "5 new" in told
    assert run("stats", "--index", location, code=1).err  # a dry run makes no index


def test_an_update_repeats_folders_as_they_were_asked_for(folder, location, tmp_path):
    other = tmp_path / "other"
    draw(other / "a.png", 30)
    run("ingest", folder, "--sync", "--exclude", "4.png", "--index", location)
    run("ingest", other, "--index", location)
    (folder / "0.png").unlink()
    draw(folder / "9.png", 9)
    (other / "a.png").unlink()
    draw(other / "b.png", 31)
    told = run("ingest", "--update", "--dry-run", "--index", location).out
    assert "1 would be taken out" in told
    done = run("ingest", "--update", "--index", location, "--format", "json").json()
    assert (done["figures"]["new"], len(done["removed"]), len(done["folders"])) == (2, 1, 2)
    assert len(listed(location)) == 6
    shutil.rmtree(other)
    failed = run("ingest", "--update", "--index", location, code=1)
    assert "--forget" in failed.err
    run("ingest", other, "--forget", "--index", location)
    assert "already there" in run("ingest", "--update", "--index", location).out


def test_an_update_follows_a_folder_that_moved(folder, location):
    (folder / "half.png").write_bytes((folder / "0.png").read_bytes()[:150])
    sync(folder, location, code=1)
    run("failures", "--dismiss", "--all", "--index", location)
    moved = folder.with_name("moved")
    folder.rename(moved)
    run("index", "relocate", folder, moved, "--index", location)
    done = run("ingest", "--update", "--index", location, "--format", "json").json()
    assert (done["figures"]["already_there"], len(done["removed"]), len(done["dismissed"])) == (5, 0, 1)
    assert sorted(Path(place).parent for places in listed(location).values() for place in places) == [moved] * 5


def test_an_index_may_lie_in_its_folder(folder, tmp_path):
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.write(draw(tmp_path / "20.png", 20), "20.png")
    location = str(folder / "idx")
    sync(folder, location)
    assert len(listed(location)) == 6
    told = run("ingest", folder, "--sync", "--dry-run", "--index", location, "--format", "json").json()["dry_run"]
    assert (len(told["present"]), told["unread"], told["going"]) == (6, 0, [])
    (folder / "more.zip").unlink()
    assert len(sync(folder, location)["removed"]) == 1
    assert len(listed(location)) == 5


def test_a_file_that_only_got_a_link_is_as_it_was(tmp_path):
    path = draw(tmp_path / "a.png", 1)
    hashes = ContentHashes()
    content = hashes.read(path)
    assert hashes.is_unchanged(path)
    os.link(path, tmp_path / "b.png")  # as backups make them: the file's state changes
    assert hashes.is_unchanged(path)
    draw(path, 2)
    assert not hashes.is_unchanged(path)
    assert hashes.read(path) != content
    path.unlink()
    assert not hashes.is_unchanged(path)
    assert not hashes.is_unchanged(tmp_path / "never-read.png")


def test_an_article_that_was_given_by_a_relative_path_goes_with_its_folder(tmp_path, monkeypatch):
    folder = tmp_path / "articles"
    picture = draw(folder / "fig1.png", 1)
    (folder / "article.xml").write_text(ARTICLE, encoding="utf-8")
    draw(folder / "other.png", 2)
    monkeypatch.chdir(tmp_path)
    run("ingest", "articles", "--index", "idx")
    assert {place for places in listed("idx").values() for place in places} == {str(picture), str(folder / "other.png")}
    picture.unlink()
    assert len(sync(Path("articles"), "idx", code=1)["removed"]) == 1  # its article is told to lack it
    assert len(listed("idx")) == 1
