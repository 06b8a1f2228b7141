"""`mirsearch failures`: what failed, and why; dismiss what is known, and try again what services gave up."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from datetime import datetime
from pathlib import Path, PurePath
from typing import Annotated, Any

import typer

from mirsearch import settings
from mirsearch.cli.ingest_services import open_ledger
from mirsearch.cli.parts import open_index
from mirsearch.cli.shared_options import IndexOption, ShortWaitOption, TableFormat
from mirsearch.cli.terminal import print_json, print_message
from mirsearch.errors import IndexAccessError, UsageError


def failures(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="With --dismiss or --undo: files as they are listed.")
    ] = None,
    index: IndexOption = None,
    retry: Annotated[bool, typer.Option("--retry", help="Let the next run try all of services again.")] = False,
    dismiss: Annotated[
        bool, typer.Option("--dismiss", help="Let these failures count no more, until their file has other content.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Let dismissed failures count again.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="With --dismiss or --undo: all of the index.")] = False,
    dismissed: Annotated[bool, typer.Option("--dismissed", help="List those that were dismissed, too.")] = False,
    wait: ShortWaitOption = None,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """List what failed, and why: articles and figures of services (they are tried in three runs), and files."""
    if dismiss or undo:
        _change(list(names or ()), index, undo, everything, dismiss and undo)
        return
    if names or everything:
        raise UsageError("files are named for --dismiss or --undo", "add one of them, or leave the files out")
    location = settings.index_location(index)
    listed = _failures_of_services(location, retry, output)
    listed += _failures_of_index(location, {failure["item"] for failure in listed})
    hidden = 0 if dismissed else sum(failure["dismissed"] for failure in listed)
    listed = [failure for failure in listed if dismissed or not failure["dismissed"]]
    if output is TableFormat.JSON:
        print_json(listed)
        return
    for failure in listed:
        typer.echo(_failure_line(failure))
    if not listed:
        typer.echo("nothing failed")
    if hidden:
        print_message(f"{hidden} dismissed (--dismissed lists them)")


def _failure_line(failure: dict[str, Any]) -> str:
    runs = failure["attempts"]
    outlook = "given up until --retry" if failure["given_up"] else "the next run tries it again"
    attempts = f" (failed in {runs} run{'s' * (runs != 1)}; {outlook})" if runs else ""
    known = " (dismissed)" if failure["dismissed"] else ""
    return f"{failure['item']}: {failure['cause']}: {failure['reason']}{attempts}{known}"


def _change(names: list[str], index: str | None, undo: bool, everything: bool, both: bool) -> None:
    """Dismiss failures, or take that back."""
    from mirsearch.ingest.dismissed import dismiss_failures, restore_failures

    if both:
        raise UsageError("--dismiss and --undo can't be combined", "give one of them")
    if bool(names) == everything:
        raise UsageError("no failures are named", "give files as they are listed, or --all")
    with closing(open_index(index)) as corpus:
        done = (restore_failures if undo else dismiss_failures)(corpus, names, everything)
    typer.echo(f"{'counted again' if undo else 'dismissed'}: {len(done)}")


def _failures_of_services(location: str, retry: bool, output: TableFormat) -> list[dict[str, Any]]:
    import dataclasses

    from mirsearch.acquisition.ledger import MAX_ATTEMPTS

    with closing(open_ledger(location, create=False)) as ledger:
        if retry:
            typer.echo(f"{ledger.reset_attempts()} will be tried again", err=output is TableFormat.JSON)
        found = ledger.failures()
    given_up = (failure.attempts >= MAX_ATTEMPTS for failure in found)
    return [
        dataclasses.asdict(failure) | {"given_up": is_over, "dismissed": False}
        for failure, is_over in zip(found, given_up, strict=True)
    ]


def _failures_of_index(location: str, service_items: Collection[str]) -> list[dict[str, Any]]:
    """Return the failures that the index keeps, without those that the list of the services has."""
    from mirsearch import indexes
    from mirsearch.acquisition.steps import file_ending
    from mirsearch.ingest.dismissed import dismissed_inputs

    try:
        with closing(indexes.open_index(location)) as index:
            found, dismissed = index.failures(), dismissed_inputs(index)
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
         "when": datetime.fromisoformat(failure.noted_at).timestamp() if failure.noted_at else None, "given_up": False,
         "dismissed": failure.input in dismissed}
        for failure in found
        if not is_listed(failure.input)
    ]  # fmt: skip
