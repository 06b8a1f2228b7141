"""The page of a figure: whole, with its panels and bars outlined, and what is known of each panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mirsearch.corpus import Article, Figure
from mirsearch.indexes.comparison import known_technique
from mirsearch.query import StoredPanel
from mirsearch.report.cards import article_card
from mirsearch.report.views import ArticleCard, Fact
from mirsearch.report.wording import (
    article_link,
    article_title,
    clean_text,
    figure_name,
    format_length,
    license_name,
    panel_heading,
    scale_sentence,
)
from mirsearch.settings import LIMITS
from mirsearch.web.addresses import panel_address, panel_anchor
from mirsearch.web.caption_parts import caption_runs
from mirsearch.web.corpus import public_name
from mirsearch.web.fields import SearchFields
from mirsearch.web.reading import Outline, PictureReading, bar_outlines, make_outline
from mirsearch.web.rendering import render
from mirsearch.web.site import Site
from mirsearch.web.state import PageState

_PICTURE_SIDE = 1600
_MAX_AUTHORS = 6


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """The small picture of a panel at its place in the figure, where the figure's file can't be shown."""

    address: str
    box: Outline


@dataclass(frozen=True, slots=True)
class PanelView:
    """A panel: the name of its place on the page, what is known of it, the search for panels like it, the search for
    the same picture elsewhere, and where to correct it (empty: corrections are off)."""

    anchor: str
    name: str
    heading: str
    facts: tuple[Fact, ...]
    caption: str
    picture: str
    like: str
    elsewhere: str
    correct: str


@dataclass(frozen=True, slots=True)
class CaptionPart:
    """Words of the caption, and the places on the page of the panels that they speak of (none: of all)."""

    words: str
    anchors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FigureView:
    """The whole page. `smalls` are shown in place of the picture where its file is gone or has changed.

    `full` is the address of the picture in its own size, `more` leads to the other figures of the article.
    """

    title: str
    id: str
    picture: PictureReading
    smalls: tuple[SmallPicture, ...]
    caption: tuple[CaptionPart, ...]
    mentions: tuple[str, ...]
    panels: tuple[PanelView, ...]
    article: ArticleCard | None
    permission: str
    credit: str
    info: str
    full: str
    more: str


def figure_page(site: Site, figure_id: str) -> str:
    """Return the page of a figure. NotFoundError if the corpus has none with this id."""
    figure, panels = site.pictures.figure(figure_id)
    has_original = site.pictures.original(figure) is not None
    smalls = () if has_original else tuple(
        SmallPicture(panel_address(stored.panel.id), make_outline("", stored.panel.box)) for stored in panels
    )  # fmt: skip
    title = clean_text(figure.label or public_name(figure.image), 60) or "Figure"
    view = FigureView(
        title=title.replace("Fig.", "Figure") if title.startswith("Fig. ") else title,
        id=figure.id,
        picture=_outlined(figure, panels),
        smalls=smalls,
        caption=_caption_parts(figure, panels),
        mentions=tuple(clean_text(mention, LIMITS.mention_chars) for mention in figure.mentions),
        panels=tuple(_panel_view(stored, panels, site.allow_corrections) for stored in panels),
        article=article_card(figure.article),
        permission=clean_text(figure.permission_note, LIMITS.field_chars),
        credit=credit_line(figure, figure.article),
        info=f"{_iiif(figure)}/info.json" if has_original else "",
        full=f"{_iiif(figure)}/full/max/0/default.jpg" if has_original else "",
        more="" if figure.article is None else PageState(SearchFields(article=[figure.article.id[:200]])).address(),
    )
    return render("figure.html", view=view)


def _caption_parts(figure: Figure, panels: Sequence[StoredPanel]) -> tuple[CaptionPart, ...]:
    runs = caption_runs(
        clean_text(figure.caption, LIMITS.caption_chars),
        [clean_text(stored.panel.caption, LIMITS.caption_chars) for stored in panels],
    )
    return tuple(CaptionPart(run.words, tuple(panel_anchor(panels[number]) for number in run.panels)) for run in runs)


def _iiif(figure: Figure) -> str:
    return f"/iiif/{quote(figure.id, safe='')}"


def _outlined(figure: Figure, panels: Sequence[StoredPanel]) -> PictureReading:
    outlines = [
        make_outline("image", stored.panel.box, figure_name(figure, stored.panel), f"#{quote(panel_anchor(stored))}")
        for stored in panels
    ]
    outlines += bar_outlines([stored.panel for stored in panels])
    longest = max(figure.width, figure.height)
    size = "max" if longest <= _PICTURE_SIDE else f"!{_PICTURE_SIDE},{_PICTURE_SIDE}"
    address = f"{_iiif(figure)}/full/{size}/0/default.jpg"
    return PictureReading(address, figure.width, figure.height, tuple(outlines), (), ())


def _panel_view(stored: StoredPanel, panels: Sequence[StoredPanel], may_correct: bool) -> PanelView:
    panel = stored.panel
    technique = known_technique(panel)
    facts = [
        ("kind", ", ".join(clean_text(word, 24) for word in (technique, panel.kind) if word and word != "unknown")),
        ("scale", scale_sentence(panel, [other.panel for other in panels])),
        ("field of view", "" if panel.scale is None else format_length(panel.field_of_view_nm)),
        ("text in it", clean_text(panel.text, 300)),
        ("corrected", ", ".join(stored.corrected_fields)),
    ]
    return PanelView(
        anchor=panel_anchor(stored),
        name=figure_name(stored.figure, panel),
        heading=panel_heading(panel),
        facts=tuple(Fact(name, text) for name, text in facts if text),
        caption=clean_text(panel.caption, LIMITS.caption_chars),
        picture=panel_address(panel.id),
        like=PageState(SearchFields(like=panel.id)).address(),
        elsewhere=f"/elsewhere/{quote(panel.id, safe='')}",
        correct=f"/review/{quote(panel.id, safe='')}" if may_correct else "",
    )


def credit_line(figure: Figure, article: Article | None) -> str:
    """Return how to credit the figure: authors, title, journal and year, address, license."""
    if article is None:
        return ""
    names = ", ".join(clean_text(name, 60) for name in article.authors[:_MAX_AUTHORS])
    names += " et al." if len(article.authors) > _MAX_AUTHORS else ""
    year = f" ({article.year})" if article.year else ""
    title = article_title(article, LIMITS.field_chars)
    parts = [
        names,
        f"“{title}”" if title else "",
        f"{clean_text(article.journal, 120)}{year}".strip(),
        clean_text(figure.label, 24),
        article_link(article) or "",
        f"License: {license_name(article.license)}" if article.license else "License not known",
        "Retracted" if article.retracted else "",
    ]
    return ". ".join(part.rstrip(".") for part in parts if part) + "."
