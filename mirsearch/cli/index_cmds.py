"""`mirsearch reembed`, `mirsearch index …` and `mirsearch dashboards …`: maintain an index."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirsearch import settings
from mirsearch.cli.parts import ExtractorChoice, load_extractor
from mirsearch.cli.shared_options import DeviceOption, IndexOption, TableFormat, WeightsOption
from mirsearch.cli.terminal import print_json, progress_bar
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.indexes.elasticsearch.migrate import MigrationResult

ExtractorOption = Annotated[str, typer.Option("--extractor", help="Extractor that computes the vectors of panels.")]

ShardsOption = Annotated[int | None, typer.Option("--shards", help="Parts that the index is split into.", min=1)]
ReplicasOption = Annotated[int | None, typer.Option("--replicas", help="Copies of each part on other nodes.", min=0)]
VectorsOption = Annotated[
    str | None,
    typer.Option(
        "--vectors", help="How the graph of vectors rounds: int8_hnsw, or bbq_hnsw (a bit a number) for millions."
    ),
]
_STATES = {
    "answers": "answers",
    "before": "kept for `index rollback`",
    "filling": "unfinished",
    "old": "no longer needed",
}


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
    shards: ShardsOption = None,
    replicas: ReplicasOption = None,
    vectors: VectorsOption = None,
) -> None:
    """Install the stored script and the templates, and create the index if it does not exist."""
    location = _elasticsearch_location(index)
    from mirsearch.indexes.base import ExtractorIdentity
    from mirsearch.indexes.elasticsearch import admin
    from mirsearch.indexes.elasticsearch.layout import Layout

    model = load_extractor(ExtractorChoice(extractor, weights, device))
    layout = Layout(shards, replicas, vectors)
    is_new = admin.create_index(location, ExtractorIdentity(model.name, model.version, model.dims), layout)
    if not is_new and layout != Layout():
        raise UsageError(f"{location} exists already", "lay it out anew with: mirsearch index migrate")
    typer.echo(f"{'created' if is_new else 'renewed the script and templates of'} {location}")


def migrate(
    index: IndexOption = None,
    shards: ShardsOption = None,
    replicas: ReplicasOption = None,
    vectors: VectorsOption = None,
) -> None:
    """Copy the index into a new one with the present mapping, then switch. The old one answers until then."""
    location = _elasticsearch_location(index)
    from mirsearch.indexes.elasticsearch import migrate as elasticsearch_migrate
    from mirsearch.indexes.elasticsearch.layout import Layout

    with progress_bar("copied") as report:
        moved = elasticsearch_migrate.migrate(location, report, Layout(shards, replicas, vectors))
    typer.echo(_migration_message(moved))


def rollback(
    index: IndexOption = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Go to this physical index instead: one that `index list` names.")
    ] = None,
) -> None:
    """Switch back to the index that the present one was made from. It lacks what was ingested since."""
    location = _elasticsearch_location(index)
    from mirsearch.indexes.elasticsearch import generations

    typer.echo(_migration_message(generations.rollback(location, to)))


def list_(
    index: IndexOption = None,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """List the physical indexes behind a name on Elasticsearch: which one answers, and which are kept."""
    location = _elasticsearch_location(index)
    from mirsearch.indexes.elasticsearch import generations

    found = generations.list_generations(location)
    if output is TableFormat.JSON:
        print_json([each.to_json() for each in found])
        return
    for each in found:
        size = "" if each.bytes is None else f", {each.bytes / 1e6:.1f} MB"
        writer = f", written by {each.writer}" if each.writer else ""
        origin = f", made from {each.came_from}" if each.came_from else ""
        typer.echo(
            f"{each.name}  {_STATES[each.state]}: {each.panels} panels of {each.figures} figures{size}, "
            f"{each.extractor}, {each.vectors}, {each.shards} shards, {each.replicas} replicas{origin}{writer}"
        )


def prune(
    index: IndexOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also the one that `index rollback` would go back to.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be deleted.")] = False,
) -> None:
    """Delete physical indexes that are no longer needed: of earlier and of interrupted migrations."""
    location = _elasticsearch_location(index)
    from mirsearch.indexes.elasticsearch import generations

    gone = generations.prune(location, everything=everything, dry_run=True)
    names = ", ".join(f"{each.name} ({each.panels} panels)" for each in gone)
    if not gone:
        typer.echo("nothing to delete")
        return
    if dry_run:
        typer.echo(f"would delete {names}")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(f"{names} would be deleted", "add --yes")
        typer.confirm(f"Delete {names}?", abort=True)
    done = generations.prune(location, [each.name for each in gone], everything=everything)
    typer.echo(f"deleted {', '.join(each.name for each in done)}")


def reembed(
    index: IndexOption = None,
    extractor: ExtractorOption = settings.DEFAULT_EXTRACTOR,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    meaning: Annotated[
        bool | None,
        typer.Option(
            "--meaning/--no-meaning",
            help="Instead, give every panel a sentence vector of what is said of it; or take these out.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Embed every panel again with another extractor. The old vectors answer queries until all are ready."""
    if meaning is not None:
        from mirsearch.cli.meaning import add_meaning, remove_meaning

        place = settings.index_location(index)
        typer.echo(add_meaning(place) if meaning else remove_meaning(place))
        return
    from mirsearch.indexes import backend_name
    from mirsearch.indexes.base import ExtractorIdentity
    from mirsearch.ingest.reembedding import PanelImages

    location = settings.index_location(index)
    kind = backend_name(location)
    if kind not in ("embedded", "elasticsearch"):
        raise UsageError(f"an index of the plug-in {kind} can't be embedded again", "ingest into another --index")
    model = load_extractor(ExtractorChoice(extractor, weights, device))
    identity = ExtractorIdentity(model.name, model.version, model.dims)
    embed = PanelImages(model).embed
    with progress_bar("embedded") as report:
        if kind == "embedded":
            from mirsearch.indexes.embedded.database import reembed as sqlite_reembed

            count = sqlite_reembed.reembed(location, identity, embed, report)
            message = f"embedded {count} panels of {location} with {identity}"
        else:
            from mirsearch.indexes.elasticsearch import migrate as elasticsearch_migrate

            message = _migration_message(elasticsearch_migrate.reembed(location, identity, embed, report))
    typer.echo(message)


