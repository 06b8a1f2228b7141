"""The reference pages name every command, option, setting, plug-in and JSON field that there is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from docs.options_page import PAGE, options_page
from mirsearch import settings
from mirsearch.cli import COMMANDS, GROUPS
from mirsearch.synthetic.corpus import write_corpus
from tests.conftest import REPOSITORY
from tests.support.cli_runner import run

DOCS = REPOSITORY / "docs"
COUNTED = {
    "kinds",
    "techniques",
    "licenses",
    "years",
    "journals",
    "scale_sources",
    "fields_of_view",
    "sources",
    "hosts",
}
"""Fields whose own keys are values of the corpus."""


def words(page: str) -> set[str]:
    """What stands in backticks on a page, and the keys of its JSON blocks."""
    text = (DOCS / page).read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return {*re.findall(r"`([^`\n]+)`", prose), *re.findall(r'"(\w+)":', text)}


def keys(value: Any) -> Iterator[str]:
    """Names of all fields in a JSON value, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from keys(item)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from keys([] if name in COUNTED and isinstance(inner, dict) else inner)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    write_corpus(folder / "figures", 3, 5)
    run("ingest", folder / "figures", "--index", folder / "index")
    return folder


def test_the_page_of_options_is_what_the_commands_say():
    assert PAGE.read_text(encoding="utf-8") == options_page(), "run: make options"


def test_no_option_lacks_a_help_text():
    rows = [line for line in options_page().splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [line for line in rows if line.endswith("|  |")] == []


def test_the_makefile_names_files_that_exist():
    named = re.findall(r"\btests/[\w./-]+", (REPOSITORY / "Makefile").read_text(encoding="utf-8"))
    assert len(named) >= 5
    assert [name for name in named if not (REPOSITORY / name).exists()] == []


def test_every_command_is_told():
    told = (DOCS / "commands.md").read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"`{command.name}" in told, command.name
    for group in GROUPS:
        for name in group.commands:
            assert re.search(rf"`{group.name} [^|]*\b{name}\b|`{name}`", told), (group.name, name)


def test_every_setting_and_variable_is_told():
    told = (DOCS / "settings.md").read_text(encoding="utf-8")
    for name, text in settings.ENVIRONMENT.items():
        assert f"| `{name}` | {text} |" in told, name
    for limits in (settings.LIMITS, settings.SERVE_LIMITS):
        for limit in fields(limits):
            assert f"| `{limit.name}` | {getattr(limits, limit.name):,} |" in told, limit.name
    constants = [name for name, value in vars(settings).items() if name.isupper() and not name.startswith("_")]
    shown = {"ENVIRONMENT", "LIMITS", "DEVICES", "EUROPEPMC", "PMC", "ARXIV", "ARXIV_OAI"}
    for name in set(constants) - shown:
        assert f"`{name}`" in told, name


def test_every_plug_in_and_group_is_told():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = words("plugins.md")
    for group, parts in project["entry-points"].items():
        assert {group, *parts} <= told, group


def test_every_field_of_the_json_is_told(corpus, monkeypatch):
    monkeypatch.chdir(corpus)
    image = min((corpus / "figures").glob("*.png"))
    query = run("query", image, "--text", "image", "--index", "index", "--format", "json").json()
    some_id = query["hits"][0]["id"]
    (corpus / "broken.png").write_bytes(b"\x89PNG not really")
    answers = [
        query,
        run("show", some_id, "--index", "index", "--format", "json").json(),
        run("analyze", image, "--format", "json").json(),
        run("ingest", "figures", "broken.png", "--index", "index", "--format", "json", code=1).json(),
        run("stats", "--index", "index", "--format", "json").json(),
        run("failures", "--index", "index", "--format", "json").json(),
        run("correct", some_id, "--technique", "TEM", "--index", "index", "--format", "json").json(),
        run("reanalyze", some_id, "--index", "index", "--format", "json").json(),
        run("cache", "--format", "json").json(),
        run("plugins", "--format", "json").json(),
    ]
    run("export", "--index", "index", "--output", "panels.jsonl")

    answers += [json.loads(line) for line in (corpus / "panels.jsonl").read_text(encoding="utf-8").splitlines()]
    stages = {"read", "analyze", "embed", "index", "total"}
    assert set(keys(answers)) - words("json.md") - stages == set()
