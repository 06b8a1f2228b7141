"""`mirsearch evaluate`: how well an index, or the look alone, finds what was judged to be relevant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from mirsearch import settings
from mirsearch.cli.parts import (
    ExtractorChoice,
    load_detector,
    load_extractor,
    load_index_extractor,
    load_ocr,
    open_index,
)
from mirsearch.cli.query_options import (
    AllKindsOption,
    DoubtfulOption,
    ExtractorOption,
    MissingOption,
    MissingScale,
    NoScaleOption,
    RetractedOption,
    SigmaOption,
    WeightOption,
)
from mirsearch.cli.shared_options import DeviceOption, IndexOption, OcrOption, ScaleBarsOption, WeightsOption
from mirsearch.cli.terminal import STDOUT, console, json_text, open_output, print_message
from mirsearch.configuration import configured_weights
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.analysis.base import OcrEngine, ScaleBarDetector
    from mirsearch.evaluation.results import Evaluation
    from mirsearch.indexes.base import Index
    from mirsearch.report.evaluation_pictures import Pictures
    from mirsearch.search.query_image import ImageQuestion
    from mirsearch.search.question import Question

DEFAULT_PAGE = Path("evaluation.html")


class EvaluationFormat(StrEnum):
    """Formats of an evaluation."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


class LeaveOut(StrEnum):
    """What must not answer a query."""

    NONE = "none"
    FIGURE = "figure"
    ARTICLE = "article"


JudgmentsArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="JUDGMENTS",
        help="TREC qrels, or a csv table: image, text, relevant (ids of panels, figures or articles).",
        show_default=False,
    ),
]
QueriesOption = Annotated[
    Path | None, typer.Option("--queries", help="With qrels: csv table of what they ask: id, image, like, text.")
]
ClassesOption = Annotated[
    Path | None,
    typer.Option("--classes", help="Folder with one subfolder for each class; measures the look, without an index."),
]
GroupsOption = Annotated[
    Path | None,
    typer.Option("--groups", help="Csv table of file and group: images of one group never answer each other."),
]
LeaveOutOption = Annotated[
    LeaveOut, typer.Option("--leave-out", help="Panels of the query's figure or article never answer it.")
]
AgainstOption = Annotated[
    Path | None,
    typer.Option("--against", help="JSON of an earlier evaluation of the same queries: tests what has changed."),
]


TuneOption = Annotated[
    bool,
    typer.Option(
        "--tune",
        help="Fit the weights, σ and k to the judgments, and keep them as the index's own if held-out queries gain.",
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="With --tune: write nothing.")]
UntuneOption = Annotated[
    bool, typer.Option("--untune", help="Remove the index's own weights, σ and k: everybody's count again.")
]


def evaluate(
    judgments: JudgmentsArgument = None,
    queries: QueriesOption = None,
    classes: ClassesOption = None,
    groups: GroupsOption = None,
    leave_out: LeaveOutOption = LeaveOut.NONE,
    against: AgainstOption = None,
    tune: TuneOption = False,
    dry_run: DryRunOption = False,
    untune: UntuneOption = False,
    weight: WeightOption = None,
    missing: MissingOption = MissingScale.NEUTRAL,
    sigma: SigmaOption = None,
    no_scale: NoScaleOption = False,
    doubtful: DoubtfulOption = False,
    all_kinds: AllKindsOption = False,
    retracted: RetractedOption = False,
    output: Annotated[
        EvaluationFormat, typer.Option("--format", "-f", help="table, json or html.")
    ] = EvaluationFormat.TABLE,
    target: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, - for stdout (html: default evaluation.html).")
    ] = None,
    index: IndexOption = None,
    extractor: ExtractorOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
) -> None:
    """Measure how well judged queries, or images of classes, find what is relevant."""
    if untune:
        _untune(index, judgments or classes or tune)
        return
    if (judgments is None) == (classes is None):
        raise UsageError("nothing to evaluate", "give a file of judgments, or --classes FOLDER")
    if output is EvaluationFormat.TABLE and target is not None and str(target) != STDOUT:
        raise UsageError("--output writes a file, but a table is for the screen", "add --format json or html")
    choice = ExtractorChoice(extractor, weights, device)
    if classes is not None:
        if queries is not None or weight or leave_out is not LeaveOut.NONE or no_scale or tune:
            raise UsageError(
                "--queries, --weight, --no-scale, --leave-out and --tune are for judgments", "--classes takes --groups"
            )
        found, pictures = _evaluate_folder(classes, groups, choice)
    else:
        from mirsearch.search.option_values import parse_formula
        from mirsearch.search.own_score import own_formula
        from mirsearch.search.question import Question

        assert judgments is not None
        _check_tuning(tune, dry_run, against)
        corpus = open_index(index)
        question = Question(
            use_scale=not no_scale,
            every_kind=all_kinds,
            retracted=retracted,
            doubtful=doubtful,
            formula=parse_formula([*configured_weights(), *(weight or [])], missing.value, sigma, own_formula(corpus)),
        )
        parts = cache(lambda: (load_ocr(ocr), load_detector(scalebars)))
        asked = _Judgments(judgments, queries, groups, leave_out, tune, dry_run)
        found, pictures = _evaluate_index(corpus, asked, question, choice, partial(_image_question, parts, no_scale))
    if against is not None:
        from mirsearch.evaluation.comparison import compare_with_earlier

        found = replace(found, comparison=compare_with_earlier(found, against))
    _write(found, pictures, output, target)


