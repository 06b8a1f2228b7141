"""`mirsearch show`, `stats`, `delete`, `export`: looking after a corpus."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch.cli.common import IndexOption, TableFormat, open_index
from mirsearch.cli.terminal import console, json_text, print_json
from mirsearch.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from mirsearch.acquisition.ledger import Ledger
    from mirsearch.indexes.base import Index
    from mirsearch.query import StoredPanel

FormatOption = Annotated[TableFormat, typer.Option("--format", help="table or json.")]


def show(
    some_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a panel, figure or article, or a DOI.")],
    index: IndexOption = None,
    output: FormatOption = TableFormat.TABLE,
) -> None:
    """Show everything known of a panel, of a figure's panels or of an article's."""
    from mirsearch.search.answer import stored_json

    found = _find(index, some_id)
    if output is TableFormat.JSON:
        print_json([stored_json(each) for each in found])
        return
    from mirsearch.report.describe import print_panel

    screen = console()
    for each in found:
        print_panel(each, screen)


def stats(index: IndexOption = None, output: FormatOption = TableFormat.TABLE) -> None:
    """Count what the index holds."""
    counted = open_index(index).stats()
    if output is TableFormat.JSON:
        print_json(counted)
        return
    from mirsearch.report.describe import print_stats

    print_stats(counted, console())


def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Ids of figures or articles (or of their panels).")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    index: IndexOption = None,
) -> None:
    """Remove figures, with all their panels, from the index. Image files are not touched."""
    corpus = open_index(index)
    figures: dict[str, int] = {}
    for each in ids:
        found = corpus.find_panels(each)
        if not found:
            raise NotFoundError(f"nothing in {corpus.location} has the id {each!r}", "`mirsearch show` takes the same")
        for stored in found:
            figures[stored.figure.id] = len(corpus.figure_panels(stored.figure.id))
    panels = sum(figures.values())
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"{len(figures)} figures with {panels} panels would be deleted", "add --yes")
        typer.confirm(f"Delete {len(figures)} figures with {panels} panels?", abort=True)
    with corpus.writer() as writer:
        writer.delete_figures(figures)
    typer.echo(f"deleted {len(figures)} figures with {panels} panels")


def export(
    target: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; default: stdout.")] = None,
    vectors: Annotated[bool, typer.Option("--vectors", help="With each panel's vector.")] = False,
    form: Annotated[str, typer.Option("--format", help="jsonl: one panel a line.")] = "jsonl",
    attribution: Annotated[
        bool, typer.Option("--attribution", help="Write credits instead: one line an article, with its license.")
    ] = False,
    index: IndexOption = None,
) -> None:
    """Write every panel as one line of JSON (JSON Lines), all its fields; or the credits."""
    from mirsearch import settings
    from mirsearch.acquisition.attribution import credit_lines
    from mirsearch.cli.acquire_cmd import ledger_at
    from mirsearch.cli.terminal import writing
    from mirsearch.query import Filters

    if form != "jsonl":
        raise UsageError(f"--format {form!r} is not known", "give jsonl, or --attribution")
    corpus = open_index(index)
    ledger = ledger_at(settings.index_location(index), make=False)
    try:
        with writing(target) as stream:
            panels = corpus.select_panels(Filters())
            rows = (json_text(row, stream.encoding) for row in _rows(corpus, panels, ledger, vectors))
            for line in credit_lines(panels, ledger) if attribution else rows:
                stream.write(line + "\n")
    finally:
        ledger.close()


def _rows(corpus: Index, panels: Iterator[StoredPanel], ledger: Ledger, vectors: bool) -> Iterator[dict[str, Any]]:
    from mirsearch.acquisition.attribution import provenance
    from mirsearch.search.answer import stored_json

    for stored in panels:
        row = stored_json(stored) | {"provenance": provenance(stored.figure, ledger)}
        if vectors:
            row["vector"] = [round(float(value), 7) for value in corpus.vector(stored.panel.id)]
        yield row


def _find(index: str | None, some_id: str) -> list[StoredPanel]:
    corpus = open_index(index)
    found = corpus.find_panels(some_id)
    if not found:
        raise NotFoundError(f"nothing in {corpus.location} has the id {some_id!r}", "`mirsearch export` lists all ids")
    return found
