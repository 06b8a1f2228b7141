"""Corrections, the version of the analysis and panels given by a source: what is kept of figures beside readings."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from mirsearch.corpus import Panel, to_json
from mirsearch.corrections import Correction, correction_to_json, correction_from_json, panel_from_json
from mirsearch.indexes.base import FigureNotes
from mirsearch.indexes.embedded.database.rows import batches, marks


def corrections(connection: sqlite3.Connection, figure: str) -> tuple[Correction, ...]:
    """The corrections of a figure, in the order they were made."""
    query = "SELECT correction FROM corrections WHERE figure = ? ORDER BY key"
    return tuple(correction_from_json(json.loads(row[0])) for row in connection.execute(query, (figure,)))


def replace(connection: sqlite3.Connection, figure: str, fresh: Sequence[Correction]) -> None:
    """These corrections in place of those of a figure."""
    connection.execute("DELETE FROM corrections WHERE figure = ?", (figure,))
    rows = [(figure, each.panel, json.dumps(correction_to_json(each))) for each in fresh]
    connection.executemany("INSERT INTO corrections (figure, panel, correction) VALUES (?, ?, ?)", rows)


def note(connection: sqlite3.Connection, figure: int, analysis: str | None, given: Sequence[Panel]) -> None:
    """What read a figure, by its key, and what its source gave."""
    told = json.dumps([to_json(panel) for panel in given]) if given else None
    connection.execute("UPDATE figures SET analysis = ?, given = ? WHERE key = ?", (analysis, told, figure))


def notes(connection: sqlite3.Connection, figure_ids: Iterable[str]) -> dict[str, FigureNotes]:
    """The notes of those of the figures that are there."""
    found: dict[str, FigureNotes] = {}
    for part in batches(figure_ids):
        query = f"SELECT id, analysis, given FROM figures WHERE id IN ({marks(part)})"
        for figure, analysis, told in connection.execute(query, part).fetchall():
            given = tuple(panel_from_json(each) for each in json.loads(told)) if told else ()
            found[figure] = FigureNotes(analysis, given, corrections(connection, figure))
    return found
