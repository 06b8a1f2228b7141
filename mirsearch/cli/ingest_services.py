"""The part of `mirsearch ingest` that asks services: by keyword, by id, and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from mirsearch import settings
from mirsearch.cli.parts import Parts, load_detector, load_extractor, load_ocr
from mirsearch.cli.shared_options import TableFormat
from mirsearch.cli.terminal import console, print_json, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.acquisition.acquire import Acquisition
    from mirsearch.acquisition.http.client import HttpClient
    from mirsearch.acquisition.ledger import Ledger
    from mirsearch.acquisition.services.base import KeywordQuery
    from mirsearch.indexes.base import Index
    from mirsearch.ingest.summary import IngestSummary

_ITEMS_AHEAD = 32
MAX_FAILURES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What the options of `ingest` ask of services, as typed."""

    keywords: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    where: str = "all"
    since: str | None = None
    until: str | None = None
    journal: str | None = None
    license: str | None = None
    max_articles: int | None = None
    max_figures: int | None = None
    all_figures: bool = False
    retracted: bool = False


def is_service(name: str | None) -> bool:
    """Whether a source's name is a service's."""
    from mirsearch import plugins

    return name is not None and name in plugins.names("services")


def keyword_query(asked: ServiceOptions, service: str) -> KeywordQuery:
    """The query, each option checked; UsageError names the one that is wrong."""
    from mirsearch import plugins
    from mirsearch.acquisition.services.base import (
        SEARCH_FIELDS,
        KeywordQuery,
        clean_keywords,
        parse_day,
        parse_licenses,
    )
    from mirsearch.acquisition.services.pmc import parse_pmc_ids

    if asked.where not in SEARCH_FIELDS:
        raise UsageError(f"--in {asked.where!r} is no place to look", f"give {', '.join(SEARCH_FIELDS)}")
    if bool(asked.ids) == bool(asked.keywords):
        raise UsageError(f"--source {service} takes either --keyword or ids", "give one of them")
    if asked.ids and service != "pmc":
        raise UsageError(f"--source {service} takes no ids", "give --keyword, or PMC ids with --source pmc")
    since, until = parse_day(asked.since, "--since"), parse_day(asked.until, "--until", last=True)
    if since and until and since > until:
        raise UsageError(f"--since {since} is after --until {until}", "turn them round")
    query = KeywordQuery(
        keywords=clean_keywords(asked.keywords),
        ids=parse_pmc_ids(asked.ids),
        where=asked.where,
        since=since,
        until=until,
        journal=asked.journal,
        licenses=parse_licenses(asked.license),
        max_articles=asked.max_articles,
        max_figures=asked.max_figures,
        micrographs=not asked.all_figures,
        retracted=asked.retracted,
    )
    plugins.load("services", service).check_query(query)
    return query


def acquire(
    asked: list[tuple[str, KeywordQuery]] | None,
    index: str | None,
    parts: Parts,
    workers: int | None,
    quiet: bool,
) -> tuple[IngestSummary, list[dict[str, Any]], str]:
    """Ask, fetch, analyze, embed, index. `asked`: queries by service, or None for every query asked before.

    What was done, what each query brought as JSON, and where the index is.
    """
    from mirsearch.indexes import open_index
    from mirsearch.indexes.base import ExtractorIdentity

    location = settings.index_location(index)
    model = load_extractor(parts[0])
    with ExitStack() as held:
        corpus = open_index(location, create=ExtractorIdentity(model.name, model.version, model.dims))
        held.callback(corpus.close)
        ledger = open_ledger(location)
        held.callback(ledger.close)
        queries = ledger.queries() if asked is None else asked
        if not queries:
            raise UsageError("there is no query to repeat", "ask one: mirsearch ingest --keyword nano")
        client = _create_client(queries)
        held.callback(client.close)
        acquisitions = _create_acquisitions(queries, client, ledger, location, corpus)
        summary = _ingest_acquisitions(acquisitions, client, corpus, model, parts, workers, quiet)
        reports = _finish_acquisitions(queries, acquisitions, summary, client)
        return summary, reports, corpus.location


def _create_acquisitions(
    queries: list[tuple[str, KeywordQuery]], client: HttpClient, ledger: Ledger, location: str, corpus: Index | None
) -> list[Acquisition]:
    from mirsearch import plugins
    from mirsearch.acquisition.acquire import Acquisition

    folder, known = settings.workspace(location), corpus.known_figures if corpus is not None else None
    made = []
    for name, query in queries:
        service = plugins.load("services", name)(client)
        made.append(Acquisition(service, query, ledger, folder, known))
    return made


def _create_client(queries: list[tuple[str, KeywordQuery]]) -> HttpClient:
    from mirsearch import plugins
    from mirsearch.acquisition.http.cache import HttpCache
    from mirsearch.acquisition.http.client import HttpClient

    hosts = dict.fromkeys(host for name, _ in queries for host in plugins.load("services", name).hosts)
    cache = HttpCache(settings.cache_dir() / "http", settings.http_cache_bytes())
    return HttpClient(hosts, cache)


def open_ledger(location: str, make: bool = True) -> Ledger:
    """The ledger of an index's workspace; where there is none and it is not to be made, an empty one in memory."""
    from mirsearch.acquisition.ledger import Ledger

    path = settings.workspace(location) / "ledger.sqlite"
    return Ledger(path if make or path.exists() else None)


