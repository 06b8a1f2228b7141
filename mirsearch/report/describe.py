"""Print one panel, an analysis or the numbers of a corpus in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mirsearch.query import StoredPanel
from mirsearch.report.wording import (
    article_link,
    article_title,
    clean_text,
    figure_name,
    format_length,
    license_name,
    reading_sentence,
    venue,
)
from mirsearch.settings import LIMITS

BAR_CELLS = 24
"""Width of the longest bar of a histogram, in cells."""
MAX_HISTOGRAM_ROWS = 12
"""Most rows of a histogram. The last row then sums up the rarer values."""


def print_panel(stored: StoredPanel, console: Console) -> None:
    """Print all that is known of a panel, its figure and its article, a line for each."""
    panel, figure, article = stored.panel, stored.figure, stored.figure.article
    heading = Text(figure_name(figure, panel), style="bold")
    heading.append(f"  {panel.id}", style="not bold dim")
    console.print(heading, soft_wrap=not console.is_terminal)
    kind = f"{panel.kind} ({panel.kind_confidence:.2f})" if panel.kind_confidence > 0 else panel.kind
    technique = f"{panel.technique} ({panel.technique_confidence:.2f})" if panel.technique else ""
    rows = [
        ("kind", ", ".join(word for word in (technique, kind) if word)),
        ("scale", "none read" if panel.scale is None else reading_sentence(panel.scale)),
        ("bar reads", clean_text(panel.scale.label_text) if panel.scale and panel.scale.label_text else ""),
        ("field of view", "" if panel.scale is None else _field_of_view_text(stored)),
        ("caption", clean_text(panel.caption, LIMITS.caption_chars)),
        ("figure text", clean_text(panel.text, LIMITS.caption_chars)),
        ("corrected", ", ".join(stored.corrected_fields)),
        ("pixels", f"{panel.width} × {panel.height} at {', '.join(map(str, panel.box))}"),
        (
            "figure",
            f"{figure.id}, {figure.width} × {figure.height} px" + (f", page {figure.page}" if figure.page else ""),
        ),
        ("article", article_title(article, LIMITS.field_chars)),
        ("", "RETRACTED" if article and article.retracted else ""),
        ("authors", clean_text(", ".join(article.authors), 300) if article else ""),
        ("published", venue(article, 200)),
        ("license", license_name(article.license) if article and article.license else ""),
        ("permission", clean_text(figure.permission_note, LIMITS.field_chars)),
        ("link", article_link(article) or ""),
        *(
            ("image", f"{clean_text(origin.location, 4000)} ({clean_text(origin.source, 60)})")
            for origin in figure.origins[::-1]
        ),
    ]
    _print_rows([(name, text) for name, text in rows if text], console)
    console.print()


def _field_of_view_text(stored: StoredPanel) -> str:
    panel = stored.panel
    if panel.scale is None:
        return ""
    return f"{format_length(panel.field_of_view_nm)} wide, {format_length(panel.height * panel.scale.nm_per_px)} high"


def _print_rows(rows: list[tuple[str, str]], console: Console) -> None:
    widest = max(len(name) for name, _ in rows)
    if not console.is_terminal:
        for name, text in rows:
            console.print(Text(f"{name:<{widest}}  {text}"), soft_wrap=True)
        return
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in rows:
        grid.add_row(name, Text(text, style="bold red" if text == "RETRACTED" else ""))
    console.print(grid)


def print_analysis(results: list[dict[str, Any]], console: Console) -> None:
    """Print the panels of analyzed files, given in the form of `mirsearch analyze --format json`."""
    for result in results:
        page = f", page {result['page'] + 1}" if result.get("page") else ""
        title = Text(clean_text(result["file"], 4000), style="bold")
        title.append(f"{page}  {result['width']} × {result['height']} px", style="not bold dim")
        console.print(title, soft_wrap=not console.is_terminal)
        rows = [_analysis_row(number, panel) for number, panel in enumerate(result["panels"], start=1)]
        _print_table(("panel", "kind", "scale", "source", "view", "pixels", "caption"), rows, console)
        console.print()


def _analysis_row(number: int, panel: dict[str, Any]) -> list[str]:
    scale = panel["scale"] or {}
    x0, y0, x1, y1 = panel["box"]
    label = scale.get("length_nm")
    reading = "–" if not scale else f"{scale['nm_per_px']:.4g} nm/px"
    if label is not None and scale.get("length_px") is not None:
        reading = f"{format_length(label)} = {scale['length_px']:.1f} px"
    return [
        clean_text(panel["label"], 8) or f"#{number}",
        clean_text(panel.get("technique"), 24) or clean_text(panel["kind"], 24),
        reading,
        f"{scale['source']} {scale['confidence']:.2f}" if scale else "",
        format_length(scale.get("field_of_view_nm")),
        f"{x0},{y0},{x1},{y1}",
        clean_text(panel["caption"], 400),
    ]


def _print_table(headings: tuple[str, ...], rows: list[list[str]], console: Console) -> None:
    """Print columns as wide as they need to be. The last column takes the room that is left, on one line."""
    widths = [max(cell_len(row[at]) for row in [list(headings), *rows]) for at in range(len(headings))]
    if not console.is_terminal:
        for row in [list(headings), *rows]:
            cells = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
            console.print(Text("  ".join(cells).rstrip()), soft_wrap=True)
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    room = console.width - sum(widths[:-1]) - 2 * (len(widths) - 1)
    shown = len(headings) if room >= 16 else len(headings) - 1
    for at in range(shown):
        last = at == len(headings) - 1
        table.add_column(headings[at], width=min(widths[at], room) if last else None, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(text) for text in row[:shown]))
    console.print(table)


def print_stats(stats: Mapping[str, Any], console: Console) -> None:
    """Print the numbers of a corpus, then a small histogram of each group of counts."""
    plain = [
        (name.replace("_", " "), _format_statistic(name, value))
        for name, value in stats.items()
        if not _is_histogram(value)
    ]
    _print_rows(plain, console)
    for name, value in stats.items():
        if _is_histogram(value) and value:
            console.print()
            console.print(Text(name.replace("_", " "), style="bold"))
            _print_histogram(name, value, console)


def _is_histogram(value: Any) -> bool:
    return isinstance(value, Mapping)


def _format_statistic(name: str, value: Any) -> str:
    if name == "bytes" and isinstance(value, int):
        size, unit = float(value), "bytes"
        for unit in ("bytes", "kB", "MB", "GB", "TB"):
            if size < 1000 or unit == "TB":
                break
            size /= 1000
        return f"{size:.3g} {unit}" if unit != "bytes" else f"{value} bytes"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else clean_text(str(value), 200)


def _print_histogram(name: str, counts: Mapping[Any, int], console: Console) -> None:
    shown = [(_format_key(name, key), count) for key, count in _sort_counts(name, counts)]
    if len(shown) > MAX_HISTOGRAM_ROWS and not _has_natural_order(name):
        rest = shown[MAX_HISTOGRAM_ROWS - 1 :]
        shown = [*shown[: MAX_HISTOGRAM_ROWS - 1], (f"{len(rest)} others", sum(count for _, count in rest))]
    largest, widest = max(count for _, count in shown), max(cell_len(key) for key, _ in shown)
    for key, count in shown:
        bar = "█" * max(round(BAR_CELLS * count / largest), 1 if count else 0) if largest else ""
        line = Text(f"  {key}{' ' * (widest - cell_len(key))}  {count:>7,}  ")
        line.append(bar if console.encoding.lower().startswith("utf") else "#" * len(bar), style="blue")
        line.rstrip()
        console.print(line, soft_wrap=not console.is_terminal)


def _has_natural_order(name: str) -> bool:
    """Return whether the keys have a natural order: years (newest first) and fields of view (narrowest first)."""
    return "year" in name or "view" in name


def _sort_counts(name: str, counts: Mapping[Any, int]) -> list[tuple[Any, int]]:
    items = list(counts.items())
    if not _has_natural_order(name):
        return sorted(items, key=lambda item: (-item[1], str(item[0])))
    sign = -1 if "year" in name else 1
    return sorted(
        items, key=lambda item: (not _is_whole_number(item[0]), sign * int(item[0]) if _is_whole_number(item[0]) else 0)
    )


def _format_key(name: str, key: Any) -> str:
    """Return a key as people read it. Whole numbers of fields of view are decades: 2 is from 100 nm to 1 µm."""
    if "view" in name and _is_whole_number(key) and abs(int(key)) < 30:
        return f"{format_length(10.0 ** int(key))} – {format_length(10.0 ** (int(key) + 1))}"
    if key in {None, "", "unknown"}:
        return "not known"
    return license_name(str(key)) if "license" in name else clean_text(str(key), 40)


def _is_whole_number(key: Any) -> bool:
    return str(key).removeprefix("-").isdecimal()
