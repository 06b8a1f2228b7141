"""Converts panels, figures and articles to rows of the database and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, get_args

from mirsearch.corpus import Article, Figure, LoneBar, Origin, Panel, ScaleReading, ScaleSource, to_json
from mirsearch.corrections import corrected_fields, correction_from_json, lone_bar_from_json, reading_from_json
from mirsearch.indexes.comparison import field_of_view, known_technique
from mirsearch.query import StoredPanel

BATCH_ROWS = 500
Item = TypeVar("Item")
_ARTICLE_COLUMNS = ("id", "title", "doi", "pmcid", "journal", "year", "license", "url", "authors", "retracted")
_FIGURE_COLUMNS = ("id", "label", "caption", "width", "height", "page", "permission_note")
_PANEL_COLUMNS = (
    "id", "label", "x0", "y0", "x1", "y1", "kind", "kind_confidence", "technique", "technique_confidence", "nm_per_px",
    "length_nm", "length_px", "bar", "label_text", "scale_source", "scale_confidence", "part", "group_box", "heading",
    "inset_of", "doubtful_scale", "lone_bar",
)  # fmt: skip
JOINED = "panels p JOIN figures f ON f.key = p.figure LEFT JOIN articles a ON a.key = f.article"
_SELECT_PANELS = (
    "SELECT f.key, "
    + ", ".join([f"p.{name}" for name in _PANEL_COLUMNS] + ["t.caption", "t.text"])
    + ", "
    + ", ".join([f"f.{name}" for name in _FIGURE_COLUMNS] + [f"a.{name}" for name in _ARTICLE_COLUMNS])
    + f" FROM {JOINED} JOIN panel_texts t ON t.panel = p.key "
)
_PANEL_START = 1  # after f.key
_FIGURE_START = _PANEL_START + len(_PANEL_COLUMNS) + 2
_ARTICLE_START = _FIGURE_START + len(_FIGURE_COLUMNS)


def storable_text(text: str | None) -> str | None:
    """Return text that SQLite can store: lone surrogates are replaced, NUL is removed."""
    if text is None:
        return None
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def panel_values(panel: Panel) -> dict[str, Any]:
    """Return the columns of a panel, except keys, position and texts."""
    fov, doubtful_fov = field_of_view(panel, panel.scale), field_of_view(panel, panel.doubtful_scale)
    scale = None if fov is None else panel.scale
    doubtful = None if doubtful_fov is None else panel.doubtful_scale
    x0, y0, x1, y1 = (int(edge) for edge in panel.box)
    return {
        "label": storable_text(panel.label),
        "x0": x0, "y0": y0, "x1": x1, "y1": y1,
        "kind": storable_text(panel.kind),
        "kind_confidence": float(panel.kind_confidence),
        "technique": storable_text(known_technique(panel)),
        "technique_confidence": float(panel.technique_confidence),
        "nm_per_px": scale and float(scale.nm_per_px),
        "length_nm": scale and scale.length_nm,
        "length_px": scale and scale.length_px,
        "bar": None if scale is None or scale.bar is None else json.dumps([int(edge) for edge in scale.bar]),
        "label_text": scale and storable_text(scale.label_text),
        "scale_source": scale and scale.source,
        "scale_confidence": scale and float(scale.confidence),
        "field_of_view_nm": fov,
        "part": panel.part,
        "group_box": None if panel.group is None else json.dumps([int(edge) for edge in panel.group]),
        "heading": storable_text(panel.heading) or None,
        "inset_of": storable_text(panel.inset_of),
        "doubtful_scale": None if doubtful is None else _to_json_text(doubtful),
        "doubtful_field_of_view_nm": doubtful_fov,
        "lone_bar": None if panel.bar is None else _to_json_text(panel.bar),
    }  # fmt: skip


def _to_json_text(item: ScaleReading | LoneBar) -> str:
    return storable_text(json.dumps(to_json(item), ensure_ascii=False)) or ""


def read_panels(connection: sqlite3.Connection, clause: str, values: Sequence[Any] = ()) -> Iterator[StoredPanel]:
    """Yield the panels that a WHERE or ORDER clause selects. Reads in batches, so that memory stays bounded."""
    cursor = connection.execute(_SELECT_PANELS + clause, values)
    while rows := cursor.fetchmany(BATCH_ROWS):
        origins = read_origins(connection, {row[0] for row in rows})
        corrected = _corrected_fields(connection, [row[_PANEL_START] for row in rows])
        for row in rows:
            figure = _figure(row[_FIGURE_START:_ARTICLE_START], row[_ARTICLE_START:], tuple(origins.get(row[0], ())))
            panel = _panel(row[_PANEL_START:_FIGURE_START], figure.id)
            yield StoredPanel(panel, figure, corrected.get(panel.id, ()))


def panels_by_id(connection: sqlite3.Connection, ids: Iterable[str]) -> dict[str, StoredPanel]:
    """Return panels by id. Unknown ids are left out."""
    panels: dict[str, StoredPanel] = {}
    for batch in batches(ids):
        for stored in read_panels(connection, f"WHERE p.id IN ({placeholders(batch)})", batch):
            panels[stored.panel.id] = stored
    return panels


def batches(items: Iterable[Item]) -> Iterator[tuple[Item, ...]]:
    """Yield items in order, in batches that are small enough for one statement in any SQLite."""
    rest = iter(items)
    while batch := tuple(islice(rest, BATCH_ROWS)):
        yield batch


def placeholders(values: Sequence[Any]) -> str:
    """Return a question mark for each value."""
    return ", ".join("?" * len(values))


def read_origins(connection: sqlite3.Connection, figures: set[int]) -> dict[int, list[Origin]]:
    """Return the origins of figures by the key of the figure, oldest first."""
    origins: dict[int, list[Origin]] = {}
    for batch in batches(figures):
        query = (
            "SELECT figure, source, location, retrieved FROM origins "
            f"WHERE figure IN ({placeholders(batch)}) ORDER BY key"
        )
        for key, *values in connection.execute(query, batch):
            origins.setdefault(key, []).append(Origin(*values))
    return origins


def _corrected_fields(connection: sqlite3.Connection, panels: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the names of the corrected fields by panel id, for at most BATCH_ROWS panels."""
    query = f"SELECT correction FROM corrections WHERE panel IN ({placeholders(panels)})"
    corrections = [correction_from_json(json.loads(row[0])) for row in connection.execute(query, panels)]
    return {
        correction.panel: corrected_fields(correction.panel, corrections)
        for correction in corrections
        if correction.panel is not None
    }


