"""What `mirsearch ingest` tells of queries of services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from mirsearch.cli.ingest_output import print_counts, print_failures

if TYPE_CHECKING:
    from mirsearch.ingest.summary import IngestSummary


def has_answer(report: dict[str, Any]) -> bool:
    """Return whether the service answered at all."""
    return bool(report["articles"]["hits"] or not report["halted"])


def print_acquired(summary: IngestSummary, reports: list[dict[str, Any]], location: str) -> None:
    """Print what queries of services gave, as far as the services answered at all."""
    print_failures(summary)
    if any(map(has_answer, reports)):
        print_counts(summary, location)
        print_reports(reports)


def print_reports(reports: list[dict[str, Any]]) -> None:
    """Print one line for each query: what was found and fetched; and what was left out, with the reason."""
    for report in filter(has_answer, reports):
        articles, figures = report["articles"], report["figures"]
        typer.echo(
            f"{report['service']}: {articles['hits']} hits, {articles['taken']} articles taken, {figures['wanted']} "
            f"figures wanted, {figures['fetched']} fetched ({report['bytes'] / 1e6:.1f} MB), "
            f"{figures['present']} there already"
        )
        print_skipped(report)


def print_skipped(report: dict[str, Any]) -> None:
    """Print what was left out, by reason."""
    for unit in ("articles", "figures"):
        for reason, count in report[unit]["skipped"].items():
            typer.echo(f"  left out: {count} {unit.removesuffix('s') if count == 1 else unit} ({reason})")
