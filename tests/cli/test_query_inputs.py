"""What a query is asked with, and where its answer goes: files, addresses, stdin, batches, names; -v and -o -."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mirsearch.cli import terminal
from mirsearch.cli.ingest_output import print_counts
from mirsearch.ingest.summary import IngestSummary
from mirsearch.synthetic.corpus import write_corpus
from tests.support.cli_runner import run


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three drawn figures in `figures`, and their index in `index`."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder / "figures", 3, 5)
    run("ingest", folder / "figures", "--index", folder / "index")
    return folder


@pytest.fixture
def figures(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setenv("MIRSEARCH_INDEX", str(corpus / "index"))
    return sorted((corpus / "figures").glob("*_fig*.*"))


@pytest.fixture
def mirror(corpus: Path, figures: list[Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with the first figure, which stands for a configured mirror."""
    content = figures[0].read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.startswith("/figures/")
            away = self.path == "/away.png"
            self.send_response(302 if away else 200 if found else 404)
            if away:
                self.send_header("Location", "http://127.0.0.1:1/secret.png")
            self.send_header("Content-Length", str(len(content) if found else 0))
            self.end_headers()
            if found:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("MIRSEARCH_PMC_URL", address)
    monkeypatch.setenv("MIRSEARCH_HTTP_RATE", "100")
    monkeypatch.setenv("MIRSEARCH_CACHE", str(corpus / "cache"))
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ids(answer: dict[str, Any]) -> list[str]:
    return [hit["id"] for hit in answer["hits"]]


def answer_of(*words: object) -> dict[str, Any]:
    return run("query", *words, "--format", "json").json()


def test_an_address_and_stdin_answer_like_the_file(figures: list[Path], mirror: str) -> None:
    expected = answer_of(figures[0])
    address = f"{mirror}/figures/some%20name.png?size=1"
    found = answer_of(address)
    assert ids(found) == ids(expected)
    assert found["query"]["image"] == address
    answer = run("query", "-", "--format", "json", stdin=figures[0].read_bytes()).json()
    assert (ids(answer), answer["query"]["image"]) == (ids(expected), "stdin")


@pytest.mark.parametrize(
    ("word", "code", "problem"),
    [
        ("/gone.png", 1, "404"),
        ("/away.png", 1, "does not request 'http://127.0.0.1:1/secret.png'"),
        ("https://127.0.0.1/x.png", 1, "a private or local address"),
        ("http://example.org/x.png", 1, "not HTTPS"),
        ("https://user:pass@example.org/x.png", 1, "not a plain http(s) address"),
        ("file:///etc/passwd", 1, "not a plain http(s) address"),
        ("nowhere.png", 2, "nowhere.png: no such file"),
        ("a\0b.png", 2, "no such file"),
        ("-", 2, "stdin has no image"),
    ],
)
def test_what_is_no_image_is_one_line(mirror: str, word: str, code: int, problem: str) -> None:
    result = run("query", f"{mirror}{word}" if word.startswith("/") else word, code=code, stdin="")
    assert problem in result.err
    assert result.err.count("\n") == 1
    assert "/tmp" not in result.err


def test_a_broken_pipe_of_text_names_stdin(figures: list[Path]) -> None:
    result = run("query", "-", code=None, stdin="this is no image")
    assert result.code in (1, 2)
    assert "stdin: " in result.err
    assert "mirsearch-" not in result.err


def test_a_batch_has_a_line_for_each_image(figures: list[Path], tmp_path: Path) -> None:
    words = [figures[0], "nowhere.png", figures[1]]
    result = run("query", *words, "--format", "jsonl", "--top", 2, code=1)
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["query"]["image"] for line in lines] == [str(word) for word in words]
    assert lines[1] == {"query": {"image": "nowhere.png"}, "error": "nowhere.png: no such file (check the path)"}
    assert "nowhere.png: no such file" in result.err
    assert ids(lines[0]) == ids(answer_of(figures[0], "--top", 2))
    assert ids(lines[2]) == ids(answer_of(figures[1], "--top", 2))
    run("query", *figures[:2], "--batch", "--format", "html", "--output", tmp_path / "both.html")
    assert (tmp_path / "both.html").read_text(encoding="utf-8").count('<section class="answer"') == 2
    assert run("query", *figures[:2], "--batch").out.count("Looks like") == 2
    for form in ("json", "csv"):
        assert "jsonl" in run("query", *figures[:2], "--batch", "--format", form, code=2).err


def test_several_images_are_one_question(figures: list[Path]) -> None:
    both = answer_of(figures[0], figures[1])
    assert [image["image"] for image in both["query"]["images"]] == [str(figures[0]), str(figures[1])]
    assert both["query"]["image"] == str(figures[0])
    for option in (("--panel", "a"), ("--crop", "0,0,9,9"), ("--page", 1), ("--scale", "1 um", "--bar-px", 10)):
        assert "single image" in run("query", *figures[:2], *option, code=2).err
    assert "stdin is named twice" in run("query", "-", "-", code=2).err
    assert "can't be combined" in run("query", figures[0], "--like", "x", code=2).err


