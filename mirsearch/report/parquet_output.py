"""Panels and figures as Parquet, written in groups of rows, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from mirsearch.errors import MissingDependencyError
from mirsearch.report.data_columns import Column, Value, data_rows

Item = TypeVar("Item")
_GROUP_ROWS = 10_000
"""Rows of a row group: some 10 MB, which readers take as the unit of their work."""


def write_parquet(items: Iterable[Item], columns: dict[str, Column[Item]], path: Path) -> int:
    """Write a row for each item to a file, and return their number. MissingDependencyError without pyarrow."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        from mirsearch.extras import missing_extra_error

        raise missing_extra_error("--format parquet", error) or MissingDependencyError(
            "--format parquet needs the package pyarrow, which is not installed", "install it with: pip install pyarrow"
        ) from error
    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(name, types[column.kind]) for name, column in columns.items()])
    count = 0
    with path.open("wb") as file, parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for rows in _groups(data_rows(items, columns)):
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            count += len(rows)
    return count


def _groups(rows: Iterable[dict[str, Value]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows in groups. Bytes of file names that are no text are escaped."""
    rest = iter(rows)
    while group := list(islice(rest, _GROUP_ROWS)):
        yield [{name: _storable(value) for name, value in row.items()} for row in group]


def _storable(value: Value) -> Value:
    return value.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else value
