"""Lists of panels and figures: which of them, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

from mirsearch.corpus import Article, Figure, Panel
from mirsearch.errors import UsageError
from mirsearch.field_filters import check_field
from mirsearch.indexes.base import Index
from mirsearch.indexes.comparison import article_keys
from mirsearch.query import Filters, Order, StoredPanel
from mirsearch.search.answer import stored_json
from mirsearch.search.question import OWN_ARTICLE

SHORT_NAMES = {
    "fov": "scale.field_of_view_nm", "kind": "panel.kind", "technique": "panel.technique", "year": "article.year",
    "journal": "article.journal", "license": "article.license_code", "article": "article.id", "figure": "figure.id",
}  # fmt: skip
"""Names of options that stand for fields where an order is asked for."""
_GROUPS_OF_FIGURES = ("figure", "article", "source")
"""Groups of fields that all panels of a figure share."""
_FIGURE_KEYS = (
    "figure", "figure_label", "figure_caption", "figure_size", "page", "permission_note", "mentions", "origins",
    "image", "article",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed: the panels that pass the filters and are of none of `not_articles` (ids, DOIs, PMC ids).

    `order` None: by panel id. `top`: at most so many.
    """

    filters: Filters = field(default_factory=Filters)
    order: Order | None = None
    not_articles: tuple[str, ...] = ()
    top: int | None = None

    def __post_init__(self) -> None:
        if self.top is not None and self.top < 1:
            raise UsageError(f"--top {self.top} is out of range", "give 1 or more")
        if OWN_ARTICLE in self.not_articles:
            raise UsageError("--not-article own is for an image", "give a DOI, a PMC id or an article id")


@dataclass(frozen=True, slots=True)
class ListedFigure:
    """A figure with the ids of its panels that are listed, in the order of the list, and how many have a scale."""

    figure: Figure
    panel_ids: tuple[str, ...]
    with_scale: int


def parse_order(name: str | None, reverse: bool) -> Order | None:
    """Return the order by a field's name or its short name; None without one. Raises UsageError."""
    if name is None and not reverse:
        return None
    wanted = (name or "panel.id").strip()
    check_field(wanted, SHORT_NAMES)
    return Order(SHORT_NAMES.get(wanted, wanted), reverse)


def list_panels(index: Index, listing: Listing) -> Iterator[StoredPanel]:
    """Yield the panels of a list, one by one from the index."""
    return islice(_panels(index, listing), listing.top)


def list_figures(index: Index, listing: Listing) -> Iterator[ListedFigure]:
    """Yield the figures that have panels of the list; a figure stands where its first panel would.

    Figures come one by one from the index where they are sorted by what their panels share; else all are held.
    """
    order = listing.order or Order("figure.id")
    panels = _panels(index, Listing(listing.filters, order, listing.not_articles))
    shared = order.field.partition(".")[0] in _GROUPS_OF_FIGURES or order.field == "panel.id"
    return islice(_neighbors(panels) if shared else _collected(panels), listing.top)


def _panels(index: Index, listing: Listing) -> Iterator[StoredPanel]:
    # An index of a plug-in may know no order: it is not asked for one without need.
    panels = (
        index.select_panels(listing.filters)
        if listing.order is None
        else index.select_panels(listing.filters, listing.order)
    )
    if not listing.not_articles:
        return panels
    is_left_out = _article_test(listing.not_articles)
    return (stored for stored in panels if not is_left_out(stored.figure.article))


def _article_test(names: Iterable[str]) -> Callable[[Article | None], bool]:
    """Return whether an article is one of those that are named by id, DOI or PMC id."""
    keys = [article_keys(name) for name in names]
    ids = {some_id for ids, _, _ in keys for some_id in ids}
    dois, pmcids = {doi for _, doi, _ in keys}, {pmcid for _, _, pmcid in keys}

    def is_named(article: Article | None) -> bool:
        if article is None:
            return False
        return article.id in ids or (article.doi or "").lower() in dois or (article.pmcid or "").lower() in pmcids

    return is_named


def _neighbors(panels: Iterable[StoredPanel]) -> Iterator[ListedFigure]:
    """Yield the figures of panels that stand together."""
    for _, group in groupby(panels, lambda stored: stored.figure.id):
        first, *rest = group
        yield _listed(first, [first, *rest])


def _collected(panels: Iterable[StoredPanel]) -> Iterator[ListedFigure]:
    """Yield the figures of panels, in the order of each figure's first panel."""
    found: dict[str, tuple[Figure, list[str], list[bool]]] = {}
    for stored in panels:
        _, ids, scales = found.setdefault(stored.figure.id, (stored.figure, [], []))
        ids.append(stored.panel.id)
        scales.append(stored.panel.scale is not None)
    for figure, ids, scales in found.values():
        yield ListedFigure(figure, tuple(ids), sum(scales))


def _listed(first: StoredPanel, panels: list[StoredPanel]) -> ListedFigure:
    ids = tuple(stored.panel.id for stored in panels)
    return ListedFigure(first.figure, ids, sum(stored.panel.scale is not None for stored in panels))


def listed_json(listed: ListedFigure) -> dict[str, Any]:
    """Return a figure in plain JSON types: what `stored_json` tells of it, and its panels."""
    told = stored_json(StoredPanel(Panel((0, 0, 1, 1)), listed.figure))
    figure = {name: told[name] for name in _FIGURE_KEYS}
    return figure | {"panels": list(listed.panel_ids), "with_scale": listed.with_scale}
