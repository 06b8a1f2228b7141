"""Panels, figures and articles as rows, and rows as panels, figures and articles."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, get_args

from mirsearch.corpus import Article, Figure, Origin, Panel, ScaleReading, ScaleSource
from mirsearch.corrections import corrected_fields, correction_from_json
from mirsearch.query import StoredPanel

BATCH = 500
Item = TypeVar("Item")
_ARTICLE = ("id", "title", "doi", "pmcid", "journal", "year", "license", "url", "authors", "retracted")
_FIGURE = ("id", "label", "caption", "width", "height", "page", "permission_note")
_PANEL = (
    "id", "label", "x0", "y0", "x1", "y1", "kind", "kind_confidence", "technique", "technique_confidence", "nm_per_px",
    "length_nm", "length_px", "bar", "label_text", "scale_source", "scale_confidence",
)  # fmt: skip
JOINED = "panels p JOIN figures f ON f.key = p.figure LEFT JOIN articles a ON a.key = f.article"
_SELECT = (
    "SELECT f.key, "
    + ", ".join([f"p.{name}" for name in _PANEL] + ["t.caption", "t.text"])
    + ", "
    + ", ".join([f"f.{name}" for name in _FIGURE] + [f"a.{name}" for name in _ARTICLE])
    + f" FROM {JOINED} JOIN panel_texts t ON t.panel = p.key "
)
_P, _F, _A = 1, 1 + len(_PANEL) + 2, 1 + len(_PANEL) + 2 + len(_FIGURE)


def plain(text: str | None) -> str | None:
    """Text that SQLite can hold: lone surrogates replaced, NUL left out."""
    if text is None:
        return None
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def panel_values(panel: Panel) -> dict[str, Any]:
    """A panel's columns, but for its keys, position and texts."""
    scale, fov = panel.scale, panel.field_of_view_nm
    if fov is None or not (math.isfinite(fov) and fov > 0):
        scale = fov = None
    x0, y0, x1, y1 = (int(each) for each in panel.box)
    return {
        "label": plain(panel.label),
        "x0": x0, "y0": y0, "x1": x1, "y1": y1,
        "kind": plain(panel.kind),
        "kind_confidence": float(panel.kind_confidence),
        "technique": plain(panel.technique),
        "technique_confidence": float(panel.technique_confidence),
        "nm_per_px": scale and float(scale.nm_per_px),
        "length_nm": scale and scale.length_nm,
        "length_px": scale and scale.length_px,
        "bar": None if scale is None or scale.bar is None else json.dumps([int(each) for each in scale.bar]),
        "label_text": scale and plain(scale.label_text),
        "scale_source": scale and scale.source,
        "scale_confidence": scale and float(scale.confidence),
        "field_of_view_nm": fov,
    }  # fmt: skip


def stored(connection: sqlite3.Connection, clause: str, values: Sequence[Any] = ()) -> Iterator[StoredPanel]:
    """Panels of `SELECT … WHERE/ORDER clause`, read in batches, so that memory stays bounded."""
    cursor = connection.execute(_SELECT + clause, values)
    while rows := cursor.fetchmany(BATCH):
        places = origins(connection, {row[0] for row in rows})
        fixed = _corrected(connection, [row[_P] for row in rows])
        for row in rows:
            figure = _figure(row[_F:_A], row[_A:], tuple(places.get(row[0], ())))
            panel = _panel(row[_P:_F], figure.id)
            yield StoredPanel(panel, figure, fixed.get(panel.id, ()))


def by_ids(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, StoredPanel]:
    """Those of the panels that are there, by id."""
    found: dict[str, StoredPanel] = {}
    for part in batches(ids):
        for each in stored(connection, f"WHERE p.id IN ({marks(part)})", part):
            found[each.panel.id] = each
    return found


def batches(items: Iterable[Item]) -> Iterator[tuple[Item, ...]]:
    """Items in order, BATCH at a time: what one statement can take in any SQLite."""
    rest = iter(items)
    while part := tuple(islice(rest, BATCH)):
        yield part


def marks(values: Sequence[Any]) -> str:
    """As many question marks as values."""
    return ", ".join("?" * len(values))


def origins(connection: sqlite3.Connection, figures: set[int]) -> dict[int, list[Origin]]:
    """Origins of figures by the figures' keys, oldest first."""
    found: dict[int, list[Origin]] = {}
    for part in batches(figures):
        query = f"SELECT figure, source, location, retrieved FROM origins WHERE figure IN ({marks(part)}) ORDER BY key"
        for key, *place in connection.execute(query, part):
            found.setdefault(key, []).append(Origin(*place))
    return found


def _corrected(connection: sqlite3.Connection, panels: list[str]) -> dict[str, tuple[str, ...]]:
    """Names of corrected fields of those of the panels, at most BATCH, that have any."""
    query = f"SELECT correction FROM corrections WHERE panel IN ({marks(panels)})"
    found = [correction_from_json(json.loads(row[0])) for row in connection.execute(query, panels)]
    return {each.panel: corrected_fields(each.panel, found) for each in found if each.panel is not None}


def _panel(row: Sequence[Any], figure_id: str) -> Panel:
    at = dict(zip((*_PANEL, "caption", "text"), row, strict=True))
    return Panel(
        box=(at["x0"], at["y0"], at["x1"], at["y1"]),
        label=at["label"],
        kind=at["kind"],
        kind_confidence=at["kind_confidence"],
        technique=at["technique"],
        technique_confidence=at["technique_confidence"],
        caption=at["caption"],
        text=at["text"],
        scale=_scale(at),
        id=at["id"],
        figure_id=figure_id,
    )


def _scale(at: dict[str, Any]) -> ScaleReading | None:
    if at["nm_per_px"] is None:
        return None
    source: ScaleSource = at["scale_source"] if at["scale_source"] in get_args(ScaleSource) else "user"
    return ScaleReading(
        nm_per_px=at["nm_per_px"],
        length_nm=at["length_nm"],
        length_px=at["length_px"],
        bar=tuple(json.loads(at["bar"])) if at["bar"] else None,
        label_text=at["label_text"],
        source=source,
        confidence=at["scale_confidence"],
    )


def _figure(row: Sequence[Any], article: Sequence[Any], origins: tuple[Origin, ...]) -> Figure:
    at = dict(zip(_FIGURE, row, strict=True))
    return Figure(**at, article=_article(article), origins=origins)


def _article(row: Sequence[Any]) -> Article | None:
    if row[0] is None:
        return None
    at = dict(zip(_ARTICLE, row, strict=True))
    at |= {"authors": tuple(json.loads(at["authors"])), "retracted": bool(at["retracted"])}
    return Article(**at)
