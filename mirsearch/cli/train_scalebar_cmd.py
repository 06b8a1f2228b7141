"""`mirsearch train scalebar`: train a scale-bar detector on drawn figures and on your own annotations."""

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
"""Drawn figures that are held out for the test."""


class Backbone(StrEnum):
    """Backbones, from one that trains on a laptop to one that needs a GPU."""

    TINY = "tiny"
    MOBILENET = "mobilenet"
    RESNET50 = "resnet50"


IMAGE_SIDES = {Backbone.TINY: 256, Backbone.MOBILENET: 512, Backbone.RESNET50: 800}
"""Px of the square that pictures are fitted into, by backbone."""
WINDOW_SIDES = {Backbone.TINY: 160, Backbone.MOBILENET: 0, Backbone.RESNET50: 0}
"""Px of the random windows that are cut for training, by backbone; 0: whole pictures."""


def scalebar(
    run: Annotated[Path, typer.Option("--run", help="Folder of checkpoints.")] = Path("scalebar-run"),
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint of the folder.")] = False,
    backbone: Annotated[Backbone, typer.Option("--backbone", help="tiny, mobilenet or resnet50.")] = Backbone.TINY,
    backbone_weights: Annotated[
        Path | None, typer.Option("--backbone-weights", help="State dict of a torchvision classifier to start from.")
    ] = None,
    annotations: Annotated[
        list[Path] | None, typer.Option("--annotations", help="JSON of COCO or EXSCLAIM!. May be repeated.")
    ] = None,
    images: Annotated[Path | None, typer.Option("--images", help="Folder of the annotated pictures.")] = None,
    figures: Annotated[
        int, typer.Option("--figures", min=0, help="Drawn figures for each epoch; 0: only annotations.")
    ] = 40,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Number of epochs.")] = 20,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Pictures for each step.")] = 4,
    rate: Annotated[float, typer.Option("--rate", help="Highest learning rate.")] = 1e-3,
    side: Annotated[
        int | None,
        typer.Option("--side", min=64, max=2048, help="Side in px of the square that pictures are fitted into."),
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = None,
    name: NameOption = None,
    output: OutputOption = None,
    license_: LicenseOption = "",
    form: OutputFormat = TableFormat.TABLE,
) -> None:
    """Train Faster R-CNN to find scale bars and labels. After Ctrl-C, --resume continues."""
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
    """Return the source of training pictures, and their description for the card."""
    from mirsearch.training.annotations import read_annotations
    from mirsearch.training.detection_data import CombinedSources, DrawnFigures

    annotated = [read_annotations(path, images) for path in annotations]
    drawn = [DrawnFigures(settings.figures, HELD_OUT_FIGURES, settings.seed)] if settings.figures else []
    if not (annotated or drawn):
        raise UsageError("there are no pictures to train on", "give --figures, or --annotations")
    description = {
        "drawn_figures": settings.figures * settings.epochs,
        "annotations": [path.name for path in annotations],
        "annotated_pictures": sum(part.pictures - len(part.problems) for part in annotated),
        "unusable_pictures": sum(len(part.problems) for part in annotated),
    }
    return CombinedSources((*drawn, *(part.samples for part in annotated))), description


def _train(trainer: DetectorTrainer, run: Path, form: TableFormat) -> None:
    if form is TableFormat.TABLE:
        typer.echo(f"{'epoch':>5} {'loss':>6} {'AP50':>6} {'AP75':>6} {'labels':>6} {'length':>7}")
    try:
        with progress_bar(form is TableFormat.JSON) as report:
            trainer.run(report, lambda epoch: _print_epoch(epoch.number, epoch.loss, epoch.scores, form))
    except KeyboardInterrupt as error:
        if trainer.epochs_done:
            kept = f"{run / 'last.pt'} has {trainer.epochs_done} finished epochs; --run {run} --resume continues"
        else:
            kept = "no epoch is finished"
        print_message(f"interrupted: {kept}")
        raise typer.Exit(INTERRUPTED) from error
    trainer.load_best()


def _print_epoch(number: int, loss: float, scores: DetectionScores, form: TableFormat) -> None:
    if form is TableFormat.TABLE:
        typer.echo(
            f"{number:5} {loss:6.3f} {scores.ap50:6.3f} {scores.ap75:6.3f} {scores.label_ap50:6.3f} "
            f"{100 * scores.length_error:6.1f}%"
        )


def _export_detector(
    trainer: DetectorTrainer, settings: TrainingSettings, source: Source, path: Path, name_and_license: tuple[str, str],
    data: dict[str, Any], form: TableFormat,
) -> None:  # fmt: skip
    from mirsearch.analysis.scalebars.faster_rcnn import KIND
    from mirsearch.models.artifact import Card
    from mirsearch.training.detector_export import export_detector

    name, license_ = name_and_license
    draft = Card(name, KIND, data=data | {"epochs": trainer.history}, license=license_)
    card, measured = export_detector(trainer.net, settings, source.test_samples(), path, draft)
    if form is TableFormat.JSON:
        print_json({"path": str(path)} | asdict(card))
        return
    typer.echo(f"held out, {measured['trained'].pictures} pictures:      AP50   AP75  found  right  length error")
    for title, key in (
        ("the network alone", "network"),
        ("with measured ends", "trained"),
        ("runs (the default)", "runs"),
    ):
        scores = measured[key]
        typer.echo(
            f"{title:28} {scores.ap50:6.3f} {scores.ap75:6.3f} {scores.found:6.3f} {scores.right:6.3f} "
            f"{100 * scores.length_error:6.2f}%"
        )
    typer.echo(f"{path}: {card.kind} {card.name} {card.version}, {path.stat().st_size / 1e6:.1f} MB")
