"""`mirsearch.open`: the options and answers of the commands, data frames, pictures for notebooks."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

import mirsearch
from mirsearch.cli import app
from mirsearch.errors import IndexAccessError, MirsearchError, MissingDependencyError, NotFoundError, UsageError
from mirsearch.facade import Corpus, CorpusFigure, PartNames
from mirsearch.indexes import open_index
from mirsearch.synthetic.corpus import write_corpus
from tests.support.cli_runner import run
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

RECORDS = list(MadeCorpus(seed=8).records(12))
HOSTILE = '<script>alert(1)</script><img src="http://evil.example/x.png"> &amp; \u202ereversed'
NO_QUESTION = {
    "index", "extractor", "weights", "device", "ocr", "scalebars", "output", "target", "cite", "verbose", "batch",
    "explain", "thumbnails", "show_request", "images", "paths",
}  # fmt: skip
"""Parameters of commands that are of `open`, of the printed answer, or positional."""
BY_COMMAND_ALONE = {
    "keyword", "where", "since", "until", "journal", "license_", "max_articles", "max_figures", "only", "all_figures",
    "retracted", "forget", "update", "meaning", "progress", "wait",
}  # fmt: skip
"""Options of `ingest` for services and for terminals, and what is another method: `Corpus.add_meaning`."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two drawn figures and the index of them that the command made."""
    folder = tmp_path_factory.mktemp("facade")
    write_corpus(folder / "figures", 2, 5)
    run("ingest", folder / "figures", "--index", folder / "index")
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An index of generated panels; the texts of the first figure are hostile."""
    location = str(tmp_path_factory.mktemp("made") / "index")
    first = RECORDS[0]
    assert first.figure.article is not None
    article = dataclasses.replace(first.figure.article, title=HOSTILE, authors=(HOSTILE,), license=HOSTILE)
    figure = dataclasses.replace(first.figure, label=HOSTILE, caption=HOSTILE, article=article)
    panels = tuple(dataclasses.replace(panel, caption=HOSTILE, heading=HOSTILE) for panel in first.panels)
    hostile = dataclasses.replace(first, figure=figure, panels=panels)
    with open_index(location, create=EXTRACTOR) as index, index.writer() as writer:  # type: ignore[attr-defined]
        for record in (hostile, *RECORDS[1:]):
            writer.put(record)
    return location


@pytest.fixture(scope="module")
def corpus(drawn: Path) -> Iterator[Corpus]:
    with mirsearch.open(drawn / "index") as opened:
        yield opened


@pytest.mark.parametrize(("command", "method", "others"), [
    ("query", Corpus.query, {"reuse"}), ("list", Corpus.list, set()), ("ingest", Corpus.ingest, BY_COMMAND_ALONE),
    ("evaluate", Corpus.evaluate, {"judgments", "untune"}), ("reuse", Corpus.reuse, set()),
], ids=["query", "list", "ingest", "evaluate", "reuse"])  # fmt: skip
def test_options_are_those_of_the_command(command: str, method: object, others: set[str]) -> None:
    group = get_command(app)
    options = {
        {"license_": "license", "field": "filter"}.get(each.name, each.name): each.default
        for each in group.get_command(None, command).command.params
        if each.name not in NO_QUESTION | others
    }
    wanted = {name: getattr(value, "value", value) for name, value in options.items()}
    given = {
        name: each.default
        for name, each in inspect.signature(method).parameters.items()
        if each.kind is inspect.Parameter.KEYWORD_ONLY
    }
    assert set(given) == set(wanted)
    assert given == {name: value if value != () else None for name, value in wanted.items()}


def test_a_question_has_the_answer_of_the_command(corpus: Corpus, drawn: Path) -> None:
    image = min((drawn / "figures").glob("*.png"))
    hits = corpus.query(
        image, text="image", weight={"text": 0.5}, fov=(1, "1 mm"), filter={"figure.width": (10, None)}, top=4
    )
    words = ["--weight", "text=0.5", "--fov", "1nm..1mm", "--filter", "figure.width=10..", "--top", 4]
    told = run("query", image, "--text", "image", *words, "--index", drawn / "index", "--format", "json").json()
    found = hits.to_dict()
    assert found | {"took_ms": 0} == told | {"took_ms": 0}
    assert json.loads(hits.to_json()) == json.loads(json.dumps(found))
    assert [hit.id for hit in hits] == [hit["id"] for hit in told["hits"]] == [hits[at].id for at in range(len(hits))]
    assert [hit.id for hit in hits[:2]] == [hit["id"] for hit in told["hits"][:2]]
    assert [hit.to_dict() for hit in hits] == found["hits"]
    assert hits[0].rank == 1
    assert 0 < hits[-1].score <= hits[0].score <= 1
    assert hits[0].id in repr(hits)


def test_images_are_files_arrays_and_pictures(corpus: Corpus, drawn: Path) -> None:
    image = min((drawn / "figures").glob("*.png"))
    picture = Image.open(image).convert("RGB")
    pixels = np.asarray(picture)
    scores = [
        [(hit.id, pytest.approx(hit.score, abs=1e-5)) for hit in corpus.query(asked, nm_per_px=5.0)]
        for asked in (image, str(image), pixels, picture)
    ]
    assert scores[0]
    assert all(score == scores[0] for score in scores)
    own = [hit for hit in corpus.query(image, crop=(0, 0, 200, 200), scale=500, bar_px=50) if hit.field_of_view_nm]
    assert own
    panel = corpus.panel(own[0].id)
    assert panel.id not in {hit.id for hit in corpus.query(like=panel)}
    cut = own[0].pixels()
    assert cut is not None
    assert cut.shape == (panel.panel.height, panel.panel.width, 3)
    for wrong in (pixels.astype(float), pixels[:, :, :2], pixels[:0]):
        with pytest.raises(UsageError, match="is no image"):
            corpus.query(wrong)


def test_a_figure_is_found_by_id_and_file_and_is_drawn(corpus: Corpus, drawn: Path) -> None:
    image = min((drawn / "figures").glob("*.png"))
    figure = corpus.figure(image.name)
    assert isinstance(figure, CorpusFigure)
    assert [panel.id for panel in corpus.figure(figure.id).panels] == [panel.id for panel in figure.panels]
    assert corpus.figure(figure.panels[0].id).id == figure.id
    pixels = figure.pixels()
    assert pixels is not None
    assert pixels.shape == (figure.figure.height, figure.figure.width, 3)
    assert figure._repr_html_().count("data:image/jpeg;base64,") == 1 + len(figure.panels)
    with pytest.raises(NotFoundError):
        corpus.figure("none.png")


def test_a_corpus_is_made_and_grows_and_shows_no_file_that_was_replaced(drawn: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexAccessError, match="no index at"):
        mirsearch.open(tmp_path / "new")
    image = tmp_path / "a.png"
    image.write_bytes(min((drawn / "figures").glob("*.png"), key=lambda path: path.stat().st_size).read_bytes())
    with mirsearch.open(tmp_path / "new", create=True) as new:
        assert len(new.list()) == 0
        assert repr(new.list()) == "nothing is listed"
        summary = new.ingest(image)
        assert (summary.figures_new, summary.failures) == (1, [])
        assert len(new.list()) == summary.panels_new
        assert new.ingest(image).figures_present == 1
        with pytest.raises(UsageError, match="no such file"):
            new.ingest(tmp_path / "none.png")
        with pytest.raises(UsageError, match="nothing to ingest"):
            new.ingest()
    with mirsearch.open(tmp_path / "new", create=True) as again:  # it is opened, not made anew
        assert len(again.list(figures=True)) == 1
        panel, figure = again.list()[0], again.figure("a.png")
        assert panel.pixels() is not None
        Image.new("RGB", (figure.figure.width, figure.figure.height), "red").save(image)
        assert panel.pixels() is None
        assert figure.pixels() is None
        assert panel.thumbnail
        assert "the file is gone, or has other content now" in figure._repr_html_()


def test_lists_are_those_of_the_command(made: str) -> None:
    with mirsearch.open(made) as corpus:
        panels = corpus.list(technique=["SEM", "TEM"], sort="fov", reverse=True)
        words = ["--technique", "SEM", "--technique", "TEM", "--sort", "fov", "--reverse"]
        told = run("list", "-i", made, "-f", "json", *words).json()
        assert [panel.id for panel in panels] == [row["id"] for row in told]
        assert json.loads(panels.to_json()) == told
        assert panels[1].id == told[1]["id"]
        assert [panel.id for panel in panels[-2:]] == [row["id"] for row in told[-2:]]
        assert len(panels) == len(told) > 5
        figures = corpus.list(figures=True, year="2010-")
        assert figures.to_dicts() == run("list", "-i", made, "-f", "json", "--figures", "--year", "2010-").json()
        assert figures[0].panels
        assert len(corpus.list(filter={"scale.known": True})) == len(corpus.list(has_scale=True))
        assert len(corpus.list(filter={"panel.label": ["a", "b"]})) == len(
            corpus.list(filter="panel.number=0..1")
        ) - sum(len(record.panels) == 1 for record in RECORDS)
        with pytest.raises(UsageError, match=r"did you mean scale\.length_nm"):
            corpus.list(sort="scale.lenght_nm")


def test_a_loop_over_a_list_reads_as_it_goes(made: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with mirsearch.open(made) as corpus:
        panels = corpus.list()
        monkeypatch.setattr(type(corpus.index), "select_panels", lambda *_: iter([*[None] * 3]))
        assert sum(1 for _ in panels) == 3
        assert "_items" not in vars(panels)
        assert len(panels) == 3
        assert "_items" in vars(panels)


def test_data_frames_have_the_columns_of_the_csv(made: str) -> None:
    pd = pytest.importorskip("pandas")
    with mirsearch.open(made) as corpus:
        frame = corpus.list().to_pandas()
        header = run("list", "-i", made, "-f", "csv").out.splitlines()[0]
        assert list(frame.columns) == header.split(",")
        assert len(frame) == sum(len(record.panels) for record in RECORDS)
        assert frame["field_of_view_nm"].dtype == "float64"
        assert frame["year"].dtype == pd.Int64Dtype()
        assert frame["x1"].max() == 800
        hits = corpus.query(text="gold", top=7).to_pandas()
        assert list(hits["rank"]) == list(range(1, len(hits) + 1))
        assert hits["score"].is_monotonic_decreasing
        assert list(corpus.list(figures=True).to_pandas()["panels"]) == [
            len(record.panels) for record in sorted(RECORDS, key=lambda record: record.figure.id)
        ]
        assert len(corpus.list(year="1901").to_pandas()) == 0


def test_a_missing_pandas_is_told(made: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with mirsearch.open(made) as corpus, pytest.raises(MissingDependencyError, match=r"pandas.*pip install"):
        corpus.list().to_pandas()


def test_pictures_in_notebooks_need_nothing_else_and_escape_what_they_show(made: str) -> None:
    with mirsearch.open(made) as corpus:
        hostile = corpus.figure(RECORDS[0].figure.id)
        outputs = [
            corpus.list(filter={"figure.id": hostile.id})._repr_html_(),
            corpus.list(figures=True)._repr_html_(),
            corpus.query(text="reversed", top=5)._repr_html_(),
            hostile._repr_html_(),
            hostile.panels[0]._repr_html_(),
        ]
    for html in outputs[:1] + outputs[2:]:
        assert "&lt;script&gt;alert(1)" in html
    for html in outputs:
        assert "<script" not in html
        assert "\u202e" not in html
        assert not re.search(r"<(?:img|image)[^>]*(?:src|href)=[\"']?(?!data:)", html)
        assert not re.search(r"url\(|@import|<link|<iframe", html)
        assert html.strip().startswith('<div class="mirsearch-output">')
        assert "the license of each stands beside it" in html
        (style,) = re.findall(r"<style>(.*?)</style>", html, re.S)
        assert style.startswith(".mirsearch-output {")
        assert not re.search(r"(?m)^(?:\s*)(?::root|html|body) \{", style), "the notebook's own style would change"
        assert style.count("{") == style.count("}")
    assert "CC BY 4.0" in outputs[1]


def test_long_answers_are_cut_in_notebooks(made: str) -> None:
    with mirsearch.open(made) as corpus:
        panels = corpus.list()
        assert f"the first 24 of {len(panels)} are shown" in panels._repr_html_()
        assert panels._repr_html_().count('<li class="hit"') == 24
        assert len(repr(panels).splitlines()) == 11


@pytest.mark.parametrize(("options", "message"), [
    ({}, "nothing to search for"),
    ({"panel": "b"}, "need an image"),
    ({"text": "gold", "kind": "micrograf"}, "'micrograf' is not known"),
    ({"text": "gold", "filter": {"figure.with": 3}}, "did you mean figure.width"),
    ({"text": "gold", "fov": (500, 100)}, "the first value is larger"),
    ({"text": "gold", "top": 0}, "is out of range"),
], ids=str)  # fmt: skip
def test_wrong_questions_are_refused(made: str, options: dict, message: str) -> None:
    with mirsearch.open(made) as corpus, pytest.raises(UsageError, match=message):
        corpus.query(**options)


def test_several_images_and_missing_files_are_checked(made: str, tmp_path: Path) -> None:
    with mirsearch.open(made) as corpus:
        with pytest.raises(UsageError, match="no such file"):
            corpus.query(tmp_path / "none.png")
        with pytest.raises(UsageError, match="single image"):
            corpus.query("a.png", "b.png", panel="a")
        with pytest.raises(MirsearchError):
            corpus.query("http://127.0.0.1/x.png")  # within the policy of the HTTP client: no host of one's own


@pytest.mark.parametrize(("module", "never"), [
    ("mirsearch", {"mirsearch.facade", "numpy", "PIL", "typing", "typer", "pandas"}),
    ("mirsearch.facade", {"onnxruntime", "pandas", "jinja2", "torch", "rapidocr"}),
])  # fmt: skip
def test_nothing_is_imported_before_it_is_needed(module: str, never: set[str]) -> None:
    code = f"import sys; before = set(sys.modules); import {module}; print(*(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) & never == set()


def test_open_has_the_defaults_of_the_commands(made: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRSEARCH_INDEX", made)
    with mirsearch.open() as corpus:
        assert corpus.index.location == made
        assert repr(corpus) == f"<mirsearch.Corpus {made}>"
    options = {each.name: each.default for each in get_command(app).get_command(None, "query").command.params}
    assert (PartNames().ocr, PartNames().scalebars) == (options["ocr"], options["scalebars"])
