"""What every command shares: options, the border where errors become one line, and loading of parts."""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TextIO, TypeVar

import typer
from typer.core import TyperGroup

from mirsearch.errors import MirsearchError, UsageError
from mirsearch.settings import DEFAULT_EXTRACTOR

if TYPE_CHECKING:
    from rich.console import Console

    from mirsearch.analysis.base import OcrEngine, ScaleBarDetector
    from mirsearch.extractors.base import Extractor
    from mirsearch.indexes.base import Index

INTERRUPTED = 130
Item = TypeVar("Item")

IndexOption = Annotated[
    str | None,
    typer.Option("--index", "-i", help="Where the index is (default: MIRSEARCH_INDEX, else ./mirsearch-index)."),
]
OcrOption = Annotated[str, typer.Option("--ocr", help="OCR engine: rapidocr or tesseract.")]
WeightsOption = Annotated[
    Path | None, typer.Option("--extractor-weights", help="The extractor's weights, for one that takes them.")
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", help="Where networks run: auto, cuda, mps or cpu (MIRSEARCH_DEVICE).")
]
ScaleBarsOption = Annotated[str, typer.Option("--scalebars", help="Scale-bar detector.")]
ExactOption = Annotated[
    bool, typer.Option("--exact", help="Score every panel the filters leave (the embedded index always does).")
]


class TableFormat(StrEnum):
    """Formats of commands that print a table or JSON."""

    TABLE = "table"
    JSON = "json"


class CommandGroup(TyperGroup):
    """The border of the program: what goes wrong inside becomes one line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; errors of ours, full disks, Ctrl-C and closed pipes never end in a traceback."""
        try:
            return super().invoke(ctx)
        except MirsearchError as error:
            complain(str(error))
            raise typer.Exit(error.exit_code) from error
        except ModuleNotFoundError as error:
            from mirsearch import extras

            if (named := extras.missing("this command", error)) is None:
                raise
            complain(str(named))
            raise typer.Exit(named.exit_code) from error
        except KeyboardInterrupt as error:
            complain("interrupted")
            raise typer.Exit(INTERRUPTED) from error
        except BrokenPipeError as error:
            # Whoever read our output has left; Python would complain once more when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from error
        except OSError as error:
            complain(_os_error(error))
            raise typer.Exit(1) from error
        except MemoryError as error:
            complain("out of memory (close other programs, or give smaller images)")
            raise typer.Exit(1) from error


def _os_error(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC:
        return f"{where}the disk is full (free some space and run it again; what was done is kept)"
    return f"{where}{error.strerror or error}"


def complain(message: str) -> None:
    """One line on stderr, without control characters."""
    line = " ".join(message.split())
    clean = "".join(char if char.isprintable() else "?" for char in line)
    typer.echo(f"mirsearch: {clean}", err=True)


def set_verbosity(verbose: int) -> None:
    """Warnings by default, `-v` information, `-vv` everything of ours; other libraries stay at warnings."""
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
    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(value, ensure_ascii=True, indent=indent, allow_nan=False)
    return text


def print_json(value: Any, indent: int | None = 2) -> None:
    """JSON on stdout, on one line where `indent` is None."""
    typer.echo(json_text(value, sys.stdout.encoding or "utf-8", indent))


def open_index(location: str | None) -> Index:
    """The index to read."""
    from mirsearch.indexes import open_index as opened
    from mirsearch.settings import index_location

    return opened(index_location(location))


class ExtractorChoice(NamedTuple):
    """What was said of the extractor: its name, None for the index's own; a file of weights; a device."""

    spec: str | None
    weights: Path | None = None
    device: str | None = None


Parts = tuple[str | ExtractorChoice, str, str]
"""Extractor, OCR engine, scale-bar detector."""


def load_extractor(chosen: str | ExtractorChoice) -> Extractor:
    """The extractor of a name, or of `NAME:ARGUMENT` where it takes one; where its weights lie is remembered."""
    from mirsearch.extractors.opening import open_extractor, remember

    choice = ExtractorChoice(chosen) if isinstance(chosen, str) else chosen
    extractor = open_extractor(choice.spec or DEFAULT_EXTRACTOR, choice.weights, choice.device)
    remember(extractor)
    return extractor


_INDEXS_OWN = ExtractorChoice(None)


def load_extractor_of(index: Index, choice: ExtractorChoice = _INDEXS_OWN) -> Extractor:
    """The extractor that made an index's vectors, unless another is named."""
    if choice.spec is not None:
        return load_extractor(choice)
    from mirsearch.extractors.opening import extractor_for

    return extractor_for(index.extractor, choice.weights, choice.device)


def load_ocr(name: str) -> OcrEngine:
    """The OCR engine of a name."""
    from mirsearch import plugins

    engine: OcrEngine = plugins.load("ocr", name)()
    return engine


def load_detector(name: str) -> ScaleBarDetector:
    """The scale-bar detector of a name, or of `NAME:ARGUMENT` where it takes one."""
    from mirsearch import plugins

    detector: ScaleBarDetector = plugins.create("scalebars", name)
    return detector


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
