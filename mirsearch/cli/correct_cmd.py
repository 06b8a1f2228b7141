"""`mirsearch correct`, `mirsearch reanalyze`: correct readings by hand, and analyze figures again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirsearch import settings
from mirsearch.cli.parts import load_detector, load_index_extractor, load_ocr, open_index
from mirsearch.cli.shared_options import (
    IndexOption,
    OcrOption,
    ScaleBarsOption,
    ShortWaitOption,
    TableFormat,
    WaitOption,
)
from mirsearch.cli.terminal import INTERRUPTED, console, print_interrupt, print_json, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.indexes.base import Index
    from mirsearch.ingest.reanalysis import ReanalysisSummary
    from mirsearch.query import StoredPanel

MAX_FAILURES_SHOWN = 20
"""Failures that are printed; the others are only counted."""

FormatOption = Annotated[TableFormat, typer.Option("--format", help="table or json.")]


def correct(
    some_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Panel: its id, or figure or file with one panel.")
    ] = None,
    scale: Annotated[
        str | None, typer.Option("--scale", help='Length that the scale bar stands for: "500 nm".')
    ] = None,
    bar_px: Annotated[
        float | None, typer.Option("--bar-px", help="Length of the bar in px, with --scale (default: as it was read).")
    ] = None,
    nm_per_px: Annotated[float | None, typer.Option("--nm-per-px", help="Size of a pixel in nm.")] = None,
    no_scale: Annotated[bool, typer.Option("--no-scale", help="The panel has no scale.")] = False,
    label: Annotated[str | None, typer.Option("--label", help='Letter of the panel; "" for none.')] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="micrograph, plot, …; or SEM, TEM, …")] = None,
    technique: Annotated[str | None, typer.Option("--technique", help="SEM, TEM, AFM, …")] = None,
    caption: Annotated[str | None, typer.Option("--caption", help="Part of the caption for this panel.")] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Remove all corrections of the panel, figure or article.")
    ] = False,
    listing: Annotated[
        bool, typer.Option("--list", help="List what needs a correction: doubtful scales, then bars without a length.")
    ] = False,
    table: Annotated[
        Path | None, typer.Option("--from", help="CSV file with a row for each panel: id, scale, label, kind, …")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --from: change nothing, only check the rows.")
    ] = False,
    index: IndexOption = None,
    wait: ShortWaitOption = None,
    output: FormatOption = TableFormat.TABLE,
) -> None:
    """Correct what was read from a panel. Corrections are stored separately and survive a new analysis."""
    from mirsearch.ingest.correction_values import parse_changes
    from mirsearch.search.option_values import parse_scale_options

    scale_options = parse_scale_options(scale, bar_px, nm_per_px, None, no_scale)
    changes = parse_changes(label, kind, technique, caption)
    changes_scale = not scale_options.read or scale_options.length_nm is not None or scale_options.nm_per_px is not None
    is_single = some_id is not None or reset or bool(changes) or changes_scale
    if listing or table is not None:
        if is_single or (listing and table is not None):
            which = "--list" if listing else "--from"
            raise UsageError(f"{which} can't be combined with an id or a correction", f"give {which} alone")
        _list_open_panels(index, output) if table is None else _correct_table(index, table, dry_run, output)
        return
    if dry_run:
        raise UsageError("--dry-run is for --from", "give a table of corrections")
    if some_id is None:
        raise UsageError("no panel is named", "give the id of a panel; --list shows what needs a correction")
    if reset and (changes or changes_scale):
        raise UsageError("--reset and a correction can't be combined", "give one of them")
    if not (reset or changes or changes_scale):
        raise UsageError("nothing to correct", "give --scale, --nm-per-px, --no-scale, --label, --kind, … or --reset")
    from mirsearch.ingest import correcting
    from mirsearch.search.naming import named_panels

    corpus = open_index(index)
    try:
        if reset:
            count = correcting.undo_corrections(corpus, [some_id])
            found = named_panels(corpus, some_id)
            if output is TableFormat.TABLE:
                typer.echo(f"removed the corrections of {count} panels")
        else:
            found = [correcting.correct_panel(corpus, some_id, changes, scale_options)]
        _print_found(corpus, found, output)
    finally:
        corpus.close()


def _list_open_panels(index: str | None, output: TableFormat) -> None:
    """Print the panels whose scale is doubtful or whose bar has no length, doubtful ones first."""
    from mirsearch.ingest.to_correct import panels_to_correct

    corpus = open_index(index)
    try:
        found = panels_to_correct(corpus)
    finally:
        corpus.close()
    if output is TableFormat.JSON:
        _print_json(found)
        return
    from mirsearch.report.correction_list import print_correction_list

    print_correction_list(found, console())


def _correct_table(index: str | None, table: Path, dry_run: bool, output: TableFormat) -> None:
    """Correct what the rows of a table ask for. Exit code 1 if rows could not be used; the others are done."""
    from mirsearch.ingest.bulk_correcting import correct_rows
    from mirsearch.ingest.correction_table import read_table

    corpus = open_index(index)
    try:
        summary = correct_rows(corpus, read_table(table), dry_run)
    finally:
        corpus.close()
    if output is TableFormat.JSON:
        bad = [{"line": row.line, "id": row.name, "reason": row.reason} for row in summary.bad]
        print_json({"corrected": summary.corrected, "reset": summary.reset, "failures": bad}, indent=None)
    else:
        _print_failures(
            [f"{table}, line {row.line}{f', {row.name}' if row.name else ''}: {row.reason}" for row in summary.bad]
        )
        would = "would be " if dry_run else ""
        parts = [f"{_count(len(summary.corrected), 'panel')} {would}corrected"] if summary.corrected else []
        parts += [f"{_count(len(summary.reset), 'panel')} {would}reset"] if summary.reset else []
        parts += [f"{_count(len(summary.bad), 'row')} can't be used"] if summary.bad else []
        typer.echo(", ".join(parts) or "nothing to correct: no row is filled in")
    if summary.bad:
        raise typer.Exit(1)


def _print_failures(lines: Sequence[str]) -> None:
    """Print the first failures on stderr, and the number of the others."""
    for line in lines[:MAX_FAILURES_SHOWN]:
        print_message(line)
    if len(lines) > MAX_FAILURES_SHOWN:
        print_message(f"… and {len(lines) - MAX_FAILURES_SHOWN} more (--format json lists all)")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _print_found(corpus: Index, found: Sequence[StoredPanel], output: TableFormat) -> None:
    if output is TableFormat.JSON:
        _print_json(found)
        return
    from mirsearch.cli.corpus_cmds import print_panels

    print_panels(corpus, found)


def _print_json(found: Sequence[StoredPanel]) -> None:
    from mirsearch.search.answer import stored_json

    print_json([stored_json(panel) for panel in found])


def reanalyze(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Ids of panels, figures or articles, DOIs, or names of files."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every figure of the index.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also figures that the present analysis has read.")] = False,
    embed: Annotated[
        bool, typer.Option("--embed", help="Embed every panel again, not only panels with a new box.")
    ] = False,
    index: IndexOption = None,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Number of figures that are analyzed at the same time.")
    ] = None,
    wait: WaitOption = None,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json (one line).")] = TableFormat.TABLE,
) -> None:
    """Analyze figures of the index again, from their local files. Downloads nothing. Corrections stay."""
    if bool(ids) == everything:
        raise UsageError("no figures are named", "give ids, or --all")
    from mirsearch.analysis.analyzer import FigureAnalyzer
    from mirsearch.ingest.reanalysis import Reanalysis
    from mirsearch.search.search import check_extractor

    corpus = open_index(index)
    try:
        figures = _figure_ids(corpus, ids or [])
        model = load_index_extractor(corpus)
        check_extractor(corpus, model)
        analyzer = FigureAnalyzer(load_ocr(ocr), load_detector(scalebars))
        with _progress_bar(len(figures), output is TableFormat.JSON) as report:
            work = Reanalysis(
                corpus, analyzer, model, force=force, embed=embed, workers=workers, progress=report,
                on_interrupt=print_interrupt,
            )  # fmt: skip
            summary = work.run(figures)
    finally:
        corpus.close()
    if output is TableFormat.JSON:
        print_json(summary.as_json(), indent=None)
    else:
        _print_summary(summary, corpus.location)
    if summary.interrupted:
        print_message("interrupted: finished work is kept; run the same command again to continue")
        raise typer.Exit(INTERRUPTED)
    if summary.failures:
        raise typer.Exit(1)


def _figure_ids(corpus: Index, ids: Sequence[str]) -> list[str]:
    """Return the ids of the figures that the ids name, each once; all figures of the index if none is given."""
    from mirsearch.query import Filters
    from mirsearch.search.naming import named_panels

    if not ids:
        return list(dict.fromkeys(panel.figure.id for panel in corpus.select_panels(Filters())))
    found = [panel for some_id in ids for panel in named_panels(corpus, some_id)]
    return list(dict.fromkeys(panel.figure.id for panel in found))


@contextmanager
def _progress_bar(total: int, quiet: bool) -> Iterator[Callable[[ReanalysisSummary, int], None] | None]:
    """Show a progress bar on stderr, if that is a terminal."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    counts_column = TextColumn("{task.fields[counts]}")
    with Progress(TextColumn("figures"), BarColumn(), MofNCompleteColumn(), counts_column, TimeRemainingColumn(),
                  console=screen) as bar:  # fmt: skip
        task = bar.add_task("reanalyze", total=total, counts="")

        def report(summary: ReanalysisSummary, done: int) -> None:
            counts = f"{summary.figures['reanalyzed']} analyzed again · {len(summary.failures)} failed"
            bar.update(task, completed=done, counts=counts)

        yield report


def _print_summary(summary: ReanalysisSummary, location: str) -> None:
    """Print failures on stderr and counts on stdout."""
    _print_failures([f"figure {figure}, {file}: {reason}" for figure, file, reason in summary.failures])
    count, without_panel = summary.figures, summary.corrections_without_panel
    parts = [
        f"{count['reanalyzed']} figures analyzed again ({summary.panels} panels, {summary.panels_with_scale} with "
        f"scale, {summary.panels_embedded} embedded)",
        f"{count['current']} current",
        f"{count['missing']} files missing" if count["missing"] else "",
        f"{count['changed']} files changed" if count["changed"] else "",
        f"{count['failed']} failed" if count["failed"] else "",
        f"{summary.corrections_kept} corrections kept" if summary.corrections_kept else "",
    ]
    typer.echo(f"{location}: " + ", ".join(filter(None, parts)) + f"; {summary.seconds:.1f} s")
    if without_panel:
        names = ", ".join(dict.fromkeys(without_panel))
        typer.echo(f"these figures have corrections that fit no panel now; they are kept for later: {names}")
