"""Corrections in a table: the rows of a CSV file, as `corrections` and `review` write it and people fill it in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mirsearch import settings
from mirsearch.errors import MirsearchError, UsageError
from mirsearch.ingest.correction_values import parse_changes
from mirsearch.search.option_values import parse_scale_options
from mirsearch.search.scale_options import ScaleOptions
from mirsearch.search.stored_corrections import COLUMNS, NONE

_YES = ("yes", "true", "1", "x", "y")
_NO = ("", "no", "false", "0", "n")
_DELIMITERS = ",;\t"


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """A row that asks for a correction: its line in the file, what it is about, and the changes.

    `name` is an id, a DOI or the name of a figure's file; `panel` (a letter, "b2", or a number) chooses one of several.
    `reset` removes all corrections of the panel instead.
    """

    line: int
    name: str
    panel: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    scale: ScaleOptions = field(default_factory=ScaleOptions)
    reset: bool = False


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that can't be used, and why."""

    line: int
    name: str
    reason: str


def read_table(path: Path) -> Iterator[CorrectionRow | BadRow]:
    """Yield the rows of a CSV file that ask for a correction, or can't be used. UsageError where it is no such table.

    Comma, semicolon or tab may stand between cells. Rows in which nothing is filled in are left out.
    """
    text = _read_text(path)
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = {name: name.strip().lower().lstrip("\ufeff") for name in rows.fieldnames or ()}
        _check_columns(path, set(names.values()))
        for row in rows:
            cells = {names[name]: _clean_cell(value) for name, value in row.items() if name in names}
            parsed = _parse_row(rows.line_num, cells)
            if parsed is not None:
                yield parsed
    except csv.Error as error:
        raise UsageError(f"{path}, line {rows.line_num}: {error}", "save it as CSV again") from error


def _read_text(path: Path) -> str:
    try:
        if not path.is_file():
            raise UsageError(f"{path}: no such file", "check the path")
        if path.stat().st_size > settings.LIMITS.table_bytes:
            limit = settings.LIMITS.table_bytes
            raise UsageError(f"{path} is larger than the limit of {limit:,} bytes", "split it")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8", "save it as CSV (UTF-8)") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path} can't be read: {reason}", "check the path") from error


def _check_columns(path: Path, found: set[str]) -> None:
    if "id" not in found or not found & set(COLUMNS[2:]):
        raise UsageError(
            f"{path} is no table of corrections: it needs a column id, and one of {', '.join(COLUMNS[2:])}",
            "`mirsearch review` writes one to fill in",
        )


def _clean_cell(value: object) -> str:
    """Return a cell without blanks, and without the apostrophe that keeps a spreadsheet from running it."""
    text = value.strip() if isinstance(value, str) else ""
    return text[1:] if text[:1] == "'" and text[1:2] in "=+-@|%" else text


def _parse_row(line: int, cells: dict[str, str]) -> CorrectionRow | BadRow | None:
    name = cells.get("id", "")
    if not any(cells.get(column) for column in COLUMNS[2:]):
        return None
    try:
        if not name:
            raise UsageError("the row has no id", "fill in the column id")
        asked, reset = _parse_scale(cells), _parse_flag(cells, "reset")
        label = cells.get("label") or None
        changes = parse_changes(
            "" if label is not None and label.lower() == NONE else label,
            cells.get("kind") or None, cells.get("technique") or None, cells.get("caption") or None,
        )  # fmt: skip
        row = CorrectionRow(line, name, cells.get("panel") or None, changes, asked, reset)
        if reset and (changes or asked != ScaleOptions()):
            raise UsageError("reset and a correction stand in one row", "give one of them")
        return row if reset or changes or asked != ScaleOptions() else None
    except MirsearchError as error:
        return BadRow(line, name, str(error).replace("--", ""))


def _parse_scale(cells: dict[str, str]) -> ScaleOptions:
    scale = cells.get("scale") or None
    is_none = scale is not None and scale.lower() == NONE
    return parse_scale_options(
        None if is_none else scale, _parse_number(cells, "bar_px"), _parse_number(cells, "nm_per_px"), None,
        is_none or _parse_flag(cells, "no_scale"),
    )  # fmt: skip


def _parse_number(cells: dict[str, str], column: str) -> float | None:
    text = cells.get(column)
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{column} {text!r} is not a number", "write it with a point: 4.1") from None


def _parse_flag(cells: dict[str, str], column: str) -> bool:
    text = cells.get(column, "").lower()
    if text not in (*_YES, *_NO):
        raise UsageError(f"{column} {text!r} is neither yes nor no", "write yes, or leave it empty")
    return text in _YES
