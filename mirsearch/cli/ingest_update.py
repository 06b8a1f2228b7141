"""`mirsearch ingest --update`: repeat the folders and the keyword queries that an index was fed from."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from mirsearch import settings
from mirsearch.cli.ingest_output import print_summary
from mirsearch.cli.ingest_paths import RunChoice, exit_with_code, run_paths, show_preview
from mirsearch.cli.ingest_reports import print_acquired
from mirsearch.cli.ingest_services import acquire, open_ledger, preview
from mirsearch.cli.shared_options import TableFormat
from mirsearch.cli.terminal import print_json, print_message
from mirsearch.errors import SourceError, UsageError

if TYPE_CHECKING:
    from mirsearch.ingest.folders import PathIngest
    from mirsearch.ingest.summary import IngestSummary


def repeat(choice: RunChoice, dry_run: bool) -> None:
    """Repeat all folders, then all queries. A folder that can't be read is a failure, and the others go on."""
    from mirsearch import indexes
    from mirsearch.ingest.folders import remembered_folders
    from mirsearch.ingest.summary import IngestSummary

    location, quiet = settings.index_location(choice.index), choice.output is TableFormat.JSON
    corpus = indexes.open_existing(location)
    folders = [] if corpus is None else remembered_folders(corpus)
    if corpus is not None:
        corpus.close()
    with closing(open_ledger(location, create=False)) as ledger:
        queries = ledger.queries()
    if not folders and not queries:
        raise UsageError(
            "there is no earlier query to repeat, and no folder",
            "start with one: mirsearch ingest FOLDER, or mirsearch ingest --keyword nano",
        )
    if dry_run:
        for asked in folders:
            show_preview(asked, choice.index, choice.output)
        if queries:
            preview(queries, choice.index, choice.output)
        return
    total, told = IngestSummary(), []
    for asked in folders:
        summary = _repeat_folder(asked, choice)
        told.append({"folder": str(asked.paths[0]), **summary.as_json()})
        total.add(summary)
        if total.interrupted:
            break
    reports: list[dict[str, Any]] = []
    if queries and not total.interrupted:
        summary, reports, location = acquire(None, choice)
        total.add(summary)
        if not quiet:
            print_acquired(summary, reports, location)
    if quiet:
        print_json(total.as_json() | {"folders": told, "acquisitions": reports}, indent=None)
    exit_with_code(total)


def _repeat_folder(asked: PathIngest, choice: RunChoice) -> IngestSummary:
    from mirsearch.ingest.summary import IngestSummary

    folder = asked.paths[0]
    try:
        summary, location = run_paths(asked, choice)
    except (SourceError, UsageError) as error:
        summary = IngestSummary(failures=[(str(folder), str(error))])
        print_message(f"{summary.failures[0][1]} (--forget leaves this folder out)")
        return summary
    if choice.output is not TableFormat.JSON:
        print_summary(summary, f"{location} from {folder}")
    return summary
