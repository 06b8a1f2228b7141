"""`mirsearch train …`: learn a whitening, a metric or a scale-bar detector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch import settings
from mirsearch.cli.common import (
    CommandGroup,
    IndexOption,
    TableFormat,
    console,
    load_extractor,
    open_index,
    print_json,
)

if TYPE_CHECKING:
    from mirsearch.models.artifact import Card
    from mirsearch.training.corpus_vectors import Corpus
    from mirsearch.training.fitting import Fitted, Learned
    from mirsearch.training.keeping import Wanted

train_app = typer.Typer(
    cls=CommandGroup, help="Learn from your own corpus: whitening, metric, scale bars.", no_args_is_help=True
)


class WhiteningMethod(StrEnum):
    """Ways to whiten."""

    PCA = "pca"
    DISCRIMINATIVE = "discriminative"


class MetricLoss(StrEnum):
    """Losses of metric learning."""

    TRIPLET = "triplet"
    CONTRASTIVE = "contrastive"


class AlikeRule(StrEnum):
    """What counts as alike."""

    FIGURE = "figure"
    TECHNIQUE = "technique"


NameOption = Annotated[str | None, typer.Option("--name", help="Name to install it under (default: of the command).")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write it to this .mirmodel file, and install nothing.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Install it even where it does worse.")]
LicenseOption = Annotated[str, typer.Option("--license", help="Licence its card names.")]
HoldOutOption = Annotated[float, typer.Option("--hold-out", help="Share of the articles it is measured on.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Chooses articles, crops and order.")]
LimitOption = Annotated[int, typer.Option("--limit", min=8, help="Most panels to learn from and test on.")]
DimsOption = Annotated[int | None, typer.Option("--dims", min=1, help="Numbers a vector keeps (default: all).")]
AlikeOption = Annotated[
    AlikeRule, typer.Option("--alike", help="Panels of one figure, or also of other articles, by technique and scale.")
]
DeviceOption = Annotated[
    str | None, typer.Option("--device", help="auto, cuda, mps or cpu (default: MIRSEARCH_DEVICE, else the fastest).")
]
OutputFormat = Annotated[TableFormat, typer.Option("--format", help="table or json.")]


@train_app.command("whitening")
def whitening(
    index: IndexOption = None,
    method: Annotated[
        WhiteningMethod, typer.Option("--method", help="From vectors alone, or from pairs that are alike as well.")
    ] = WhiteningMethod.PCA,
    dims: DimsOption = None,
    power: Annotated[
        float | None, typer.Option("--power", min=0, max=1, help="1 whitens wholly, 0 only rotates (default: chosen).")
    ] = None,
    alike: AlikeOption = AlikeRule.FIGURE,
    name: NameOption = None,
    output: OutputOption = None,
    force: ForceOption = False,
    license_: LicenseOption = "",
    hold_out: HoldOutOption = 0.3,
    seed: SeedOption = 0,
    limit: LimitOption = settings.TRAINING_PANELS,
    form: OutputFormat = TableFormat.TABLE,
) -> None:
    """Learn a whitening of an index's vectors, and install it where it finds more on held-out articles."""
    from mirsearch.training.corpus_vectors import gather
    from mirsearch.training.fitting import Split, WhiteningOptions, fit, learn_whitening

    corpus_index = open_index(index)
    wanted = _wanted(name or "whitening", output, force, license_)
    corpus = gather(corpus_index, limit)
    options = WhiteningOptions(method.value, dims, power, alike.value)
    fitted = fit(corpus, Split(hold_out, seed), lambda part: learn_whitening(part, options, seed))
    _keep(fitted, corpus_index, wanted, form)


