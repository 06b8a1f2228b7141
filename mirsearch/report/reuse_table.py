"""Pictures that are shown more than once: as a table in a terminal, as CSV, and in words."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from mirsearch.report.columns import print_columns
from mirsearch.report.csv_output import write_rows
from mirsearch.report.data_columns import Value
from mirsearch.report.wording import article_title, clean_text, figure_name
from mirsearch.reuse.find import Reuse
from mirsearch.reuse.shared_pictures import SharedPicture

_TABLE = ("sure", "panel", "panel", "shown in", "changed", "figures")
_COLUMNS = (
    "a", "b", "confidence", "where", "mirrored", "turned", "scale", "overlap", "correlation", "matches",
    "figure_a", "figure_b", "article_a", "article_b", "title_a", "title_b",
)  # fmt: skip
_WHERE = {"figure": "one figure", "article": "one article", "articles": "two figures", "query": "the query"}
_REASONS = {
    "plots": "a plot or schematic",
    "empty": "a picture with too little to compare",
    "periodic": "a pair of periodic patterns that fits at several places",
    "channel": "a pair that shows one field in other colors",
    "label": "a pair that shares what is drawn on it, not what is beside it",
    "diffraction": "a pair of diffraction patterns, of which too little agrees",
    "plain": "a pair of plain pictures, of which too little agrees",
    "figure": "a pair in one figure (--within-figures tells it)",
}
_MIN_TURN, _MIN_SCALE, _FULL_OVERLAP = 2.0, 1.04, 0.85
"""Degrees, ratio of sizes and overlap from which a change is worth a word. (An overlap is always without the edge.)"""


def print_reuse(found: Reuse, console: Console) -> None:
    """Print a line for each pair, the surest first, and what was compared and held off."""
    plain = not console.is_terminal
    if found.pairs:
        print_columns(_TABLE, [_row(pair) for pair in found.pairs], console)
    pairs = f"{len(found.pairs):,} {'pair' if len(found.pairs) == 1 else 'pairs'} of the same picture"
    console.print(Text(f"{pairs} among {found.compared:,} pictures"), soft_wrap=plain)
    note = held_off_sentence(found)
    if note:
        console.print(Text(note, style="dim"), soft_wrap=plain)


def held_off_sentence(found: Reuse) -> str:
    """Return in words what was left out, and why."""
    reasons = ", ".join(f"{count:,} × {_REASONS[reason]}" for reason, count in found.held_off.items())
    return f"left out: {reasons}" if reasons else ""


def reuse_csv(found: Reuse) -> str:
    """Return the pairs as a CSV table."""
    out = io.StringIO()
    write_rows(map(_cells, found.pairs), list(_COLUMNS), out)
    return out.getvalue()


def change_words(pair: SharedPicture) -> str:
    """Return what differs between the two: "mirrored, turned 90°, 2.0 × the size, a part"."""
    words = ["mirrored"] if pair.alignment.is_mirrored else []
    if abs(pair.turned) >= _MIN_TURN:
        words.append(f"turned {round(pair.turned) % 360}°")
    if not 1 / _MIN_SCALE < pair.scale < _MIN_SCALE:
        words.append(f"{pair.scale:.2g} × the size")
    if pair.agreement.overlap < _FULL_OVERLAP or _is_part(pair):
        words.append("a part of it")
    return ", ".join(words) or "no change of place"


def _is_part(pair: SharedPicture) -> bool:
    """Return whether what both show is clearly less than one of the two pictures."""
    sizes = [(pair.b.panel.width, pair.b.panel.height, pair.region_b)]
    if pair.a is not None:
        sizes.append((pair.a.panel.width, pair.a.panel.height, pair.region_a))
    return any(_area(region) < _FULL_OVERLAP * width * height for width, height, region in sizes if region)


def _area(region: tuple[tuple[float, float], ...]) -> float:
    turned = [*region[1:], *region[:1]]
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(region, turned, strict=True))) / 2


def panel_names(pair: SharedPicture) -> tuple[str, str]:
    """Return what a person calls the two panels."""
    first = pair.name if pair.a is None else figure_name(pair.a.figure, pair.a.panel)
    return clean_text(first, 80), clean_text(figure_name(pair.b.figure, pair.b.panel), 80)


def _row(pair: SharedPicture) -> list[str]:
    data = pair.to_dict()
    names = " · ".join(panel_names(pair))
    return [
        f"{pair.confidence:.3f}",
        clean_text(data["a"], 60),
        data["b"],
        _WHERE[pair.where],
        change_words(pair),
        names,
    ]


def _cells(pair: SharedPicture) -> dict[str, Value]:
    titles = {
        "title_a": "" if pair.a is None else article_title(pair.a.figure.article, 200),
        "title_b": article_title(pair.b.figure.article, 200),
    }
    return {name: value for name, value in pair.to_dict().items() if name in _COLUMNS} | titles
