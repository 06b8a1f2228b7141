"""The start of the program: what it imports, how commands are found, and how the values of options are converted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from mirsearch.cli import COMMANDS, GROUPS, app
from mirsearch.cli.groups import LazyCommand
from tests.support.cli_runner import run

NEVER = ("pydantic", "torch", "onnx")
"""Modules that no command imports that does not need them."""
HEAVY = (*NEVER, "numpy", "cv2", "onnxruntime", "rapidocr", "PIL", "lxml", "usearch", "elasticsearch")


def every_command() -> Iterator[tuple[str, LazyCommand]]:
    """All commands with what one types to call them."""
    for command in COMMANDS:
        yield str(command.name), command
    for group in GROUPS:
        for name, command in group.commands.items():
            assert isinstance(command, LazyCommand)
            yield f"{group.name} {name}", command


EVERY = dict(every_command())


def mirsearch(*words: str, code: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own; `code` is run when it ends."""
    script = (
        "import sys\nsys.argv[0] = 'mirsearch'\nfrom mirsearch.cli import main\n"
        f"try:\n    main()\nfinally:\n    {code or 'pass'}\n"
    )
    return subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", script, *words],
        capture_output=True, text=True, env={**os.environ, **variables}, check=False,
    )  # fmt: skip


def imported(names: tuple[str, ...], *words: str) -> list[str]:
    """Which of the modules a command imports."""
    code = f"print('imported', *(name for name in {names!r} if name in sys.modules), file=sys.stderr)"
    last = mirsearch(*words, code=code).stderr.splitlines()[-1].split()
    assert last[0] == "imported"
    return last[1:]


@pytest.mark.parametrize("words", [["--help"], ["query", "--help"], ["index", "--help"], ["ingest", "--help"]])
def test_help_imports_nothing_heavy(words):
    assert imported(HEAVY, *words) == []


def test_version_imports_no_rich():
    assert imported((*HEAVY, "rich"), "--version") == []


def test_help_imports_no_command():
    commands = tuple(f"mirsearch.cli.{name}" for name in ("query_cmd", "ingest_cmd", "train_cmd", "index_cmds"))
    assert imported(commands, "--help") == []
    assert imported(commands, "query", "--help") == ["mirsearch.cli.query_cmd"]


@pytest.mark.parametrize("words", [
    ["query", "--text", "gold", "--top", "4", "--missing", "exclude", "--weight", "text=1", "--output", "x.json"],
    ["-v", "stats", "--format", "json"],
    ["delete", "a", "b", "--yes"],
], ids=" ".join)  # fmt: skip
def test_no_command_imports_pydantic(words, tmp_path):
    """Where this fails with a new Typer, look at mirsearch/cli/parameters.py."""
    assert imported(NEVER, *words, "--index", str(tmp_path / "none")) == []


@pytest.mark.parametrize("words", EVERY, ids=str)
def test_the_list_of_commands_shows_the_help_of_each(words):
    assert EVERY[words].help == EVERY[words].command.help
    assert EVERY[words].name == EVERY[words].command.name


def test_help_lists_all_commands_with_their_help():
    out = " ".join(run("--help").out.replace("│", " ").split())
    for command in (*COMMANDS, *GROUPS):
        assert f" {command.name} {command.help}" in out
    assert "Did you mean 'query'?" in run("quey", code=2).err
    assert "Did you mean 'migrate'?" in run("index", "migrat", code=2).err
    assert "rollback" in run("index", code=None).out


@pytest.mark.parametrize(("typed", "offered"), [
    ("mirsearch in", ["ingest", "index"]),
    ("mirsearch config ", ["list", "get", "set", "unset", "path"]),
    ("mirsearch index ro", ["rollback"]),
    ("mirsearch query --mi", ["--missing", "--min-score"]),
    ("mirsearch query --missing ", ["neutral", "penalize", "exclude"]),
])  # fmt: skip
def test_shells_complete_commands_options_and_values(typed, offered):
    ran = mirsearch(_MIRSEARCH_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(typed.count(" ")))
    assert ran.stdout.split() == offered
    assert ran.stderr == ""


def values(*words: str) -> dict[str, Any]:
    """The values that a command line gives the parameters of its command."""
    group = get_command(app)
    with group.get_command(None, words[0]).make_context(words[0], list(words[1:])) as context:
        return dict(context.params)


def test_values_have_the_types_of_their_options():
    found = values("query", "a.png", "--top", "5", "--sigma", ".5", "--missing", "exclude", "--kind", "map")
    shown = {name: str(found[name]) for name in ("images", "top", "sigma", "missing", "kind", "year", "page", "fov")}
    assert shown == {"images": "('a.png',)", "top": "5", "sigma": "0.5", "missing": "exclude", "kind": "('map',)",
                     "year": "None", "page": "0", "fov": "None"}  # fmt: skip
    assert (found["top"] + found["sigma"], found["missing"].value) == (5.5, "exclude")
    assert (found["has_scale"], found["exact"], found["journal"]) == (None, False, ())


@pytest.mark.parametrize(("words", "problem"), [
    (["query", "--top", "x"], "'x' is not a valid integer."),
    (["query", "--sigma", "x"], "'x' is not a valid float."),
    (["query", "--page", "-1"], "-1 is not in the range x>=0."),
    (["query", "--missing", "x"], "'x' is not one of 'neutral', 'penalize', 'exclude'."),
    (["train", "metric", "--crops", "99"], "99 is not in the range 1<=x<=16."),
    (["train", "metric", "--crops", "0"], "0 is not in the range 1<=x<=16."),
    (["show"], "Missing argument 'ID'."),
    (["analyze"], "Missing argument 'IMAGE'."),
], ids=str)  # fmt: skip
def test_wrong_values_are_a_wrong_call(words, problem):
    assert problem in " ".join(run(*words, code=2).err.replace("│", " ").split())
