"""Output to the terminal: results, one-line errors, JSON, progress bars and files."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import typer

from mirsearch.errors import UsageError
from mirsearch.files import interrupts
from mirsearch.files.partial import write_output
from mirsearch.text import masking

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = interrupts.INTERRUPTED
"""Exit code of a command that Ctrl-C ended."""

STDOUT = "-"
"""The value of --output that means stdout."""

Item = TypeVar("Item")


class _MaskedStream(TextIOWrapper):
    """stdout or stderr, without the secrets that are known at the time: results, messages, logs and tracebacks."""

    hide: Callable[[str], str] = staticmethod(masking.mask)

    def write(self, text: str, /) -> int:
        super().write(self.hide(text))
        return len(text)


def mask_output() -> None:
    """Mask secrets in all that this process prints from now on."""
    masking.remember_environment(os.environ)
    masking.remember_addresses(sys.argv)
    for name, hide in (("stdout", masking.mask_result), ("stderr", masking.mask)):
        stream = getattr(sys, name)
        if type(stream) is TextIOWrapper:
            masked = _MaskedStream(
                stream.buffer, stream.encoding, stream.errors,
                line_buffering=stream.line_buffering, write_through=stream.write_through,
            )  # fmt: skip
            masked.hide = hide
            setattr(sys, name, masked)


def print_message(message: str) -> None:
    """Print one line on stderr, without secrets and control characters."""
    line = " ".join(masking.mask(message).split())
    clean = "".join(char if char.isprintable() else "?" for char in line)
    typer.echo(f"mirsearch: {clean}", err=True)


def print_interrupt(names: Sequence[str]) -> None:
    """Tell on stderr, at once, what a first Ctrl-C still finishes. This may run in the midst of another output."""
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    line = f"interrupted: finishing {shown or 'what is in hand'}; Ctrl-C again ends at once"
    clean = "".join(char if char.isprintable() else "?" for char in masking.mask(line))
    start = "\n\x1b[?25h" if sys.stderr.isatty() else ""  # a progress bar hides the cursor
    with suppress(OSError):
        os.write(2, f"{start}mirsearch: {clean}\n".encode(errors="replace"))


_verbosity = 0


def verbosity() -> int:
    """Return how often -v was given, before and after the command's name."""
    return _verbosity


def set_verbosity(verbose: int) -> None:
    """Log warnings, with `-v` information, with `-vv` everything. Other libraries always log only warnings."""
    import logging

    global _verbosity  # noqa: PLW0603  one process runs one command; its -v stands before or after the command's name
    _verbosity = verbose
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.getLogger("mirsearch").setLevel(level)


def add_verbosity(more: int) -> None:
    """Log as much more as -v was given after the command's name."""
    if more:
        set_verbosity(_verbosity + more)


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
    """Open stdout (None or `-`), or a file that appears only when it is complete.

    Raises UsageError if the folder of the file does not exist.
    """
    if path is None or str(path) == STDOUT:
        _replace_unencodable(sys.stdout)
        yield sys.stdout
        return
    if not path.parent.is_dir() or path.is_dir():
        raise UsageError(f"{path} can't be written", "give a file in a folder that exists")
    # Names of files may have bytes that are no text.
    with write_output(path) as part, part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        yield stream


def track_progress(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Return the items; show a progress bar on stderr if that is a terminal and there are several items."""
    screen = console(stderr=True)
    if len(items) < 2 or not screen.is_terminal:
        yield from items
        return
    from rich.progress import track

    yield from track(items, description=what, console=screen, transient=True)


@contextmanager
def progress_bar(verb: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that shows how much is done, of how much in all, while the block runs."""
    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(verb, total=None)
        yield lambda done, all_: bar.update(task, completed=done, total=all_)
