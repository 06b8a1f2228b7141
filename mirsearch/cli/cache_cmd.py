"""`mirsearch cache`: the kept answers of services."""

from __future__ import annotations

from typing import Annotated

import typer

from mirsearch.cli.shared_options import TableFormat
from mirsearch.cli.terminal import print_json


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all kept answers.")] = False,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """Show which answers of services are kept on disk, or remove them. Downloaded figures stay."""
    from mirsearch.acquisition.http.cache import open_cache

    http_cache = open_cache()
    try:
        freed = http_cache.clear() if clear else None
        stats = http_cache.stats() | ({} if freed is None else {"freed_bytes": freed})
    finally:
        http_cache.close()
    if output is TableFormat.JSON:
        print_json(stats)
        return
    if freed is not None:
        typer.echo(f"removed {freed / 1e6:.1f} MB")
    typer.echo(f"{stats['folder']}: {stats['bytes'] / 1e6:.1f} of at most {stats['most_bytes'] / 1e6:.0f} MB")
    for host, kept in stats["hosts"].items():
        typer.echo(f"  {host}: {kept['answers']} answers, {kept['bytes'] / 1e6:.1f} MB")
