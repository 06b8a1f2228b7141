"""The notes of figures: corrections, the version of the analysis, and the panels that the source provided."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from mirsearch.corpus import Panel, to_json
from mirsearch.corrections import Correction, correction_from_json, correction_to_json, panel_from_json
from mirsearch.indexes.base import FigureNotes
from mirsearch.indexes.embedded.database.rows import batches, placeholders


def read_corrections(connection: sqlite3.Connection, figure: str) -> tuple[Correction, ...]:
    """Return the corrections of a figure, oldest first."""
    query = "SELECT correction FROM corrections WHERE figure = ? ORDER BY key"
    return tuple(correction_from_json(json.loads(row[0])) for row in connection.execute(query, (figure,)))


def replace_corrections(connection: sqlite3.Connection, figure: str, corrections: Sequence[Correction]) -> None:
    """Replace the corrections of a figure."""
    connection.execute("DELETE FROM corrections WHERE figure = ?", (figure,))
    rows = [(figure, correction.panel, json.dumps(correction_to_json(correction))) for correction in corrections]
    connection.executemany("INSERT INTO corrections (figure, panel, correction) VALUES (?, ?, ?)", rows)


def write_notes(
    connection: sqlite3.Connection, figure: int, analysis_version: str | None, source_panels: Sequence[Panel]
) -> None:
    """Store the version of the analysis and the panels from the source, for the figure with this key."""
    panels_json = json.dumps([to_json(panel) for panel in source_panels]) if source_panels else None
    connection.execute(
        "UPDATE figures SET analysis = ?, given = ? WHERE key = ?", (analysis_version, panels_json, figure)
    )


def read_notes(connection: sqlite3.Connection, figure_ids: Iterable[str]) -> dict[str, FigureNotes]:
    """Return the notes of figures by id. Unknown figures are left out."""
    notes: dict[str, FigureNotes] = {}
    for batch in batches(figure_ids):
        query = f"SELECT id, analysis, given FROM figures WHERE id IN ({placeholders(batch)})"
        for figure, analysis_version, panels_json in connection.execute(query, batch).fetchall():
            source_panels = tuple(panel_from_json(values) for values in json.loads(panels_json)) if panels_json else ()
            notes[figure] = FigureNotes(analysis_version, source_panels, read_corrections(connection, figure))
    return notes
