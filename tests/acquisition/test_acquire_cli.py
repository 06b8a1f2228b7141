"""`mirsearch ingest --keyword` the whole way: a keyword becomes a corpus, and tomorrow's run adds what is new."""

from __future__ import annotations

import hashlib
import json

import pytest

from mirsearch.synthetic.articles import plan_figures
from mirsearch.synthetic.corpus import draw_planned_figure, encode_figure
from tests.cli.test_end_to_end import BACKENDS, new_location
from tests.support.cli_runner import run
from tests.support.serving import PLOT, ServedArticle, ServedFigure, WorldWriter, random_png, run_server

CAPTION = "{} SEM micrographs of nano rods; scale bars as shown."


def drawn_world(folder, count: int = 4) -> tuple[WorldWriter, list[ServedArticle]]:
    """Articles with one drawn micrograph each, one with a plot too, and one that must not come."""
    writer, arts = WorldWriter(folder), []
    for place, entry in enumerate(plan_figures(count, seed=3)):
        figure = draw_planned_figure(entry)
        data, suffix = encode_figure(figure)
        figures = [
            ServedFigure(
                CAPTION.format(figure.caption), f"Figure {place + 1}", f"gr{place}{suffix}", data, href=f"gr{place}"
            )
        ]
        if place == 0:
            figures.append(ServedFigure(PLOT, "Figure 9", "gr9.png", random_png(9)))
        arts.append(ServedArticle(500 + place, figures, holder=f"Holder {place}"))
    arts.append(ServedArticle(590, [ServedFigure(data=random_png(590))], hit_license="cc by-nc"))
    for art in arts:
        writer.add(art)
    return writer, arts


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    writer, arts = drawn_world(tmp_path_factory.mktemp("world"))
    with run_server(writer.write()) as server:
        yield server, arts


@pytest.fixture(scope="module")
def environment(world, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in world[0].environment.items():
            patch.setenv(name, value)
        patch.setenv("MIRSEARCH_HTTP_CACHE_MB", "64")
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))  # what is acquired for a server's index
        yield patch


