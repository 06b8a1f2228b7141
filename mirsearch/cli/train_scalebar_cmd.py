"""`mirsearch train scalebar`: learn to find scale bars on drawn figures and on one's own annotations."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch.cli.shared_options import DeviceOption, TableFormat
from mirsearch.cli.terminal import INTERRUPTED, print_json, print_message
from mirsearch.cli.train_cmd import (
    LicenseOption,
    NameOption,
    OutputFormat,
    OutputOption,
    SeedOption,
    model_path,
    progress_bar,
)
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.training.detection_data import Source
    from mirsearch.training.detection_metrics import DetectionScores
    from mirsearch.training.detector_training import DetectorTrainer, TrainingSettings

PURPOSE = "training a scale-bar detector"
HELD_OUT_FIGURES = 40
"""Drawn figures that are held out."""


class Backbone(StrEnum):
    """Backbones, from the one that learns on a laptop to the one that wants a GPU."""

    TINY = "tiny"
    MOBILENET = "mobilenet"
    RESNET50 = "resnet50"


IMAGE_SIDES = {Backbone.TINY: 256, Backbone.MOBILENET: 512, Backbone.RESNET50: 800}
WINDOW_SIDES = {Backbone.TINY: 160, Backbone.MOBILENET: 0, Backbone.RESNET50: 0}


def scalebar(
    run: Annotated[Path, typer.Option("--run", help="Folder of checkpoints.")] = Path("scalebar-run"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    backbone: Annotated[Backbone, typer.Option("--backbone", help="tiny, mobilenet or resnet50.")] = Backbone.TINY,
    backbone_weights: Annotated[
        Path | None, typer.Option("--backbone-weights", help="Classifier's state dict of torchvision to begin from.")
    ] = None,
    annotations: Annotated[
        list[Path] | None, typer.Option("--annotations", help="JSON of COCO or EXSCLAIM!; may be given again.")
    ] = None,
    images: Annotated[Path | None, typer.Option("--images", help="Folder of the annotated pictures.")] = None,
    figures: Annotated[
        int, typer.Option("--figures", min=0, help="Drawn figures an epoch; 0: annotations alone.")
    ] = 40,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Passes.")] = 20,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Pictures a step.")] = 4,
    rate: Annotated[float, typer.Option("--rate", help="Highest learning rate.")] = 1e-3,
    side: Annotated[
        int | None, typer.Option("--side", min=64, max=2048, help="Px that pictures are fitted into.")
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    name: NameOption = None,
    output: OutputOption = None,
    license_: LicenseOption = "",
    form: OutputFormat = TableFormat.TABLE,
) -> None:
    """Train Faster R-CNN to find scale bars and their labels; Ctrl-C keeps the last checkpoint, --resume goes on."""
    from mirsearch.extractors.torch.device import choose_device, import_torch

    import_torch(PURPOSE, "torchvision")
    from mirsearch.training.checkpoints import check_unused
    from mirsearch.training.detector_net import NetSettings
    from mirsearch.training.detector_training import DetectorTrainer, TrainingSettings, read_settings

    path = model_path(name or "scalebar", output)
    if resume:
        settings = read_settings(run)
    else:
        check_unused(run)
        net = NetSettings(backbone.value, side or IMAGE_SIDES[backbone])
        window = WINDOW_SIDES[backbone] if side is None else 0
        settings = TrainingSettings(net, epochs, figures, window=window, batch=batch, rate=rate, seed=seed)
    source, data = _training_pictures(settings, annotations or [], images)
    trainer = DetectorTrainer(settings, source, run, choose_device(device), backbone_weights)
    if resume:
        trainer.resume()
    _train(trainer, run, form)
    _export_detector(trainer, settings, source, path, (name or "scalebar", license_), data, form)


def _training_pictures(
    settings: TrainingSettings, annotations: list[Path], images: Path | None
) -> tuple[Source, dict[str, Any]]:
    """Where pictures come from, and what a card tells of them."""
    from mirsearch.training.annotations import read_annotations
    from mirsearch.training.detection_data import CombinedSources, DrawnFigures

    read = [read_annotations(path, images) for path in annotations]
    drawn = [DrawnFigures(settings.figures, HELD_OUT_FIGURES, settings.seed)] if settings.figures else []
    if not (read or drawn):
        raise UsageError("there is nothing to learn from", "give --figures, or --annotations")
    told = {
        "drawn_figures": settings.figures * settings.epochs,
        "annotations": [path.name for path in annotations],
        "annotated_pictures": sum(each.pictures - len(each.problems) for each in read),
        "unusable_pictures": sum(len(each.problems) for each in read),
    }
    return CombinedSources((*drawn, *(each.samples for each in read))), told


def _train(trainer: DetectorTrainer, run: Path, form: TableFormat) -> None:
    if form is TableFormat.TABLE:
        typer.echo(f"{'epoch':>5} {'loss':>6} {'AP50':>6} {'AP75':>6} {'labels':>6} {'length':>7}")
    try:
        with progress_bar(form is TableFormat.JSON) as report:
            trainer.run(report, lambda epoch: _print_epoch(epoch.number, epoch.loss, epoch.scores, form))
    except KeyboardInterrupt as error:
        kept = f"{run / 'last.pt'} has the {trainer.done} epochs that are done" if trainer.done else "no epoch was done"
        print_message(f"interrupted: {kept}; --run {run} --resume goes on" if trainer.done else f"interrupted: {kept}")
        raise typer.Exit(INTERRUPTED) from error
    trainer.load_best()


def _print_epoch(number: int, loss: float, found: DetectionScores, form: TableFormat) -> None:
    if form is TableFormat.TABLE:
        typer.echo(
            f"{number:5} {loss:6.3f} {found.ap50:6.3f} {found.ap75:6.3f} {found.label_ap50:6.3f} "
            f"{100 * found.length_error:6.1f}%"
        )


def _export_detector(
    trainer: DetectorTrainer, settings: TrainingSettings, source: Source, path: Path, named: tuple[str, str],
    data: dict[str, Any], form: TableFormat,
) -> None:  # fmt: skip
    from mirsearch.analysis.scalebars.faster_rcnn import KIND
    from mirsearch.models.artifact import Card
    from mirsearch.training.detector_export import export_detector

    draft = Card(named[0], KIND, data=data | {"epochs": trainer.history}, license=named[1])
    card, measured = export_detector(trainer.net, settings, source.held_out(), path, draft)
    if form is TableFormat.JSON:
        print_json({"path": str(path)} | asdict(card))
        return
    typer.echo(f"held out, {measured['trained'].pictures} pictures:      AP50   AP75  found  right  length error")
    for title, key in (
        ("the network alone", "network"),
        ("with measured ends", "trained"),
        ("runs (the default)", "runs"),
    ):
        each = measured[key]
        typer.echo(
            f"{title:28} {each.ap50:6.3f} {each.ap75:6.3f} {each.found:6.3f} {each.right:6.3f} "
            f"{100 * each.length_error:6.2f}%"
        )
    typer.echo(f"{path}: {card.kind} {card.name} {card.version}, {path.stat().st_size / 1e6:.1f} MB")
