"""`mirsearch reembed`, and `index …` and `dashboards …`: looking after an index on Elasticsearch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirsearch import settings
from mirsearch.cli.parts import ExtractorChoice, load_extractor
from mirsearch.cli.shared_options import DeviceOption, IndexOption, WeightsOption
from mirsearch.cli.terminal import console
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.indexes.elasticsearch.migrate import MigrationResult

ExtractorOption = Annotated[str, typer.Option("--extractor", help="What turns panels into vectors.")]


def _elasticsearch_location(index: str | None) -> str:
    from mirsearch.indexes import backend_name

    location = settings.index_location(index)
    if backend_name(location) != "elasticsearch":
        raise UsageError(f"{location} is not on Elasticsearch", "give --index http(s)://HOST:9200/NAME")
    return location


def create(
    index: IndexOption = None,
    extractor: ExtractorOption = settings.DEFAULT_EXTRACTOR,
    weights: WeightsOption = None,
    device: DeviceOption = None,
) -> None:
    """Install the stored script and the templates, and make the index; on one that is there only the former."""
    location = _elasticsearch_location(index)
    from mirsearch.indexes.base import ExtractorIdentity
    from mirsearch.indexes.elasticsearch import admin

    model = load_extractor(ExtractorChoice(extractor, weights, device))
    made = admin.create_index(location, ExtractorIdentity(model.name, model.version, model.dims))
    typer.echo(f"{'made' if made else 'renewed the script and templates of'} {location}")


def migrate(index: IndexOption = None) -> None:
    """Copy everything into a new index with the present mapping while the old one answers, then switch."""
    location = _elasticsearch_location(index)
    from mirsearch.indexes.elasticsearch import migrate as elasticsearch_migrate

    with _progress_bar("copied") as report:
        moved = elasticsearch_migrate.migrate(location, report)
    typer.echo(_migration_message(moved))


def rollback(index: IndexOption = None) -> None:
    """Go back to the index before the last migration; what was ingested since is not in it."""
    location = _elasticsearch_location(index)
    from mirsearch.indexes.elasticsearch import migrate as elasticsearch_migrate

    typer.echo(_migration_message(elasticsearch_migrate.rollback(location)))


def reembed(
    index: IndexOption = None,
    extractor: ExtractorOption = settings.DEFAULT_EXTRACTOR,
    weights: WeightsOption = None,
    device: DeviceOption = None,
) -> None:
    """Embed every panel anew with another extractor while the old vectors answer; then switch."""
    from mirsearch.indexes import backend_name
    from mirsearch.indexes.base import ExtractorIdentity
    from mirsearch.ingest.reembedding import PanelImages

    location = settings.index_location(index)
    kind = backend_name(location)
    if kind not in ("embedded", "elasticsearch"):
        raise UsageError(f"an index of the plug-in {kind} can't be embedded anew", "ingest into another --index")
    model = load_extractor(ExtractorChoice(extractor, weights, device))
    identity = ExtractorIdentity(model.name, model.version, model.dims)
    embed = PanelImages(model).embed
    with _progress_bar("embedded") as report:
        if kind == "embedded":
            from mirsearch.indexes.embedded.database import reembed as sqlite_reembed

            count = sqlite_reembed.reembed(location, identity, embed, report)
            told = f"{count} panels of {location} embedded anew with {identity}"
        else:
            from mirsearch.indexes.elasticsearch import migrate as elasticsearch_migrate

            told = _migration_message(elasticsearch_migrate.reembed(location, identity, embed, report))
    typer.echo(told)


def install(
    kibana: Annotated[str, typer.Option("--kibana", help="Address of Kibana, e.g. http://localhost:5601.")],
    index: IndexOption = None,
    space: Annotated[
        str | None, typer.Option("--space", help="Space to install into (default: the default one).")
    ] = None,
) -> None:
    """Import the dashboards into Kibana; again, they are renewed."""
    location = _elasticsearch_location(index)
    from mirsearch.indexes.elasticsearch.client import parse_address
    from mirsearch.kibana.install import install_dashboards

    count = install_dashboards(kibana, parse_address(location).name, space)
    typer.echo(f"installed {count} objects in {kibana}: open Dashboards, and choose one named mirsearch")


def write(
    target: Annotated[Path, typer.Argument(help="NDJSON file to write, for Kibana's import page.")],
    index: IndexOption = None,
) -> None:
    """Write the dashboards of an index as a file that Kibana imports."""
    location = _elasticsearch_location(index)
    from mirsearch.cli.terminal import open_output
    from mirsearch.indexes.elasticsearch.client import parse_address
    from mirsearch.kibana.objects import dashboards_ndjson

    with open_output(target) as stream:
        stream.write(dashboards_ndjson(parse_address(location).name))


def _migration_message(moved: MigrationResult) -> str:
    return f"{moved.documents} documents: from {moved.old} to {moved.new}; the old one is kept for `index rollback`"


@contextmanager
def _progress_bar(verb: str) -> Iterator[Callable[[int, int], None]]:
    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(verb, total=None)
        yield lambda done, all_: bar.update(task, completed=done, total=all_)