@pytest.fixture(scope="module", params=BACKENDS)
def corpus(request, world, environment, tmp_path_factory) -> tuple[str, dict]:
    index = new_location(request.param, request, tmp_path_factory)
    environment.setenv("MIRSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    return index, run("ingest", "--keyword", "nano", "--index", index, "--format", "json").json()


def rows(index: str) -> list[dict]:
    return [json.loads(line) for line in run("export", "--index", index).out.splitlines()]


def test_a_keyword_becomes_a_corpus(corpus, world):
    index, summary = corpus
    server, arts = world
    assert summary["figures"]["new"] == 4
    (answer,) = summary["acquisitions"]
    assert answer["articles"] == {"hits": 5, "found": 5, "taken": 4, "unplanned": 0, "skipped": {"license cc-by-nc": 1}}
    assert answer["figures"]["fetched"] == 4
    expected = {hashlib.sha256(art.figures[0].data).hexdigest()[:16]: art for art in arts[:4]}
    found = rows(index)
    assert {row["figure"] for row in found} == set(expected)
    assert any(row["scale"] for row in found)
    for row in found:
        art = expected[row["figure"]]
        assert row["article"]["pmcid"] == art.pmcid
        assert row["article"]["license"] == "CC BY 4.0"
        assert row["figure_caption"] == art.figures[0].caption
        assert row["origins"][0]["location"] == f"{server.url}/pmc/{art.pmcid}.1/{art.figures[0].name}"
        assert row["origins"][0]["retrieved"]
        assert row["image"] == row["origins"][1]["location"]


def test_every_panel_tells_where_it_came_from(corpus, world):
    index, _ = corpus
    _, arts = world
    by_pmcid = {art.pmcid: art for art in arts}
    for row in rows(index):
        (answer,) = row["provenance"]
        art = by_pmcid[answer["article"]]
        data = art.figures[0].data
        assert answer["url"] == row["origins"][0]["location"]
        assert answer["md5"] == hashlib.md5(data).hexdigest()
        assert answer["sha256"] == hashlib.sha256(data).hexdigest()
        assert answer["rights_holder"] == art.holder
        assert (answer["retracted"], answer["covered_by_license"]) == (False, row["permission_note"] is None)


def test_credits_name_article_license_and_holder(corpus, world):
    index, _ = corpus
    _, arts = world
    lines = run("export", "--attribution", "--index", index).out.splitlines()
    assert len(lines) == 4
    for art, line in zip(arts[:4], lines, strict=True):
        for word in (
            art.holder,
            art.doi,
            "Ada Larch",
            "CC BY 4.0",
            "creativecommons.org/licenses/by/4.0/",
            art.figures[0].label,
        ):
            assert word in line
    assert "not known" in run("export", "--format", "xml", "--index", index, code=2).err


def test_it_can_be_asked(corpus):
    index, _ = corpus
    answer = run("query", "--text", "nano rods", "--index", index, "--format", "json").json()
    assert answer["hits"]
    assert answer["hits"][0]["article"]["pmcid"].startswith("PMC5")


def test_an_update_only_searches(corpus, world):
    index, _ = corpus
    server, _ = world
    server.faults()
    summary = run("ingest", "--update", "--index", index, "--format", "json").json()
    assert summary["figures"] == {"new": 0, "updated": 0, "already_there": 4, "failed": 0}
    assert len(server.paths()) == 1
    assert "/search?" in server.paths()[0]
    text = run("ingest", "--update", "--index", index).out
    assert "4 there already" in text
    assert "left out: 1 article (license cc-by-nc)" in text


def test_a_dry_run_says_what_would_come(world, environment, tmp_path):
    server, arts = world
    server.faults()
    environment.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    answer = run("ingest", "-k", "nano", "--dry-run", "--index", tmp_path / "idx", "--format", "json").json()[
        "dry_run"
    ][0]
    environment.delenv("MIRSEARCH_CACHE")
    assert answer["figures"]["wanted"] == 4
    assert answer["bytes"] == sum(len(art.figures[0].data) for art in arts[:4])
    assert not any(path.endswith((".png", ".jpg")) for path in server.paths())
    assert not (tmp_path / "idx").exists()


def test_the_cache_can_be_shown_and_cleared(environment, tmp_path):
    environment.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    run("ingest", "-k", "nano", "--dry-run", "--index", tmp_path / "idx")
    answer = run("cache", "--format", "json").json()
    assert answer["bytes"] > 0
    assert answer["hosts"]["127.0.0.1"]["answers"] > 5
    assert "127.0.0.1" in run("cache").out
    assert run("cache", "--clear", "--format", "json").json()["bytes"] == 0
    environment.delenv("MIRSEARCH_CACHE")


def test_blocked_access_is_reported_and_exits_with_1(world, environment, tmp_path):
    server, _ = world
    server.faults({"match": ".", "kind": "wall"})
    environment.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    ran = run("ingest", "-k", "nano", "--index", tmp_path / "idx", code=1)
    assert "127.0.0.1 blocks access" in ran.err
    assert ran.err.count("\n") == 1  # one line, and no counts of what was never asked
    assert not ran.out
    server.faults({"match": "/pmc/", "kind": "403"})
    ran = run("ingest", "-k", "nano", "--dry-run", "--index", tmp_path / "idx", code=1)
    assert "127.0.0.1" in ran.err
    environment.delenv("MIRSEARCH_CACHE")
    server.faults()


def test_failures_are_listed_with_their_cause(world, environment, tmp_path):
    server, _ = world
    index = tmp_path / "idx"
    environment.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
    assert "nothing failed" in run("failures", "--index", index).out
    server.faults({"match": "gr0", "kind": "md5"}, {"match": "PMC50[13].1/gr", "kind": "404"})
    run("ingest", "-k", "nano", "--index", index, code=1)
    listed = {each["item"]: each for each in run("failures", "--index", index, "--format", "json").json()}
    assert {each["cause"] for each in listed.values()} == {"checksum", "gone"}
    assert all(each["attempts"] == 1 and not each["given_up"] for each in listed.values())
    text = run("failures", "--index", index).out
    assert "checksum" in text
    assert text.count("(failed in 1 run; the next run tries it again)") == len(listed)
    server.faults()
    summary = run("ingest", "-k", "nano", "--index", index, "--format", "json").json()
    assert summary["figures"]["new"] == 3
    assert "nothing failed" in run("failures", "--index", index).out
    environment.delenv("MIRSEARCH_CACHE")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--keyword", ""], "contains no word"),
        (["--keyword", '"open'], "open quote or bracket"),
        (["--keyword", "a", "--in", "footnotes"], "--in 'footnotes' is not known"),
        (["--keyword", "a", "--since", "soon"], "not a date"),
        (["--keyword", "a", "--since", "2024", "--until", "2020"], "after"),
        (["--keyword", "a", "--license", "mine"], "--license 'mine' is unknown"),
        (["--keyword", "a", "--source", "folder"], "does not work with --source folder"),
        (["--keyword", "a", "--only", "plots"], "not known"),
        (["--keyword", "a" * 2000], "characters"),
        (["--source", "pmc"], "takes either"),
        (["--source", "pmc", "nonsense"], "neither a PMC id"),
        (["--source", "europepmc", "PMC1"], "takes no ids"),
        (["--keyword", "a", "--source", "arxiv", "--in", "captions"], "no search in captions"),
        (["--keyword", "a", "--update"], "either"),
        (["--update"], "no earlier query to repeat"),
        ([], "nothing to ingest"),
    ],
)
def test_wrong_calls_are_refused_in_one_line(environment, tmp_path, words, message):
    ran = run("ingest", *words, "--index", tmp_path / "idx", code=2)
    assert message in ran.err
    assert len(ran.err.splitlines()) == 1
    assert words == ["--update"] or not (tmp_path / "idx").exists()