class _Judgments(NamedTuple):
    """The files of judgments, what must not answer, and whether the score is fitted to them."""

    judgments: Path
    queries: Path | None
    groups: Path | None
    leave_out: LeaveOut
    tune: bool
    dry_run: bool


def _untune(index: str | None, others: object) -> None:
    """Remove the index's own parameters of the score."""
    if others:
        raise UsageError("--untune evaluates nothing", "give it alone, with --index")
    from mirsearch.search.own_score import remove_own_score

    corpus = open_index(index)
    had = remove_own_score(corpus)
    told = "removed the own weights, σ and k of" if had else "there are no own weights, σ and k in"
    print_message(f"{told} {corpus.location}")


def _check_tuning(tune: bool, dry_run: bool, against: Path | None) -> None:
    if dry_run and not tune:
        raise UsageError("--dry-run is for --tune", "add --tune")
    if tune and against is not None:
        raise UsageError("--tune compares with the weights before, not with --against", "leave one of them out")


def _evaluate_folder(folder: Path, groups: Path | None, choice: ExtractorChoice) -> tuple[Evaluation, Pictures]:
    from mirsearch.evaluation.classes import evaluate_classes
    from mirsearch.report.evaluation_pictures import FilePictures

    with _progress("embedding images") as progress:
        return evaluate_classes(folder, load_extractor(choice), groups, progress), FilePictures(folder)


def _evaluate_index(
    corpus: Index, asked: _Judgments, question: Question, choice: ExtractorChoice,
    read_image: Callable[[str], ImageQuestion],
) -> tuple[Evaluation, Pictures]:  # fmt: skip
    from mirsearch.evaluation.groups import read_groups
    from mirsearch.evaluation.index_runs import JudgedRun, Setting
    from mirsearch.evaluation.judgments import read_judgments
    from mirsearch.report.evaluation_pictures import IndexPictures

    judged = read_judgments(asked.judgments, asked.queries)
    groups = {} if asked.groups is None else read_groups(asked.groups)
    setting = Setting(question, asked.leave_out.value, groups)
    model = cache(partial(load_index_extractor, corpus, choice))
    with _progress("asking queries") as progress:
        run = JudgedRun(corpus, judged, setting, model, read_image, progress)
    if not asked.tune:
        return run.evaluate(question.formula), IndexPictures(corpus, judged)
    from mirsearch.evaluation.tuning import tuned_evaluation

    with _progress("gathering answers") as progress:
        return tuned_evaluation(corpus, run, question.formula, asked.dry_run, progress), IndexPictures(corpus, judged)


def _image_question(
    parts: Callable[[], tuple[OcrEngine, ScaleBarDetector]], no_scale: bool, path: str
) -> ImageQuestion:
    from mirsearch.search.query_image import ImageQuestion
    from mirsearch.search.scale_options import ScaleOptions

    return ImageQuestion(Path(path), *parts(), scale=ScaleOptions(read=not no_scale))


def _write(found: Evaluation, pictures: Pictures, output: EvaluationFormat, target: Path | None) -> None:
    if output is EvaluationFormat.TABLE:
        from mirsearch.report.evaluation_table import print_evaluation

        print_evaluation(found, console())
        return
    path = target or (DEFAULT_PAGE if output is EvaluationFormat.HTML else None)
    with open_output(path) as stream:
        if output is EvaluationFormat.HTML:
            from mirsearch.report.evaluation_page import evaluation_html

            stream.write(evaluation_html(found, pictures))
        else:
            stream.write(json_text(found.to_dict(), stream.encoding, indent=2) + "\n")
    if path is not None and str(path) != STDOUT:
        print_message(f"wrote {path}")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on stderr how much is done, if that is a terminal."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda done, total: None
        return
    with screen.status(f"{what} …") as status:
        yield lambda done, total: status.update(f"{what} … {done:,} of {total:,}")
