"""The part of `mirsearch ingest` that searches services by keyword or id, and repeats earlier queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import typer

from mirsearch import settings
from mirsearch.cli.ingest_events import ProgressEvents, write_phase
from mirsearch.cli.ingest_output import MAX_FAILURES_SHOWN, IngestProgress, ProgressFormat
from mirsearch.cli.ingest_paths import RunChoice
from mirsearch.cli.ingest_reports import has_answer, print_skipped
from mirsearch.cli.parts import load_detector, load_extractor, load_ocr
from mirsearch.cli.shared_options import TableFormat
from mirsearch.cli.terminal import console, print_interrupt, print_json, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.acquisition.acquire import Acquisition
    from mirsearch.acquisition.http.client import HttpClient
    from mirsearch.acquisition.ledger import Ledger
    from mirsearch.acquisition.services.base import KeywordQuery
    from mirsearch.indexes.base import Index
    from mirsearch.ingest.summary import IngestSummary

_ITEMS_AHEAD = 32
"""Most figures that are downloaded before they are analyzed."""


def acquire(
    new_queries: list[tuple[str, KeywordQuery]] | None, choice: RunChoice
) -> tuple[IngestSummary, list[dict[str, Any]], str]:
    """Search services, download, analyze, embed and index. `new_queries` None repeats all earlier queries.

    Return the summary, a report of each query as JSON, and the location of the index.
    """
    from mirsearch.ingest.extractor_version import open_for_ingest

    location = settings.index_location(choice.index)
    if choice.progress is ProgressFormat.JSON:
        write_phase("searching")
    model = load_extractor(choice.parts[0])
    with ExitStack() as stack:
        corpus, model = open_for_ingest(location, model)
        stack.callback(corpus.close)
        ledger = open_ledger(location)
        stack.callback(ledger.close)
        queries = ledger.queries() if new_queries is None else new_queries
        if not queries:
            raise UsageError("there is no earlier query to repeat", "start with one: mirsearch ingest --keyword nano")
        client = _create_client(queries)
        stack.callback(client.close)
        acquisitions = _create_acquisitions(queries, client, ledger, location, corpus)
        summary = _ingest_acquisitions(acquisitions, client, corpus, model, choice)
        reports = _finish_acquisitions(queries, acquisitions, summary, client)
        return summary, reports, corpus.location


def _create_acquisitions(
    queries: list[tuple[str, KeywordQuery]], client: HttpClient, ledger: Ledger, location: str, corpus: Index | None
) -> list[Acquisition]:
    from mirsearch import plugins
    from mirsearch.acquisition.acquire import Acquisition
    from mirsearch.indexes.base import SharedIndex

    has_origin = corpus.has_origin if isinstance(corpus, SharedIndex) else None
    folder, known = settings.workspace(location), corpus.known_figures if corpus is not None else None
    acquisitions = []
    for name, query in queries:
        service = plugins.load("services", name)(client)
        acquisitions.append(Acquisition(service, query, ledger, folder, known, has_origin))
    return acquisitions


def _create_client(queries: list[tuple[str, KeywordQuery]]) -> HttpClient:
    from mirsearch import plugins
    from mirsearch.acquisition.http.cache import open_cache
    from mirsearch.acquisition.http.client import HttpClient

    hosts = dict.fromkeys(host for name, _ in queries for host in plugins.load("services", name).hosts)
    return HttpClient(hosts, open_cache())


def open_ledger(location: str, create: bool = True) -> Ledger:
    """Open the ledger in the workspace of an index. Without one, create it, or return an empty one in memory."""
    from mirsearch.acquisition.ledger import Ledger

    path = settings.workspace(location) / "ledger.sqlite"
    return Ledger(path if create or path.exists() else None)


def _ingest_acquisitions(
    acquisitions: list[Acquisition], client: HttpClient, corpus: Index, model: Any, choice: RunChoice
) -> IngestSummary:
    """Download in the background while figures are analyzed. If one of the two stops, the other stops too."""
    from mirsearch.analysis.analyzer import FigureAnalyzer
    from mirsearch.ingest.events import RunEvents
    from mirsearch.ingest.ingest import Ingest
    from mirsearch.ingest.pipeline import BackgroundIterator

    analyzer = FigureAnalyzer(load_ocr(choice.parts[1]), load_detector(choice.parts[2]))
    items = BackgroundIterator((item for acquisition in acquisitions for item in acquisition.items()), _ITEMS_AHEAD)
    try:
        with _progress(acquisitions, choice) as shown:
            work = Ingest(
                corpus, analyzer, model, workers=choice.workers, progress=shown.report, on_interrupt=print_interrupt,
                events=RunEvents(shown.report_plane, shown.report_write),
            )  # fmt: skip
            return work.run(items)
    finally:
        client.stop()
        items.stop()


def _finish_acquisitions(
    queries: list[tuple[str, KeywordQuery]], acquisitions: list[Acquisition], summary: IngestSummary, client: HttpClient
) -> list[dict[str, Any]]:
    """Record finished queries and failures in the ledger, and count present figures. Return reports as JSON."""
    for acquisition in acquisitions:
        if not summary.interrupted:
            acquisition.mark_complete()
        for file, reason in (*summary.failures, *summary.dismissed):
            acquisition.record_failure(file, reason)
        summary.figures_present += acquisition.report.figures_present
    reports = []
    for (service, query), acquisition in zip(queries, acquisitions, strict=True):
        report = acquisition.report.as_json() | {"halted": acquisition.halt_reason}
        reports.append({"service": service, "query": query.as_json(), **report})
    if reports:
        reports[-1]["requests"] = dict(client.requests)
    return reports


@contextmanager
def _progress(acquisitions: list[Acquisition], choice: RunChoice) -> Iterator[IngestProgress]:
    """Show progress as a bar or as lines of JSON."""
    if choice.progress is not ProgressFormat.JSON:
        with _progress_bar(acquisitions, choice.quiet) as report:
            yield IngestProgress(report)
        return

    def counts() -> dict[str, int]:
        reports = [acquisition.report for acquisition in acquisitions]
        return {
            "articles": sum(report.hits_seen for report in reports),
            "hits": sum(report.total_hits for report in reports),
            "expected": sum(report.expected_figures for report in reports),
            "present": sum(report.figures_present for report in reports),
        }

    yield ProgressEvents(None, counts).progress()
    write_phase("finishing")


@contextmanager
def _progress_bar(
    acquisitions: list[Acquisition], quiet: bool
) -> Iterator[Callable[[IngestSummary, int], None] | None]:
    """Show articles, figures, panels, failures, rate and remaining time on stderr, if that is a terminal."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("figures"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[counts]}"),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=screen) as bar:
        task = bar.add_task("acquire", total=None, counts="searching")
        start = bar.get_time()

        def show(summary: IngestSummary, done: int) -> None:
            reports = [acquisition.report for acquisition in acquisitions]
            present = sum(report.figures_present for report in reports)
            articles = sum(report.hits_seen for report in reports)
            total = max(done + present, sum(report.expected_figures for report in reports))
            rate = done / max(bar.get_time() - start, 0.1)
            counts = (
                f"{articles} of {sum(report.total_hits for report in reports)} articles · "
                f"{summary.panels_new} panels · {len(summary.failures)} failed · {rate:.1f}/s"
            )
            bar.update(task, completed=done + present, total=total, counts=counts)

        yield show


