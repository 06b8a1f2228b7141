"""`mirsearch ingest`: add figures to an index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirsearch import settings
from mirsearch.cli.ingest_output import ingest_progress, print_counts, print_failures, print_summary
from mirsearch.cli.ingest_services import (
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
    PagesOption,
    ProjectionOption,
    ScaleBarsOption,
    TableFormat,
    WeightsOption,
)
from mirsearch.cli.terminal import INTERRUPTED, print_interrupt, print_json, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.indexes.base import Index
    from mirsearch.ingest.summary import IngestSummary
    from mirsearch.readers.selection import Selection


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
    pages: PagesOption = None,
    projection: ProjectionOption = "max",
    follow_links: Annotated[
        bool, typer.Option("--follow-links", help="Follow symbolic links that lead out of the given folders.")
    ] = False,
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
    from mirsearch.readers.selection import parse_selection

    corpus, summary = ingest_paths(
        paths, index, source=source, column=column or [], parts=parts, workers=workers, quiet=quiet,
        selection=parse_selection(pages, projection), follow_links=follow_links,
    )  # fmt: skip
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
    selection: Selection | None = None,
    follow_links: bool = False,
) -> tuple[Index, IngestSummary]:
    """Ingest paths with a progress bar. Return the index, which stays open, and the summary."""
    from mirsearch.indexes import open_index
    from mirsearch.indexes.base import ExtractorIdentity
    from mirsearch.ingest.ingest import Ingest
    from mirsearch.ingest.inputs import find_inputs

    location = settings.index_location(index)
    items = find_inputs(paths, source, _parse_columns(column), settings.workspace(location), follow_links)
    model = load_extractor(parts[0])
    identity = ExtractorIdentity(model.name, model.version, model.dims)
    corpus = open_index(location, create=identity)
    from mirsearch.analysis.analyzer import FigureAnalyzer

    analyzer = FigureAnalyzer(load_ocr(parts[1]), load_detector(parts[2]))
    with ingest_progress(len(items), quiet) as shown:
        work = Ingest(
            corpus, analyzer, model, workers=workers, progress=shown.report, on_interrupt=print_interrupt,
            selection=selection, on_plane=shown.report_plane,
        )  # fmt: skip
        summary = work.run(items)
    return corpus, summary


def _parse_columns(pairs: Sequence[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise UsageError(f"--column {pair!r} is not OURS=THEIRS", "for instance --column caption=legend")
        mapping[ours.strip()] = theirs.strip()
    return mapping


def _exit_with_code(summary: IngestSummary) -> None:
    if summary.interrupted:
        print_message("interrupted: finished work is kept; run the same command again to continue")
        raise typer.Exit(INTERRUPTED)
    if summary.failures:
        raise typer.Exit(1)
