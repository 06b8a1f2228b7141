"""Print a table of short texts that fits the terminal, and plain aligned lines in a pipe."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_MIN_COLUMNS, _MIN_LAST_COLUMN = 3, 16
"""Fewest columns of a table in a narrow terminal, and the least width of its last one, in cells."""


def print_columns(headings: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    """Print columns as wide as they need to be. The last takes the room that is left, on one line.

    In a narrow terminal, the columns at the right are left out. The first is never cut.
    """
    widths = [max(cell_len(row[at]) for row in [list(headings), *rows]) for at in range(len(headings))]
    if not console.is_terminal:
        for row in [list(headings), *rows]:
            cells = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
            console.print(Text("  ".join(cells).rstrip()), soft_wrap=True)
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    least = [*widths[:-1], min(widths[-1], _MIN_LAST_COLUMN)]
    shown = len(headings)
    while shown > _MIN_COLUMNS and sum(least[:shown]) + 2 * (shown - 1) > console.width:
        shown -= 1
    room = console.width - sum(widths[: shown - 1]) - 2 * (shown - 1)
    for at in range(shown):
        width = min(widths[at], max(room, _MIN_LAST_COLUMN)) if at == shown - 1 else None
        least_width = widths[0] if at == 0 else None
        table.add_column(headings[at], width=width, min_width=least_width, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(text) for text in row[:shown]))
    console.print(table)
