"""`mirsearch ingest`: add figures to an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirsearch import settings
from mirsearch.cli.ingest_services import (
    MAX_FAILURES_SHOWN,
    ServiceOptions,
    acquire,
    has_answer,
    is_service,
    keyword_query,
    preview,
    print_reports,
)
from mirsearch.cli.parts import ExtractorChoice, Parts, load_detector, load_extractor, load_ocr
from mirsearch.cli.shared_options import (
    DeviceOption,
    IndexOption,
    OcrOption,
    ScaleBarsOption,
    TableFormat,
    WeightsOption,
)
from mirsearch.cli.terminal import INTERRUPTED, console, print_interrupt, print_json, print_message
from mirsearch.errors import SourceError, UsageError

if TYPE_CHECKING:
    from mirsearch.indexes.base import Index
    from mirsearch.ingest.summary import IngestSummary
    from mirsearch.sources.base import FoundFigure, SourceFailure


def ingest(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Folders or files: images, JATS XML, PDF, exsclaim.json. With --source pmc: PMC ids.",
            show_default=False,
        ),
    ] = None,
    index: IndexOption = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", help="Source that reads the paths: folder, jats, pdf, …; or service: europepmc, pmc, arxiv."
        ),
    ] = None,
    keyword: Annotated[
        list[str] | None,
        typer.Option(
            "--keyword",
            "-k",
            help="Find figures of open-access articles with this keyword. May be repeated: all must match.",
        ),
    ] = None,
    where: Annotated[
        str, typer.Option("--in", help="Where to look for the keywords: title, abstract, captions or all.")
    ] = "all",
    since: Annotated[str | None, typer.Option("--since", help="Only articles since this day, month or year.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Only articles until this day, month or year.")] = None,
    journal: Annotated[str | None, typer.Option("--journal", help="Only articles of this journal.")] = None,
    license_: Annotated[
        str | None,
        typer.Option(
            "--license", help="Accepted licenses, separated by commas, or any (default: cc0, cc-by, cc-by-sa, PD)."
        ),
    ] = None,
    max_articles: Annotated[int | None, typer.Option("--max-articles", min=1, help="Most articles to take.")] = None,
    max_figures: Annotated[int | None, typer.Option("--max-figures", min=1, help="Most figures to take.")] = None,
    only: Annotated[
        str, typer.Option("--only", help="micrographs: figures whose caption mentions a micrograph.")
    ] = "micrographs",
    all_figures: Annotated[bool, typer.Option("--all-figures", help="Take all figures, with any caption.")] = False,
    retracted: Annotated[
        bool, typer.Option("--retracted", help="Also take retracted articles. They are marked.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be downloaded, and download no figure.")
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Repeat the earlier queries of this index, and take what is new.")
    ] = False,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column", metavar="OURS=THEIRS", help="Name of a column in captions.csv, for instance caption=legend."
        ),
    ] = None,
    extractor: Annotated[
        str, typer.Option("--extractor", help="Extractor that computes the vectors of panels.")
    ] = settings.DEFAULT_EXTRACTOR,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Number of figures that are analyzed at the same time.")
    ] = None,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json (one line).")] = TableFormat.TABLE,
) -> None:
    """Add figures to the index: cut them into panels, read scale bars and text, embed. Known figures are skipped."""
    quiet = output is TableFormat.JSON
    parts = (ExtractorChoice(extractor, weights, device), ocr, scalebars)
    if only != "micrographs":
        raise UsageError(f"--only {only!r} is not known", "give --only micrographs, or --all-figures")
    if keyword or update or is_service(source):
        options = ServiceOptions(
            tuple(keyword or ()), tuple(str(path) for path in paths or ()), where, since, until, journal, license_,
            max_articles, max_figures, all_figures, retracted,
        )  # fmt: skip
        _ingest_services(options, source, index, parts, workers, output, dry_run, update)
        return
    if not paths:
        raise UsageError("nothing to ingest", "give folders or files, or --keyword nano")
    if dry_run:
        raise UsageError("--dry-run is for --keyword and services", "leave it out")
    corpus, summary = ingest_paths(
        paths, index, source=source, column=column or [], parts=parts, workers=workers, quiet=quiet
    )
    corpus.close()
    if output is TableFormat.JSON:
        print_json(summary.as_json(), indent=None)
    else:
        print_summary(summary, corpus.location)
    _exit_with_code(summary)


def _ingest_services(options: ServiceOptions, source: str | None, index: str | None, parts: Parts,
                     workers: int | None, output: TableFormat, dry_run: bool, update: bool) -> None:  # fmt: skip
    """Ingest figures of a service, and print the result."""
    service = source or "europepmc"
    if not is_service(service):
        raise UsageError(f"--keyword does not work with --source {service}", "give --source europepmc, pmc or arxiv")
    if update and (options.keywords or options.ids):
        raise UsageError("--update repeats earlier queries", "give either --update or --keyword")
    queries = None if update else [(service, keyword_query(options, service))]
    if dry_run:
        preview(queries or [], index, output)
        return
    summary, reports, location = acquire(queries, index, parts, workers, output is TableFormat.JSON)
    if output is TableFormat.JSON:
        print_json(summary.as_json() | {"acquisitions": reports}, indent=None)
    else:
        print_failures(summary)
        if any(map(has_answer, reports)):
            print_counts(summary, location)
            print_reports(reports)
    _exit_with_code(summary)


DEFAULT_PARTS = (settings.DEFAULT_EXTRACTOR, settings.DEFAULT_OCR, settings.DEFAULT_SCALEBARS)


def ingest_paths(
    paths: list[Path],
    index: str | None,
    *,
    source: str | None = None,
    column: Sequence[str] = (),
    parts: Parts = DEFAULT_PARTS,
    workers: int | None = None,
    quiet: bool = False,
) -> tuple[Index, IngestSummary]:
    """Ingest paths with a progress bar. Return the index, which stays open, and the summary."""
    from mirsearch.indexes import open_index
    from mirsearch.indexes.base import ExtractorIdentity
    from mirsearch.ingest.ingest import Ingest

    location = settings.index_location(index)
    items = _find_figures(paths, source, column, settings.workspace(location))
    model = load_extractor(parts[0])
    identity = ExtractorIdentity(model.name, model.version, model.dims)
    corpus = open_index(location, create=identity)
    from mirsearch.analysis.analyzer import FigureAnalyzer

    analyzer = FigureAnalyzer(load_ocr(parts[1]), load_detector(parts[2]))
    with _progress_bar(len(items), quiet) as report:
        work = Ingest(corpus, analyzer, model, workers=workers, progress=report, on_interrupt=print_interrupt)
        summary = work.run(items)
    return corpus, summary


def _find_figures(
    paths: list[Path], source: str | None, column: Sequence[str], workspace: Path
) -> list[FoundFigure | SourceFailure]:
    from mirsearch.sources.base import FoundFigure
    from mirsearch.sources.discover import find_figures

    for path in paths:
        if not path.exists():
            raise UsageError(
                f"{path}: no such file or folder", "give a folder of images, a JATS XML, a PDF or an exsclaim.json"
            )
    items = list(
        find_figures(paths, source=source, columns=_parse_columns(column), options={"workspace": str(workspace)})
    )
    if not any(isinstance(item, FoundFigure) for item in items):
        reasons = [f"{item.location}: {item.reason}" for item in items if not isinstance(item, FoundFigure)]
        names = ", ".join(str(path) for path in paths)
        detail = f"; {'; '.join(reasons[:3])}" if reasons else ""
        raise SourceError(
            f"no figures in {names}{detail}",
            "images are png, jpg, tif, gif, bmp or webp files",
        )
    return items


def _parse_columns(pairs: Sequence[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise UsageError(f"--column {pair!r} is not OURS=THEIRS", "for instance --column caption=legend")
        mapping[ours.strip()] = theirs.strip()
    return mapping


@contextmanager
def _progress_bar(total: int, quiet: bool) -> Iterator[Callable[[IngestSummary, int], None] | None]:
    """Show a progress bar with rate and remaining time on stderr, if that is a terminal."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield None
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

        yield report


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
        f"{len(summary.failures)} failed",
        f"{len(summary.retracted)} articles were retracted, and are marked" if summary.retracted else "",
        f"{len(summary.notes)} notes (-v shows them)" if summary.notes else "",
    ]
    typer.echo(f"{location}: " + ", ".join(filter(None, counts)))
    stages = [f"{stage} {value:.1f} s" for stage, value in summary.seconds.items() if stage != "total"]
    typer.echo(f"{summary.seconds.get('total', 0.0):.1f} s in all; work by stage: {', '.join(stages)}")


def _exit_with_code(summary: IngestSummary) -> None:
    if summary.interrupted:
        print_message("interrupted: finished work is kept; run the same command again to continue")
        raise typer.Exit(INTERRUPTED)
    if summary.failures:
        raise typer.Exit(1)