def preview(queries: list[tuple[str, KeywordQuery]], index: str | None, output: TableFormat) -> None:
    """Print what queries would take: articles, figures, bytes. Download no figure, and index nothing."""
    from mirsearch import plugins

    location = settings.index_location(index)
    ledger, client = open_ledger(location, create=False), _create_client(queries)
    previews = []
    try:
        acquisitions = _create_acquisitions(queries, client, ledger, location, None)
        for (name, query), acquisition in zip(queries, acquisitions, strict=True):
            service = plugins.load("services", name)(client)
            sizes = [service.figure_size(state.figure) for *_, states in acquisition.preview() for state in states]
            known = [size for size in sizes if size is not None]
            report = acquisition.report.as_json() | {"halted": acquisition.halt_reason}
            previews.append({"service": name, "query": query.as_json(), **report, "bytes": sum(known),
                         "sizes_unknown": len(sizes) - len(known)})  # fmt: skip
    finally:
        client.close()
        ledger.close()
    if output is TableFormat.JSON:
        print_json({"dry_run": previews}, indent=None)
    else:
        _print_preview(previews)
    failures = [
        f"{failure.location}: {failure.reason}" for acquisition in acquisitions for failure in acquisition.failures
    ]
    failures += [acquisition.halt_reason for acquisition in acquisitions if acquisition.halt_reason]
    for reason in failures[:MAX_FAILURES_SHOWN]:
        print_message(reason)
    if failures:
        raise typer.Exit(1)


def _print_preview(previews: list[dict[str, Any]]) -> None:
    for preview in filter(has_answer, previews):
        articles, figures = preview["articles"], preview["figures"]
        unknown = f" (and {preview['sizes_unknown']} of unknown size)" if preview["sizes_unknown"] else ""
        typer.echo(
            f"{preview['service']}: {articles['hits']} hits, {articles['taken']} articles would be taken, "
            f"{figures['wanted']} of their {figures['seen']} figures, {preview['bytes'] / 1e6:.1f} MB{unknown}"
        )
        if articles["unplanned"]:
            typer.echo(
                f"  not counted: figures of {articles['unplanned']} articles, which are known only after their download"
            )
        print_skipped(preview)
