"""`mirsearch plugins`: list the installed plug-ins."""

from __future__ import annotations

from typing import Annotated

import typer

from mirsearch.cli.shared_options import TableFormat
from mirsearch.cli.terminal import console, print_json


def plugins(
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """List the installed sources, extractors, OCR engines, scale-bar detectors and indexes."""
    import dataclasses

    from mirsearch.plugins import list_plugins

    found = list_plugins(try_loading=True)
    if output is TableFormat.JSON:
        print_json([dataclasses.asdict(plugin) for plugin in found])
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("group", "name", "package", "state"):
        table.add_column(title)
    for plugin in found:
        table.add_row(plugin.group, plugin.name, plugin.package, escape(plugin.error or "ok"))
    console().print(table)
