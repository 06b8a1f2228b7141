"""Output to the terminal: results, one-line errors, JSON, progress bars and files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import typer

from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended."""

Item = TypeVar("Item")


def complain(message: str) -> None:
    """One line on stderr, without control characters."""
    line = " ".join(message.split())
    clean = "".join(char if char.isprintable() else "?" for char in line)
    typer.echo(f"mirsearch: {clean}", err=True)


def set_verbosity(verbose: int) -> None:
    """Warnings by default, `-v` information, `-vv` everything of ours; other libraries stay at warnings."""
    import logging

    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.getLogger("mirsearch").setLevel(level)


def console(stderr: bool = False) -> Console:
    """A rich console on stdout or stderr; plain text where that is not a terminal."""
    from rich.console import Console

    for stream in (sys.stdout, sys.stderr):
        _never_fail(stream)
    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def _never_fail(stream: TextIO) -> None:
    """A µ that can't be shown must not end the answer."""
    if isinstance(stream, TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
        stream.reconfigure(errors="replace")


def json_text(value: Any, encoding: str, indent: int | None = None) -> str:
    """JSON, on one line where `indent` is None, that `encoding` can write; NaN never gets out.

    A letter that can't be written (of a file's name that is no text, say) makes JSON's own escapes of them all.
    """
    import json

    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=True, indent=indent, allow_nan=False)
    return text


def print_json(value: Any, indent: int | None = 2) -> None:
    """JSON on stdout, on one line where `indent` is None."""
    typer.echo(json_text(value, sys.stdout.encoding or "utf-8", indent))


@contextmanager
def writing(path: Path | None) -> Iterator[TextIO]:
    """Stdout, or a file that appears whole or not at all; UsageError where its folder is not there."""
    if path is None:
        _never_fail(sys.stdout)
        yield sys.stdout
        return
    if not path.parent.is_dir() or path.is_dir():
        raise UsageError(f"{path} can't be written", "give a file in a folder that is there")
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def tracked(items: Sequence[Item], what: str) -> Iterator[Item]:
    """The items, with a progress bar on stderr where that is a terminal and there is more than one."""
    screen = console(stderr=True)
    if len(items) < 2 or not screen.is_terminal:
        yield from items
        return
    from rich.progress import track

    yield from track(items, description=what, console=screen, transient=True)
