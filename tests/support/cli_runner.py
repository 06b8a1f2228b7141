"""Runs commands in this process, as a shell calls them."""

from __future__ import annotations

import json
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from mirsearch.cli import app


@dataclass(frozen=True)
class CommandResult:
    """The result of a command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def run(*words: object, code: int | None = 0, stdin: str | bytes | None = None) -> CommandResult:
    """Run a command, and fail if it does not end with `code` (None: any code)."""
    # In a context of its own: a command that ends while its options are read leaves what they set.
    result = copy_context().run(CliRunner().invoke, app, [str(word) for word in words], input=stdin)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    if code is not None:
        assert result.exit_code == code, f"exit {result.exit_code}\n{result.stdout}\n{result.stderr}"
    return CommandResult(result.exit_code, result.stdout, result.stderr)
