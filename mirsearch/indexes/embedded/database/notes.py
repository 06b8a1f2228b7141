"""The notes of figures: corrections, the version of the analysis, and the panels that the source provided."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from mirsearch.corpus import Panel, to_json
from mirsearch.corrections import Correction, correction_from_json, correction_to_json


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
