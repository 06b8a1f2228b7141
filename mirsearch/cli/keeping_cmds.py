"""`mirsearch cache`, `mirsearch failures`: what services answered, and what could not be had of them."""

from __future__ import annotations

from typing import Annotated

import typer

from mirsearch import settings
from mirsearch.cli.acquire_cmd import ledger_at
from mirsearch.cli.common import IndexOption, TableFormat, print_json


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove every kept answer.")] = False,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """Show what answers of services are kept on disk, or remove them. Acquired figures are not touched."""
    from mirsearch.http.cache import Cache

    kept = Cache(settings.cache_dir() / "http", settings.http_cache_bytes())
    try:
        freed = kept.clear() if clear else None
        told = kept.stats() | ({} if freed is None else {"freed_bytes": freed})
    finally:
        kept.close()
    if output is TableFormat.JSON:
        print_json(told)
        return
    if freed is not None:
        typer.echo(f"removed {freed / 1e6:.1f} MB")
    typer.echo(f"{told['folder']}: {told['bytes'] / 1e6:.1f} of at most {told['most_bytes'] / 1e6:.0f} MB")
    for host, each in told["hosts"].items():
        typer.echo(f"  {host}: {each['answers']} answers, {each['bytes'] / 1e6:.1f} MB")


def failures(
    index: IndexOption = None,
    retry: Annotated[bool, typer.Option("--retry", help="Let the next run try all of them again.")] = False,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """List articles and figures of services that failed, with their cause; after three runs they are left alone."""
    import dataclasses

    from mirsearch.ledger import MOST_ATTEMPTS

    ledger = ledger_at(settings.index_location(index), make=False)
    try:
        if retry:
            typer.echo(f"{ledger.forgive()} will be tried again", err=output is TableFormat.JSON)
        found = ledger.failures()
    finally:
        ledger.close()
    if output is TableFormat.JSON:
        print_json([dataclasses.asdict(each) | {"given_up": each.attempts >= MOST_ATTEMPTS} for each in found])
        return
    for each in found:
        left = "given up until --retry" if each.attempts >= MOST_ATTEMPTS else "the next run tries it again"
        runs = f"{each.attempts} run{'s' * (each.attempts != 1)}"
        typer.echo(f"{each.item}: {each.cause}: {each.reason} (failed in {runs}; {left})")
    if not found:
        typer.echo("nothing failed")