@train_app.command("metric")
def metric(
    index: IndexOption = None,
    loss: Annotated[MetricLoss, typer.Option("--loss", help="triplet or contrastive.")] = MetricLoss.TRIPLET,
    margin: Annotated[float | None, typer.Option("--margin", help="How far apart unlike ones should be.")] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Most passes over the pairs.")] = 30,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Learning rate.")] = 1e-3,
    crops: Annotated[int, typer.Option("--crops", min=1, max=16, help="Crops of each panel to learn from.")] = 2,
    dims: DimsOption = None,
    alike: AlikeOption = AlikeRule.FIGURE,
    extractor: Annotated[
        str | None, typer.Option("--extractor", help="The index's own extractor, where it isn't found by its name.")
    ] = None,
    name: NameOption = None,
    output: OutputOption = None,
    force: ForceOption = False,
    license_: LicenseOption = "",
    hold_out: HoldOutOption = 0.3,
    seed: SeedOption = 0,
    limit: LimitOption = settings.TRAINING_PANELS,
    form: OutputFormat = TableFormat.TABLE,
) -> None:
    """Learn which differences matter, as a linear head over the index's vectors, from crops and panels of a figure."""
    from mirsearch.search import check_extractor
    from mirsearch.training.corpus_vectors import gather
    from mirsearch.training.fitting import MetricOptions, Split, fit, learn_metric
    from mirsearch.training.head import MARGINS, HeadSettings

    corpus_index = open_index(index)
    wanted = _wanted(name or "metric", output, force, license_)
    model = load_extractor(extractor or corpus_index.extractor.name)
    check_extractor(corpus_index, model)
    head = HeadSettings(loss.value, MARGINS[loss.value] if margin is None else margin, epochs, rate)
    options = MetricOptions(crops, dims, alike.value, head)
    corpus = gather(corpus_index, limit)
    with progress(form is TableFormat.JSON) as report:

        def learn(part: Corpus) -> Learned:
            return learn_metric(corpus_index, part, model, options, seed, report)

        fitted = fit(corpus, Split(hold_out, seed), learn)
    _keep(fitted, corpus_index, wanted, form)


def model_path(name: str, output: Path | None) -> Path:
    """The file a model goes to: the one asked for, else that of its name among the installed ones; UsageError."""
    from mirsearch.training.keeping import Wanted

    return Wanted(name, output).path


def _wanted(name: str, output: Path | None, force: bool, license_: str) -> Wanted:
    """Where the model goes, checked before anything is learned."""
    from mirsearch.training.keeping import Wanted

    wanted = Wanted(name, output, force, license_)
    _ = wanted.path  # a place that can't be written is told before the work, not after
    return wanted


def _keep(fitted: Fitted, index: Any, wanted: Wanted, form: TableFormat) -> None:
    from mirsearch.training.keeping import keep_projection

    if form is TableFormat.TABLE:
        _print_changes(fitted)
    path, card = keep_projection(fitted, index.extractor, wanted, index.location)
    spec = f"trained:{card.name}" if wanted.output is None else f"trained:{path}"
    if form is TableFormat.JSON:
        print_json(_as_json(path, card) | {"extractor": spec})
        return
    typer.echo(f"{path}: {card.kind} {card.name} {card.version}")
    typer.echo(f"use it with: mirsearch ingest … --extractor {spec} --index ANOTHER")


def _as_json(path: Path, card: Card) -> dict[str, Any]:
    import dataclasses

    return {"path": str(path)} | dataclasses.asdict(card)


def _print_changes(fitted: Fitted) -> None:
    """The measures on held-out articles before and after, with their intervals."""
    data = fitted.data
    typer.echo(
        f"learned on {data['panels_learned']} panels of {data['articles_learned']} articles, {data['pairs']} pairs; "
        f"measured on {data['panels_held_out']} of {data['articles_held_out']} others"
    )
    typer.echo(f"{'mAP, held out':14} {'before':>6} {'after':>6}  {'difference':>10}  95 % interval     queries")
    for name, each in fitted.changes.items():
        if not each.queries:
            typer.echo(f"{name:14} nothing to find")
            continue
        low, high = each.interval
        typer.echo(
            f"{name:14} {each.before:6.3f} {each.after:6.3f}  {each.difference:+10.3f}  [{low:+.3f}, {high:+.3f}]  "
            f"{each.queries:5}" + ("  (may be chance)" if low <= 0 <= high else "")
        )


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on stderr, by what is being done; nothing where that is not a terminal."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield lambda what, done, of: None
        return
    from rich.progress import Progress

    with Progress(console=screen, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=of)
            bar.update(tasks[what], completed=done, total=of)

        yield report
