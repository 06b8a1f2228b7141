"""The whole way on both indexes: ingest drawn figures through the command line, ask, look after the corpus."""

from __future__ import annotations

import csv
import io
import json
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import cv2
import pytest

from mirsearch.indexes import open_index
from mirsearch.indexes.base import Failure
from mirsearch.licenses import canonical_license
from mirsearch.synthetic.corpus import CorpusTruth, write_corpus
from tests.support.cli_runner import run
from tests.support.small_pictures import draw

BACKENDS = ["embedded", "elasticsearch"]


@dataclass(frozen=True)
class Corpus:
    """A drawn corpus and the index it went into."""

    truth: CorpusTruth
    index: str
    summary: dict

    @property
    def figures(self) -> Path:
        return self.truth.folder

    def query(self, *words, **options):
        return run("query", *words, "--index", self.index, "--format", "json", **options).json()

    def rows(self) -> list[dict]:
        return [json.loads(line) for line in run("export", "--index", self.index).out.splitlines()]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> CorpusTruth:
    return write_corpus(tmp_path_factory.mktemp("drawn") / "figures", figures=6, seed=20)


def new_location(backend: str, request, tmp_path_factory) -> str:
    if backend == "embedded":
        return str(tmp_path_factory.mktemp("index") / "idx")
    location = f"{request.getfixturevalue('es_url')}/e2e-{uuid.uuid4().hex[:12]}"

    def remove() -> None:
        from mirsearch.indexes.elasticsearch.admin import drop_index

        drop_index(location)

    request.addfinalizer(remove)
    return location


@pytest.fixture(scope="module", params=BACKENDS)
def corpus(request, drawn, tmp_path_factory) -> Corpus:
    index = new_location(request.param, request, tmp_path_factory)
    summary = run("ingest", drawn.folder, "--index", index, "--format", "json").json()
    return Corpus(drawn, index, summary)


@pytest.fixture(params=BACKENDS)
def scratch(request, tmp_path_factory) -> str:
    """An empty index's location that a test may fill and change."""
    return new_location(request.param, request, tmp_path_factory)


@pytest.fixture
def one_figure(tmp_path) -> Path:
    """A folder with one small figure, and no captions."""
    return draw(tmp_path / "one" / "figure.png", 1).parent


def crop_of(row: dict, target: Path) -> Path:
    """A panel of an exported row as a file of its own."""
    x0, y0, x1, y1 = row["box"]
    cv2.imwrite(str(target), cv2.imread(row["image"])[y0:y1, x0:x1])
    return target


def test_ingest_takes_every_figure(corpus):
    assert corpus.summary["figures"] == {"new": 6, "updated": 0, "already_there": 0, "failed": 0}
    assert corpus.summary["panels"]["new"] == len(corpus.rows())
    assert {"read", "analyze", "embed", "index", "total"} <= set(corpus.summary["seconds"])
    assert not corpus.summary["interrupted"]


def test_stats_count_the_corpus(corpus):
    rows = corpus.rows()
    stats = run("stats", "--index", corpus.index, "--format", "json").json()
    assert stats["figures"] == 6
    assert stats["panels"] == len(rows)
    assert stats["with_scale"] == sum(row["scale"] is not None for row in rows)
    assert stats["articles"] == len({figure.doi for figure in corpus.truth.figures})
    assert stats["dims"] > 0
    assert stats["bytes"] > 0
    assert isinstance(stats["schema_version"], int)
    assert "efficientnet" in str(stats["extractor"])


def test_a_panel_finds_itself_first(corpus, tmp_path):
    micrographs = [row for row in corpus.rows() if row["kind"] == "micrograph"][:4]
    assert micrographs
    for number, row in enumerate(micrographs):
        image = crop_of(row, tmp_path / f"{number}.png")
        best = corpus.query(image, "--crop", f"0,0,{row['box'][2] - row['box'][0]},{row['box'][3] - row['box'][1]}",
                            "--no-scale", "--all-kinds", "--top", 3)["hits"][0]  # fmt: skip
        assert best["id"] == row["id"]
        assert best["visual_distance"] < 0.01


