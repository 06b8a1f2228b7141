"""`mirsearch plugins`: what is installed."""

from __future__ import annotations

from typing import Annotated

import typer

from mirsearch.cli.common import TableFormat
from mirsearch.cli.terminal import console, print_json


def plugins(
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """List the installed sources, extractors, OCR engines, scale-bar detectors and indexes."""
    import dataclasses

    from mirsearch.plugins import list_plugins

    found = list_plugins(check=True)
    if output is TableFormat.JSON:
        print_json([dataclasses.asdict(each) for each in found])
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("group", "name", "package", "state"):
        table.add_column(title)
    for each in found:
        table.add_row(each.group, each.name, each.package, escape(each.error or "ok"))
    console().print(table)
