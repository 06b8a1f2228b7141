"""A corpus of figures for Python programs: `mirsearch.open`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, overload

from mirsearch import indexes, settings
from mirsearch.errors import IndexMissingError, UsageError
from mirsearch.facade.evaluating import EvaluatedCorpus
from mirsearch.facade.images import ImageLike, open_image
from mirsearch.facade.panels import CorpusFigure, CorpusPanel, panel_names
from mirsearch.facade.parts import PartNames, Parts
from mirsearch.facade.results import AnswerHits, FigureList, PanelList
from mirsearch.facade.same_pictures import ComparedCorpus
from mirsearch.facade.values import (
    FieldConditions,
    Length,
    Range,
    Words,
    to_filters,
    to_length,
    to_list,
    to_weights,
)
from mirsearch.facade.whole import WholeCorpus
from mirsearch.indexes.base import ExtractorIdentity, Index
from mirsearch.search.listing import Listing, list_figures, list_panels, parse_order
from mirsearch.search.naming import named_panel, named_panels
from mirsearch.search.option_values import check_image_options, parse_box, parse_formula, parse_scale_options
from mirsearch.search.own_score import own_formula
from mirsearch.search.question import Question
from mirsearch.search.search import ask

if TYPE_CHECKING:
    from mirsearch.corpus import Box
    from mirsearch.facade.watching import Watches
    from mirsearch.ingest.preview import IngestPreview
    from mirsearch.ingest.summary import IngestSummary
    from mirsearch.search.query_image import ImageQuestion
    from mirsearch.search.scale_options import ScaleOptions


class Corpus(EvaluatedCorpus, WholeCorpus, ComparedCorpus):
    """An open corpus. It is closed at the end of a `with` block, or by `close`.

    The options of its methods have the names, values and defaults of the options of the commands, with `_` for `-`.
    Where an option may be repeated, one word or a sequence may be given. A length is a text with its unit ("500 nm"),
    or a number of nanometers.
    """

    def __init__(self, index: Index, parts: Parts | None = None) -> None:
        self.index = index
        self._parts = parts or Parts(PartNames(), index.extractor)

    @classmethod
    def open(cls, location: str, names: PartNames, create: bool = False) -> Self:
        """Open the corpus at a path or address. See `mirsearch.open`."""
        try:
            index = indexes.open_index(location)
            return cls(index, Parts(names, index.extractor))
        except IndexMissingError:
            if not create:
                raise
        parts = Parts(names)
        model = parts.extractor
        return cls(indexes.open_index(location, create=ExtractorIdentity(model.name, model.version, model.dims)), parts)

    def query(
        self,
        *images: ImageLike,
        text: str | None = None,
        require: bool = False,
        like: str | CorpusPanel | None = None,
        alike: Words | CorpusPanel | Sequence[CorpusPanel] = None,
        not_alike: Words | CorpusPanel | Sequence[CorpusPanel] = None,
        panel: str | None = None,
        crop: str | Box | None = None,
        page: int = 0,
        scale: Length = None,
        bar_px: float | None = None,
        nm_per_px: float | None = None,
        field_of_view: Length = None,
        no_scale: bool = False,
        weight: Words | Mapping[str, float] = None,
        missing: Literal["neutral", "penalize", "exclude"] = "neutral",
        sigma: float | None = None,
        top: int = 10,
        each: bool = False,
        diverse: bool = False,
        per_article: int | None = None,
        min_score: float | None = None,
        doubtful: bool = False,
        exact: bool = False,
        kind: Words = None,
        technique: Words = None,
        year: str | int | None = None,
        journal: Words = None,
        license: Words = None,  # noqa: A002  the name of the option
        has_scale: bool | None = None,
        fov: Range = None,
        article: Words = None,
        not_article: Words = None,
        label_text: str | None = None,
        filter: FieldConditions = None,  # noqa: A002  the name of the option
        all_kinds: bool = False,
        retracted: bool = False,
    ) -> AnswerHits:
        """Find panels that look like the images at their scale, and whose captions contain the words.

        With `require`, or a text with AND, OR, NOT or `title:word`, only panels that meet the words are found.
        An image is a file, an https:// address, an array of pixels or an image of Pillow; several are one question.
        `alike` and `not_alike` are panels that a person has marked: the looks follow them, and the answer leaves them
        out. `per_article` None is any number, as in JSON. Raises UsageError for a question that contradicts itself.
        """
        options = {"panel": panel, "crop": crop, "scale": scale, "bar_px": bar_px, "nm_per_px": nm_per_px}
        check_image_options(len(images), options | {"page": page or None}, shown=str)
        length, view = to_length(scale), to_length(field_of_view)
        scale_options = parse_scale_options(length, bar_px, nm_per_px, view, no_scale)
        question = Question(
            like=like.id if isinstance(like, CorpusPanel) else like,
            text=text,
            require=require,
            field_of_view_nm=scale_options.field_of_view_nm,
            use_scale=not no_scale,
            every_kind=all_kinds,
            retracted=retracted,
            filters=to_filters(kind, technique, year, journal, license, article, has_scale, fov, label_text, filter),
            formula=parse_formula(to_weights(weight), missing, sigma, own_formula(self.index)),
            top=top,
            exact=exact,
            doubtful=doubtful,
            each=each,
            per_article=per_article or 0,
            not_articles=tuple(to_list(not_article)),
            min_score=min_score,
            diverse=diverse,
            alike=panel_names(alike),
            not_alike=panel_names(not_alike),
        )
        box = parse_box(crop) if isinstance(crop, str) else crop
        return self._ask(question, images, partial(self._image_question, panel, box, scale_options, page))

    def _ask(self, question: Question, images: Sequence[ImageLike], read: Any) -> AnswerHits:
        with ExitStack() as opened:
            asked = [read(*opened.enter_context(open_image(image))) for image in images]
            whole = replace(question, image=asked[0] if asked else None, more_images=tuple(asked[1:]))
            return AnswerHits(self.index, ask(self.index, whole, lambda: self._parts.extractor))

    def _image_question(
        self, panel: str | None, box: Box | None, scale: ScaleOptions, page: int, path: Path, shown: str
    ) -> ImageQuestion:
        from mirsearch.search.query_image import ImageQuestion

        return ImageQuestion(path, self._parts.ocr, self._parts.detector, panel, box, scale, page, shown)

    @overload
    def list(
        self, *, figures: Literal[False] = ..., sort: str | None = ..., reverse: bool = ..., top: int | None = ...,
        kind: Words = ..., technique: Words = ..., year: str | int | None = ..., journal: Words = ...,
        license: Words = ..., has_scale: bool | None = ..., fov: Range = ..., article: Words = ...,
        not_article: Words = ..., text: str | None = ..., label_text: str | None = ..., filter: FieldConditions = ...,
        doubtful: bool = ..., retracted: bool | None = ...,
    ) -> PanelList: ...  # fmt: skip
    @overload
    def list(
        self, *, figures: Literal[True], sort: str | None = ..., reverse: bool = ..., top: int | None = ...,
        kind: Words = ..., technique: Words = ..., year: str | int | None = ..., journal: Words = ...,
        license: Words = ..., has_scale: bool | None = ..., fov: Range = ..., article: Words = ...,
        not_article: Words = ..., text: str | None = ..., label_text: str | None = ..., filter: FieldConditions = ...,
        doubtful: bool = ..., retracted: bool | None = ...,
    ) -> FigureList: ...  # fmt: skip
    def list(
        self,
        *,
        figures: bool = False,
        sort: str | None = None,
        reverse: bool = False,
        top: int | None = None,
        kind: Words = None,
        technique: Words = None,
        year: str | int | None = None,
        journal: Words = None,
        license: Words = None,  # noqa: A002  the name of the option
        has_scale: bool | None = None,
        fov: Range = None,
        article: Words = None,
        not_article: Words = None,
        text: str | None = None,
        label_text: str | None = None,
        filter: FieldConditions = None,  # noqa: A002  the name of the option
        doubtful: bool = False,
        retracted: bool | None = None,
    ) -> PanelList | FigureList:
        """Return the panels (or figures) that pass the filters, and have the words of `text`, sorted by any field.

        A loop reads them one by one from the index. `retracted` None: panels of retracted articles, too.
        """
        filters = to_filters(kind, technique, year, journal, license, article, has_scale, fov, label_text, filter)
        filters = replace(filters, doubtful=doubtful, retracted=retracted, text=text or None)
        listing = Listing(filters, parse_order(sort, reverse), tuple(to_list(not_article)), top)
        if figures:
            return FigureList(self.index, partial(list_figures, self.index, listing))
        return PanelList(self.index, partial(list_panels, self.index, listing))

    @overload
    def ingest(
        self, *paths: str | os.PathLike[str], source: str | None = ..., column: Words | Mapping[str, str] = ...,
        workers: int | str | None = ..., pages: str | None = ..., projection: str = ..., follow_links: bool = ...,
        exclude: Words = ..., shared: Words = ..., sync: bool = ..., force: bool = ..., dry_run: Literal[False] = ...,
    ) -> IngestSummary: ...  # fmt: skip
    @overload
    def ingest(
        self, *paths: str | os.PathLike[str], source: str | None = ..., column: Words | Mapping[str, str] = ...,
        workers: int | str | None = ..., pages: str | None = ..., projection: str = ..., follow_links: bool = ...,
        exclude: Words = ..., shared: Words = ..., sync: bool = ..., force: bool = ..., dry_run: Literal[True],
    ) -> IngestPreview: ...  # fmt: skip
    def ingest(
        self,
        *paths: str | os.PathLike[str],
        source: str | None = None,
        column: Words | Mapping[str, str] = None,
        workers: int | str | None = None,
        pages: str | None = None,
        projection: str = "max",
        follow_links: bool = False,
        exclude: Words = None,
        shared: Words = None,
        sync: bool = False,
        force: bool = False,
        dry_run: bool = False,
    ) -> IngestSummary | IngestPreview:
        """Add figures of folders and files. Known figures are skipped; a bad file is counted, and the others go on.

        `column` maps our names of the columns of captions.csv to theirs. `shared`: folders that workers elsewhere read.
        With `sync`, the corpus follows the folders: what is gone from them goes, but not most of a folder unless with
        `force`. `dry_run` returns what would be done. Figures of services come by `mirsearch ingest --keyword`. Raises
        UsageError for a path that does not exist, SourceError if there is no figure, or if a sync is refused.
        """
        from mirsearch.analysis.analyzer import FigureAnalyzer
        from mirsearch.ingest.folders import PathIngest
        from mirsearch.ingest.ingest import Ingest
        from mirsearch.ingest.inputs import InputOptions
        from mirsearch.readers.selection import parse_selection

        pairs = column.items() if isinstance(column, Mapping) else (pair.split("=", 1) for pair in to_list(column))
        options = InputOptions(source, dict(pairs), follow_links, tuple(to_list(exclude)))
        selection, workspace = parse_selection(pages, projection), settings.workspace(self.index.location)
        asked = PathIngest(tuple(Path(path) for path in paths), options, sync, force, selection)
        if dry_run:
            return asked.preview(self.index, workspace)
        prepared = asked.prepare(self.index, workspace)
        analyzer = FigureAnalyzer(self._parts.ocr, self._parts.detector)
        chosen = self._parts.workers(workers, to_list(shared))
        work = Ingest(self.index, analyzer, self._parts.extractor, workers=chosen, selection=selection)
        return prepared.run(self.index, work)

    def figure(self, name: str) -> CorpusFigure:
        """Return the figure with an id, the id of a panel, or the name of a file. Raises NotFoundError.

        Raises UsageError if several figures have this name.
        """
        found = named_panels(self.index, name)
        figures = {stored.figure.id: stored.figure for stored in found}
        if len(figures) > 1:
            raise UsageError(f"{name} has {len(figures)} figures", f"give one of {', '.join(list(figures)[:12])}")
        return CorpusFigure(self.index, found[0].figure)

    def panel(self, name: str) -> CorpusPanel:
        """Return the panel with an id, or the only panel of a file. Raises NotFoundError, or UsageError for several."""
        return CorpusPanel(self.index, named_panel(self.index, name))

    @property
    def watches(self) -> Watches:
        """Return the saved questions, which tell what is new since they were last run."""
        from mirsearch.facade.watching import Watches

        return Watches(self)

    def stats(self) -> dict[str, Any]:
        """Return the counts that `mirsearch stats --format json` prints."""
        return self.index.stats()

    def close(self) -> None:
        """Close files and connections."""
        self.index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<mirsearch.Corpus {self.index.location}>"