def test_like_finds_others_and_not_itself(corpus):
    row = corpus.rows()[0]
    hits = corpus.query("--like", row["id"], "--top", 50)["hits"]
    assert row["id"] not in {hit["id"] for hit in hits}
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_answer_has_the_promised_fields(corpus, tmp_path):
    row = next(row for row in corpus.rows() if row["scale"])
    image = crop_of(row, tmp_path / "q.png")
    answer = corpus.query(image, "--field-of-view", "2 um", "--text", "micrograph", "--top", 4)
    assert {"query", "exact", "took_ms", "weights", "hits"} <= set(answer)
    assert answer["query"]["field_of_view_nm"] == 2000
    hit = answer["hits"][0]
    keys = {
        "rank",
        "id",
        "score",
        "visual_distance",
        "terms",
        "scale",
        "panel",
        "caption",
        "figure",
        "article",
        "image",
    }
    assert keys <= set(hit)
    assert {"visual", "scale", "text"} == set(hit["terms"])
    assert {"title", "doi", "journal", "year", "license", "url"} <= set(hit["article"])
    assert [each["rank"] for each in answer["hits"]] == [1, 2, 3, 4]


def test_score_is_the_weighted_mean_of_the_terms_both_sides_have(corpus, tmp_path):
    row = next(row for row in corpus.rows() if row["scale"])
    image = crop_of(row, tmp_path / "q.png")
    weights = {"visual": 0.5, "scale": 0.7, "text": 0.2}
    options = [word for name, value in weights.items() for word in ("--weight", f"{name}={value}")]
    answer = corpus.query(image, "--nm-per-px", row["scale"]["nm_per_px"], "--text", "SEM", *options, "--all-kinds",
                          "--top", 100)  # fmt: skip
    for hit in answer["hits"]:
        known = {name: value for name, value in hit["terms"].items() if value is not None}
        expected = sum(weights[name] * value for name, value in known.items()) / sum(weights[name] for name in known)
        assert hit["score"] == pytest.approx(expected, abs=1e-4)
        assert (hit["terms"]["scale"] is None) == (hit["scale"] is None)


def test_missing_scale_can_be_excluded(corpus):
    row = next(row for row in corpus.rows() if row["scale"])
    hits = corpus.query("--like", row["id"], "--missing", "exclude", "--all-kinds", "--top", 100)["hits"]
    assert hits
    assert all(hit["scale"] for hit in hits)


@pytest.mark.parametrize(
    ("options", "keep"),
    [
        (["--kind", "micrograph"], lambda row: row["kind"] == "micrograph"),
        (["--technique", "sem"], lambda row: row["technique"] == "SEM"),
        (["--year", "2000-2019"], lambda row: 2000 <= (row["article"]["year"] or 0) <= 2019),
        (["--license", "cc0"], lambda row: canonical_license(row["article"]["license"]) == "cc0"),
        (["--has-scale"], lambda row: row["scale"] is not None),
        (["--no-has-scale"], lambda row: row["scale"] is None),
        (["--fov", "1um..100um"], lambda row: row["scale"] and 1e3 <= row["scale"]["field_of_view_nm"] <= 1e5),
    ],
)  # fmt: skip
def test_filters_leave_what_they_say(corpus, options, keep):
    rows = corpus.rows()
    expected = {row["id"] for row in rows if keep(row)} - {rows[0]["id"]}
    found = corpus.query("--like", rows[0]["id"], "--all-kinds", "--no-scale", "--top", 500, *options)
    assert {hit["id"] for hit in found["hits"]} == expected


