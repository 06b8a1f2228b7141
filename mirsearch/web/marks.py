"""The marked panels beside an answer, with the links that take marks back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirsearch.query import StoredPanel
from mirsearch.report.sentences import marks_phrase
from mirsearch.report.wording import figure_name
from mirsearch.search.answer import QueryView
from mirsearch.web.addresses import figure_address, panel_address
from mirsearch.web.judgments import can_be_judged
from mirsearch.web.state import UNMARKED, PageState

if TYPE_CHECKING:
    from mirsearch.web.site import Site


@dataclass(frozen=True, slots=True)
class MarkedPanel:
    """A marked panel: its name, and the addresses of its picture, of its figure, and of the search without the mark."""

    name: str
    picture: str
    figure: str
    undo: str


@dataclass(frozen=True, slots=True)
class MarksView:
    """The marks of a search: "from 3 alike, 2 not", the panels under titles, and the address without any.

    `state` is the search with the ids of the marked panels in place of their names. `judgments` is the address of the
    marks as judgments, as a csv table and as qrels; none where nothing can be judged.
    """

    phrase: str
    groups: tuple[tuple[str, tuple[MarkedPanel, ...]], ...]
    forget: str
    state: PageState
    judgments: tuple[str, str] | None = None


def show_marks(site: Site, state: PageState, query: QueryView) -> MarksView:
    """Return the marks of an answered search."""
    marked = {"alike": list(query.alike), "not_alike": list(query.not_alike)}
    start = state.start
    state = state.changed(**marked)
    groups = []
    for field, title in (("alike", "Alike"), ("not_alike", "Not alike")):
        panels = _marked_panels(state, field, site.corpus.index.panels(marked[field]))
        groups += [(title, panels)] if panels else []
    judgments = None
    if can_be_judged(state):
        judgments = state.address("/judgments.csv"), state.address("/judgments.qrels")
    forget = state.changed(**UNMARKED).address()
    return MarksView(marks_phrase(query), tuple(groups), forget, state.at(start), judgments)


def _marked_panels(state: PageState, field: str, panels: Sequence[StoredPanel]) -> tuple[MarkedPanel, ...]:
    ids = [stored.panel.id for stored in panels]
    return tuple(
        MarkedPanel(
            figure_name(stored.figure, stored.panel),
            panel_address(stored.panel.id),
            figure_address(stored),
            state.changed(**{field: [other for other in ids if other != stored.panel.id]}).address(),
        )
        for stored in panels
    )
