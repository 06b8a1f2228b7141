"""`mirsearch ingest`: figures into an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirsearch import settings
from mirsearch.cli.acquire_cmd import (
    FAILURES_SHOWN,
    Asked,
    acquire,
    is_service,
    preview,
    print_reports,
    query_of,
    was_asked,
)
from mirsearch.cli.common import (
    DeviceOption,
    ExtractorChoice,
    IndexOption,
    OcrOption,
    Parts,
    ScaleBarsOption,
    TableFormat,
    WeightsOption,
    load_detector,
    load_extractor,
    load_ocr,
)
from mirsearch.cli.terminal import INTERRUPTED, complain, console, print_json
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
            help="Folders or files: images, JATS XML, PDF, exsclaim.json; ids with --source pmc.",
            show_default=False,
        ),
    ] = None,
    index: IndexOption = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", help="Take the paths as this source's: folder, jats, pdf, …; or ask europepmc, pmc, arxiv."
        ),
    ] = None,
    keyword: Annotated[
        list[str] | None,
        typer.Option("--keyword", "-k", help="Figures of open-access articles on this; all of several."),
    ] = None,
    where: Annotated[str, typer.Option("--in", help="Where keywords are: title, abstract, captions or all.")] = "all",
    since: Annotated[str | None, typer.Option("--since", help="Articles from this day, month or year on.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Articles up to this day, month or year.")] = None,
    journal: Annotated[str | None, typer.Option("--journal", help="Articles of this journal.")] = None,
    license_: Annotated[
        str | None,
        typer.Option("--license", help="Licenses taken, with commas (default: cc0, cc-by, cc-by-sa, PD); any."),
    ] = None,
    max_articles: Annotated[int | None, typer.Option("--max-articles", min=1, help="At most so many articles.")] = None,
    max_figures: Annotated[int | None, typer.Option("--max-figures", min=1, help="At most so many figures.")] = None,
    only: Annotated[
        str, typer.Option("--only", help="micrographs: those whose caption speaks of one.")
    ] = "micrographs",
    all_figures: Annotated[
        bool, typer.Option("--all-figures", help="Every figure, whatever its caption says.")
    ] = False,
    retracted: Annotated[bool, typer.Option("--retracted", help="Retracted articles too; they are marked.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come; fetch no figure.")] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Repeat the queries asked before; take what is new.")
    ] = False,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="OURS=THEIRS", help="Name of a column in captions.csv, e.g. caption=legend."),
    ] = None,
    extractor: Annotated[
        str, typer.Option("--extractor", help="What turns panels into vectors.")
    ] = settings.DEFAULT_EXTRACTOR,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Figures worked on at once.")] = None,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json (one line).")] = TableFormat.TABLE,
) -> None:
    """Take figures into the index: cut into panels, read scale bars and text, embed. Run again, only what is new."""
    quiet = output is TableFormat.JSON
    parts = (ExtractorChoice(extractor, weights, device), ocr, scalebars)
    if only != "micrographs":
        raise UsageError(f"--only {only!r} is not known", "give --only micrographs, or --all-figures")
    if keyword or update or is_service(source):
        asked = Asked(tuple(keyword or ()), tuple(str(path) for path in paths or ()), where, since, until, journal,
                      license_, max_articles, max_figures, all_figures, retracted)  # fmt: skip
        _ingest_services(asked, source, index, parts, workers, output, dry_run, update)
        return
    if not paths:
        raise UsageError("nothing to take in", "give folders or files, or --keyword nano")
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
    _leave(summary)


def _ingest_services(asked: Asked, source: str | None, index: str | None, parts: Parts,
                     workers: int | None, output: TableFormat, dry_run: bool, update: bool) -> None:  # fmt: skip
    """Ask services for figures; print what came."""
    service = source or "europepmc"
    if not is_service(service):
        raise UsageError(f"--keyword can't be asked of --source {service}", "give --source europepmc, pmc or arxiv")
    if update and (asked.keywords or asked.ids):
        raise UsageError("--update repeats queries asked before", "give either --update or --keyword")
    queries = None if update else [(service, query_of(asked, service))]
    if dry_run:
        preview(queries or [], index, output)
        return
    summary, reports, location = acquire(queries, index, parts, workers, output is TableFormat.JSON)
    if output is TableFormat.JSON:
        print_json(summary.as_json() | {"acquisitions": reports}, indent=None)
    else:
        print_failures(summary)
        if any(map(was_asked, reports)):
            print_counts(summary, location)
            print_reports(reports)
    _leave(summary)


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
    """Ingest paths with a progress bar; `parts`: extractor, OCR engine, scale-bar detector. The index stays open."""
    from mirsearch.indexes import open_index
    from mirsearch.indexes.base import ExtractorIdentity
    from mirsearch.ingest.ingest import Ingest

    location = settings.index_location(index)
    items = _find(paths, source, column, settings.workspace(location))
    model = load_extractor(parts[0])
    identity = ExtractorIdentity(model.name, model.version, model.dims)
    corpus = open_index(location, create=identity)
    from mirsearch.analysis.analyzer import FigureAnalyzer

    analyzer = FigureAnalyzer(load_ocr(parts[1]), load_detector(parts[2]))
    with _progress(len(items), quiet) as report:
        summary = Ingest(corpus, analyzer, model, workers=workers, progress=report).run(items)
    return corpus, summary


def _find(
    paths: list[Path], source: str | None, column: Sequence[str], workspace: Path
) -> list[FoundFigure | SourceFailure]:
    from mirsearch.sources.base import FoundFigure
    from mirsearch.sources.discover import figures

    for path in paths:
        if not path.exists():
            raise UsageError(
                f"{path}: no such file or folder", "give a folder of images, a JATS XML, a PDF or an exsclaim.json"
            )
    items = list(figures(paths, source=source, columns=_columns(column), options={"workspace": str(workspace)}))
    if not any(isinstance(item, FoundFigure) for item in items):
        reasons = [f"{item.location}: {item.reason}" for item in items if not isinstance(item, FoundFigure)]
        named = ", ".join(str(path) for path in paths)
        detail = f"; {'; '.join(reasons[:3])}" if reasons else ""
        raise SourceError(
            f"no figures in {named}{detail}",
            "images are png, jpg, tif, gif, bmp or webp files",
        )
    return items


def _columns(pairs: Sequence[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise UsageError(f"--column {pair!r} is not OURS=THEIRS", "for instance --column caption=legend")
        mapping[ours.strip()] = theirs.strip()
    return mapping


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[IngestSummary, int], None] | None]:
    """A progress bar on stderr with rate and time left; nothing where that is not a terminal."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("figures"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen) as bar:
        task = bar.add_task("ingest", total=total, told="")

        def report(summary: IngestSummary, done: int) -> None:
            speed = bar.tasks[0].speed
            rate = f" · {speed:.1f}/s" if speed else ""
            told = f"{summary.panels_new} panels · {len(summary.failures)} failed{rate}"
            bar.update(task, completed=done, told=told)

        yield report


