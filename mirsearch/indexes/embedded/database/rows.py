"""Converts panels to rows of the database and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from mirsearch.corpus import LoneBar, Panel, ScaleReading, ScaleSource, to_json
from mirsearch.corrections import corrected_fields, lone_bar_from_json, reading_from_json
from mirsearch.indexes.comparison import field_of_view, known_technique
from mirsearch.indexes.embedded.database.checksums import (
    BATCH_ROWS,
    PANELS,
    DamagedRowError,
    batches,
    blob_crc,
    placeholders,
    row_crc,
)
from mirsearch.indexes.embedded.database.figures import FigureCache, find_figures, read_figures
from mirsearch.query import StoredPanel

Integers = NDArray[np.int64]
JOINED = "panels p JOIN figures f ON f.key = p.figure LEFT JOIN articles a ON a.key = f.article"
_SELECT_PANELS = (
    "SELECT "
    + ", ".join(f"p.{name}" for name in PANELS)
    + ", p.crc, t.caption, t.text, p.text_crc FROM panels p LEFT JOIN figures f ON f.key = p.figure "
    "LEFT JOIN panel_texts t ON t.panel = p.key "
)


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


def read_panels(
    connection: sqlite3.Connection, clause: str, values: Sequence[Any] = (), cache: FigureCache | None = None
) -> Iterator[StoredPanel]:
    """Yield the panels that a WHERE or ORDER clause selects. Reads in batches, so that memory stays bounded.

    Raises DamagedRowError if a row does not match its checksum.
    """
    cursor = connection.execute(_SELECT_PANELS + clause, values)
    while rows := cursor.fetchmany(BATCH_ROWS):
        read = [_checked_values(row) for row in rows]
        keys = [panel["figure"] for panel in read]
        figures = read_figures(connection, keys) if cache is None else cache.read(connection, keys)
        for panel in read:
            figure = figures[panel["figure"]]
            corrected = corrected_fields(panel["id"], figure.corrections)
            yield StoredPanel(_panel(panel, figure.figure.id), figure.figure, corrected)


def read_figure_panels(connection: sqlite3.Connection, figure_id: str) -> list[StoredPanel]:
    """Return all panels of a figure in reading order. Raises DamagedRowError if one is missing or damaged."""
    panels = list(read_panels(connection, "WHERE f.id = ? ORDER BY p.position", (figure_id,)))
    figure = find_figures(connection, [figure_id]).get(figure_id)
    if figure is not None and figure.panel_count != len(panels):
        raise DamagedRowError(f"figure {figure_id} has {len(panels)} of {figure.panel_count} panels")
    return panels


def _checked_values(row: Sequence[Any]) -> dict[str, Any]:
    """Return the columns of a panel by name, with its texts."""
    values, (crc, caption, text, text_crc) = row[:-4], row[-4:]
    if row_crc(*values) != crc:
        raise DamagedRowError(f"the data of panel {values[3]} does not match its checksum")
    if caption is None or row_crc(caption, text) != text_crc:
        raise DamagedRowError(f"the texts of panel {values[3]} do not match their checksum")
    columns = dict(zip(PANELS, values, strict=True))
    columns["caption"], columns["text"] = caption, text
    return columns


def read_ids(connection: sqlite3.Connection, keys: Sequence[int]) -> dict[int, str]:
    """Return the ids of panels by key. Raises DamagedRowError if a row is missing or does not match its checksum."""
    ids: dict[int, str] = {}
    for batch in batches(keys):
        query = f"SELECT key, id, crc, row_crc({', '.join(PANELS)}) FROM panels WHERE key IN ({placeholders(batch)})"
        for key, panel_id, crc, computed in connection.execute(query, batch):
            if crc != computed:
                raise DamagedRowError(f"the data of panel {panel_id} does not match its checksum")
            ids[key] = panel_id
    if len(ids) < len(keys):
        raise DamagedRowError(f"{len(keys) - len(ids)} panels are missing")
    return ids


def read_numbers(connection: sqlite3.Connection, column: str, rest: str, values: Sequence[Any] = ()) -> Integers:
    """Return a column of whole numbers, none of them NULL: `SELECT column rest`, in any order, int64 (n,).

    SQLite joins them into one text, as to fetch a million rows one by one takes twice as long.
    """
    text = connection.execute(f"SELECT group_concat({column}) {rest}", values).fetchone()[0]
    return np.zeros(0, dtype=np.int64) if text is None else np.fromstring(str(text), dtype=np.int64, sep=",")


_BLOB_QUERY = "SELECT b.{column}, p.{name}_crc FROM panels p LEFT JOIN {name}s b ON b.panel = p.key WHERE p.id = ?"
_BLOB_COLUMNS = {"vector": "vector", "thumbnail": "jpeg"}


def read_blob(connection: sqlite3.Connection, name: str, panel_id: str) -> bytes | None:
    """Return the "vector" or "thumbnail" of a panel. None if it has none or if there is no such panel.

    Raises DamagedRowError if it does not match its checksum.
    """
    row = connection.execute(_BLOB_QUERY.format(name=name, column=_BLOB_COLUMNS[name]), (panel_id,)).fetchone()
    if row is None:
        return None
    blob, crc = row
    if blob_crc(blob) != crc:
        raise DamagedRowError(f"the {name} of panel {panel_id} does not match its checksum")
    return None if blob is None else bytes(blob)


def read_vectors(connection: sqlite3.Connection, clause: str, values: Sequence[Any], count: int) -> list[bytes]:
    """Return the vectors of the first panels by id that a WHERE clause selects. Raises DamagedRowError."""
    query = (
        "SELECT p.id, v.vector, p.vector_crc FROM panels p LEFT JOIN vectors v ON v.panel = p.key "
        f"{clause} ORDER BY p.id LIMIT ?"
    )
    found = []
    for panel_id, blob, crc in connection.execute(query, (*values, count)):
        if blob is None or blob_crc(blob) != crc:
            raise DamagedRowError(f"the vector of panel {panel_id} does not match its checksum")
        found.append(bytes(blob))
    return found


def panels_by_id(
    connection: sqlite3.Connection, ids: Iterable[str], cache: FigureCache | None = None
) -> dict[str, StoredPanel]:
    """Return panels by id. Unknown ids are left out."""
    panels: dict[str, StoredPanel] = {}
    for batch in batches(ids):
        for stored in read_panels(connection, f"WHERE p.id IN ({placeholders(batch)})", batch, cache):
            panels[stored.panel.id] = stored
    return panels


def read_in_order(
    connection: sqlite3.Connection, ids: Iterable[str], cache: FigureCache | None = None
) -> Iterator[StoredPanel]:
    """Yield panels in the order of their ids, in batches. Raises DamagedRowError if one is missing or damaged."""
    cache = cache or FigureCache()
    for batch in batches(ids):
        found = panels_by_id(connection, batch, cache)
        for panel_id in batch:
            if panel_id not in found:
                raise DamagedRowError(f"panel {panel_id} is missing")
            yield found[panel_id]


def _panel(values: dict[str, Any], figure_id: str) -> Panel:
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
        group=_box(values["group_box"]) if values["group_box"] else None,
        heading=values["heading"] or "",
        inset_of=values["inset_of"],
        doubtful_scale=reading_from_json(json.loads(values["doubtful_scale"])) if values["doubtful_scale"] else None,
        bar=lone_bar_from_json(json.loads(values["lone_bar"])) if values["lone_bar"] else None,
    )


@lru_cache(maxsize=1024)
def _box(text: str) -> tuple[int, int, int, int]:
    """Return the box that JSON has. Images under one letter have the same one."""
    x0, y0, x1, y1 = json.loads(text)
    return x0, y0, x1, y1


def _scale(values: dict[str, Any]) -> ScaleReading | None:
    if values["nm_per_px"] is None:
        return None
    source: ScaleSource = values["scale_source"] if values["scale_source"] in get_args(ScaleSource) else "user"
    return ScaleReading(
        nm_per_px=values["nm_per_px"],
        length_nm=values["length_nm"],
        length_px=values["length_px"],
        bar=_box(values["bar"]) if values["bar"] else None,
        label_text=values["label_text"],
        source=source,
        confidence=values["scale_confidence"],
    )
