"""The pages on which people look at doubtful readings, and put them right in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from mirsearch.corpus import KINDS, TECHNIQUES
from mirsearch.indexes.comparison import known_technique
from mirsearch.query import StoredPanel
from mirsearch.report.review_sheet import bar_frame, suggested_length
from mirsearch.report.wording import article_title, clean_text, figure_name, panel_heading, scale_sentence
from mirsearch.search.review import REASONS
from mirsearch.settings import LIMITS
from mirsearch.web.addresses import SHARP_SIDE, figure_address, panel_address
from mirsearch.web.problems import Problem
from mirsearch.web.rendering import render

if TYPE_CHECKING:
    from mirsearch.web.site import Site

PAGE_ITEMS = 12
_NOTHING_TYPED = dict.fromkeys(("scale", "bar", "bar_px", "kind", "technique"), "")


@dataclass(frozen=True, slots=True)
class PanelForm:
    """A panel to look at. `bar` is a frame around its bar (x, y, width, height), `x` and `y` its place in the figure.

    All are in px of the file. `suggestion` is the length that confirms the reading; empty without one. `typed` are the
    values of a form that could not be used.
    """

    panel_id: str
    address: str
    name: str
    why: str
    reading: str
    suggestion: str
    kind: str
    technique: str
    picture: str
    figure: str
    x: int
    y: int
    width: int
    height: int
    bar: tuple[float, float, float, float] | None
    caption: str
    article: str
    corrected: str
    typed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReviewView:
    """The whole page. `token` is that of its forms, empty where corrections are off.

    `start` is the place in the queue, 0 on the page of a single panel, and `following` the address of what comes then.
    `done` has id and name of the panel that was corrected last.
    """

    title: str
    counts: tuple[str, ...]
    panels: tuple[PanelForm, ...]
    token: str
    start: int
    following: str = ""
    done: tuple[str, str] | None = None
    problem: Problem | None = None


def queue_page(site: Site, token: str, start: int, done: str) -> str:
    """Return the page of the queue from a place on, counted from 1."""
    review = site.review_queue.review()
    chosen = review.items[start - 1 : start - 1 + PAGE_ITEMS]
    panels = tuple(
        _panel_form(item.stored, f"{REASONS[item.reason]}: {item.detail}") for item in site.review_queue.current(chosen)
    )
    counts = tuple(f"{count:,} × {REASONS[reason]}" for reason, count in review.counts.items())
    last = start - 1 + len(chosen)
    title = "Readings to look at" if review.items else "No reading wants a look"
    following = f"/review?start={last + 1}" if last < len(review.items) else ""
    return _render(ReviewView(title, counts, panels, token, start, following, _done(site, done)))


def panel_page(
    site: Site, token: str, panel_id: str, done: str = "", problem: Problem | None = None,
    typed: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """Return the page of a single panel. NotFoundError if there is none with this id."""
    stored = site.corpus.index.panels([panel_id])[0]
    form = _panel_form(stored, "", typed)
    return _render(ReviewView(form.name, (), (form,), token, 0, "", _done(site, done), problem))


def _render(view: ReviewView) -> str:
    return render("review_queue.html", view=view, kinds=KINDS, techniques=TECHNIQUES)


def _done(site: Site, panel_id: str) -> tuple[str, str] | None:
    """Return id and name of the panel that was corrected last, None if there is none or it is gone."""
    if not panel_id:
        return None
    found = site.corpus.index.find_panels(panel_id)
    if not found or found[0].panel.id != panel_id or not found[0].corrected_fields:
        return None
    return panel_id, figure_name(found[0].figure, found[0].panel)


def _panel_form(stored: StoredPanel, why: str, typed: Mapping[str, str] | None = None) -> PanelForm:
    panel, figure = stored.panel, stored.figure
    return PanelForm(
        panel_id=panel.id,
        address=f"/review/{quote(panel.id, safe='')}",
        name=" · ".join(filter(None, (figure_name(figure, panel), panel_heading(panel)))),
        why=why,
        reading=scale_sentence(panel),
        suggestion=suggested_length(panel),
        kind=panel.kind,
        technique=known_technique(panel) or "",
        picture=panel_address(panel.id, SHARP_SIDE),
        figure=figure_address(stored),
        x=panel.box[0],
        y=panel.box[1],
        width=max(panel.width, 1),
        height=max(panel.height, 1),
        bar=bar_frame(panel),
        caption=clean_text(panel.caption or figure.caption, LIMITS.field_chars),
        article=article_title(figure.article, 200),
        corrected=", ".join(stored.corrected_fields),
        typed=_NOTHING_TYPED | dict(typed or {}),
    )
