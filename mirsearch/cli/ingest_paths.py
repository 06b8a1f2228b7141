"""The part of `mirsearch ingest` that takes folders and files, follows them, or tells what it would do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mirsearch import settings
from mirsearch.cli.ingest_events import ProgressEvents, write_phase
from mirsearch.cli.ingest_output import IngestProgress, ProgressFormat, ingest_progress, print_preview
from mirsearch.cli.parts import Parts, load_detector, load_extractor, load_ocr, open_index
from mirsearch.cli.shared_options import TableFormat
from mirsearch.cli.terminal import INTERRUPTED, console, print_interrupt, print_json, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.ingest.folders import PathIngest
    from mirsearch.ingest.remote.client import RemoteWorkers
    from mirsearch.ingest.summary import IngestSummary

DEFAULT_PARTS = (settings.DEFAULT_EXTRACTOR, settings.DEFAULT_OCR, settings.DEFAULT_SCALEBARS)


@dataclass(frozen=True, slots=True)
class RunChoice:
    """How an ingest runs: into which index, with which parts and how many workers, and how it tells its result."""

    index: str | None = None
    parts: Parts = DEFAULT_PARTS
    workers: int | RemoteWorkers | None = None
    output: TableFormat = TableFormat.TABLE
    progress: ProgressFormat = ProgressFormat.BAR

    @property
    def quiet(self) -> bool:
        """Return whether no bar is shown."""
        return self.output is TableFormat.JSON or self.progress is not ProgressFormat.BAR


def run_paths(asked: PathIngest, choice: RunChoice) -> tuple[IngestSummary, str]:
    """Ingest paths with a progress bar. Return the summary, and the location of the index."""
    import dataclasses
    from contextlib import closing

    from mirsearch import indexes
    from mirsearch.analysis.analyzer import FigureAnalyzer
    from mirsearch.ingest.events import RunEvents
    from mirsearch.ingest.extractor_version import open_for_ingest
    from mirsearch.ingest.ingest import Ingest

    location, quiet = settings.index_location(choice.index), choice.quiet
    existing = indexes.open_existing(location) if asked.sync else None
    try:
        with looking(quiet or not asked.sync) as progress:
            if choice.progress is ProgressFormat.JSON:
                write_phase("looking")
            request = dataclasses.replace(asked, progress=progress)
            prepared = request.prepare(existing, settings.workspace(location))
    finally:
        if existing is not None:
            existing.close()
    corpus, model = open_for_ingest(location, load_extractor(choice.parts[0]))
    with closing(corpus):
        analyzer = FigureAnalyzer(load_ocr(choice.parts[1]), load_detector(choice.parts[2]))
        with _path_progress(len(prepared.items), choice) as shown:
            work = Ingest(
                corpus, analyzer, model, workers=choice.workers, progress=shown.report, on_interrupt=print_interrupt,
                selection=asked.selection, events=RunEvents(shown.report_plane, shown.report_write),
            )  # fmt: skip
            return prepared.run(corpus, work), corpus.location


@contextmanager
def _path_progress(total: int, choice: RunChoice) -> Iterator[IngestProgress]:
    if choice.progress is not ProgressFormat.JSON:
        with ingest_progress(total, choice.quiet) as shown:
            yield shown
        return
    write_phase("waiting")  # until no other process writes
    yield ProgressEvents(total).progress()
    write_phase("finishing")


def show_preview(asked: PathIngest, index: str | None, output: TableFormat) -> None:
    """Print what an ingest of paths would do. The exit code is 1 if something would fail or be refused."""
    import dataclasses

    from mirsearch import indexes

    location = settings.index_location(index)
    existing = indexes.open_existing(location)
    try:
        with looking(output is TableFormat.JSON) as progress:
            request = dataclasses.replace(asked, progress=progress)
            preview = request.preview(existing, settings.workspace(location))
    finally:
        if existing is not None:
            existing.close()
    if output is TableFormat.JSON:
        print_json({"dry_run": preview.as_json()}, indent=None)
    else:
        print_preview(preview)
    if preview.failures or preview.refusal:
        raise typer.Exit(1)


def forget_paths(index: str | None, folders: Sequence[Path]) -> None:
    """Let `--update` leave folders out."""
    from mirsearch.ingest.folders import forget_folders

    if not folders:
        raise UsageError("--forget needs folders", "give those that --update shall leave out")
    corpus = open_index(index)
    forgotten = forget_folders(corpus, folders)
    corpus.close()
    for folder in forgotten:
        typer.echo(f"{folder} is left out by --update from now on; its figures stay")
    if not forgotten:
        print_message("--update knows none of these folders")


@contextmanager
def looking(quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show how many files were looked at, on stderr, if that is a terminal."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield lambda done: None
        return
    with screen.status("looking at files …") as status:
        yield lambda done: status.update(f"looking at files … {done:,}") if done % 20 == 0 else None


def exit_with_code(summary: IngestSummary) -> None:
    """End with the exit code of an ingest: 130 if it was interrupted, 1 if something failed that counts."""
    if summary.interrupted:
        print_message("interrupted: finished work is kept; run the same command again to continue")
        raise typer.Exit(INTERRUPTED)
    if summary.failures:
        raise typer.Exit(1)
