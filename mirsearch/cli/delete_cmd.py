"""`mirsearch delete`: take figures out of an index for good, list those that were, or take that back."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from mirsearch.cli.parts import open_index
from mirsearch.cli.shared_options import IndexOption, ShortWaitOption, TableFormat
from mirsearch.cli.terminal import print_json
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.indexes.base import Index
    from mirsearch.query import StoredPanel


def delete(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Ids, DOIs or files. All panels of the figures are removed."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List what was deleted: an ingest leaves it out.")] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take these figures (ids, files) off the list: the next ingest takes them.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="With --undo: all of the list.")] = False,
    wait: ShortWaitOption = None,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json, for --list.")] = TableFormat.TABLE,
    index: IndexOption = None,
) -> None:
    """Remove figures with all their panels from the index, and leave them out from then on. Image files stay."""
    names = list(ids or ())
    _check(names, listed, undo, everything)
    with closing(open_index(index)) as corpus:
        if listed:
            _print_list(corpus, output)
        elif undo:
            _undo(corpus, names, everything)
        else:
            _delete(corpus, names, yes)


def _check(names: list[str], listed: bool, undo: bool, everything: bool) -> None:
    if listed and (names or undo or everything):
        raise UsageError("--list takes nothing else", "give it alone")
    if undo and bool(names) == everything:
        raise UsageError("no figures are named", "give ids or files, or --all")
    if not (listed or undo) and (everything or not names):
        raise UsageError("no figures are named", "give ids, DOIs or files")


def _delete(corpus: Index, names: list[str], yes: bool) -> None:
    from mirsearch.ingest.deleted import delete_figures
    from mirsearch.search.naming import named_panels

    figures: dict[str, list[StoredPanel]] = {}
    for name in names:
        for stored in named_panels(corpus, name):
            if stored.figure.id not in figures:
                figures[stored.figure.id] = corpus.figure_panels(stored.figure.id)
    panels = sum(map(len, figures.values()))
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"{len(figures)} figures with {panels} panels would be deleted", "add --yes")
        typer.confirm(f"Delete {len(figures)} figures with {panels} panels?", abort=True)
    delete_figures(corpus, figures)
    typer.echo(f"deleted {len(figures)} figures with {panels} panels (--undo lets the next ingest take them again)")


def _print_list(corpus: Index, output: TableFormat) -> None:
    from mirsearch.ingest.deleted import deleted_figures

    found = deleted_figures(corpus)
    if output is TableFormat.JSON:
        print_json([figure.as_json() for figure in found])
        return
    for figure in found:
        where = figure.locations[-1] if figure.locations else "no file known"
        corrected = ", with corrections" if figure.has_corrections else ""
        typer.echo(f"{figure.id}  {figure.deleted_at}  {figure.panels} panels{corrected}  {where}")
    if not found:
        typer.echo("nothing was deleted")


def _undo(corpus: Index, names: list[str], everything: bool) -> None:
    from mirsearch.ingest.deleted import undo_deletions

    done = undo_deletions(corpus, names, everything)
    typer.echo(f"taken off the list: {len(done)}; the next ingest of their files takes them in")
