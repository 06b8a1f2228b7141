"""Search: question → request → scored panels → answer with hits."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain

from mirsearch import settings
from mirsearch.errors import NotFoundError
from mirsearch.extractors.base import Extractor
from mirsearch.field_filters import FieldFilter
from mirsearch.indexes import mismatch_error
from mirsearch.indexes.base import ExtractorIdentity, Index, LetterIndex
from mirsearch.query import Filters, ScoredPanel, SearchRequest, SearchResult, StoredPanel, Vector
from mirsearch.ranking import Formula
from mirsearch.search.answer import Answer, Hit, QueryView
from mirsearch.search.asked_pictures import IMAGE_KINDS, AskedPictures, read_pictures
from mirsearch.search.diversity import choose_diverse, diverse_count
from mirsearch.search.folding import MAX_PANELS_PER_HIT, Folding, candidate_counts, first_count, shared_letter
from mirsearch.search.left_out import drop_low_scores, find_left_out
from mirsearch.search.marks import Marks, read_marks, turn_by_marks
from mirsearch.search.match import is_calibrated, judge_hits
from mirsearch.search.naming import named_panel
from mirsearch.search.question import Question
from mirsearch.search.words_in_pictures import text_vector

__all__ = ["IMAGE_KINDS", "PreparedQuestion", "Question", "ask", "check_extractor", "prepare_question"]

MAX_PANELS_PER_FIGURE = 256
"""Most panels of a figure among which the other images of a hit's letter are looked for."""
_Ranked = Sequence[tuple[ScoredPanel, StoredPanel]]
_MAX_SEARCHES = 3
"""Searches for one question, where a writer removes found panels before they are read."""


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
    stored = named_panel(index, question.like) if question.like else None
    marks = read_marks(index, question, stored)
    pictures = read_pictures(index, question, stored, extractor)
    left_out = find_left_out(index, question, stored)
    filters = _exclude_retracted(question, _exclude_drawings(question, pictures.kind or marks.kind))
    filters = dataclasses.replace(filters, doubtful=filters.doubtful or question.doubtful)
    words, filters = _words_and_filters(question, filters, pictures.vector is not None or bool(question.alike))
    text_embedding, formula, text_note = text_vector(index.extractor, words, question.formula, extractor)
    meant, meaning_note = _meaning_of(index, words, formula)
    request = SearchRequest(
        vector=turn_by_marks(index, pictures.vector, marks, filters),
        field_of_view_nm=pictures.field_of_view_nm,
        text=question.text,
        formula=formula,
        filters=filters,
        top=question.top,
        exact=question.exact,
        exclude=frozenset([*([stored.panel.id] if stored else []), *left_out.panels, *chain(*marks.panel_ids)]),
        text_vector=text_embedding,
        meaning_vector=meant,
    )
    notes = (*pictures.notes, *left_out.notes, text_note, meaning_note)
    view = _question_view(question, pictures, stored, marks, filters, left_out.articles)
    return PreparedQuestion(request, view, tuple(note for note in notes if note))


def _meaning_of(index: Index, words: str | None, formula: Formula) -> tuple[Vector | None, str | None]:
    """Return the sentence vector of the words, and a note where the index has such vectors and the words have none."""
    if not words:
        return None, None
    from mirsearch.search.meaning import meaning_vector  # a question about a picture starts without it

    return meaning_vector(index, words, formula)


def _words_and_filters(question: Question, filters: Filters, has_looks: bool) -> tuple[str | None, Filters]:
    """Return the words that are looked for, as a sentence, and the filters, with the words if they are a condition."""
    if question.text is None and not question.require:
        return None, filters
    from mirsearch.search.asked_words import require_words  # a question about a picture starts without it
    from mirsearch.text.word_ranking import wanted_text

    filters = require_words(question, filters, has_looks)
    return wanted_text(question.text or ""), filters


def _question_view(
    question: Question,
    pictures: AskedPictures,
    stored: StoredPanel | None,
    marks: Marks,
    filters: Filters,
    not_articles: tuple[str, ...],
) -> QueryView:
    """Return the question as the answer tells it. Of several images, the first stands for the question."""
    first = pictures.shown[0] if pictures.shown else None
    alike, not_alike = marks.panel_ids
    return QueryView(
        image=question.images[0].name if question.images else None,
        like=stored.panel.id if stored else None,
        panel=first.panel if first else None,
        box=first.box if first else None,
        text=question.text,
        scale=pictures.scale,
        field_of_view_nm=pictures.field_of_view_nm,
        filters=filters,
        pixels=first.pixels if first else None,
        images=pictures.shown,
        not_articles=not_articles,
        per_article=question.per_article,
        min_score=question.min_score,
        diverse=question.diverse,
        alike=alike,
        not_alike=not_alike,
    )


def ask(index: Index, question: Question, extractor: Callable[[], Extractor]) -> Answer:
    """Answer a question from an index. `extractor` is only called if an image or text must be embedded."""
    prepared = prepare_question(index, question, extractor)
    started = time.perf_counter()
    result, hits = _search_panels(index, prepared.request, question)
    took = (time.perf_counter() - started) * 1000
    if is_calibrated(index.extractor, prepared.view):
        hits = judge_hits(hits, int(result.detail.get("searched", result.considered)), index.extractor)
    notes = (*prepared.notes, *_notes(index, question, prepared.request, result, hits))
    if question.min_score is not None:
        hits, note = drop_low_scores(hits, question.min_score)
        notes = (*notes, note) if note else notes
    return Answer(prepared.view, hits, result.exact, result.considered, round(took, 3), prepared.request.formula, notes)


