"""Writes a dataset for learning, and tells what is in it and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mirsearch.cli.ingest_services import open_ledger
from mirsearch.cli.terminal import console, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.indexes.base import Index
    from mirsearch.query import Filters
    from mirsearch.transfer.dataset import DatasetSummary


def write_dataset(
    corpus: Index, folder: Path, filters: Filters, others: Mapping[str, object], chosen: tuple[bool, bool, bool]
) -> None:
    """Write a dataset. `others` are options that don't go with it; `chosen`: thumbnails, any licence, shards."""
    from rich.progress import Progress

    from mirsearch.transfer.dataset import DatasetOptions, export_dataset

    given = [name for name, value in others.items() if value]
    if given:
        raise UsageError(f"--dataset and {given[0]} can't be combined", "give one of them")
    thumbnails, any_license, shards = chosen
    options = DatasetOptions(thumbnails, any_license, shards)
    with (
        closing(open_ledger(corpus.location, create=False)) as ledger,
        Progress(console=console(stderr=True), transient=True) as bar,
    ):
        task = bar.add_task("panels", total=None)
        summary = export_dataset(
            corpus, folder, filters, ledger, options, lambda count: bar.update(task, completed=count)
        )
    _print_summary(summary, folder)


def _print_summary(summary: DatasetSummary, folder: Path) -> None:
    small = f", {summary.thumbnails:,} of them thumbnails" if summary.thumbnails else ""
    typer.echo(f"{folder}: {summary.panels:,} panels in {summary.pictures:,} pictures{small}")
    for license_, count in summary.licenses.most_common():
        typer.echo(f"  {license_}: {count:,} panels")
    for reason, count in summary.left_out.most_common():
        print_message(f"{count:,} panels were left out: {reason}")
