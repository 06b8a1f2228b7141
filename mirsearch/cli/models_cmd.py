"""`mirsearch models …`: export, list, inspect and verify model files."""

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


ModelArgument = Annotated[str, typer.Argument(help="Name of an installed model, or a file.", show_default=False)]
FormatOption = Annotated[TableFormat, typer.Option("--format", help="table or json.")]
PrecisionOption = Annotated[str, typer.Option("--precision", help="fp32, fp16 (half the size) or int8.")]


def export(
    extractor: Annotated[str, typer.Argument(help="Name of the extractor, as for --extractor.", show_default=False)],
    weights: WeightsOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = "fp32",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="FILE.mirmodel or FILE.onnx (default: install it).")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the installed model.")] = None,
    output_format: FormatOption = TableFormat.TABLE,
) -> None:
    """Write an extractor as one file that runs without PyTorch, and compare its vectors."""
    if output is not None and name is not None:
        raise UsageError("--name is only for a model that is installed", "give --output FILE or --name NAME")
    model = load_extractor(ExtractorChoice(extractor, weights, device))
    from mirsearch.extractors.onnx.export import export_extractor as write
    from mirsearch.extractors.onnx.export import slug
    from mirsearch.models.artifact import installed_path

    default_name = slug(extractor if precision == "fp32" else f"{extractor}-{precision}")
    exported = write(model, output or installed_path(name or default_name), precision=precision)
    facts, parity = exported.facts, exported.parity
    result: dict[str, Any] = {
        "path": str(exported.path), "name": facts.name, "version": facts.version, "dims": facts.dims,
        "precision": precision, "text": exported.has_text, "bytes": exported.path.stat().st_size,
        "largest_difference": parity.difference, "least_cosine": parity.least_cosine, "mean_cosine": parity.mean_cosine,
    }  # fmt: skip
    if output_format is TableFormat.JSON:
        print_json(result, indent=None)
        return
    typer.echo(f"wrote {exported.path} ({result['bytes'] / 1e6:.1f} MB): {facts.name} {facts.version}")
    typer.echo(
        f"largest difference of a value {parity.difference:.1e}, smallest cosine {parity.least_cosine:.6f}, "
        f"mean {parity.mean_cosine:.6f} on {parity.images} drawn micrographs"
    )


def list_(output: FormatOption = TableFormat.TABLE) -> None:
    """List the installed models."""
    from mirsearch.models.artifact import Artifact, list_installed
    from mirsearch.settings import models_dir

    found = list_installed()
    if output is TableFormat.JSON:
        print_json([_card_json(model) if isinstance(model, Artifact) else {"error": str(model)} for model in found])
        return
    for model in found:
        if not isinstance(model, Artifact):
            print_message(str(model))
    readable = [model for model in found if isinstance(model, Artifact)]
    if not readable:
        typer.echo(f"no models in {models_dir()}")
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("name", "kind", "version", "made from", "licence"):
        table.add_column(title)
    for model in readable:
        card = model.card
        cells = (card.name, card.kind, card.version, card.base.get("name", ""), card.license)
        table.add_row(*(escape(str(cell)) for cell in cells))
    console().print(table)


def info(model: ModelArgument, output: FormatOption = TableFormat.TABLE) -> None:
    """Show the card of a model: settings, data, metrics, licence."""
    card = _model_json(model)
    if output is TableFormat.JSON:
        print_json(card)
        return
    from rich.pretty import pretty_repr

    for key, value in card.items():
        if value not in ("", {}, None):
            typer.echo(f"{key}: {value if isinstance(value, str) else pretty_repr(value, max_width=100)}")


def verify(model: ModelArgument) -> None:
    """Check a model file against the hashes of its card, and run it once if it is an extractor."""
    from mirsearch.models import artifact

    if not model.endswith(".onnx"):
        found = artifact.find_artifact(model)
        artifact.verify_artifact(found)
        if found.card.kind != "extractor":
            typer.echo(f"{found.path}: {found.card.kind} {found.card.name} {found.card.version} is complete")
            return
        model = str(found.path)
    from mirsearch.extractors.onnx.extractor import OnnxExtractor
    from mirsearch.extractors.onnx.probe import check_unit_vectors

    extractor = OnnxExtractor(model)
    check_unit_vectors(extractor)
    typer.echo(f"{extractor.path}: {extractor.name} {extractor.version} is complete, and it runs")


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
