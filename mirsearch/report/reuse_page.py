"""Pictures that are shown more than once, as one HTML file: both side by side, with what both show outlined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mirsearch import __version__
from mirsearch.indexes.base import Index
from mirsearch.query import StoredPanel
from mirsearch.report.page import content_policy, read_asset
from mirsearch.report.pictures import MAX_SHARP_PICTURES, Picture, PictureLoader
from mirsearch.report.reuse_table import change_words, held_off_sentence, panel_names
from mirsearch.report.wording import article_link, article_title, clean_text
from mirsearch.reuse.find import Reuse
from mirsearch.reuse.shared_pictures import Region, SharedPicture

MAX_PAIRS = 500
"""Pairs on a page: a browser must still open it, with all its pictures."""
_WHERE = {
    "figure": "in one figure", "article": "in one article", "articles": "in two figures", "query": "beside the query",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two pictures: its address (None: there is none), size in px, outline, names, article and page."""

    address: str | None
    width: int
    height: int
    outline: str
    name: str
    panel_id: str
    article: str
    link: str | None
    note: str
    page: str = ""


@dataclass(frozen=True, slots=True)
class PairView:
    """A pair on the page."""

    number: int
    confidence: float
    where: str
    change: str
    facts: str
    sides: tuple[Side, Side]


@dataclass(frozen=True, slots=True)
class ReuseView:
    """What the template shows."""

    location: str
    outcome: str
    notes: tuple[str, ...]
    pairs: tuple[PairView, ...]
    version: str = __version__


def reuse_html(index: Index, found: Reuse, query: Picture | None = None) -> str:
    """Return the document. `query` is the picture that was asked with, where the pairs are of a query."""
    from mirsearch.report.rendering import embed_asset, template_environment

    style = read_asset("page.css") + read_asset("reuse.css")
    shown = found.pairs[:MAX_PAIRS]
    pictures = PictureLoader(480)
    originals = 2 * len(shown) <= MAX_SHARP_PICTURES
    notes = [held_off_sentence(found)]
    notes += [f"the first {MAX_PAIRS} of {len(found.pairs):,} pairs are shown"] if len(shown) < len(found.pairs) else []
    view = ReuseView(
        index.location,
        f"{len(found.pairs):,} pairs of the same picture among {found.compared:,} pictures",
        tuple(filter(None, notes)),
        tuple(
            _pair_view(index, number, pair, pictures, originals, query) for number, pair in enumerate(shown, start=1)
        ),
    )
    return template_environment().get_template("reuse.html").render(
        view=view, policy=content_policy(style, ""), style=embed_asset("style", style)
    )  # fmt: skip


def _pair_view(
    index: Index, number: int, pair: SharedPicture, pictures: PictureLoader, originals: bool, query: Picture | None
) -> PairView:
    def of_panel(stored: StoredPanel) -> tuple[str | None, str]:
        picture = pictures.panel_picture(stored, index.thumbnail(stored.panel.id), originals=originals)
        return (None, "") if picture is None else (picture.data_url, picture.note)

    first = _query_side(query, pair.region_a, panel_names(pair)[0]) if pair.a is None else None
    return pair_view(number, pair, of_panel, first)


def pair_view(
    number: int,
    pair: SharedPicture,
    picture_of: Callable[[StoredPanel], tuple[str | None, str]],
    first: Side | None = None,
    page_of: Callable[[StoredPanel], str] = lambda stored: "",
) -> PairView:
    """Return a pair for the page: `picture_of` a panel is the address of its picture (None: there is none) and a note,
    `page_of` it the address of its own page (empty: it has none). `first` is the side of a picture of no index."""

    def side(stored: StoredPanel, region: Region, name: str) -> Side:
        address, note = picture_of(stored)
        size = max(stored.panel.width, 1), max(stored.panel.height, 1)
        article = stored.figure.article
        return Side(
            address, *size, _points(region), name, stored.panel.id, article_title(article, 200), article_link(article),
            note, page_of(stored),
        )  # fmt: skip

    names = panel_names(pair)
    if first is None:
        assert pair.a is not None
        first = side(pair.a, pair.region_a, names[0])
    facts = f"{pair.alignment.inliers} places match; the detail agrees by {pair.agreement.correlation:.2f}"
    second = side(pair.b, pair.region_b, names[1])
    return PairView(number, pair.confidence, _WHERE[pair.where], change_words(pair), facts, (first, second))


def _query_side(picture: Picture | None, region: Region, name: str) -> Side:
    size = (1, 1) if picture is None else (picture.width, picture.height)
    address = None if picture is None else picture.data_url
    return Side(address, *size, _points(region), clean_text(name, 200), "", "", None, "")


def _points(region: Region) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in region)
