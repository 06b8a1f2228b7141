"""What the search page shows: the form, the query with what was read from it, the facets, the hits, the pager."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial

from mirsearch.errors import MirsearchError
from mirsearch.ranking import Weights
from mirsearch.report.cards import hit_card, query_card
from mirsearch.report.page import answer_section, score_formula
from mirsearch.report.pictures import Picture
from mirsearch.report.sentences import nothing_phrase, query_sentence
from mirsearch.report.views import AnswerSection, FramedPicture, HitCard, Link, QueryCard, SortOption
from mirsearch.search.answer import Answer, Hit
from mirsearch.search.own_score import own_formula
from mirsearch.web.addresses import figure_address, panel_address
from mirsearch.web.facets import Facet, facet_counts, make_facets
from mirsearch.web.kept_answers import Content, make_content
from mirsearch.web.marks import MarksView, show_marks
from mirsearch.web.problems import Problem, ProblemError, error_problem
from mirsearch.web.reading import PictureReading, read_picture
from mirsearch.web.rendering import allows_ingest, render
from mirsearch.web.site import Asked, Site, asked_with
from mirsearch.web.state import MAX_SHOWN, PageState
from mirsearch.web.uploads import Upload, UploadQuestion
from mirsearch.web.weight_sliders import make_sliders

_SAME_SCALE_FACTOR = 2.0
"""The switch "same scale" leaves fields of view from half to twice that of the query."""
_LABELS = {
    "scale": "Bar length", "bar-px": "Bar in px", "nm-per-px": "nm per px", "field-of-view": "Width of the image",
    "no-scale": "Ignore the scale", "panel": "Panel", "crop": "Crop", "page": "Page", "doubtful": "Doubtful scales",
    "each": "Each image a hit", "top": "Hits on a page", "weight": "Weights", "sigma": "σ", "fov": "Field of view",
    "year": "Year", "filter": "Filter", "like": "Like panel", "text": "Words", "technique": "Technique",
    "kind": "Kind", "per-article": "Hits of an article", "min-score": "Least score",
    "not-article": "Leave out the image's own article", "all-kinds": "Also plots and drawings",
    "label-text": "Words in the picture", "require": "Only panels with the words", "missing": "Panels without a scale",
    "alike": "Alike", "not-alike": "Not alike",
}  # fmt: skip
"""What the form calls the options that messages speak of."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A link that turns something on, or off where it is on."""

    text: str
    address: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class SearchView:
    """The whole page. `section` is None before a question, and where `problem` says why there is no answer.

    `own` are the weights of the index, as far as the answer told them.
    """

    state: PageState
    facets: tuple[Facet, ...]
    problem: Problem | None = None
    section: AnswerSection | None = None
    upload: Upload | None = None
    reading: PictureReading | None = None
    previous: str | None = None
    following: str | None = None
    switches: tuple[Switch, ...] = ()
    marks: MarksView | None = None
    formula: str = ""
    own: Weights | None = None


def search_page(site: Site, state: PageState) -> Content:
    """Return the page for a state. It is kept, unless there is an image. Call it in a thread of the search's queue."""
    if state.image is not None:
        return _make_page(site, state)
    asked = asked_with(state.fields, ()) if state.asks else None
    key = ("page", state.fields.key, state.start, state.shown, allows_ingest.get())
    return site.keep(key, asked, partial(_make_page, site, state))


def _make_page(site: Site, state: PageState, commit: Hashable | None = None) -> Content:
    counts = site.corpus.counts()
    passing = facet_counts(site.corpus, state)
    view = SearchView(state, make_facets(passing, state))
    status = 200
    try:
        if state.image is not None:
            view = dataclasses.replace(view, upload=site.uploads.get(state.image))
        if state.asks:
            view = _answered(site, view, commit)
        elif state.browses:
            view = _listed(site, view)
    except ProblemError as error:
        view, status = dataclasses.replace(view, problem=error.problem), error.problem.status
    except MirsearchError as error:
        problem = error_problem(error)
        detail, remedy = (form_words(site.hide(text)) for text in (problem.detail, problem.remedy))
        view = dataclasses.replace(view, problem=dataclasses.replace(problem, detail=detail, remedy=remedy))
        status = problem.status
    own = _own_weights(site) if view.own is None else view.own
    sliders = make_sliders(state.fields.weight, own, bool(counts.get("meaning")))
    page = render("search.html", view=view, fields=state.fields, counts=counts, sliders=sliders)
    return make_content(page.encode(), status)


def _own_weights(site: Site) -> Weights:
    """Return the weights with which the index is asked where none are given."""
    try:
        return own_formula(site.corpus.index).weights
    except MirsearchError:  # a question tells of it
        return Weights()


