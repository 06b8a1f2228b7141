"""`mirsearch reuse`: pictures of the index that are shown more than once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirsearch.cli.parts import open_index
from mirsearch.cli.query_options import FilterOption
from mirsearch.cli.shared_options import IndexOption
from mirsearch.cli.terminal import STDOUT, console, json_text, open_output, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.indexes.base import Index
    from mirsearch.report.pictures import Picture
    from mirsearch.reuse.find import Reuse

DEFAULT_PAGE = Path("reuse.html")
DEFAULT_CONFIDENCE = 0.5


class ReuseFormat(StrEnum):
    """Formats of a list of same pictures."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


MinConfidenceOption = Annotated[
    float, typer.Option("--min-confidence", metavar="P", help="Leave out pairs that are less sure, 0 to 1.")
]
WithinFiguresOption = Annotated[
    bool, typer.Option("--within-figures", help="Also pairs in one figure: channels, insets and steps are many.")
]


def reuse(
    min_confidence: MinConfidenceOption = DEFAULT_CONFIDENCE,
    within_figures: WithinFiguresOption = False,
    field: FilterOption = None,
    output: Annotated[
        ReuseFormat, typer.Option("--format", "-f", help="table, json, csv or html.")
    ] = ReuseFormat.TABLE,
    target: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, - for stdout (html: default reuse.html).")
    ] = None,
    index: IndexOption = None,
) -> None:
    """Find pictures that are shown more than once: also cropped, mirrored, turned, scaled or with other contrast."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: pairs are compared in threads of our own
    from mirsearch.query import Filters
    from mirsearch.reuse.find import find_reuse
    from mirsearch.search.option_values import add_filters

    check_target(output, target)
    filters = add_filters(Filters(), None, None, None, field)
    corpus = open_index(index)
    try:
        with progress() as told:
            found = find_reuse(corpus, filters, min_confidence, within_figures, told)
        write_reuse(corpus, found, output, target)
    finally:
        corpus.close()


def check_target(output: ReuseFormat, target: Path | None) -> None:
    """Raise UsageError for a table that is to be a file."""
    if output is ReuseFormat.TABLE and target is not None and str(target) != STDOUT:
        raise UsageError("--output writes a file, but a table is for the screen", "add --format json, csv or html")


def write_reuse(
    corpus: Index, found: Reuse, output: ReuseFormat, target: Path | None, query: Picture | None = None
) -> None:
    """Write the pairs that were found. `query` is the picture that was asked with."""
    from mirsearch.report import reuse_table

    if output is ReuseFormat.TABLE:
        reuse_table.print_reuse(found, console())
        return
    path = target or (DEFAULT_PAGE if output is ReuseFormat.HTML else None)
    with open_output(path) as stream:
        if output is ReuseFormat.HTML:
            from mirsearch.report.reuse_page import reuse_html

            stream.write(reuse_html(corpus, found, query))
        elif output is ReuseFormat.CSV:
            stream.write(reuse_table.reuse_csv(found))
        else:
            stream.write(json_text([pair.to_dict() for pair in found.pairs], stream.encoding, indent=2) + "\n")
    note = reuse_table.held_off_sentence(found)
    if note:
        print_message(note)
    if path is not None and str(path) != STDOUT:
        print_message(f"wrote {path}")


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show on stderr what is being done, if that is a terminal."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda what, done, every: None
        return
    with screen.status("reading the index …") as status:
        yield lambda what, done, every: status.update(f"{what} … {done:,} of {every:,}") if done % 64 == 0 else None
