"""Read csv tables from outside, within limits."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from mirsearch.errors import UsageError
from mirsearch.settings import LIMITS

_ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")


def read_table(path: Path) -> list[list[str]]:
    """Return the rows of a csv table, separated by comma, semicolon or tab, without empty ones. Raises UsageError."""
    text = read_text(path)
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(row)]
    except csv.Error as error:
        raise UsageError(f"{path} is no csv table: {error}", "save it as csv") from error
    if len(rows) > LIMITS.table_rows:
        raise UsageError(f"{path} has more than {LIMITS.table_rows:,} rows", "give a part of it")
    return rows


def read_text(path: Path) -> str:
    """Return the text of a file of bounded size. Raises UsageError if it can't be read."""
    try:
        if path.stat().st_size > LIMITS.table_bytes:
            raise UsageError(f"{path} is larger than {LIMITS.table_bytes >> 20} MB", "give a part of it")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", "check its path") from error
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UsageError(f"{path} is no text", "save it as UTF-8")
