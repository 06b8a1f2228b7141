"""The corrections of an index: as a table for people, as JSON, and as a CSV table that `correct --from` reads again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from mirsearch.corpus import LoneBar, Panel
from mirsearch.corrections import FIELDS, correction_to_json, lone_bar_from_json, reading_from_json
from mirsearch.report.columns import print_columns
from mirsearch.report.csv_output import write_rows
from mirsearch.report.wording import article_title, clean_text, figure_name, scale_label
from mirsearch.search.stored_corrections import COLUMNS, StoredCorrection, correction_cells

_TABLE = ("id", "panel", "correction", "was read as", "article")
_FOR_READERS = ("figure", "read", "file", "article")
"""Columns of the CSV table that `correct --from` does not read."""
NO_PANEL = "fits no panel now"


def print_corrections(found: Sequence[StoredCorrection], console: Console) -> None:
    """Print a line for each correction, and how many there are."""
    plain = not console.is_terminal
    if not found:
        console.print(Text("nothing is corrected"), soft_wrap=plain)
        return
    print_columns(_TABLE, [_row(each) for each in found], console)
    figures = len({each.figure.id for each in found if each.figure is not None})
    counts = f"{_count(len(found), 'correction')} in {_count(figures, 'figure')}"
    lost = sum(each.panel is None for each in found)
    console.print(Text(counts + (f", {lost} of them fit no panel now" if lost else "")), soft_wrap=plain)
    console.print(Text("mirsearch corrections ID --undo takes one back", style="dim"), soft_wrap=plain)


def corrections_json(found: Sequence[StoredCorrection]) -> list[dict[str, Any]]:
    """Return the corrections as plain JSON: panel, figure, file, changes, what was read, and where."""
    return [
        {
            "id": each.correction.panel,
            "figure": each.figure and each.figure.id,
            "image": each.figure and each.figure.image,
            **{
                name: value
                for name, value in correction_to_json(each.correction).items()
                if name in ("box", "label", "part", "changes")
            },
            "read": _read_values(each),
        }
        for each in found
    ]


def corrections_csv(found: Sequence[StoredCorrection]) -> str:
    """Return the corrections as a CSV table that `correct --from` reads; those that fit no panel have no id."""
    out = io.StringIO()
    write_rows(map(_cells, found), [*COLUMNS, *_FOR_READERS], out)
    return out.getvalue()


def _cells(each: StoredCorrection) -> dict[str, str]:
    figure = each.figure
    return correction_cells(each.correction) | {
        "figure": "" if figure is None else figure.id,
        "read": _reading(each),
        "file": "" if figure is None else figure.image or "",
        "article": "" if figure is None else article_title(figure.article, 200),
    }


def _row(each: StoredCorrection) -> list[str]:
    figure = each.figure
    name = "" if figure is None else figure_name(figure, each.panel.panel if each.panel else Panel((0, 0, 1, 1)))
    title = "" if figure is None else article_title(figure.article, 90)
    told = each.correction.panel or f"{figure and figure.id}: {NO_PANEL}"
    return [told, name, _changed(each), _reading(each), title]


def _changed(each: StoredCorrection) -> str:
    """Return the changes in words: "scale 500 nm, kind plot"."""
    return ", ".join(f"{name} {_value(name, each.correction.changes[name])}" for name in _names(each))


def _reading(each: StoredCorrection) -> str:
    """Return what the analysis read in the corrected fields: "scale 5 µm?, kind micrograph"."""
    machine = each.correction.machine
    if machine is None:
        return ""
    return ", ".join(f"{name} {_value(name, machine.get(name), machine)}" for name in _names(each))


def _read_values(each: StoredCorrection) -> dict[str, Any] | None:
    machine = each.correction.machine
    return None if machine is None else {name: machine.get(name) for name in _names(each)}


def _names(each: StoredCorrection) -> list[str]:
    return [name for name in FIELDS if name in each.correction.changes]


def _value(name: str, value: Any, machine: dict[str, Any] | None = None) -> str:
    if name != "scale":
        return clean_text(str(value), 60) if value else "none"
    doubtful = (machine or {}).get("doubtful_scale")
    bar: LoneBar | None = lone_bar_from_json(machine["bar"]) if machine and machine.get("bar") else None
    panel = Panel(
        (0, 0, 1, 1), scale=reading_from_json(value) if value else None,
        doubtful_scale=reading_from_json(doubtful) if doubtful and not value else None, bar=bar,
    )  # fmt: skip
    label = scale_label(panel)
    return "none" if label == "–" else label


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
