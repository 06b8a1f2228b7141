"""Search: question → request → scored panels → answer with hits."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from io import BytesIO

from mirsearch import settings
from mirsearch.corpus import Panel, ScaleReading
from mirsearch.errors import NotFoundError, UsageError
from mirsearch.extractors.base import Extractor
from mirsearch.field_filters import FieldFilter
from mirsearch.indexes import mismatch_error
from mirsearch.indexes.base import ExtractorIdentity, Index
from mirsearch.query import Filters, Pixels, ScoredPanel, SearchRequest, SearchResult, StoredPanel, Vector
from mirsearch.ranking import Formula
from mirsearch.search.answer import Answer, Hit, QueryView
from mirsearch.search.folding import MAX_PANELS_PER_HIT, Folding, candidate_counts, shared_letter
from mirsearch.search.query_image import ImageQuestion, QueryPart
from mirsearch.search.words_in_pictures import text_vector

MAX_PANELS_PER_FIGURE = 256
"""Most panels of a figure among which the other images of a hit's letter are looked for."""
_MAX_SEARCHES = 3
"""Searches for one question, where a writer removes found panels before they are read."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question: an image, the id of an indexed panel (`like`), text, or text with one of the two.

    Plots and schematics answer an image only with `every_kind`, and panels of retracted articles only with
    `retracted`, unless the filters name them. With `doubtful`, doubtful scale readings count like the others. With
    `each`, every image under one letter is a hit of its own.
    """

    image: ImageQuestion | None = None
    like: str | None = None
    text: str | None = None
    field_of_view_nm: float | None = None
    use_scale: bool = True
    every_kind: bool = False
    retracted: bool = False
    filters: Filters = field(default_factory=Filters)
    formula: Formula = field(default_factory=Formula)
    top: int = 10
    exact: bool = False
    doubtful: bool = False
    each: bool = False

    def check(self) -> None:
        """Raise UsageError if the question is empty or contradicts itself."""
        if self.image is None and self.like is None and not (self.text and self.text.strip()):
            raise UsageError("nothing to search for", "give an image, --like ID, --text WORDS, or an image and --text")
        if self.image is not None and self.like is not None:
            raise UsageError("an image and --like can't be combined", "give one of them")
        if not 1 <= self.top <= settings.LIMITS.query_top:
            raise UsageError(f"--top {self.top} is out of range", f"give 1 to {settings.LIMITS.query_top}")


def check_extractor(index: Index, extractor: Extractor) -> None:
    """Raise IndexMismatchError if the index was built with another extractor, version or vector size."""
    identity = ExtractorIdentity(extractor.name, extractor.version, extractor.dims)
    if identity != index.extractor:
        raise mismatch_error(index.location, index.extractor, identity)


@dataclass(frozen=True, slots=True)
class PreparedQuestion:
    """A question prepared for an index: the request, what the answer shows of it, and notes for the reader."""

    request: SearchRequest
    view: QueryView
    notes: tuple[str, ...] = ()


def prepare_question(index: Index, question: Question, extractor: Callable[[], Extractor]) -> PreparedQuestion:
    """Prepare a question for an index. `extractor` is only called if an image or text must be embedded."""
    question.check()
    extractor = cache(partial(_load_checked, index, extractor))
    part = question.image.resolve() if question.image else None
    vector = _question_vector(index, question, part, extractor)
    stored = index.panels([question.like])[0] if question.like else None
    scale, fov = _question_scale(question, part, stored)
    text_embedding, formula, text_note = text_vector(index.extractor, question.text, question.formula, extractor)
    filters = _exclude_retracted(
        question, _exclude_drawings(question, part.kind if part else stored.panel.kind if stored else None)
    )
    filters = dataclasses.replace(filters, doubtful=filters.doubtful or question.doubtful)
    request = SearchRequest(
        vector=vector,
        field_of_view_nm=fov,
        text=question.text,
        formula=formula,
        filters=filters,
        top=question.top,
        exact=question.exact,
        exclude=frozenset([question.like] if question.like else []),
        text_vector=text_embedding,
    )
    view = QueryView(
        image=str(question.image.path) if question.image else None,
        like=question.like,
        panel=part.label if part else _panel_name(stored.panel) if stored else None,
        box=part.box if part else stored.panel.box if stored else None,
        text=question.text,
        scale=scale,
        field_of_view_nm=fov,
        filters=filters,
        pixels=part.pixels if part else _thumbnail_pixels(index, question.like),
    )
    notes = (*(part.notes if part else ()), text_note, _doubt_note(question, stored, fov))
    return PreparedQuestion(request, view, tuple(note for note in notes if note))


def ask(index: Index, question: Question, extractor: Callable[[], Extractor]) -> Answer:
    """Answer a question from an index. `extractor` is only called if an image or text must be embedded."""
    prepared = prepare_question(index, question, extractor)
    started = time.perf_counter()
    result, hits = _search_panels(index, prepared.request, question.each)
    took = (time.perf_counter() - started) * 1000
    notes = (*prepared.notes, *_notes(question, prepared.request.field_of_view_nm, result, len(hits)))
    return Answer(prepared.view, hits, result.exact, result.considered, round(took, 3), prepared.request.formula, notes)


def _question_scale(
    question: Question, part: QueryPart | None, stored: StoredPanel | None
) -> tuple[ScaleReading | None, float | None]:
    """Return the scale reading and the field of view (nm) of the question: given, of the image, or of the panel."""
    if not question.use_scale:
        return None, question.field_of_view_nm
    source = part or (stored.panel if stored else None)
    if source is None:
        return None, question.field_of_view_nm
    scale, fov = source.scale, question.field_of_view_nm or source.field_of_view_nm
    if scale is None and fov is None and question.doubtful and source.doubtful_scale is not None:
        scale = source.doubtful_scale
        fov = (source.box[2] - source.box[0]) * scale.nm_per_px
    return scale, fov


