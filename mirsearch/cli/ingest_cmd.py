"""`mirsearch ingest`: add figures to an index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mirsearch import settings
from mirsearch.acquisition.options import ServiceOptions, is_service, keyword_query
from mirsearch.cli.ingest_output import ProgressFormat, print_summary
from mirsearch.cli.ingest_paths import RunChoice, exit_with_code, forget_paths, run_paths, show_preview
from mirsearch.cli.ingest_reports import print_acquired
from mirsearch.cli.ingest_services import acquire, preview
from mirsearch.cli.ingest_update import repeat
from mirsearch.cli.parts import ExtractorChoice, choose_workers
from mirsearch.cli.shared_options import (
    DeviceOption,
    IndexOption,
    OcrOption,
    PagesOption,
    ProjectionOption,
    ScaleBarsOption,
    SharedOption,
    TableFormat,
    WaitOption,
    WeightsOption,
    WorkersOption,
)
from mirsearch.cli.terminal import print_json
from mirsearch.errors import UsageError


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
        bool, typer.Option("--dry-run", help="Tell what would be taken in or out, or downloaded, and do nothing.")
    ] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Repeat this index's folders and keyword queries, and take what is new.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Let --update leave these folders out from now on. Their figures stay.")
    ] = False,
    sync: Annotated[
        bool,
        typer.Option("--sync", help="Follow the folders: what is gone or changed in them is taken out or replaced."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --sync: also where most of a folder's figures would go.")
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            metavar="PATTERN",
            help="Leave out files and folders, as .gitignore does: 'raw/', '*.bak.tif'. May be repeated.",
        ),
    ] = None,
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
    meaning: Annotated[
        bool,
        typer.Option(
            "--meaning", help="A new index also gets sentence vectors of captions and mentions (extra: meaning)."
        ),
    ] = False,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
    workers: WorkersOption = None,
    shared: SharedOption = None,
    pages: PagesOption = None,
    projection: ProjectionOption = "max",
    follow_links: Annotated[
        bool, typer.Option("--follow-links", help="Follow symbolic links that lead out of the given folders.")
    ] = False,
    progress: Annotated[
        ProgressFormat, typer.Option("--progress", help="bar on a terminal; json: lines on stderr; or none.")
    ] = ProgressFormat.BAR,
    wait: WaitOption = None,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json (one line).")] = TableFormat.TABLE,
) -> None:
    """Add figures to the index: cut them into panels, read scale bars and text, embed. Known figures are skipped."""
    parts = (ExtractorChoice(extractor, weights, device), ocr, scalebars)
    if only != "micrographs":
        raise UsageError(f"--only {only!r} is not known", "give --only micrographs, or --all-figures")
    if meaning and not dry_run and not forget:
        from mirsearch.cli.meaning import prepare_meaning

        prepare_meaning(settings.index_location(index), parts[0])
    choice = RunChoice(index, parts, choose_workers(workers, parts, shared or ()), output, progress)
    if update or forget:
        if keyword or (update and (paths or forget)):
            raise UsageError("--update repeats earlier queries and folders", "give either --update or --keyword")
        repeat(choice, dry_run) if update else forget_paths(index, paths or [])
        return
    if keyword or is_service(source):
        if sync or exclude:
            raise UsageError("--sync and --exclude are for folders", "leave them out")
        options = ServiceOptions(
            tuple(keyword or ()), tuple(str(path) for path in paths or ()), where, since, until, journal, license_,
            max_articles, max_figures, all_figures, retracted,
        )  # fmt: skip
        _ingest_services(options, source, choice, dry_run)
        return
    from mirsearch.ingest.folders import PathIngest
    from mirsearch.ingest.inputs import InputOptions
    from mirsearch.readers.selection import parse_selection

    selection = parse_selection(pages, projection)
    inputs = InputOptions(source, _parse_columns(column or []), follow_links, tuple(exclude or ()))
    asked = PathIngest(tuple(paths or ()), inputs, sync, force, selection)
    if dry_run:
        show_preview(asked, index, output)
        return
    summary, location = run_paths(asked, choice)
    if output is TableFormat.JSON:
        print_json(summary.as_json(), indent=None)
    else:
        print_summary(summary, location)
    exit_with_code(summary)


def _ingest_services(options: ServiceOptions, source: str | None, choice: RunChoice, dry_run: bool) -> None:
    """Ingest figures of a service, and print the result."""
    service = source or "europepmc"
    if not is_service(service):
        raise UsageError(f"--keyword does not work with --source {service}", "give --source europepmc, pmc or arxiv")
    queries = [(service, keyword_query(options, service))]
    if dry_run:
        preview(queries, choice.index, choice.output)
        return
    summary, reports, location = acquire(queries, choice)
    if choice.output is TableFormat.JSON:
        print_json(summary.as_json() | {"acquisitions": reports}, indent=None)
    else:
        print_acquired(summary, reports, location)
    exit_with_code(summary)


def _parse_columns(pairs: Sequence[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            raise UsageError(f"--column {pair!r} is not OURS=THEIRS", "for instance --column caption=legend")
        mapping[ours.strip()] = theirs.strip()
    return mapping
