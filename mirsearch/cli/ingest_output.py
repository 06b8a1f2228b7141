"""What `mirsearch ingest` shows: a progress bar, failures, files that were left out, and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from mirsearch.cli.terminal import console, print_message, verbosity

if TYPE_CHECKING:
    from mirsearch.indexes.base import FigureRecord
    from mirsearch.ingest.preview import IngestPreview
    from mirsearch.ingest.summary import IngestSummary


MAX_FAILURES_SHOWN = 20
"""Failures that are printed; the others are only counted."""


class ProgressFormat(StrEnum):
    """How progress is shown: a bar on a terminal, lines of JSON, or nothing."""

    BAR = "bar"
    JSON = "json"
    NONE = "none"


def _show_nothing(name: str, done: int, total: int) -> None:
    """Show no progress of planes."""


def _note_nothing(records: Sequence[FigureRecord]) -> None:
    """Tell nothing of what was written."""


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """What an ingest calls: `report` after each file (None: nothing), `report_plane` before each plane of a stack.

    `report_write` is told what was written of a file.
    """

    report: Callable[[IngestSummary, int], None] | None = None
    report_plane: Callable[[str, int, int], None] = _show_nothing
    report_write: Callable[[Sequence[FigureRecord]], None] = _note_nothing


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
            if total > 1:  # a plain picture is done soon
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
        f"{len(summary.removed)} taken out" if summary.removed else "",
        f"{summary.origins_removed} moved" if summary.origins_removed else "",
        f"{len(summary.failures)} {'file' if len(summary.failures) == 1 else 'files'} failed",
        f"{len(summary.dismissed)} failed as before (dismissed)" if summary.dismissed else "",
        f"{summary.figures_deleted} left out that you deleted" if summary.figures_deleted else "",
        f"{len(summary.retracted)} articles were retracted, and are marked" if summary.retracted else "",
        f"{len(summary.notes)} notes{'' if verbosity() else ' (-v shows them)'}" if summary.notes else "",
    ]
    for file, note in summary.notes if verbosity() else ():
        print_message(f"note: {note}" if file in note else f"note: {file}: {note}")
    typer.echo(f"{location}: " + ", ".join(filter(None, counts)))
    _print_places("taken out", summary.removed)
    for (kind, remedy), (count, first) in summary.skipped.items():
        named = f"{first}" if count == 1 else f"{first} and {count - 1} more"
        print_message(f"left out: {count} {kind.removesuffix('s') if count == 1 else kind}: {remedy} ({named})")
    stages = [f"{stage} {value:.1f} s" for stage, value in summary.seconds.items() if stage != "total"]
    typer.echo(f"{summary.seconds.get('total', 0.0):.1f} s in all; work by stage: {', '.join(stages)}")


def print_preview(preview: IngestPreview) -> None:
    """Print what an ingest of paths would do: a line for each file that would come or go, then the counts."""
    for title, places in (("would take in", preview.new), ("would replace", preview.replacing),
                          ("would update", preview.updated), ("moved to", preview.moved)):  # fmt: skip
        _print_places(title, [(place, "") for place in places])
    _print_places("would take out", preview.going)
    _print_places("old place", preview.leaving)
    for file, reason in preview.failures[:MAX_FAILURES_SHOWN]:
        print_message(reason if file in reason else f"{file}: {reason}")
    for kind, remedy, count in preview.skipped:
        print_message(f"left out: {count} {kind.removesuffix('s') if count == 1 else kind}: {remedy}")
    counts = [
        f"{len(preview.new)} new", f"{len(preview.replacing)} in place of others" if preview.replacing else "",
        f"{len(preview.updated)} to update" if preview.updated else "",
        f"{len(preview.moved)} moved" if preview.moved else "", f"{len(preview.present)} already there",
        f"{len(preview.going)} would be taken out" if preview.going else "",
        f"{preview.unread} stay whose files were not read" if preview.unread else "",
        f"{len(preview.deleted)} left out that you deleted" if preview.deleted else "",
        f"{len(preview.failures)} would fail" if preview.failures else "",
        f"{len(preview.dismissed)} would fail as before (dismissed)" if preview.dismissed else "",
    ]  # fmt: skip
    typer.echo(", ".join(filter(None, counts)) + "; nothing was done")
    if preview.refusal:
        print_message(f"{preview.refusal}: it would be refused (--force does it)")


def _print_places(title: str, places: Sequence[tuple[str, str]]) -> None:
    shown = places if verbosity() else places[:MAX_FAILURES_SHOWN]
    for place, reason in shown:
        typer.echo(f"  {title}: {place}{f' ({reason})' if reason else ''}")
    if len(places) > len(shown):
        typer.echo(f"  {title}: {len(places) - len(shown)} more (-v lists all)")