def test_a_figure_lists_its_panels_and_a_file_names_its_figure(figures: list[Path]) -> None:
    rows = [json.loads(line) for line in run("export").out.splitlines()]
    figure = max((row["figure"] for row in rows), key=lambda each: sum(row["figure"] == each for row in rows))
    own = [row for row in rows if row["figure"] == figure]
    assert len(own) > 1
    for name in (figure, Path(own[0]["image"]).name):
        message = run("query", "--like", name, code=2).err
        assert all(row["id"] in message for row in own)
    assert run("show", Path(own[0]["image"]).name, "--format", "json").json() == run(
        "show", figure, "--format", "json"
    ).json()  # fmt: skip


def test_answers_for_programs_have_every_hit_and_those_for_people_fold(figures: list[Path]) -> None:
    everything = answer_of(figures[0], "--all-kinds", "--top", 20)
    assert everything["query"]["per_article"] == 0
    articles = [hit["article"]["id"] for hit in everything["hits"]]
    assert max(map(articles.count, articles)) > 2
    limited = answer_of(figures[0], "--all-kinds", "--top", 20, "--per-article", 2)
    kept = [hit["article"]["id"] for hit in limited["hits"]]
    assert max(map(kept.count, kept)) == 2
    assert sum(len(hit["more_of_article"]) for hit in limited["hits"]) == len(articles) - len(kept)
    table = run("query", figures[0], "--all-kinds", "--top", 20).out
    assert "more of this article" in table
    assert "--per-article 0 shows all" in table
    assert "more of this article" not in run("query", figures[0], "--all-kinds", "--article", articles[0]).out


def test_a_dash_is_stdout(figures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("query", figures[0], "-f", "csv", "-o", "-").out.startswith("rank,id,")
    assert json.loads(run("query", figures[0], "-f", "json", "-o", "-").out)["hits"]
    page = run("query", figures[0], "-f", "html", "-o", "-")
    assert page.out.startswith("<!doctype html>")
    assert "wrote" not in page.err
    assert run("export", "-o", "-").out == run("export").out
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_journal_is_told_with_those_that_are_there(figures: list[Path]) -> None:
    journal = next(iter(run("stats", "--format", "json").json()["journals"]))
    notes = answer_of("--text", "image", "--journal", journal.split()[0].lower())["notes"]
    assert any(f"it has {journal}" in note or journal in note for note in notes)
    assert any("no journal 'Zzz'" in note for note in answer_of("--text", "image", "--journal", "Zzz")["notes"])


def test_an_analysis_takes_the_captions_beside_its_files(figures: list[Path], tmp_path: Path) -> None:
    copies = [tmp_path / "one.png", tmp_path / "two.png"]
    for copy in copies:
        copy.write_bytes(figures[0].read_bytes())
    (tmp_path / "captions.csv").write_text("file,caption\none.png,Rods of hematite.\n", encoding="utf-8")
    one, two = (
        {row["caption"] for row in page["panels"]} for page in run("analyze", *copies, "--format", "json").json()
    )
    assert (one, two) == ({"Rods of hematite."}, {""})
    given = run("analyze", copies[0], "--caption", "Mine.", "--format", "json").json()
    assert {row["caption"] for row in given[0]["panels"]} == {"Mine."}
    (tmp_path / "captions.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    broken = run("analyze", *copies)
    assert broken.err.count("its captions are not used") == 1
    assert broken.out.index("one.png") < broken.out.index("two.png")
    assert "no such file" in run("analyze", tmp_path / "gone.png", code=2).err
    assert "no such file" in run("analyze", tmp_path / "gone.png", copies[0], code=1).err


@pytest.mark.parametrize(
    ("words", "level"),
    [
        (("stats",), 0),
        (("-v", "stats"), 1),
        (("stats", "-v"), 1),
        (("-v", "stats", "--verbose"), 2),
        (("stats", "-vv"), 2),
    ],
    ids=str,
)
def test_v_counts_before_and_after_the_command(figures: list[Path], words: tuple[str, ...], level: int) -> None:
    run(*words)
    assert terminal.verbosity() == level
    assert logging.getLogger("mirsearch").level == [logging.WARNING, logging.INFO, logging.DEBUG][level]


def test_the_notes_of_an_ingest_are_shown_with_v(capsys: pytest.CaptureFixture[str]) -> None:
    summary = IngestSummary(notes=[("a.xml", "no image of Figure 2"), ("b.pdf", "b.pdf has no text")])
    terminal.set_verbosity(0)
    print_counts(summary, "index")
    quiet = capsys.readouterr()
    assert "2 notes (-v shows them)" in quiet.out
    assert quiet.err == ""
    terminal.set_verbosity(1)
    print_counts(summary, "index")
    terminal.set_verbosity(0)
    shown = capsys.readouterr()
    assert "2 notes;" in shown.out or "2 notes\n" in shown.out
    assert shown.err.splitlines() == [
        "mirsearch: note: a.xml: no image of Figure 2", "mirsearch: note: b.pdf has no text",
    ]  # fmt: skip