def test_article_and_journal_filters(corpus):
    rows = corpus.rows()
    article = rows[-1]["article"]
    for option, value, key in (
        ("--article", article["doi"], "doi"),
        ("--journal", article["journal"].upper(), "journal"),
    ):
        hits = corpus.query("--text", "micrograph image SEM TEM", option, value, "--top", 500)["hits"]
        assert hits
        assert {hit["article"][key] for hit in hits} == {article[key]}


def test_words_find_captions_that_say_them(corpus):
    subject = next(shown.subject for figure in corpus.truth.figures for shown in figure.specimens if shown)
    hits = corpus.query("--text", f'"{subject}"', "--top", 3)["hits"]
    assert hits
    assert all(subject.lower() in (hit["figure_caption"] + hit["article"]["title"]).lower() for hit in hits)


def test_show_takes_panel_figure_and_article_ids(corpus):
    row = corpus.rows()[0]
    for some_id in (row["id"], row["figure"], row["article"]["doi"]):
        shown = run("show", some_id, "--index", corpus.index, "--format", "json").json()
        assert row["id"] in {each["id"] for each in shown}
    assert row["id"] in run("show", row["id"], "--index", corpus.index).out


def test_every_format_is_written(corpus, tmp_path):
    row = corpus.rows()[0]
    for form, name in (("json", "a.json"), ("csv", "a.csv"), ("html", "a.html")):
        run("query", "--like", row["id"], "--index", corpus.index, "-f", form, "-o", tmp_path / name)
        assert (tmp_path / name).stat().st_size > 200
    table = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8"))))
    answer = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert [line["id"] for line in table] == [hit["id"] for hit in answer["hits"]]
    assert "#" in run("query", "--like", row["id"], "--index", corpus.index, "--explain").out


def test_same_figures_again_change_nothing(corpus):
    before = corpus.rows()
    summary = run("ingest", corpus.figures, "--index", corpus.index, "--format", "json").json()
    assert summary["figures"]["already_there"] == 6
    assert summary["panels"]["new"] == 0
    assert "embed" not in summary["seconds"]
    assert corpus.rows() == before


def test_copies_are_one_figure_with_both_places(one_figure, scratch, tmp_path):
    copied = tmp_path / "copy"
    shutil.copytree(one_figure, copied)
    name = next(one_figure.iterdir()).name
    (one_figure / "captions.csv").write_text(f"file,caption\n{name},Said first\n", encoding="utf-8")
    (copied / "captions.csv").write_text(f"file,caption\n{name},Said otherwise\n", encoding="utf-8")
    summary = run("ingest", one_figure, copied, "--index", scratch, "--format", "json").json()
    assert summary["figures"] == {"new": 1, "updated": 0, "already_there": 1, "failed": 0}
    again = run("ingest", one_figure, copied, "--index", scratch, "--format", "json").json()
    assert again["figures"] == {"new": 0, "updated": 0, "already_there": 2, "failed": 0}
    rows = [json.loads(line) for line in run("export", "--index", scratch).out.splitlines()]
    assert {len(row["origins"]) for row in rows} == {2}
    assert {row["figure_caption"] for row in rows} == {"Said first"}


def test_what_fails_is_noted_until_it_is_taken(one_figure, scratch):
    good = next(one_figure.iterdir())
    bad, worse = one_figure / "bad.png", one_figure / "worse.png"
    bad.write_bytes(good.read_bytes()[:300])
    worse.write_bytes(b"")
    run("ingest", one_figure, "--index", scratch, code=1)
    assert run("stats", "--index", scratch, "--format", "json").json()["failures"] == 2
    listed = run("failures", "--index", scratch, "--format", "json").json()
    assert {(Path(each["item"]).name, each["cause"]) for each in listed} == {("bad.png", "read"), ("worse.png", "read")}
    assert f"{worse}: read: " in run("failures", "--index", scratch).out
    bad.write_bytes(good.read_bytes())
    run("ingest", one_figure, "--index", scratch, code=1)
    with open_index(scratch) as index:
        (noted,) = index.failures()
        assert (noted.input, noted.stage) == (str(worse), "read")
        assert "empty" in noted.reason
        assert noted.noted_at
        with index.writer() as writer:
            writer.record_failures([Failure("http://host/x", "find", "gone")], [str(worse)])
        assert [each.input for each in index.failures()] == ["http://host/x"]
        assert index.stats()["figures"] == 1


