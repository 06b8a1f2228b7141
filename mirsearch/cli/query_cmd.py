"""`mirsearch query`: search with an image, words, or both."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mirsearch import settings
from mirsearch.cli.parts import ExtractorChoice, load_detector, load_index_extractor, load_ocr, open_index
from mirsearch.cli.query_inputs import check_inputs, open_input
from mirsearch.cli.query_options import (
    AlikeOption,
    AllKindsOption,
    AnswerFormat,
    ArticleOption,
    BarPxOption,
    BatchOption,
    CiteOption,
    CropOption,
    DiverseOption,
    DoubtfulOption,
    EachOption,
    ExplainOption,
    ExtractorOption,
    FieldOfViewOption,
    FilterOption,
    FovOption,
    HasScaleOption,
    ImagesArgument,
    JournalOption,
    KindOption,
    LabelTextOption,
    LicenseOption,
    LikeOption,
    MinScoreOption,
    MissingOption,
    MissingScale,
    NmPerPxOption,
    NoScaleOption,
    NotAlikeOption,
    NotArticleOption,
    OutputOption,
    PageOption,
    PanelOption,
    PerArticleOption,
    RequireOption,
    RetractedOption,
    ReuseOption,
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
from mirsearch.cli.query_output import Outcome, OutputChoice, write_answer, write_answers
from mirsearch.cli.shared_options import (
    DeviceOption,
    ExactOption,
    IndexOption,
    OcrOption,
    ScaleBarsOption,
    WeightsOption,
)
from mirsearch.cli.terminal import print_json
from mirsearch.configuration import configured_weights
from mirsearch.errors import IndexAccessError, MirsearchError, MissingDependencyError, PluginError, UsageError

if TYPE_CHECKING:
    from mirsearch.analysis.base import OcrEngine, ScaleBarDetector
    from mirsearch.extractors.base import Extractor
    from mirsearch.indexes.base import Index
    from mirsearch.search.answer import Answer
    from mirsearch.search.query_image import ImageQuestion
    from mirsearch.search.question import Question


def query(
    images: ImagesArgument = None,
    text: TextOption = None,
    require: RequireOption = False,
    like: LikeOption = None,
    alike: AlikeOption = None,
    not_alike: NotAlikeOption = None,
    reuse: ReuseOption = False,
    panel: PanelOption = None,
    crop: CropOption = None,
    page: PageOption = 0,
    batch: BatchOption = False,
    scale: ScaleOption = None,
    bar_px: BarPxOption = None,
    nm_per_px: NmPerPxOption = None,
    field_of_view: FieldOfViewOption = None,
    no_scale: NoScaleOption = False,
    weight: WeightOption = None,
    missing: MissingOption = MissingScale.NEUTRAL,
    sigma: SigmaOption = None,
    top: TopOption = 10,
    each: EachOption = False,
    diverse: DiverseOption = False,
    per_article: PerArticleOption = None,
    min_score: MinScoreOption = None,
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
    not_article: NotArticleOption = None,
    label_text: LabelTextOption = None,
    field: FilterOption = None,
    all_kinds: AllKindsOption = False,
    retracted: RetractedOption = False,
    output: OutputOption = AnswerFormat.TABLE,
    target: TargetOption = None,
    cite: CiteOption = None,
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
    from mirsearch.search.option_values import (
        add_filters,
        check_image_options,
        hits_per_article,
        index_formula,
        parse_box,
        parse_filters,
        parse_formula,
        parse_scale_options,
    )
    from mirsearch.search.question import Question

    words = list(images or ())
    choice = OutputChoice(output, target, explain, thumbnails, cite)
    batch = batch or output is AnswerFormat.JSONL
    choice.check(batch and len(words) > 1)
    check_inputs(words)
    if words and like is not None:
        raise UsageError("an image and --like can't be combined", "give one of them")
    options = {"panel": panel, "crop": crop, "scale": scale, "bar_px": bar_px, "nm_per_px": nm_per_px}
    check_image_options(len(words), options | {"page": page or None})
    scale_options = parse_scale_options(scale, bar_px, nm_per_px, field_of_view, no_scale)
    filters = parse_filters(kind, technique, year, journal, license_, article)
    filters = add_filters(filters, has_scale, fov, label_text, field)
    corpus = open_index(index)
    question = Question(
        like=like,
        text=text,
        require=require,
        field_of_view_nm=scale_options.field_of_view_nm,
        use_scale=not no_scale,
        every_kind=all_kinds,
        retracted=retracted,
        filters=filters,
        formula=parse_formula([*configured_weights(), *(weight or [])], missing.value, sigma, index_formula(corpus)),
        top=top,
        exact=exact,
        doubtful=doubtful,
        each=each,
        per_article=hits_per_article(per_article, choice.is_for_people, bool(article)),
        not_articles=tuple(not_article or ()),
        min_score=min_score,
        diverse=diverse,
        alike=tuple(alike or ()),
        not_alike=tuple(not_alike or ()),
    )
    model = cache(partial(load_index_extractor, corpus, ExtractorChoice(extractor, weights, device)))
    box = None if crop is None else parse_box(crop)
    parts = cache(lambda: (load_ocr(ocr), load_detector(scalebars)))
    read = partial(_image_question, parts, panel=panel, crop=box, scale=scale_options, page=page)
    asker = _Asker(corpus, question, model, read)
    if reuse:
        from mirsearch.cli.query_reuse import write_query_reuse

        write_query_reuse(corpus, question, words, read, model, choice)
    elif show_request:
        asker.print_request(words)
    elif batch and words:
        if write_answers(asker.ask_each(words), choice):
            raise typer.Exit(1)
    else:
        answer = asker.ask_once(words)
        write_answer(_tell_own_score(corpus, answer) if explain else answer, choice)


def _tell_own_score(corpus: Index, answer: Answer) -> Answer:
    """Return the answer with a note if the index has weights of its own."""
    from mirsearch.search.own_score import read_own_score

    own = read_own_score(corpus)
    return answer if own is None else replace(answer, notes=(*answer.notes, own.sentence))


@dataclass(frozen=True)
class _Asker:
    """Asks a question with images that are given as words. `read` makes a question of an image's path and address."""

    corpus: Index
    question: Question
    model: Callable[[], Extractor]
    read: Callable[[Path, str], ImageQuestion]

    def ask_once(self, words: Sequence[str]) -> Answer:
        """Return the answer to one question with all images."""
        from mirsearch.search.search import ask

        with ExitStack() as opened:
            return ask(self.corpus, self._with_images(words, opened), self.model)

    def ask_each(self, words: Sequence[str]) -> Iterator[Outcome]:
        """Yield each image with the answer to it, or with the error of the image. Errors of the index are raised."""
        self.question.check_limits()
        for word in words:
            try:
                yield word, self.ask_once([word])
            except (IndexAccessError, PluginError, MissingDependencyError):
                raise
            except MirsearchError as error:
                yield word, error

    def print_request(self, words: Sequence[str]) -> None:
        """Print the request for Elasticsearch, ready for Kibana's Dev Tools or for curl. Nothing is sent."""
        from mirsearch.search.search import prepare_question

        show_request = getattr(self.corpus, "show_request", None)
        if show_request is None:
            raise UsageError(f"{self.corpus.location} sends no requests", "--show-request is for Elasticsearch")
        with ExitStack() as opened:
            prepared = prepare_question(self.corpus, self._with_images(words, opened), self.model)
        path, body = show_request(prepared.request)
        typer.echo(f"POST {path}")
        print_json(body, indent=None)

    def _with_images(self, words: Sequence[str], opened: ExitStack) -> Question:
        images = [self.read(*opened.enter_context(open_input(word))) for word in words]
        return replace(self.question, image=images[0] if images else None, more_images=tuple(images[1:]))


def _image_question(
    parts: Callable[[], tuple[OcrEngine, ScaleBarDetector]], path: Path, shown: str, **options: Any
) -> ImageQuestion:
    from mirsearch.search.query_image import ImageQuestion

    return ImageQuestion(path, *parts(), shown=shown, **options)
