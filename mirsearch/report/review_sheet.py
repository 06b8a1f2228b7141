"""A sheet of the readings that most want a look: a page with pictures, and a CSV table to fill in."""

from __future__ import annotations

import io
from dataclasses import dataclass

from mirsearch import __version__
from mirsearch.corpus import Box, Panel, ScaleReading
from mirsearch.indexes.base import Index
from mirsearch.indexes.comparison import known_technique
from mirsearch.report.csv_output import write_rows
from mirsearch.report.data_columns import Value
from mirsearch.report.page import content_policy, read_asset
from mirsearch.report.pictures import PictureLoader
from mirsearch.report.wording import (
    article_link,
    article_title,
    clean_text,
    figure_name,
    format_length,
    has_lone_bar,
    panel_heading,
    scale_label,
    scale_sentence,
)
from mirsearch.search.review import REASONS, Review, ReviewItem
from mirsearch.search.stored_corrections import COLUMNS
from mirsearch.settings import LIMITS

_FOR_READERS = ("why", "detail", "read", "confidence", "view", "figure", "file", "article")
"""Columns of the table that tell what to look at. `correct --from` does not read them."""
_PICTURE_SIDE = 480
"""Longer side of a picture on the sheet, px."""
_BAR_MARGIN = 0.012
"""Distance of the frame around a bar from its ends, as a share of the picture's longer side."""


@dataclass(frozen=True, slots=True)
class Row:
    """A panel on the sheet. `bar` is a frame around its bar (x, y, width, height) in px of the panel, or None.

    `suggestion` is the length that confirms the reading; empty without one.
    """

    number: int
    panel_id: str
    name: str
    kind: str
    why: str
    reading: str
    suggestion: str
    address: str | None
    note: str
    width: int
    height: int
    bar: tuple[float, float, float, float] | None
    caption: str
    article: str
    link: str | None
    image: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """The whole sheet: what is on it, in a sentence for each reason, and its rows."""

    location: str
    counts: tuple[str, ...]
    shown: str
    rows: tuple[Row, ...]
    version: str = __version__


def review_html(index: Index, review: Review) -> str:
    """Return the sheet as one HTML file that needs nothing else. A browser writes the table of corrections from it."""
    from mirsearch.report.rendering import embed_asset, template_environment

    style = read_asset("page.css") + read_asset("review.css")
    script = read_asset("review.js")
    pictures = PictureLoader(_PICTURE_SIDE)
    rows = tuple(_row(index, number, item, pictures) for number, item in enumerate(review.items, start=1))
    total = sum(review.counts.values())
    shown = "" if total == len(rows) else f"The first {len(rows):,} of {total:,} are shown; --top shows more."
    counts = tuple(f"{count:,} × {REASONS[reason]}" for reason, count in review.counts.items())
    return template_environment().get_template("review.html").render(
        sheet=Sheet(index.location, counts, shown, rows),
        policy=content_policy(style, script),
        style=embed_asset("style", style),
        script=embed_asset("script", script),
    )  # fmt: skip


def review_csv(review: Review) -> str:
    """Return the sheet as a CSV table with empty cells for corrections, which `correct --from` reads."""
    out = io.StringIO()
    names = ["id", *_FOR_READERS, *(name for name in COLUMNS if name not in ("id", "panel"))]
    write_rows(map(_cells, review.items), names, out)
    return out.getvalue()


def _cells(item: ReviewItem) -> dict[str, Value]:
    panel, figure = item.stored.panel, item.stored.figure
    reading = _reading(panel)
    return {
        "id": panel.id,
        "why": REASONS[item.reason],
        "detail": item.detail,
        "read": scale_label(panel),
        "confidence": None if reading is None else round(reading.confidence, 3),
        "view": "" if panel.scale is None else format_length(panel.field_of_view_nm),
        "figure": figure_name(figure, panel),
        "file": figure.image,
        "article": article_title(figure.article, 200),
    }


def _reading(panel: Panel) -> ScaleReading | None:
    return panel.scale or panel.doubtful_scale


def _row(index: Index, number: int, item: ReviewItem, pictures: PictureLoader) -> Row:
    stored, panel, figure = item.stored, item.stored.panel, item.stored.figure
    picture = pictures.panel_picture(stored, index.thumbnail(panel.id))
    return Row(
        number=number,
        panel_id=panel.id,
        name=" · ".join(filter(None, (figure_name(figure, panel), panel_heading(panel)))),
        kind=known_technique(panel) or panel.kind,
        why=f"{REASONS[item.reason]}: {item.detail}",
        reading=scale_sentence(panel),
        suggestion=suggested_length(panel),
        address=None if picture is None else picture.data_url,
        note="" if picture is None else picture.note,
        width=max(panel.width, 1),
        height=max(panel.height, 1),
        bar=bar_frame(panel),
        caption=clean_text(panel.caption or figure.caption, LIMITS.field_chars),
        article=article_title(figure.article, 200),
        link=article_link(figure.article),
        image=clean_text(figure.image, 300),
    )


def suggested_length(panel: Panel) -> str:
    """Return the length of the panel's bar that confirms its reading; empty if none was read."""
    reading = _reading(panel)
    length = None if reading is None else reading.length_nm
    return "" if length is None or has_lone_bar(panel) else format_length(length)


def bar_frame(panel: Panel) -> tuple[float, float, float, float] | None:
    """Return a frame around the panel's bar in px of the panel: x, y, width, height. None: its bar is not known."""
    reading = _reading(panel)
    bar: Box | None = reading.bar if reading is not None else panel.bar.box if panel.bar is not None else None
    x0, y0, x1, y1 = panel.box
    if bar is None or not (x0 <= bar[0] < x1 and y0 <= bar[1] < y1):
        return None
    margin = _BAR_MARGIN * max(panel.width, panel.height)
    return bar[0] - x0 - margin, bar[1] - y0 - margin, bar[2] - bar[0] + 2 * margin, bar[3] - bar[1] + 2 * margin