def _load_checked(index: Index, extractor: Callable[[], Extractor]) -> Extractor:
    """Load the extractor; raise IndexMismatchError if it is not that of the index."""
    model = extractor()
    check_extractor(index, model)
    return model


def _search_panels(index: Index, request: SearchRequest, question: Question) -> tuple[SearchResult, tuple[Hit, ...]]:
    """Search the index and read the found panels. Ask for more panels until `top` hits remain after folding."""
    folding = Folding(index, question.each, question.per_article)
    wanted = diverse_count(request.top) if question.diverse else request.top
    hits: tuple[Hit, ...] = ()

    def has_enough(ranked: _Ranked) -> bool:
        nonlocal hits
        hits = folding.fold(ranked, wanted)
        return len(hits) == wanted

    known: dict[str, StoredPanel] = {}
    step = first_count(wanted) if question.per_article else settings.LIMITS.query_top
    for count in candidate_counts(wanted, settings.LIMITS.query_top, question.per_article):
        result = _read_panels(index, dataclasses.replace(request, top=count), known, step, has_enough)[0]
        if len(hits) == wanted or len(result.panels) < count:
            break
    if question.diverse:
        hits = choose_diverse(index, hits, request.top)
    return result, hits if question.each else _add_parts(index, request, hits, known)


def _add_parts(
    index: Index, request: SearchRequest, hits: tuple[Hit, ...], known: dict[str, StoredPanel]
) -> tuple[Hit, ...]:
    """Return the hits with the other images under their letters that the request finds, however low they rank."""
    letters = {letter for hit in hits if (letter := shared_letter(hit.stored)) is not None}
    if not letters:
        return hits
    by_letter: dict[tuple[str, str] | None, list[tuple[ScoredPanel, StoredPanel]]] = {}
    for scored, stored in _search_letters(index, request, letters, known):
        by_letter.setdefault(shared_letter(stored), []).append((scored, stored))
    return tuple(
        dataclasses.replace(
            hit, parts=tuple(part for part in by_letter[letter] if part[1].panel.id != hit.stored.panel.id)
        )
        if (letter := shared_letter(hit.stored)) in by_letter and letter is not None
        else hit
        for hit in hits
    )


def _search_letters(
    index: Index, request: SearchRequest, letters: set[tuple[str, str]], known: dict[str, StoredPanel]
) -> _Ranked:
    """Return the panels of the figures of some letters, with at least those that share the letters, best first."""
    figures = sorted({figure for figure, _ in letters})
    top = min(MAX_PANELS_PER_FIGURE * len(figures), settings.LIMITS.query_top)
    request = dataclasses.replace(request, top=top, exact=True)
    if isinstance(index, LetterIndex):
        return index.search_letters(request, letters, known)
    fields = (*request.filters.fields, FieldFilter("figure.id", tuple(figures)))
    request = dataclasses.replace(request, filters=dataclasses.replace(request.filters, fields=fields))
    return _read_panels(index, request, known)[1]


def _read_panels(
    index: Index,
    request: SearchRequest,
    known: dict[str, StoredPanel],
    step: int = settings.LIMITS.query_top,
    has_enough: Callable[[_Ranked], bool] = lambda ranked: False,
) -> tuple[SearchResult, _Ranked]:
    """Search the index and read the found panels, `step` at a time, until `has_enough` of them.

    `known` panels, by id, are not read again; those that are read are added to them. Search again if a writer has
    removed one of the others in between.
    """
    for attempt in range(1, _MAX_SEARCHES + 1):
        result = index.search(request)
        ranked: list[tuple[ScoredPanel, StoredPanel]] = []
        try:
            for start in range(0, max(len(result.panels), 1), step):
                some = result.panels[start : start + step]
                unknown = [scored.panel_id for scored in some if scored.panel_id not in known]
                known.update(zip(unknown, index.panels(unknown) if unknown else (), strict=True))
                ranked += ((scored, known[scored.panel_id]) for scored in some)
                if has_enough(ranked):
                    break
        except NotFoundError:
            if attempt == _MAX_SEARCHES:
                raise
            continue
        break
    return result, ranked


def _notes(
    index: Index, question: Question, request: SearchRequest, result: SearchResult, hits: Sequence[Hit]
) -> list[str]:
    notes = []
    visual = bool(question.images) or question.like is not None
    if visual and question.use_scale and request.field_of_view_nm is None:
        notes.append(
            "no scale is known of the query image: the ranking ignores scale "
            '(give --scale "500 nm" with --bar-px N, --nm-per-px or --field-of-view)'
        )
    is_short = len(hits) < min(question.top, len(result.panels)) and not question.per_article
    if is_short and len(result.panels) == question.top * MAX_PANELS_PER_HIT:
        notes.append(f"the best {len(result.panels)} panels are under {len(hits)} letters; --each shows every image")
    if not result.panels:
        nothing_left = result.considered == 0 and not (question.filters.is_empty and request.filters.text is None)
        notes.append(_nothing_passes(question, request.filters) if nothing_left else "nothing matched")
        if nothing_left:
            from mirsearch.search.journal_names import journal_notes

            notes += journal_notes(index, question.filters.journals)
    if question.text:
        from mirsearch.search.asked_words import word_notes

        notes += word_notes(index, question.text, [hit.stored for hit in hits])
    return notes


def _nothing_passes(question: Question, filters: Filters) -> str:
    if filters.text is None:
        return "no panel passes the filters"
    return f"no panel has these words{'' if question.filters.is_empty else ' and passes the filters'}"


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
