"""Find figures in the database by their files, and those with corrections."""

from __future__ import annotations

import sqlite3

from mirsearch.corpus import PLANES
from mirsearch.indexes.base import ANY_FOLDER, KnownFigure, folder_start
from mirsearch.indexes.embedded.database.figures import read_figures
from mirsearch.indexes.embedded.database.own_names import names_of

MIN_PREFIX_DIGITS = 6
"""Fewest digits that stand for a figure's id."""


def figures_at(connection: sqlite3.Connection, location: str) -> list[str]:
    """Return the ids, ascending, of figures with an origin at `location`; `*/NAME` is a file's name in any folder."""
    where, stored = "o.location = ? OR substr(o.location, 1, ?) = ?", names_of(connection).to_stored(location)
    values = [stored, str(len(stored + PLANES)), stored + PLANES]
    if location.startswith(ANY_FOLDER):
        name = location.removeprefix(ANY_FOLDER)
        where += " OR substr(o.location, ?) IN (?, ?) OR instr(o.location, ?) OR instr(o.location, ?)"
        values = [name, str(len(name + PLANES)), name + PLANES, str(-len(name) - 1)]
        values += [f"/{name}", f"\\{name}", f"/{name}{PLANES}", f"\\{name}{PLANES}"]
    query = f"SELECT DISTINCT f.id FROM origins o JOIN figures f ON f.key = o.figure WHERE {where} ORDER BY f.id"
    return [row[0] for row in connection.execute(query, values)]


def figures_below(connection: sqlite3.Connection, folder: str) -> list[KnownFigure]:
    """Return the figures that have an origin in a folder or below it, ordered by id."""
    start = names_of(connection).to_stored(folder_start(folder))
    query = "SELECT DISTINCT figure FROM origins WHERE substr(location, 1, ?) = ?"
    keys = [row[0] for row in connection.execute(query, (len(start), start))]
    return sorted((row.known() for row in read_figures(connection, keys).values()), key=lambda known: known.id)


def corrected_figures(connection: sqlite3.Connection) -> list[str]:
    """Return the ids, ascending, of the figures with corrections that the index has."""
    query = "SELECT DISTINCT c.figure FROM corrections c JOIN figures f ON f.id = c.figure ORDER BY c.figure"
    return [row[0] for row in connection.execute(query)]


def figure_with_prefix(connection: sqlite3.Connection, prefix: str) -> str | None:
    """Return the id of the figure with this prefix, or None if there is none or more than one."""
    if len(prefix) < MIN_PREFIX_DIGITS or not all(digit in "0123456789abcdef" for digit in prefix):
        return None
    query = "SELECT id FROM figures WHERE id >= ? AND id < ? LIMIT 2"
    rows = connection.execute(query, (prefix, prefix + "g")).fetchall()
    return str(rows[0][0]) if len(rows) == 1 else None
