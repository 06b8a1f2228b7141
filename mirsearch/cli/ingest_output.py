"""What `mirsearch ingest` shows: a progress bar, failures, files that were left out, and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from mirsearch.cli.ingest_services import MAX_FAILURES_SHOWN
from mirsearch.cli.terminal import console, print_message, verbosity

if TYPE_CHECKING:
    from mirsearch.ingest.summary import IngestSummary


def _show_nothing(name: str, done: int, total: int) -> None:
    """Show no progress of planes."""


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """What an ingest calls: `report` after each file (None: nothing), `report_plane` before each plane of a stack."""

    report: Callable[[IngestSummary, int], None] | None = None
    report_plane: Callable[[str, int, int], None] = _show_nothing


@contextmanager
def ingest_progress(total: int, quiet: bool) -> Iterator[IngestProgress]:
    """Show a progress bar with rate, remaining time and the planes of a stack on stderr, if that is a terminal."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield IngestProgress()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("figures"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen) as bar:
        task = bar.add_task("ingest", total=total, counts="")

        def report(summary: IngestSummary, done: int) -> None:
            speed = bar.tasks[0].speed
            rate = f" · {speed:.1f}/s" if speed else ""
            counts = f"{summary.panels_new} panels · {len(summary.failures)} failed{rate}"
            bar.update(task, completed=done, counts=counts)

        def report_plane(name: str, done: int, total: int) -> None:
            bar.update(task, counts=f"{name[:40]}: plane {min(done + 1, total)} of {total}")

        yield IngestProgress(report, report_plane)


def print_summary(summary: IngestSummary, location: str) -> None:
    """Print failures on stderr, counts and seconds on stdout."""
    print_failures(summary)
    print_counts(summary, location)


def print_failures(summary: IngestSummary) -> None:
    """Print the first failures on stderr."""
    for file, reason in summary.failures[:MAX_FAILURES_SHOWN]:
        print_message(reason if file in reason else f"{file}: {reason}")
    if len(summary.failures) > MAX_FAILURES_SHOWN:
        print_message(f"… and {len(summary.failures) - MAX_FAILURES_SHOWN} more failures (--format json lists all)")


def print_counts(summary: IngestSummary, location: str) -> None:
    """Print counts and seconds."""
    counts = [
        f"{summary.figures_new} figures new ({summary.panels_new} panels, {summary.panels_with_scale} with scale)",
        f"{summary.figures_updated} updated" if summary.figures_updated else "",
        f"{summary.figures_present} already there",
        f"{len(summary.failures)} {'file' if len(summary.failures) == 1 else 'files'} failed",
        f"{len(summary.retracted)} articles were retracted, and are marked" if summary.retracted else "",
        f"{len(summary.notes)} notes{'' if verbosity() else ' (-v shows them)'}" if summary.notes else "",
    ]
    for file, note in summary.notes if verbosity() else ():
        print_message(f"note: {note}" if file in note else f"note: {file}: {note}")
    typer.echo(f"{location}: " + ", ".join(filter(None, counts)))
    for (kind, remedy), (count, first) in summary.skipped.items():
        named = f"{first}" if count == 1 else f"{first} and {count - 1} more"
        print_message(f"left out: {count} {kind.removesuffix('s') if count == 1 else kind}: {remedy} ({named})")
    stages = [f"{stage} {value:.1f} s" for stage, value in summary.seconds.items() if stage != "total"]
    typer.echo(f"{summary.seconds.get('total', 0.0):.1f} s in all; work by stage: {', '.join(stages)}")
