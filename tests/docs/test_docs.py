"""Every command in README and docs is run; every link within them leads somewhere; every setting is told."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from mirsearch import settings
from mirsearch.cli import COMMANDS, GROUPS, app
from mirsearch.synthetic.corpus import write_corpus
from tests.conftest import REPOSITORY
from tests.support.cli_runner import run
from tests.support.serving import SEM, ServedArticle, ServedFigure, WorldWriter, random_png, run_server

PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?:console|sh|shell|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = {"elasticsearch.md", "hybrid-without-mirsearch.md", "security.md"}
"""Pages whose commands need a cluster: tests of their own run them."""


def commands(page: Path) -> list[str]:
    """The mirsearch commands of a page's console blocks, in order."""
    lines = [line for block in BLOCK.findall(page.read_text(encoding="utf-8")) for line in block.splitlines()]
    found = [line.removeprefix("$ ").strip() for line in lines]
    return [line for line in found if line.startswith("mirsearch ")]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory) -> Path:
    """A folder in which `mirsearch demo` was run, as the pages assume."""
    folder = tmp_path_factory.mktemp("docs")
    run("demo", folder / "demo", "--figures", "30")
    return folder


@pytest.fixture
def services(tmp_path, monkeypatch) -> Iterator[None]:
    """Services that answer to `--keyword nano`, on this machine."""
    writer = WorldWriter(tmp_path / "world")
    for number in (700, 701):
        writer.add(ServedArticle(number, [ServedFigure(f"{SEM} {number}", "Figure 1", "a.png", random_png(number))]))
    with run_server(writer.write()) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield


def serve_once(words: list[str]) -> None:
    """Run a command that serves until it is interrupted: ask it for its page, with no browser, and stop it."""
    command = [sys.executable, "-m", "mirsearch", *(word for word in words if word != "--open"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            told = server.stdout.readline()
            address = re.search(r"http://127\.0\.0\.1:\d+/", told)
            assert address, told
            with urllib.request.urlopen(address[0], timeout=120) as page:
                assert b"mirsearch" in page.read()
        finally:
            server.send_signal(signal.SIGINT)
            code = server.wait(120)
    assert code == 0


@pytest.fixture
def small_workplace(workplace, tmp_path) -> Path:
    """Such a folder with few figures for a further index, so that these are soon read."""
    folder = shutil.copytree(workplace, tmp_path / "small")
    shutil.rmtree(folder / "demo" / "figures")
    write_corpus(folder / "demo" / "figures", figures=6, seed=5)
    return folder


@pytest.mark.usefixtures("services")
def test_commands_of_the_readme_run(small_workplace, monkeypatch):
    workplace = small_workplace
    monkeypatch.chdir(workplace)
    asked = commands(REPOSITORY / "README.md")
    assert len(asked) >= 10
    for line in asked:
        words = shlex.split(line)[1:]
        if words[0] == "serve":
            serve_once(words)
        else:
            run(*words)
    assert (workplace / "answers.html").stat().st_size > 10_000
    assert (workplace / "panels.jsonl").stat().st_size > 10_000
    assert (workplace / "overlay.png").stat().st_size > 10_000


def test_commands_of_keeping_a_corpus_run(workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    asked = commands(REPOSITORY / "docs" / "keeping.md")
    assert len(asked) >= 12
    for line in asked:
        run(*shlex.split(line)[1:])
    assert (workplace / "news.xml").read_text(encoding="utf-8").startswith("<?xml")


def test_commands_of_the_demo_run(workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    told = run("demo", "demo", "--figures", "30").out
    tries = [line.strip() for line in told.splitlines() if line.strip().startswith("mirsearch query demo")]
    assert len(tries) == 2
    for line in tries:
        run(*shlex.split(line)[1:])


def test_python_of_the_docs_runs(workplace, monkeypatch, capsys):
    monkeypatch.chdir(workplace)
    blocks = PYTHON.findall((REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8"))
    assert len(blocks) == 6
    names: dict[str, object] = {}
    told = []
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
        told.append(capsys.readouterr().out.splitlines())
    asked, listed, figure, added, read, below = told
    assert len(asked) == 5
    assert asked[0].startswith("1 ")
    assert listed[-1].endswith(" figures")
    assert len(figure) >= 2
    assert added[0].startswith("figures: 1 panels: ")
    assert any("nm/px" in line for line in read)
    assert "282)" in below[0]


def test_the_notebook_runs(workplace, monkeypatch):
    """Its cells run in order in one namespace, as in a kernel, and what each shows last can be shown."""
    monkeypatch.chdir(workplace)
    cells = json.loads((REPOSITORY / "docs" / "notebooks" / "corpus.ipynb").read_text(encoding="utf-8"))["cells"]
    names: dict[str, object] = {}
    pictures = 0
    for cell in cells:
        assert not cell.get("outputs"), "a notebook is kept without its outputs"
        if cell["cell_type"] != "code":
            continue
        *steps, last = ast.parse("".join(cell["source"])).body
        exec(compile(ast.Module(steps, []), "corpus.ipynb", "exec"), names)
        assert isinstance(last, ast.Expr)
        shown = eval(compile(ast.Expression(last.value), "corpus.ipynb", "eval"), names)
        html = getattr(shown, "_repr_html_", str)() if shown is not None else ""
        pictures += html.count("data:image/jpeg;base64,")
    assert pictures >= 6 + 1 + 3 + 4 + 2


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in ELSEWHERE], ids=lambda page: page.name)
def test_commands_of_the_docs_are_known(page):
    known = {command.name for command in (*COMMANDS, *GROUPS)}
    for line in commands(page):
        words = shlex.split(line)
        assert words[1] in known or words[1].startswith("-"), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_of_the_docs_are_known(page):
    """Every command is parsed, options and their values, though not run: not all that it needs can be here."""
    for line in commands(page):
        words = shlex.split(line.partition(" | ")[0].partition(" > ")[0], comments=True)[1:]
        _parsed(get_command(app).make_context("mirsearch", words))


def _parsed(context: Any) -> None:
    """Parse what is left of a command, down to the last of its groups' commands."""
    with context:
        left = [*context._protected_args, *context.args]
        if isinstance(context.command, TyperGroup) and left:
            name, command, rest = context.command.resolve_command(context, left)
            _parsed(command.make_context(name, rest, parent=context))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_environment_variable_is_documented():
    told = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name in settings.ENVIRONMENT:
        assert f"`{name}`" in told, name


def test_docs_name_no_private_places():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"/(?:work|root|home|tmp)/", text), page
