"""Print the panels that need a correction, and how to make it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from mirsearch.query import StoredPanel
from mirsearch.report.columns import print_columns
from mirsearch.report.wording import article_title, figure_name, has_lone_bar, panel_heading, scale_sentence

MAX_SHOWN = 50
"""Most panels that are printed. The others are counted: a person corrects some at a time."""
_COLUMNS = ("id", "panel", "scale", "article")


def print_correction_list(found: Sequence[StoredPanel], console: Console) -> None:
    """Print a line for each panel, doubtful readings and bars without a length, and what to type."""
    plain = not console.is_terminal
    if not found:
        console.print(Text("no scale is doubtful, and every bar that was seen has a length"), soft_wrap=plain)
        return
    print_columns(_COLUMNS, [_row(stored) for stored in found[:MAX_SHOWN]], console)
    if len(found) > MAX_SHOWN:
        rest = f"… and {len(found) - MAX_SHOWN:,} more (--format json lists all)"
        console.print(Text(rest, style="dim"), soft_wrap=plain)
    lone = sum(has_lone_bar(stored.panel) for stored in found)
    counts = f"{_count(len(found) - lone, 'doubtful scale')} (?), {_count(lone, 'bar')} without a length"
    console.print(Text(counts), soft_wrap=plain)
    remedy = 'mirsearch correct ID --scale "5 µm" confirms a reading, corrects it, or gives a bar its length; '
    console.print(Text(f"{remedy}--no-scale rejects it", style="dim"), soft_wrap=plain)


def _row(stored: StoredPanel) -> list[str]:
    panel = stored.panel
    name = " · ".join(filter(None, (figure_name(stored.figure, panel), panel_heading(panel, 24))))
    return [panel.id, name, scale_sentence(panel), article_title(stored.figure.article, 90)]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
