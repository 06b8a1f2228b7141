"""A list of panels or figures in a terminal: one line each, as they come, in columns that fit the width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from typing import Generic, NamedTuple, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from mirsearch.corpus import Article, Panel
from mirsearch.indexes.comparison import known_technique
from mirsearch.query import Order, StoredPanel
from mirsearch.report.wording import (
    article_title,
    clean_text,
    figure_name,
    format_length,
    letter_name,
    license_name,
    panel_heading,
    scale_label,
    venue,
)
from mirsearch.search.field_values import field_value
from mirsearch.search.listing import ListedFigure

Item = TypeVar("Item")
SAMPLE = 300
"""Rows from which the widths of columns are taken. Later values that are wider are cut (in a pipe: stand out)."""
GAP = 2
"""Cells between two columns."""
MIN_CAPTION, MIN_ARTICLE, MAX_ARTICLE = 20, 18, 60
"""Least width of the last column, and widths of the column of articles beside it, in cells."""
SPARE_PLACE = 7
"""Columns from this place on are shown only where titles have a column, too."""
PLAIN_TEXT = 120
"""Most characters of titles and captions in a pipe."""


class Column(NamedTuple, Generic[Item]):
    """A column of short values: its heading, an item's value, its greatest width in cells, and whether it is a number.

    `place` tells which columns a narrow terminal keeps: those with the lowest numbers.
    """

    heading: str
    value: Callable[[Item], str]
    most: int
    place: int
    right: bool = False


def print_panels(panels: Iterable[StoredPanel], console: Console, order: Order | None = None) -> int:
    """Print a line for each panel as it comes, and return their number. An order adds the column of its field."""
    columns = [*_PANELS, *_sorted_column(order)]
    return _print_rows(panels, columns, console, lambda stored: stored.figure.article, _panel_caption)


def print_figures(figures: Iterable[ListedFigure], console: Console) -> int:
    """Print a line for each figure as it comes, and return their number."""
    return _print_rows(
        figures, _FIGURES, console, lambda listed: listed.figure.article, lambda listed: listed.figure.caption
    )


def _shows(panel: Panel) -> str:
    """Return the technique, else the kind of a panel; empty where neither is known."""
    return clean_text(known_technique(panel) or panel.kind.replace("unknown", ""), 16)


def _panel_name(stored: StoredPanel) -> str:
    name = figure_name(stored.figure, stored.panel)
    return " · ".join(filter(None, (name, panel_heading(stored.panel, 24))))


def _panel_caption(stored: StoredPanel) -> str:
    return stored.panel.caption or stored.figure.caption


def _license(article: Article | None) -> str:
    return license_name(article.license) if article else ""


_PANELS: tuple[Column[StoredPanel], ...] = (
    Column("id", lambda stored: stored.panel.id, 24, 0),
    Column("panel", _panel_name, 22, 1),
    Column("shows", lambda stored: _shows(stored.panel), 12, 4),
    Column("s", lambda stored: scale_label(stored.panel), 12, 3, right=True),
    Column("view", lambda stored: format_length(stored.panel.field_of_view_nm), 12, 2, right=True),
    Column("journal, year", lambda stored: venue(stored.figure.article), 32, 7),
    Column("license", lambda stored: _license(stored.figure.article), 16, 6),
)
_FIGURES: tuple[Column[ListedFigure], ...] = (
    Column("figure", lambda listed: listed.figure.id, 22, 0),
    Column("name", lambda listed: letter_name(listed.figure, Panel((0, 0, 1, 1))), 24, 1),
    Column("panels", lambda listed: str(len(listed.panel_ids)), 6, 2, right=True),
    Column("scales", lambda listed: str(listed.with_scale), 6, 3, right=True),
    Column("size", lambda listed: f"{listed.figure.width} × {listed.figure.height}", 14, 5, right=True),
    Column("journal, year", lambda listed: venue(listed.figure.article), 32, 7),
    Column("license", lambda listed: _license(listed.figure.article), 16, 6),
)
_SHOWN_FIELDS = {
    "panel.id", "panel.label", "panel.part", "panel.number", "panel.technique", "figure.id",
    "figure.label", "scale.field_of_view_nm", "scale.length_nm", "article.journal", "article.year",
    "article.license", "article.license_code", "scale.known", "panel.kind",
}  # fmt: skip
"""Fields whose values the columns show, or that need no showing."""


def _sorted_column(order: Order | None) -> list[Column[StoredPanel]]:
    """Return a column for the field of an order, where no other shows it."""
    if order is None or order.field in _SHOWN_FIELDS:
        return []
    field = order.field
    return [Column(field.rpartition(".")[2], lambda stored: _field_text(field_value(stored, field)), 32, 0)]


def _field_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "–" if value is None else clean_text(str(value), 32)


def _print_rows(
    items: Iterable[Item],
    columns: Sequence[Column[Item]],
    console: Console,
    article: Callable[[Item], Article | None],
    caption: Callable[[Item], str],
) -> int:
    rest = iter(items)
    sample = list(islice(rest, SAMPLE))
    if not sample:
        return 0
    width = console.width if console.is_terminal else None
    titles = max(len(article_title(article(item), PLAIN_TEXT)) for item in sample)
    layout = _Layout(columns, sample, width, titles)
    header = layout.line([column.heading for column in columns], "article", "caption")
    console.print(Text(header, style="bold"), soft_wrap=True)
    count = 0
    for item in chain(sample, rest):
        cells = [column.value(item) for column in columns]
        # The texts are cut before they are cleaned: a caption may be very long.
        title = article_title(article(item), layout.texts[0])
        mark = "RETRACTED " if getattr(article(item), "retracted", False) else ""
        told = clean_text(caption(item)[: 4 * layout.texts[1]], layout.texts[1])
        console.file.write(layout.line(cells, mark + title, told if layout.has_article else mark + told) + "\n")
        count += 1
    return count


class _Layout(Generic[Item]):
    """Which columns a line has, and how wide they are. `width` None: a pipe, where nothing is left out.

    `titles` is the length of the longest title.
    """

    def __init__(self, columns: Sequence[Column[Item]], sample: Sequence[Item], width: int | None, titles: int) -> None:
        self._columns, self._width = columns, width
        self._cells = [
            min(column.most, max(cell_len(text) for text in (column.heading, *map(column.value, sample))))
            for column in columns
        ]
        self._shown = sorted(range(len(columns)), key=lambda at: columns[at].place)
        self._articles, self._captions = max(titles, len("article")), PLAIN_TEXT
        if width is not None:
            self._fit(width)
        self._shown.sort()

    def _fit(self, width: int) -> None:
        """Leave out columns until the texts have room, and share the room between article and caption."""
        while len(self._shown) > 1 and self._room(width) < self._needed():
            self._shown.pop()
        room = self._room(width)
        self._articles = (
            min(max(room * 2 // 5, MIN_ARTICLE), self._articles, MAX_ARTICLE)
            if room >= MIN_ARTICLE + MIN_CAPTION + GAP
            else 0
        )
        self._captions = max(room - self._articles - GAP * bool(self._articles), 0)

    def _needed(self) -> int:
        """Return the room that the texts must have: columns that are named last give way to the title."""
        is_spare = self._columns[self._shown[-1]].place >= SPARE_PLACE
        return MIN_CAPTION + (MIN_ARTICLE + GAP) * is_spare

    def _room(self, width: int) -> int:
        return width - sum(self._cells[at] + GAP for at in self._shown)

    @property
    def has_article(self) -> bool:
        """Return whether titles have a column of their own."""
        return self._articles > 0

    @property
    def texts(self) -> tuple[int, int]:
        """Return the most characters of titles and captions."""
        return self._articles, self._captions

    def line(self, cells: Sequence[str], title: str, caption: str) -> str:
        """Return the line of an item."""
        parts = [self._fitted(cells[at], self._cells[at], self._columns[at].right) for at in self._shown]
        if self._articles:
            parts.append(self._fitted(title, self._articles))
        return (" " * GAP).join([*parts, self._fitted(caption, self._captions)]).rstrip()

    def _fitted(self, text: str, cells: int, right: bool = False) -> str:
        missing = cells - cell_len(text)
        if missing >= 0:
            return " " * missing + text if right else text + " " * missing
        if self._width is None:
            return text
        return set_cell_size(text, max(cells - 1, 0)) + "…" * (cells > 0)
