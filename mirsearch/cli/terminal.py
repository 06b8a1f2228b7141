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


def print_message(message: str) -> None:
    """Print one line on stderr, without control characters."""
    line = " ".join(message.split())
    clean = "".join(char if char.isprintable() else "?" for char in line)
    typer.echo(f"mirsearch: {clean}", err=True)


def set_verbosity(verbose: int) -> None:
    """Log warnings, with `-v` information, with `-vv` everything. Other libraries always log only warnings."""
    import logging

    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.getLogger("mirsearch").setLevel(level)


def console(stderr: bool = False) -> Console:
    """Return a rich console on stdout or stderr. It writes plain text where that is not a terminal."""
    from rich.console import Console

    for stream in (sys.stdout, sys.stderr):
        _replace_unencodable(stream)
    return Console(stderr=stderr, highlight=False, soft_wrap=False)


def _replace_unencodable(stream: TextIO) -> None:
    """Replace characters that the stream can't encode, so that a µ does not end the output."""
    if isinstance(stream, TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
        stream.reconfigure(errors="replace")


def json_text(value: Any, encoding: str, indent: int | None = None) -> str:
    """Return JSON that `encoding` can write, on one line if `indent` is None. Raises ValueError for NaN.

    If one character can't be encoded (in the name of a file, for instance), all non-ASCII characters are escaped.
    """
    import json

    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=True, indent=indent, allow_nan=False)
    return text


def print_json(value: Any, indent: int | None = 2) -> None:
    """Print JSON on stdout, on one line if `indent` is None."""
    typer.echo(json_text(value, sys.stdout.encoding or "utf-8", indent))


@contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """Open stdout, or a file that appears only when it is complete. Raises UsageError if its folder does not exist."""
    if path is None:
        _replace_unencodable(sys.stdout)
        yield sys.stdout
        return
    if not path.parent.is_dir() or path.is_dir():
        raise UsageError(f"{path} can't be written", "give a file in a folder that exists")
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def track_progress(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Return the items; show a progress bar on stderr if that is a terminal and there are several items."""
    screen = console(stderr=True)
    if len(items) < 2 or not screen.is_terminal:
        yield from items
        return
    from rich.progress import track

    yield from track(items, description=what, console=screen, transient=True)