def _panel_name(panel: Panel) -> str | None:
    """Return letter and part of a panel ("b2"), None without a letter."""
    return panel.label if panel.label is None or panel.part is None else f"{panel.label}{panel.part}"


def _doubt_note(question: Question, stored: StoredPanel | None, fov: float | None) -> str | None:
    """Return that the scale of the indexed panel that is asked with is doubtful, where it is therefore not used."""
    if stored is None or stored.panel.doubtful_scale is None or not question.use_scale or fov is not None:
        return None
    return f"the scale of {stored.panel.id} is doubtful: it is not used; --doubtful uses it"


def _question_vector(
    index: Index, question: Question, part: QueryPart | None, extractor: Callable[[], Extractor]
) -> Vector | None:
    if question.like:
        return index.vector(question.like)
    if part is None:
        return None
    vector: Vector = extractor().embed([part.pixels])[0]
    return vector


def _load_checked(index: Index, extractor: Callable[[], Extractor]) -> Extractor:
    """Load the extractor; raise IndexMismatchError if it is not that of the index."""
    model = extractor()
    check_extractor(index, model)
    return model


def _search_panels(index: Index, request: SearchRequest, each: bool) -> tuple[SearchResult, tuple[Hit, ...]]:
    """Search the index and read the found panels. Ask for more panels until `top` hits remain after folding."""
    folding = Folding(index, each)
    for count in candidate_counts(request.top, settings.LIMITS.query_top):
        result, ranked = _read_panels(index, dataclasses.replace(request, top=count))
        hits = folding.fold(ranked, request.top)
        if len(hits) == request.top or len(result.panels) < count:
            break
    return result, hits if each else _add_parts(index, request, hits)


def _add_parts(index: Index, request: SearchRequest, hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """Return the hits with the other images under their letters that the request finds, however low they rank."""
    figures = dict.fromkeys(hit.stored.figure.id for hit in hits if shared_letter(hit.stored) is not None)
    if not figures:
        return hits
    in_figures = dataclasses.replace(
        request.filters, fields=(*request.filters.fields, FieldFilter("figure.id", tuple(figures)))
    )
    top = min(MAX_PANELS_PER_FIGURE * len(figures), settings.LIMITS.query_top)
    _, ranked = _read_panels(index, dataclasses.replace(request, filters=in_figures, top=top, exact=True))
    by_letter: dict[tuple[str, str] | None, list[tuple[ScoredPanel, StoredPanel]]] = {}
    for scored, stored in ranked:
        by_letter.setdefault(shared_letter(stored), []).append((scored, stored))
    return tuple(
        dataclasses.replace(hit, parts=tuple(part for part in by_letter[letter] if part[1].panel != hit.stored.panel))
        if (letter := shared_letter(hit.stored)) in by_letter and letter is not None
        else hit
        for hit in hits
    )


def _read_panels(
    index: Index, request: SearchRequest
) -> tuple[SearchResult, Sequence[tuple[ScoredPanel, StoredPanel]]]:
    """Search the index and read the found panels. Search again if a writer has removed one of them in between."""
    for attempt in range(1, _MAX_SEARCHES + 1):
        result = index.search(request)
        try:
            stored = index.panels([scored.panel_id for scored in result.panels])
        except NotFoundError:
            if attempt == _MAX_SEARCHES:
                raise
            continue
        break
    return result, list(zip(result.panels, stored, strict=True))


def _thumbnail_pixels(index: Index, panel_id: str | None) -> Pixels | None:
    if panel_id is None:
        return None
    thumbnail = index.thumbnail(panel_id)
    if thumbnail is None:
        return None
    import numpy as np
    from PIL import Image

    return np.asarray(Image.open(BytesIO(thumbnail)).convert("RGB"), dtype=np.uint8)


def _notes(question: Question, fov: float | None, result: SearchResult, hits: int) -> list[str]:
    notes = []
    visual = question.image is not None or question.like is not None
    if visual and question.use_scale and fov is None:
        notes.append(
            "no scale is known of the query image: the ranking ignores scale "
            '(give --scale "500 nm" with --bar-px N, --nm-per-px or --field-of-view)'
        )
    if hits < min(question.top, len(result.panels)) and len(result.panels) == question.top * MAX_PANELS_PER_HIT:
        notes.append(f"the best {len(result.panels)} panels are under {hits} letters; --each shows every image")
    if not result.panels:
        notes.append(
            "no panel passes the filters"
            if result.considered == 0 and not question.filters.is_empty
            else "nothing matched"
        )
    return notes


IMAGE_KINDS = ("micrograph", "diffraction", "map", "photo", "gel", "unknown")
"""Kinds that answer an image if the question names no kind: all but plots and schematics."""


def _exclude_drawings(question: Question, kind: str | None) -> Filters:
    """Return the question's filters, without plots and schematics for an image that is neither.

    They stay where the question asks for every kind or filters by kind.
    """
    names_kind = question.filters.kinds or any(condition.name == "panel.kind" for condition in question.filters.fields)
    if question.every_kind or names_kind or kind not in IMAGE_KINDS:
        return question.filters
    return dataclasses.replace(question.filters, kinds=IMAGE_KINDS)


def _exclude_retracted(question: Question, filters: Filters) -> Filters:
    """Return the filters, without retracted articles unless the question or a filter asks for them."""
    names_retracted = filters.retracted is not None or any(
        condition.name == "article.retracted" for condition in filters.fields
    )
    return filters if question.retracted or names_retracted else dataclasses.replace(filters, retracted=False)