def _panel(row: Sequence[Any], figure_id: str) -> Panel:
    values = dict(zip((*_PANEL_COLUMNS, "caption", "text"), row, strict=True))
    return Panel(
        box=(values["x0"], values["y0"], values["x1"], values["y1"]),
        label=values["label"],
        kind=values["kind"],
        kind_confidence=values["kind_confidence"],
        technique=values["technique"],
        technique_confidence=values["technique_confidence"],
        caption=values["caption"],
        text=values["text"],
        scale=_scale(values),
        id=values["id"],
        figure_id=figure_id,
        part=values["part"],
        group=tuple(json.loads(values["group_box"])) if values["group_box"] else None,
        heading=values["heading"] or "",
        inset_of=values["inset_of"],
        doubtful_scale=reading_from_json(json.loads(values["doubtful_scale"])) if values["doubtful_scale"] else None,
        bar=lone_bar_from_json(json.loads(values["lone_bar"])) if values["lone_bar"] else None,
    )


def _scale(values: dict[str, Any]) -> ScaleReading | None:
    if values["nm_per_px"] is None:
        return None
    source: ScaleSource = values["scale_source"] if values["scale_source"] in get_args(ScaleSource) else "user"
    return ScaleReading(
        nm_per_px=values["nm_per_px"],
        length_nm=values["length_nm"],
        length_px=values["length_px"],
        bar=tuple(json.loads(values["bar"])) if values["bar"] else None,
        label_text=values["label_text"],
        source=source,
        confidence=values["scale_confidence"],
    )


def _figure(row: Sequence[Any], article: Sequence[Any], origins: tuple[Origin, ...]) -> Figure:
    values = dict(zip(_FIGURE_COLUMNS, row, strict=True))
    return Figure(**values, article=_article(article), origins=origins)


def _article(row: Sequence[Any]) -> Article | None:
    if row[0] is None:
        return None
    values = dict(zip(_ARTICLE_COLUMNS, row, strict=True))
    values |= {"authors": tuple(json.loads(values["authors"])), "retracted": bool(values["retracted"])}
    return Article(**values)
