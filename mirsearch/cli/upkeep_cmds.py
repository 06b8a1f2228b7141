"""`mirsearch cache`, `mirsearch failures`: the kept answers of services, and the list of failures."""

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


def failures(
    index: IndexOption = None,
    retry: Annotated[bool, typer.Option("--retry", help="Let the next run try all of them again.")] = False,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """List what failed, and why: articles and figures of services (they are tried in three runs), and files."""
    import dataclasses

    from mirsearch.acquisition.ledger import MAX_ATTEMPTS

    location = settings.index_location(index)
    ledger = open_ledger(location, create=False)
    try:
        if retry:
            typer.echo(f"{ledger.reset_attempts()} will be tried again", err=output is TableFormat.JSON)
        found = ledger.failures()
    finally:
        ledger.close()
    listed = [dataclasses.asdict(failure) | {"given_up": failure.attempts >= MAX_ATTEMPTS} for failure in found]
    listed += _failures_of_index(location, {failure.item for failure in found})
    if output is TableFormat.JSON:
        print_json(listed)
        return
    for failure in listed:
        runs = failure["attempts"]
        outlook = "given up until --retry" if failure["given_up"] else "the next run tries it again"
        attempts = f" (failed in {runs} run{'s' * (runs != 1)}; {outlook})" if runs else ""
        typer.echo(f"{failure['item']}: {failure['cause']}: {failure['reason']}{attempts}")
    if not listed:
        typer.echo("nothing failed")


def _failures_of_index(location: str, service_items: Collection[str]) -> list[dict[str, Any]]:
    """Return the failures that the index keeps, without those that the list of the services has."""
    from mirsearch.acquisition.steps import file_ending
    from mirsearch.indexes import open_index

    try:
        with closing(open_index(location)) as index:
            found = index.failures()
    except IndexAccessError as error:
        print_message(f"{error.message}; only the failures of services are listed")
        return []
    workspace, items = settings.workspace(location), {PurePath(item).name for item in service_items}
    names = items | {file_ending(item) for item in items}

    def is_listed(location: str) -> bool:
        is_acquired = "://" in location or workspace in Path(location).parents
        name = PurePath(location).name
        return location in service_items or (is_acquired and not names.isdisjoint((name, name.split("-", 2)[-1])))

    return [
        {"item": failure.input, "cause": failure.stage, "reason": failure.reason, "attempts": None,
         "when": datetime.fromisoformat(failure.noted_at).timestamp() if failure.noted_at else None, "given_up": False}
        for failure in found
        if not is_listed(failure.input)
    ]  # fmt: skip
