"""`mirsearch corrections`, `mirsearch review`: what people corrected, and what most wants a look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mirsearch.cli.parts import open_index
from mirsearch.cli.shared_options import IndexOption, ShortWaitOption
from mirsearch.cli.terminal import STDOUT, console, json_text, open_output, print_message
from mirsearch.errors import UsageError

MAX_REVIEWED = 1_000
"""Most panels of a sheet: a browser must still open it, with all its pictures."""


class CorrectionsFormat(StrEnum):
    """Formats of a list of corrections."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def corrections(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Panels, figures, articles, DOIs or files (default: all).")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take them back: what was read counts again.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="With --undo: all corrections of the index.")] = False,
    wait: ShortWaitOption = None,
    output: Annotated[
        CorrectionsFormat, typer.Option("--format", "-f", help="table, csv (for correct --from) or json.")
    ] = CorrectionsFormat.TABLE,
    target: Annotated[Path | None, typer.Option("--output", "-o", help="File to write (default: stdout, -).")] = None,
    index: IndexOption = None,
) -> None:
    """List what was corrected by hand, write it as a table for `correct --from`, or take it back."""
    from mirsearch.search.stored_corrections import list_corrections

    if undo and bool(names) == everything:
        raise UsageError("no corrections are named", "give ids, or --all")
    if everything and not undo:
        raise UsageError("--all is for --undo", "without it, all corrections are listed anyway")
    corpus = open_index(index)
    try:
        if undo:
            from mirsearch.ingest.correcting import undo_corrections

            count = undo_corrections(corpus, names or ())
            typer.echo(f"took back {count:,} correction{'s' * (count != 1)}")
            return
        found = list(list_corrections(corpus, names or ()))
    finally:
        corpus.close()
    from mirsearch.report import corrections as report

    if output is CorrectionsFormat.TABLE and (target is None or str(target) == STDOUT):
        report.print_corrections(found, console())
        return
    if output is CorrectionsFormat.TABLE:
        raise UsageError("--output writes a file, but a table is for the screen", "add --format csv or json")
    with open_output(target) as stream:
        if output is CorrectionsFormat.CSV:
            stream.write(report.corrections_csv(found))
        else:
            stream.write(json_text(report.corrections_json(found), stream.encoding, indent=2) + "\n")
    if target is not None and str(target) != STDOUT:
        print_message(f"wrote {len(found):,} corrections to {target}")


def review(
    target: Annotated[
        Path, typer.Option("--output", "-o", help="Page to write; the table stands beside it, as .csv.")
    ] = Path("review.html"),
    top: Annotated[int, typer.Option("--top", "-n", min=1, max=MAX_REVIEWED, help="Most panels on the sheet.")] = 200,
    index: IndexOption = None,
) -> None:
    """Write the readings that most want a look as a page with pictures, and as a table to fill in."""
    from mirsearch.report.review_sheet import review_csv, review_html
    from mirsearch.search.review import REASONS, find_review

    if target.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{target} is not the name of a page", "give one that ends in .html")
    corpus = open_index(index)
    try:
        with _progress() as progress:
            found = find_review(corpus, top, progress)
        page = review_html(corpus, found)
    finally:
        corpus.close()
    table = target.with_suffix(".csv")
    for path, text in ((target, page), (table, review_csv(found))):
        with open_output(path) as stream:
            stream.write(text)
    for reason, count in found.counts.items():
        typer.echo(f"{count:>6,}  {REASONS[reason]}")
    total = sum(found.counts.values())
    shown = "" if len(found.items) == total else f" (the first {len(found.items):,} of {total:,})"
    typer.echo(
        f"wrote {target} and {table}{shown}" if total else f"no reading wants a look; wrote {target} and {table}"
    )
    if total:
        typer.echo(f"fill in the table (or the page, which saves one), then: mirsearch correct --from {table}")


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Show how many panels were looked at, on stderr, if that is a terminal."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda count: None
        return
    with screen.status("looking at panels …") as status:
        yield lambda count: status.update(f"looking at panels … {count:,}") if count % 100 == 0 else None
