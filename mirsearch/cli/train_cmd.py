"""`mirsearch train whitening`, `mirsearch train metric`: train projections and networks on an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch import settings
from mirsearch.cli.parts import ExtractorChoice, load_index_extractor, open_index
from mirsearch.cli.shared_options import DeviceOption, IndexOption, TableFormat, WeightsOption
from mirsearch.cli.terminal import INTERRUPTED, console, print_json, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.indexes.base import Index
    from mirsearch.models.artifact import Card
    from mirsearch.training.corpus_vectors import Corpus
    from mirsearch.training.evaluation import Change
    from mirsearch.training.fitting import FittedProjection, LearnedProjection, Split
    from mirsearch.training.install import Destination


class WhiteningMethod(StrEnum):
    """Methods of whitening."""

    PCA = "pca"
    DISCRIMINATIVE = "discriminative"


class MetricLoss(StrEnum):
    """Losses of metric learning."""

    TRIPLET = "triplet"
    CONTRASTIVE = "contrastive"


class SimilarityRule(StrEnum):
    """Rules for which panels are similar."""

    FIGURE = "figure"
    TECHNIQUE = "technique"


NameOption = Annotated[
    str | None, typer.Option("--name", help="Name of the installed model (default: the name of the command).")
]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write this .mirmodel file instead of installing the model.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Install the model even if it is worse.")]
LicenseOption = Annotated[str, typer.Option("--license", help="Licence that the card of the model names.")]
HoldOutOption = Annotated[
    float, typer.Option("--hold-out", help="Share of the articles that are held out to measure the result.")
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed for the choice of articles, crops and order.")]
LimitOption = Annotated[int, typer.Option("--limit", min=8, help="Most panels for training and test.")]
DimsOption = Annotated[int | None, typer.Option("--dims", min=1, help="Dimensions that a vector keeps (default: all).")]
SimilarityOption = Annotated[
    SimilarityRule,
    typer.Option(
        "--alike", help="Similar panels: of one figure, or also of other articles with the same technique and scale."
    ),
]
OutputFormat = Annotated[TableFormat, typer.Option("--format", help="table or json.")]


def whitening(
    index: IndexOption = None,
    method: Annotated[
        WhiteningMethod,
        typer.Option("--method", help="Learn from vectors alone, or also from pairs of similar panels."),
    ] = WhiteningMethod.PCA,
    dims: DimsOption = None,
    power: Annotated[
        float | None,
        typer.Option("--power", min=0, max=1, help="1 whitens fully, 0 only rotates (default: chosen automatically)."),
    ] = None,
    alike: SimilarityOption = SimilarityRule.FIGURE,
    name: NameOption = None,
    output: OutputOption = None,
    force: ForceOption = False,
    license_: LicenseOption = "",
    hold_out: HoldOutOption = 0.3,
    seed: SeedOption = 0,
    limit: LimitOption = settings.TRAINING_PANELS,
    form: OutputFormat = TableFormat.TABLE,
) -> None:
    """Learn a whitening of an index's vectors, and install it if it finds more on held-out articles."""
    from mirsearch.training.corpus_vectors import read_corpus
    from mirsearch.training.fitting import Split, WhiteningOptions, fit_projection, learn_whitening

    corpus_index = open_index(index)
    destination = _check_target(name or "whitening", output, force, license_)
    corpus = read_corpus(corpus_index, limit)
    options = WhiteningOptions(method.value, dims, power, alike.value)
    fitted = fit_projection(corpus, Split(hold_out, seed), lambda part: learn_whitening(part, options, seed))
    _save_projection(fitted, corpus_index, destination, form)


def metric(
    index: IndexOption = None,
    loss: Annotated[MetricLoss, typer.Option("--loss", help="triplet or contrastive.")] = MetricLoss.TRIPLET,
    margin: Annotated[
        float | None, typer.Option("--margin", help="Distance that dissimilar panels should have.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Passes over the pairs.")] = None,
    rate: Annotated[float | None, typer.Option("--rate", min=0, help="Learning rate.")] = None,
    crops: Annotated[int, typer.Option("--crops", min=1, max=16, help="Crops of each panel to learn from.")] = 2,
    dims: DimsOption = None,
    alike: SimilarityOption = SimilarityRule.FIGURE,
    whole: Annotated[bool, typer.Option("--whole", help="Train the whole network. Needs a GPU to be fast.")] = False,
    run: Annotated[Path, typer.Option("--run", help="Folder of checkpoints of --whole.")] = Path("metric-run"),
    resume: Annotated[bool, typer.Option("--resume", help="Continue --whole from the last checkpoint.")] = False,
    extractor: Annotated[
        str | None, typer.Option("--extractor", help="Extractor of the index, if it is not found by its name.")
    ] = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    name: NameOption = None,
    output: OutputOption = None,
    force: ForceOption = False,
    license_: LicenseOption = "",
    hold_out: HoldOutOption = 0.3,
    seed: SeedOption = 0,
    limit: LimitOption = settings.TRAINING_PANELS,
    form: OutputFormat = TableFormat.TABLE,
) -> None:
    """Learn a metric from crops and panels of figures: a linear head, or the whole network."""
    from mirsearch.search.search import check_extractor
    from mirsearch.training.corpus_vectors import read_corpus
    from mirsearch.training.fitting import MetricOptions, Split, fit_projection, learn_metric
    from mirsearch.training.head import MARGINS, HeadSettings

    corpus_index = open_index(index)
    destination = _check_target(name or "metric", output, force, license_)
    model = load_index_extractor(corpus_index, ExtractorChoice(extractor, weights, device))
    check_extractor(corpus_index, model)
    margin_value = MARGINS[loss.value] if margin is None else margin
    corpus, split = read_corpus(corpus_index, limit), Split(hold_out, seed)
    if whole:
        network_options = (loss.value, margin_value, epochs, rate, alike.value)
        _tune_network(corpus_index, corpus, model, network_options, split, (run, resume), destination, form)
        return
    if resume:
        raise UsageError("--resume is for --whole: a linear head is trained in one run", "leave --resume out")
    head = HeadSettings(loss.value, margin_value, epochs or 30, 1e-3 if rate is None else rate)
    options = MetricOptions(crops, dims, alike.value, head)
    with progress_bar(form is TableFormat.JSON) as report:

        def learn(part: Corpus) -> LearnedProjection:
            return learn_metric(corpus_index, part, model, options, seed, report)

        fitted = fit_projection(corpus, split, learn)
    _save_projection(fitted, corpus_index, destination, form)


