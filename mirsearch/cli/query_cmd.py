"""`mirsearch query`: search with an image, words, or both."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mirsearch import settings
from mirsearch.cli.parts import ExtractorChoice, load_detector, load_index_extractor, load_ocr, open_index
from mirsearch.cli.query_options import (
    AllKindsOption,
    AnswerFormat,
    ArticleOption,
    BarPxOption,
    CropOption,
    DoubtfulOption,
    EachOption,
    ExplainOption,
    ExtractorOption,
    FieldOfViewOption,
    FilterOption,
    FovOption,
    HasScaleOption,
    ImageArgument,
    JournalOption,
    KindOption,
    LabelTextOption,
    LicenseOption,
    LikeOption,
    MissingOption,
    MissingScale,
    NmPerPxOption,
    NoScaleOption,
    OutputOption,
    PageOption,
    PanelOption,
    RetractedOption,
    ScaleOption,
    ShowRequestOption,
    SigmaOption,
    TargetOption,
    TechniqueOption,
    TextOption,
    ThumbnailsOption,
    TopOption,
    WeightOption,
    YearOption,
)
from mirsearch.cli.shared_options import (
    DeviceOption,
    ExactOption,
    IndexOption,
    OcrOption,
    ScaleBarsOption,
    WeightsOption,
)
from mirsearch.cli.terminal import console, json_text, open_output, print_json, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.extractors.base import Extractor
    from mirsearch.indexes.base import Index
    from mirsearch.search.answer import Answer
    from mirsearch.search.query_image import ImageQuestion, ScaleOptions
    from mirsearch.search.search import Question


def query(
    image: ImageArgument = None,
    text: TextOption = None,
    like: LikeOption = None,
    panel: PanelOption = None,
    crop: CropOption = None,
    page: PageOption = 0,
    scale: ScaleOption = None,
    bar_px: BarPxOption = None,
    nm_per_px: NmPerPxOption = None,
    field_of_view: FieldOfViewOption = None,
    no_scale: NoScaleOption = False,
    weight: WeightOption = None,
    missing: MissingOption = MissingScale.NEUTRAL,
    sigma: SigmaOption = settings.SCALE_SIGMA,
    top: TopOption = 10,
    each: EachOption = False,
    doubtful: DoubtfulOption = False,
    exact: ExactOption = False,
    kind: KindOption = None,
    technique: TechniqueOption = None,
    year: YearOption = None,
    journal: JournalOption = None,
    license_: LicenseOption = None,
    has_scale: HasScaleOption = None,
    fov: FovOption = None,
    article: ArticleOption = None,
    label_text: LabelTextOption = None,
    field: FilterOption = None,
    all_kinds: AllKindsOption = False,
    retracted: RetractedOption = False,
    output: OutputOption = AnswerFormat.TABLE,
    target: TargetOption = None,
    explain: ExplainOption = False,
    thumbnails: ThumbnailsOption = False,
    show_request: ShowRequestOption = False,
    index: IndexOption = None,
    extractor: ExtractorOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
) -> None:
    """Find panels that look like an image at its scale, and whose captions contain the given words."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a query multiplies no large matrices
    from mirsearch.search.option_values import add_filters, parse_filters, parse_formula, parse_scale_options
    from mirsearch.search.search import Question, ask

    if image is None and any(value is not None for value in (panel, crop, scale, bar_px, nm_per_px)):
        raise UsageError("--panel, --crop, --scale, --bar-px and --nm-per-px need an image", "give an image")
    scale_options = parse_scale_options(scale, bar_px, nm_per_px, field_of_view, no_scale)
    filters = parse_filters(kind, technique, year, journal, license_, article)
    filters = add_filters(filters, has_scale, fov, label_text, field)
    corpus = open_index(index)
    question = Question(
        image=_image_question(image, panel, crop, page, scale_options, (ocr, scalebars)),
        like=like,
        text=text,
        field_of_view_nm=scale_options.field_of_view_nm,
        use_scale=not no_scale,
        every_kind=all_kinds,
        retracted=retracted,
        filters=filters,
        formula=parse_formula(weight or [], missing.value, sigma),
        top=top,
        exact=exact,
        doubtful=doubtful,
        each=each,
    )
    model = partial(load_index_extractor, corpus, ExtractorChoice(extractor, weights, device))
    if show_request:
        _print_request(corpus, question, model)
        return
    answer = ask(corpus, question, model)
    _output_answer(answer, output, target, explain, thumbnails)


def _print_request(corpus: Index, question: Question, model: Callable[[], Extractor]) -> None:
    """Print the request for Elasticsearch, ready for Kibana's Dev Tools or for curl. Nothing is sent."""
    from mirsearch.search.search import prepare_question

    show_request = getattr(corpus, "show_request", None)
    if show_request is None:
        raise UsageError(f"{corpus.location} sends no requests", "--show-request is for an index on Elasticsearch")
    path, body = show_request(prepare_question(corpus, question, model).request)
    typer.echo(f"POST {path}")
    print_json(body, indent=None)


def _image_question(
    path: Path | None, panel: str | None, crop: str | None, page: int, scale: ScaleOptions, parts: tuple[str, str]
) -> ImageQuestion | None:
    if path is None:
        return None
    from mirsearch.search.option_values import parse_box
    from mirsearch.search.query_image import ImageQuestion

    box = None if crop is None else parse_box(crop)
    return ImageQuestion(path, load_ocr(parts[0]), load_detector(parts[1]), panel, box, scale, page)


def _output_answer(answer: Answer, output: AnswerFormat, target: Path | None, explain: bool, thumbnails: bool) -> None:
    if output is AnswerFormat.JSON and target is None:
        from mirsearch.search.answer import answer_json

        print_json(answer_json(answer))
    elif output is AnswerFormat.TABLE and target is None:
        from mirsearch.report.table import print_answer

        print_answer(answer, console(), explain=explain, thumbnails=thumbnails)
    elif output is AnswerFormat.HTML:
        from mirsearch.report.page import page_html

        path = target or Path("mirsearch.html")
        with open_output(path) as stream:
            stream.write(page_html([answer]))
        print_message(f"wrote {path}")
    else:
        _write_answer(answer, output, target)


def _write_answer(answer: Answer, output: AnswerFormat, target: Path | None) -> None:
    from mirsearch.report.csv_output import answer_csv
    from mirsearch.search.answer import answer_json

    if output is AnswerFormat.TABLE:
        raise UsageError("--output writes a file, but a table is for the screen", "add --format json, csv or html")
    with open_output(target) as stream:
        if output is AnswerFormat.CSV:
            stream.write(answer_csv(answer))
        else:
            stream.write(json_text(answer_json(answer), "utf-8", indent=2) + "\n")
