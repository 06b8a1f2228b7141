"""`mirsearch cache`, `mirsearch failures`: what services answered, and what could not be had or taken in."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from datetime import datetime
from pathlib import Path, PurePath
from typing import Annotated, Any

import typer

from mirsearch import settings
from mirsearch.cli.ingest_services import open_ledger
from mirsearch.cli.shared_options import IndexOption, TableFormat
from mirsearch.cli.terminal import print_json, print_message
from mirsearch.errors import IndexAccessError


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove every kept answer.")] = False,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """Show what answers of services are kept on disk, or remove them. Acquired figures are not touched."""
    from mirsearch.acquisition.http.cache import HttpCache

    kept = HttpCache(settings.cache_dir() / "http", settings.http_cache_bytes())
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
    """List what failed, with its cause: articles and figures of services (left alone after three runs), and files."""
    import dataclasses

    from mirsearch.acquisition.ledger import MAX_ATTEMPTS

    location = settings.index_location(index)
    ledger = open_ledger(location, make=False)
    try:
        if retry:
            typer.echo(f"{ledger.reset_attempts()} will be tried again", err=output is TableFormat.JSON)
        found = ledger.failures()
    finally:
        ledger.close()
    listed = [dataclasses.asdict(each) | {"given_up": each.attempts >= MAX_ATTEMPTS} for each in found]
    listed += _failures_of_index(location, {each.item for each in found})
    if output is TableFormat.JSON:
        print_json(listed)
        return
    for each in listed:
        runs = each["attempts"]
        left = "given up until --retry" if each["given_up"] else "the next run tries it again"
        often = f" (failed in {runs} run{'s' * (runs != 1)}; {left})" if runs else ""
        typer.echo(f"{each['item']}: {each['cause']}: {each['reason']}{often}")
    if not listed:
        typer.echo("nothing failed")


def _failures_of_index(location: str, told: Collection[str]) -> list[dict[str, Any]]:
    """What the index notes of inputs that ingests could not take, but for what services' own list tells."""
    from mirsearch.indexes import open_index

    try:
        with closing(open_index(location)) as index:
            noted = index.failures()
    except IndexAccessError as error:
        print_message(f"{error.message}; listed is what services failed with")
        return []
    workspace, names = settings.workspace(location), {PurePath(each).name for each in told}

    def of_services(where: str) -> bool:
        acquired = "://" in where or workspace in Path(where).parents
        return where in told or (acquired and PurePath(where).name in names)

    return [
        {"item": each.input, "cause": each.stage, "reason": each.reason, "attempts": None,
         "when": datetime.fromisoformat(each.noted_at).timestamp() if each.noted_at else None, "given_up": False}
        for each in noted
        if not of_services(each.input)
    ]  # fmt: skip