def _tune_network(
    index: Index, corpus: Corpus, model: Any, network_options: Any, split: Split, run: tuple[Path, bool],
    destination: Destination, form: TableFormat,
) -> None:  # fmt: skip
    """Train the whole network. `network_options`: loss, margin, epochs, rate, similarity; `run`: folder, resume."""
    from mirsearch.extractors.torch.device import import_torch

    import_torch("training a whole network")
    from mirsearch.extractors.torch.extractor import TorchExtractor

    if not isinstance(model, TorchExtractor):
        raise UsageError(
            f"{model.name} is not a network that can be trained here", "leave --whole out, or --extractor resnet50-gem"
        )
    from mirsearch.training.checkpoints import check_unused
    from mirsearch.training.fine_tuning import NetworkOptions, RunOptions, save_network, tune_network
    from mirsearch.training.install import check_improvement

    base = f"{model.name} {model.version}"
    loss, margin, epochs, rate, alike = network_options
    options = NetworkOptions(loss, margin, epochs or 3, 1e-5 if rate is None else rate, alike=alike, seed=split.seed)
    folder, resume = run
    if not resume:
        check_unused(folder)
    with progress_bar(form is TableFormat.JSON) as report, _report_interruption(folder):
        tuned = tune_network(index, corpus, model, options, split, RunOptions(report, folder, resume))
    if form is TableFormat.TABLE:
        _print_changes(tuned.changes, tuned.data)
    check_improvement(tuned.changes, destination)
    card = save_network(tuned, model, base, options, destination.path, (destination.name, destination.license))
    _print_saved(destination.path, card, f"onnx:{card.name if destination.output is None else destination.path}", form)


@contextmanager
def _report_interruption(folder: Path) -> Iterator[None]:
    """After Ctrl-C, print how to continue from the finished epochs."""
    from mirsearch.training.checkpoints import LAST

    try:
        yield
    except KeyboardInterrupt as error:
        has_checkpoint = (folder / LAST).exists()
        print_message(
            "interrupted: " + (f"--run {folder} --resume continues" if has_checkpoint else "no epoch is finished")
        )
        raise typer.Exit(INTERRUPTED) from error


def model_path(name: str, output: Path | None) -> Path:
    """Return the file for a model: `output`, or the installed file of its name. Raises UsageError for a bad path."""
    from mirsearch.training.install import Destination

    return Destination(name, output).path


def _check_target(name: str, output: Path | None, force: bool, license_: str) -> Destination:
    """Return the destination of the model, checked before the training starts."""
    from mirsearch.training.install import Destination

    destination = Destination(name, output, force, license_)
    _ = destination.path  # a path that can't be written raises an error before the training, not after it
    return destination


def _save_projection(fitted: FittedProjection, index: Any, destination: Destination, form: TableFormat) -> None:
    from mirsearch.training.install import save_projection

    if form is TableFormat.TABLE:
        _print_changes(fitted.changes, fitted.data)
    path, card = save_projection(fitted, index.extractor, destination, index.location)
    spec = f"trained:{card.name}" if destination.output is None else f"trained:{path}"
    _print_saved(path, card, spec, form)


def _print_saved(path: Path, card: Card, spec: str, form: TableFormat) -> None:
    if form is TableFormat.JSON:
        print_json(_card_json(path, card) | {"extractor": spec})
        return
    typer.echo(f"{path}: {card.kind} {card.name} {card.version}")
    typer.echo(f"use it with: mirsearch ingest … --extractor {spec} --index ANOTHER")


def _card_json(path: Path, card: Card) -> dict[str, Any]:
    import dataclasses

    return {"path": str(path)} | dataclasses.asdict(card)


def _print_changes(changes: Mapping[str, Change], data: Mapping[str, Any]) -> None:
    """Print the measures on held-out articles before and after training, with confidence intervals."""
    typer.echo(
        f"learned on {data['panels_learned']} panels of {data['articles_learned']} articles; "
        f"measured on {data['panels_held_out']} of {data['articles_held_out']} others"
    )
    typer.echo(f"{'mAP, held out':14} {'before':>6} {'after':>6}  {'difference':>10}  95 % interval     queries")
    for name, change in changes.items():
        if not change.queries:
            typer.echo(f"{name:14} nothing to find")
            continue
        low, high = change.interval
        typer.echo(
            f"{name:14} {change.before:6.3f} {change.after:6.3f}  {change.difference:+10.3f}  "
            f"[{low:+.3f}, {high:+.3f}]  {change.queries:5}" + ("  (may be chance)" if low <= 0 <= high else "")
        )


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar for each stage on stderr, if that is a terminal."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield lambda stage, done, total: None
        return
    from rich.progress import Progress

    with Progress(console=screen, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield report