def _answered(site: Site, view: SearchView, commit: Hashable | None) -> SearchView:
    state, upload = view.state, view.upload
    last = state.last
    asked = site.ask(state.fields, [upload] if upload else [], last + 1, for_people=True, commit=commit)
    answer = asked.answer
    marks = None
    if answer.query.alike or answer.query.not_alike:
        marks = show_marks(site, state, answer.query)
        state = marks.state
    hits = answer.hits[state.start - 1 : last]
    cards = tuple(_card(answer, hit, state) for hit in hits)
    shown = dataclasses.replace(answer, hits=answer.hits[:last])
    section = answer_section(shown, query_sentence(answer.query), cards, _query_card(answer, state, upload))
    nothing = nothing_phrase(answer)
    notes = (*((f"{nothing}: these are the nearest panels",) if nothing else ()), *section.notes)
    return dataclasses.replace(
        view,
        section=dataclasses.replace(section, notes=tuple(form_words(note) for note in notes)),
        reading=_reading(asked, upload, state),
        previous=_previous(state),
        following=_following(state, len(answer.hits) > last),
        switches=_switches(state, answer.query.field_of_view_nm),
        marks=marks,
        formula=score_formula(answer),
        own=asked.own.weights,
    )


def _listed(site: Site, view: SearchView) -> SearchView:
    """Return the view of the panels that pass the filters, where nothing else is asked."""
    state, last = view.state, view.state.last
    answer = site.browse(state.fields, state.start, last + 1)
    has_more = len(answer.hits) > state.shown
    answer = dataclasses.replace(answer, hits=answer.hits[: state.shown])
    cards = tuple(
        dataclasses.replace(_card(answer, hit, state), reasons=(), explanation=(), marks=()) for hit in answer.hits
    )
    section = answer_section(answer, query_sentence(answer.query), cards, query_card(answer, None))
    count = f"{state.start} to {answer.hits[-1].rank}" if answer.hits else "none"
    section = dataclasses.replace(
        section,
        outcome=f"panels that pass the filters, in the order of their ids: {count}",
        sort_options=(
            SortOption("rank", "as listed"),
            *(option for option in section.sort_options if option.key != "rank"),
        ),
    )
    return dataclasses.replace(view, section=section, previous=_previous(state), following=_following(state, has_more))


def _previous(state: PageState) -> str | None:
    return state.at(max(state.start - state.shown, 1)).address() if state.start > 1 else None


def _following(state: PageState, has_more: bool) -> str | None:
    last = state.last
    return state.at(last + 1).address() if has_more and last < MAX_SHOWN else None


def _reading(asked: Asked, upload: Upload | None, state: PageState) -> PictureReading | None:
    question = asked.question.image
    if upload is None or not isinstance(question, UploadQuestion):
        return None
    return read_picture(question, upload, state)


def _card(answer: Answer, hit: Hit, state: PageState) -> HitCard:
    panel = hit.stored.panel
    card = hit_card(answer, hit, Picture(b"", max(panel.width, 1), max(panel.height, 1)))
    links = (
        Link("Figure", figure_address(hit.stored)),
        Link("More like this", state.like_address(panel.id)),
    )
    marks = (
        Link("Alike", state.mark_address("alike", panel.id)),
        Link("Not alike", state.mark_address("not_alike", panel.id)),
    )
    return dataclasses.replace(
        card,
        picture=dataclasses.replace(card.picture, address=panel_address(panel.id)),
        links=links,
        marks=marks,
        image=card.image.replace("\\", "/").rpartition("/")[2],
    )


def _query_card(answer: Answer, state: PageState, upload: Upload | None) -> QueryCard:
    query = answer.query
    if query.box is None:
        return query_card(answer, None)
    width, height = query.box[2] - query.box[0], query.box[3] - query.box[1]
    card = query_card(answer, Picture(b"", max(width, 1), max(height, 1)))
    if upload is not None:
        box = ",".join(str(edge) for edge in query.box)
        address = f"/queries/{upload.id}.jpg?page={state.fields.page}&box={box}"
    else:
        address = panel_address(query.like or "")
    framed: FramedPicture | None = card.picture
    return dataclasses.replace(card, picture=None if framed is None else dataclasses.replace(framed, address=address))


def _switches(state: PageState, fov_nm: float | None) -> tuple[Switch, ...]:
    """Return the switches of the scale, for a question with a picture. `fov_nm` is the query's width, if it counts."""
    if not (state.image or state.fields.like):
        return ()
    ignored = state.fields.no_scale
    turned = Switch("Ignore the scale", state.changed(no_scale=None if ignored else True).address(), ignored)
    if fov_nm is None:
        return (turned,) if ignored else ()
    ends = (fov_nm / _SAME_SCALE_FACTOR, fov_nm * _SAME_SCALE_FACTOR)
    value = "..".join(f"{float(f'{end:.4g}'):.12g}nm" for end in ends)  # people read it: no exponent
    is_on = state.fields.fov == value
    return (Switch("Same scale, ± × 2", state.changed(fov=None if is_on else value).address(), is_on), turned)


def form_words(text: str) -> str:
    """Return a message with the form's names in place of the options of the command line."""
    return re.sub(r"--([a-z][a-z-]*)", lambda found: f"“{_LABELS.get(found[1], found[1])}”", text)