def _two_places(one_figure: Path, copied: Path, first: str, second: str) -> tuple[Path, Path]:
    """A figure in two folders, with a table of these columns and values in each."""
    shutil.copytree(one_figure, copied)
    name = next(one_figure.iterdir()).name
    for folder, text in ((one_figure, first), (copied, second)):
        columns, values = text.split("\n")
        (folder / "captions.csv").write_text(f"file,{columns}\n{name},{values}\n", encoding="utf-8")
    return one_figure, copied


SAYS_CAPTION, SAYS_ARTICLE = "caption\nSaid first", "title,doi\nOn silver,10.1234/abc"


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(("first", "second"), [(SAYS_CAPTION, SAYS_ARTICLE), (SAYS_ARTICLE, SAYS_CAPTION)])
def test_a_second_place_adds_what_is_missing_and_takes_nothing(one_figure, scratch, tmp_path, together, first, second):
    places = _two_places(one_figure, tmp_path / "copy", first, second)
    for where in [places] if together else [places[:1], places[1:]]:
        run("ingest", *where, "--index", scratch)
    rows = [json.loads(line) for line in run("export", "--index", scratch).out.splitlines()]
    assert {(row["figure_caption"], row["article"]["doi"]) for row in rows} == {("Said first", "10.1234/abc")}
    again = run("ingest", *places, "--index", scratch, "--format", "json").json()
    assert again["figures"] == {"new": 0, "updated": 0, "already_there": 2, "failed": 0}


def test_a_second_place_that_adds_an_article_does_not_change_the_caption(one_figure, scratch, tmp_path):
    other = "caption,title,doi\nSaid otherwise,On silver,10.1234/abc"
    places = _two_places(one_figure, tmp_path / "copy", SAYS_CAPTION, other)
    run("ingest", *places, "--index", scratch)
    rows = [json.loads(line) for line in run("export", "--index", scratch).out.splitlines()]
    assert {(row["figure_caption"], row["article"]["doi"]) for row in rows} == {("Said first", "10.1234/abc")}


def test_a_missing_page_is_reported(one_figure, scratch):
    name = next(one_figure.iterdir()).name
    (one_figure / "captions.csv").write_text(f"file,page,caption\n{name},7,Platelets\n", encoding="utf-8")
    ran = run("ingest", one_figure, "--index", scratch, "--format", "json", code=1)
    assert [each["reason"] for each in ran.json()["failures"]] == ["has no page 7; pages are counted from 1"]


def test_a_caption_added_later_is_taken_over_and_figures_can_be_deleted(one_figure, scratch):
    name = next(one_figure.iterdir()).name
    run("ingest", one_figure, "--index", scratch)
    (one_figure / "captions.csv").write_text(f"file,caption\n{name},Platelets of hematite\n", encoding="utf-8")
    summary = run("ingest", one_figure, "--index", scratch, "--format", "json").json()
    assert summary["figures"]["updated"] == 1
    rows = [json.loads(line) for line in run("export", "--index", scratch).out.splitlines()]
    assert all(row["figure_caption"] == "Platelets of hematite" for row in rows)
    answer = run("query", "--text", "hematite platelet", "--index", scratch, "--format", "json").json()
    assert {hit["figure"] for hit in answer["hits"]} == {rows[0]["figure"]}
    refused = run("delete", rows[0]["figure"], "--index", scratch, code=2)
    assert "--yes" in refused.err
    run("delete", rows[0]["figure"], "--yes", "--index", scratch)
    assert run("export", "--index", scratch).out == ""