def install(
    kibana: Annotated[str, typer.Option("--kibana", help="Address of Kibana, for instance http://localhost:5601.")],
    index: IndexOption = None,
    space: Annotated[str | None, typer.Option("--space", help="Kibana space (default: the default space).")] = None,
) -> None:
    """Import the dashboards into Kibana. A second run renews them."""
    location = _elasticsearch_location(index)
    from mirsearch.indexes.elasticsearch.client import parse_address
    from mirsearch.kibana.install import install_dashboards

    count = install_dashboards(kibana, parse_address(location).name, space)
    typer.echo(
        f"installed {count} objects in {kibana}: open Dashboards in Kibana, and choose one with mirsearch in its name"
    )


def write(
    target: Annotated[Path, typer.Argument(help="NDJSON file to write, for Kibana's import page.")],
    index: IndexOption = None,
) -> None:
    """Write the dashboards of an index as a file for Kibana's import page."""
    location = _elasticsearch_location(index)
    from mirsearch.cli.terminal import open_output
    from mirsearch.indexes.elasticsearch.client import parse_address
    from mirsearch.kibana.objects import dashboards_ndjson

    with open_output(target) as stream:
        stream.write(dashboards_ndjson(parse_address(location).name))


def _migration_message(moved: MigrationResult) -> str:
    return f"{moved.documents} documents: from {moved.old} to {moved.new}; the old one is kept for `index rollback`"