def test_no_panel_comes_of_a_damaged_image(environment, tmp_path):
    writer = WorldWriter(tmp_path / "world")
    writer.add(ServedArticle(700, [ServedFigure(data=random_png(7)[:900])]))
    with run_server(writer.write()) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        patch.setenv("MIRSEARCH_CACHE", str(tmp_path / "cache"))
        for _ in range(3):
            run("ingest", "--source", "pmc", "PMC700", "--index", tmp_path / "idx", code=1)
        run("ingest", "--source", "pmc", "PMC700", "--index", tmp_path / "idx", code=0)
        listed = run("failures", "--index", tmp_path / "idx", "--format", "json").json()
    assert [each["given_up"] for each in listed] == [True]
    assert rows(tmp_path / "idx") == []


def test_an_article_retracted_later_is_marked_and_left_out(corpus, world, tmp_path):
    index, _ = corpus
    server, _ = world
    writer, arts = drawn_world(tmp_path / "later")
    arts[1].retracted = True
    later = WorldWriter(tmp_path / "retold")
    for art in arts:
        later.add(art)
    words = ("query", "--text", "nano rods", "--index", index, "--format", "json", "--top", "50")
    before = run(*words).json()["hits"]
    server.faults(world=str(later.write()))
    try:
        summary = run("ingest", "--update", "--index", index, "--format", "json").json()
        again = run("ingest", "--update", "--index", index, "--format", "json").json()
    finally:
        server.faults(world=str(writer.write()))
    (marked,) = summary["retracted"]
    assert marked == f"doi:{arts[1].doi}"
    assert again["retracted"] == []
    hits = run(*words).json()["hits"]
    expected_ids = [hit["id"] for hit in before if hit["article"]["pmcid"] != arts[1].pmcid]
    assert [hit["id"] for hit in hits] == expected_ids
    assert len(expected_ids) < len(before)
    found = run(*words, "--retracted").json()["hits"]
    assert {hit["id"] for hit in found if hit["article"]["retracted"]} == {
        hit["id"] for hit in before if hit["article"]["pmcid"] == arts[1].pmcid
    }
    assert "RETRACTED" in run("query", "--text", "nano rods", "--index", index, "--retracted", "--top", "50").out
    marks = {(row["article"]["pmcid"], each["retracted"]) for row in rows(index) for each in row["provenance"]}
    assert marks == {(art.pmcid, art.retracted) for art in arts[:4]}
