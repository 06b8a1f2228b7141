"""Write docs/options.md from the commands themselves: `python docs/options_page.py` (`make options`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

PAGE = Path(__file__).with_name("options.md")
HEAD = """# All options

This page is made from the commands (`make options`). `mirsearch COMMAND --help` shows the same. `-v`, before or after a
command's name, prints more on stderr, and `-vv` prints everything.
"""


def options_page() -> str:
    """Return the page as Markdown: a section for each command, a row for each argument and option."""
    from mirsearch.cli import app

    root = get_command(app)
    return HEAD + "".join(_section(path, command) for path, command in _commands(root, "mirsearch"))


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    context = group.make_context(path, ["--help"], resilient_parsing=True)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if hasattr(command, "list_commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", getattr(command, "command", command)


def _section(path: str, command: Any) -> str:
    context = command.make_context(path, [], resilient_parsing=True)
    lines = ["", f"## {path}", _plain(command.help or ""), "", "| option | does |", "|---|---|"]
    for parameter in command.get_params(context):
        if not {"--help", "--verbose"} & set(parameter.opts):  # every command has these
            names, text = _row(parameter, context)
            lines.append(f"| `{_plain(names)}` | {_plain(text)} |")
    return "\n".join(lines) + "\n"


def _row(parameter: Any, context: Any) -> tuple[str, str]:
    """Return the names of a parameter, with the kind of its value, and its help text."""
    if parameter.param_type_name == "argument":
        return parameter.metavar or parameter.name.upper(), parameter.help or ""
    names, text = parameter.get_help_record(context)
    return names, text


def _plain(text: str) -> str:
    """Return a help text as a cell of a table."""
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(options_page(), encoding="utf-8")