def _ingest_acquisitions(acquisitions: list[Acquisition], client: HttpClient, corpus: Index, model: Any, parts: Parts,
         workers: int | None, quiet: bool) -> IngestSummary:  # fmt: skip
    """Fetch in the background while figures are analyzed; a stop of one stops the other."""
    from mirsearch.analysis.analyzer import FigureAnalyzer
    from mirsearch.ingest.ingest import Ingest
    from mirsearch.ingest.pipeline import BackgroundIterator

    analyzer = FigureAnalyzer(load_ocr(parts[1]), load_detector(parts[2]))
    items = BackgroundIterator((item for each in acquisitions for item in each.items()), _ITEMS_AHEAD)
    try:
        with _progress_bar(acquisitions, quiet) as report:
            return Ingest(corpus, analyzer, model, workers=workers, progress=report).run(items)
    finally:
        client.stop()
        items.stop()


def _finish_acquisitions(queries: list[tuple[str, KeywordQuery]], acquisitions: list[Acquisition], summary: IngestSummary,
            client: HttpClient) -> list[dict[str, Any]]:  # fmt: skip
    """Note in the ledger what was finished and what failed in analysis, and count what was there; reports as JSON."""
    for each in acquisitions:
        if not summary.interrupted:
            each.mark_complete()
        for file, reason in summary.failures:
            each.record_failure(file, reason)
        summary.figures_present += each.report.figures_present
    reports = []
    for (service, query), each in zip(queries, acquisitions, strict=True):
        told = each.report.as_json() | {"halted": each.halt_reason}
        reports.append({"service": service, "query": query.as_json(), **told})
    if reports:
        reports[-1]["requests"] = dict(client.requests)
    return reports


@contextmanager
def _progress_bar(
    acquisitions: list[Acquisition], quiet: bool
) -> Iterator[Callable[[IngestSummary, int], None] | None]:
    """Articles, figures, panels, failures, rate and time left on stderr; nothing where that is not a terminal."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("figures"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=screen) as bar:
        task = bar.add_task("acquire", total=None, told="asking")
        start = bar.get_time()

        def report(summary: IngestSummary, done: int) -> None:
            reports = [each.report for each in acquisitions]
            there, found = sum(each.figures_present for each in reports), sum(each.hits_seen for each in reports)
            total = max(done + there, sum(each.expected_figures for each in reports))
            rate = done / max(bar.get_time() - start, 0.1)
            told = (f"{found} of {sum(each.total_hits for each in reports)} articles · {summary.panels_new} panels · "
                    f"{len(summary.failures)} failed · {rate:.1f}/s")  # fmt: skip
            bar.update(task, completed=done + there, total=total, told=told)

        yield report


def preview(queries: list[tuple[str, KeywordQuery]], index: str | None, output: TableFormat) -> None:
    """Print what a query would bring: articles, figures, bytes. No figure is fetched, and nothing is indexed."""
    from mirsearch import plugins

    location = settings.index_location(index)
    ledger, client = open_ledger(location, make=False), _create_client(queries)
    told = []
    try:
        acquisitions = _create_acquisitions(queries, client, ledger, location, None)
        for (name, query), one in zip(queries, acquisitions, strict=True):
            service = plugins.load("services", name)(client)
            sizes = [service.figure_size(state.figure) for *_, states in one.preview() for state in states]
            known = [size for size in sizes if size is not None]
            report = one.report.as_json() | {"halted": one.halt_reason}
            told.append({"service": name, "query": query.as_json(), **report, "bytes": sum(known),
                         "sizes_unknown": len(sizes) - len(known)})  # fmt: skip
    finally:
        client.close()
        ledger.close()
    if output is TableFormat.JSON:
        print_json({"dry_run": told}, indent=None)
    else:
        _print_preview(told)
    failures = [f"{each.location}: {each.reason}" for one in acquisitions for each in one.failures]
    failures += [one.halt_reason for one in acquisitions if one.halt_reason]
    for reason in failures[:MAX_FAILURES_SHOWN]:
        print_message(reason)
    if failures:
        raise typer.Exit(1)


def has_answer(report: dict[str, Any]) -> bool:
    """Whether a service answered at all: where it did not, there is nothing to report but that."""
    return bool(report["articles"]["hits"] or not report["halted"])


def _print_preview(told: list[dict[str, Any]]) -> None:
    for each in filter(has_answer, told):
        articles, figures = each["articles"], each["figures"]
        unknown = f" (and {each['sizes_unknown']} of unknown size)" if each["sizes_unknown"] else ""
        typer.echo(
            f"{each['service']}: {articles['hits']} hits, {articles['taken']} articles would be taken, "
            f"{figures['wanted']} of their {figures['seen']} figures, {each['bytes'] / 1e6:.1f} MB{unknown}"
        )
        if articles["unplanned"]:
            typer.echo(
                f"  not counted: figures of {articles['unplanned']} articles, known once their sources are fetched"
            )
        print_skipped(each)


def print_reports(reports: list[dict[str, Any]]) -> None:
    """One line a query on what it found and fetched, and what was left out and why."""
    for each in filter(has_answer, reports):
        articles, figures = each["articles"], each["figures"]
        typer.echo(
            f"{each['service']}: {articles['hits']} hits, {articles['taken']} articles taken, {figures['wanted']} "
            f"figures wanted, {figures['fetched']} fetched ({each['bytes'] / 1e6:.1f} MB), "
            f"{figures['present']} there already"
        )
        print_skipped(each)


def print_skipped(report: dict[str, Any]) -> None:
    """What was left out, by reason."""
    for what in ("articles", "figures"):
        for reason, count in report[what]["skipped"].items():
            typer.echo(f"  left out: {count} {what.removesuffix('s') if count == 1 else what} ({reason})")
