"""`mirsearch models …`: extractors as files, exported, listed, looked into and verified."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch.cli.parts import ExtractorChoice, load_extractor
from mirsearch.cli.shared_options import DeviceOption, TableFormat, WeightsOption
from mirsearch.cli.terminal import console, print_json, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.models.artifact import Artifact


ModelArgument = Annotated[str, typer.Argument(help="An installed model's name, or a file.", show_default=False)]
FormatOption = Annotated[TableFormat, typer.Option("--format", help="table or json.")]
PrecisionOption = Annotated[str, typer.Option("--precision", help="fp32, fp16 (half the file) or int8.")]


def export(
    extractor: Annotated[str, typer.Argument(help="The extractor, as for --extractor.", show_default=False)],
    weights: WeightsOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = "fp32",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="FILE.mirmodel or FILE.onnx (default: install it).")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Its name where it is installed.")] = None,
    output_format: FormatOption = TableFormat.TABLE,
) -> None:
    """Write an extractor as one file that runs without PyTorch; its vectors are compared before it is kept."""
    if output is not None and name is not None:
        raise UsageError("--name is for a model that is installed", "give --output FILE or --name NAME")
    model = load_extractor(ExtractorChoice(extractor, weights, device))
    from mirsearch.extractors.onnx.export import export_extractor as write
    from mirsearch.extractors.onnx.export import slug
    from mirsearch.models.artifact import installed_path

    named = slug(extractor if precision == "fp32" else f"{extractor}-{precision}")
    made = write(model, output or installed_path(name or named), precision=precision)
    told: dict[str, Any] = {
        "path": str(made.path), "name": made.facts.name, "version": made.facts.version, "dims": made.facts.dims,
        "precision": precision, "text": made.words, "bytes": made.path.stat().st_size,
        "largest_difference": made.parity.difference, "least_cosine": made.parity.least_cosine,
        "mean_cosine": made.parity.mean_cosine,
    }  # fmt: skip
    if output_format is TableFormat.JSON:
        print_json(told, indent=None)
        return
    typer.echo(f"wrote {made.path} ({told['bytes'] / 1e6:.1f} MB): {made.facts.name} {made.facts.version}")
    typer.echo(
        f"largest difference of a number {made.parity.difference:.1e}, least cosine {made.parity.least_cosine:.6f}, "
        f"mean {made.parity.mean_cosine:.6f} on {made.parity.images} drawn micrographs"
    )


def list_(output: FormatOption = TableFormat.TABLE) -> None:
    """The installed models."""
    from mirsearch.models.artifact import Artifact, list_installed
    from mirsearch.settings import models_dir

    found = list_installed()
    if output is TableFormat.JSON:
        print_json([_card_json(each) if isinstance(each, Artifact) else {"error": str(each)} for each in found])
        return
    for each in found:
        if not isinstance(each, Artifact):
            print_message(str(each))
    sound = [each for each in found if isinstance(each, Artifact)]
    if not sound:
        typer.echo(f"no models in {models_dir()}")
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("name", "kind", "version", "made from", "licence"):
        table.add_column(title)
    for each in sound:
        card = each.card
        cells = (card.name, card.kind, card.version, card.base.get("name", ""), card.license)
        table.add_row(*(escape(str(cell)) for cell in cells))
    console().print(table)


def info(model: ModelArgument, output: FormatOption = TableFormat.TABLE) -> None:
    """What a model's card says: settings, data, metrics, licence."""
    told = _model_json(model)
    if output is TableFormat.JSON:
        print_json(told)
        return
    from rich.pretty import pretty_repr

    for key, value in told.items():
        if value not in ("", {}, None):
            typer.echo(f"{key}: {value if isinstance(value, str) else pretty_repr(value, max_width=100)}")


def verify(model: ModelArgument) -> None:
    """Read all of a model against its card's hashes, and run it once where it is an extractor."""
    from mirsearch.models import artifact

    if not model.endswith(".onnx"):
        found = artifact.find_artifact(model)
        artifact.verify_artifact(found)
        if found.card.kind != "extractor":
            typer.echo(f"{found.path}: {found.card.kind} {found.card.name} {found.card.version}, whole")
            return
        model = str(found.path)
    from mirsearch.extractors.onnx.extractor import OnnxExtractor
    from mirsearch.extractors.onnx.probe import check_unit_vectors

    extractor = OnnxExtractor(model)
    check_unit_vectors(extractor)
    typer.echo(f"{extractor.path}: {extractor.name} {extractor.version}, whole, and it runs")


def _model_json(model: str) -> dict[str, Any]:
    if model.endswith(".onnx"):
        from mirsearch.extractors.onnx.extractor import OnnxExtractor

        extractor = OnnxExtractor(model)
        return {"path": str(extractor.path), "kind": "extractor", "settings": extractor.facts.as_json()}
    from mirsearch.models.artifact import find_artifact

    return _card_json(find_artifact(model))


def _card_json(found: Artifact) -> dict[str, Any]:
    import dataclasses

    return {"path": str(found.path)} | dataclasses.asdict(found.card)