def print_summary(summary: IngestSummary, location: str) -> None:
    """Failures on stderr, counts and seconds on stdout."""
    print_failures(summary)
    print_counts(summary, location)


def print_failures(summary: IngestSummary) -> None:
    """The first failures, on stderr."""
    for file, reason in summary.failures[:FAILURES_SHOWN]:
        complain(reason if file in reason else f"{file}: {reason}")
    if len(summary.failures) > FAILURES_SHOWN:
        complain(f"… and {len(summary.failures) - FAILURES_SHOWN} more failures (--format json lists all)")


def print_counts(summary: IngestSummary, location: str) -> None:
    """Counts and seconds."""
    counts = [
        f"{summary.figures_new} figures new ({summary.panels_new} panels, {summary.panels_with_scale} with scale)",
        f"{summary.figures_updated} updated" if summary.figures_updated else "",
        f"{summary.figures_present} already there",
        f"{len(summary.failures)} failed",
        f"{len(summary.retracted)} articles found retracted, and marked" if summary.retracted else "",
        f"{len(summary.notes)} notes (-v shows them)" if summary.notes else "",
    ]
    typer.echo(f"{location}: " + ", ".join(filter(None, counts)))
    stages = [f"{stage} {value:.1f} s" for stage, value in summary.seconds.items() if stage != "total"]
    typer.echo(f"{summary.seconds.get('total', 0.0):.1f} s in all; work by stage: {', '.join(stages)}")


def _leave(summary: IngestSummary) -> None:
    if summary.interrupted:
        complain("interrupted: what was done is kept; run the same command again to go on")
        raise typer.Exit(INTERRUPTED)
    if summary.failures:
        raise typer.Exit(1)
