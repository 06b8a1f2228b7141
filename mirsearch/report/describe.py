"""Print one panel, an analysis or the numbers of a corpus in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mirsearch.corpus import Box, Figure, Origin, Panel
from mirsearch.indexes.comparison import known_technique
from mirsearch.query import StoredPanel
from mirsearch.readers.originals import compare_file
from mirsearch.report.columns import print_columns
from mirsearch.report.wording import (
    MAX_LETTER,
    article_link,
    article_title,
    clean_text,
    figure_name,
    format_length,
    has_lone_bar,
    license_name,
    panel_heading,
    panel_name,
    scale_remedy,
    scale_sentence,
    shared_origin,
    venue,
)
from mirsearch.settings import LIMITS

BAR_CELLS = 24
"""Width of the longest bar of a histogram, in cells."""
MAX_HISTOGRAM_ROWS = 12
"""Most rows of a histogram. The last row then sums up the rarer values."""
_FILE_NOTES = {"missing": ", not there now", "changed": ", has other content now", "same": ""}
_ANALYSIS_COLUMNS = ("panel", "heading", "kind", "scale", "source", "view", "pixels", "caption")


@dataclass(frozen=True, slots=True)
class AnalyzedPage:
    """A page of an analyzed file (`page` counts from 0), its size in px, and its panels."""

    file: str
    page: int
    width: int
    height: int
    panels: tuple[Panel, ...]


def print_panel(stored: StoredPanel, console: Console, figure_panels: Sequence[Panel] = ()) -> None:
    """Print all that is known of a panel, its figure and its article, a line for each.

    `figure_panels` are the panels of its figure: a shared scale then names the one that has the bar.
    """
    panel, figure, article = stored.panel, stored.figure, stored.figure.article
    title = Text(figure_name(figure, panel), style="bold")
    title.append(f"  {panel.id}", style="not bold dim")
    console.print(title, soft_wrap=not console.is_terminal)
    rows = [
        ("heading", clean_text(panel.heading, LIMITS.caption_chars)),
        ("inset of", clean_text(panel.inset_of, 16)),
        ("kind", _kind_text(panel)),
        ("scale", scale_sentence(panel, figure_panels)),
        ("", scale_remedy(panel)),
        ("bar reads", clean_text(panel.scale.label_text) if panel.scale and panel.scale.label_text else ""),
        ("field of view", "" if panel.scale is None else _field_of_view_text(stored)),
        ("caption", clean_text(panel.caption, LIMITS.caption_chars)),
        ("figure text", clean_text(panel.text, LIMITS.caption_chars)),
        ("corrected", ", ".join(stored.corrected_fields)),
        ("pixels", f"{panel.width} × {panel.height} at {_box_text(panel.box)}"),
        ("letter", _group_text(panel)),
        (
            "figure",
            f"{figure.id}, {figure.width} × {figure.height} px" + (f", page {figure.page + 1}" if figure.page else ""),
        ),
        ("article", article_title(article, LIMITS.field_chars)),
        ("", "RETRACTED" if article and article.retracted else ""),
        ("authors", clean_text(", ".join(article.authors), 300) if article else ""),
        ("published", venue(article, 200)),
        ("license", license_name(article.license) if article and article.license else ""),
        ("permission", clean_text(figure.permission_note, LIMITS.field_chars)),
        ("link", article_link(article) or ""),
        *(
            (
                "image",
                f"{clean_text(origin.location, 4000)} ({clean_text(origin.source, 60)}{_file_note(origin, figure)})",
            )
            for origin in figure.origins[::-1]
        ),
    ]
    _print_rows([(name, text) for name, text in rows if text], console)
    console.print()


def _file_note(origin: Origin, figure: Figure) -> str:
    """Return what became of the figure's file at this origin, if it is not as it was indexed."""
    if "://" in origin.location or "#" in origin.location:
        return ""
    return _FILE_NOTES[compare_file(origin.location, figure)]


def _kind_text(panel: Panel) -> str:
    """Return technique and kind with their confidences: "SEM (0.93), micrograph (0.99)"."""
    technique = known_technique(panel)
    words = [f"{clean_text(technique, 24)} ({panel.technique_confidence:.2f})"] if technique else []
    words.append(f"{panel.kind} ({panel.kind_confidence:.2f})" if panel.kind_confidence > 0 else panel.kind)
    return ", ".join(words)


def _group_text(panel: Panel) -> str:
    """Return where all images of the panel's letter lie; empty if the letter has one panel."""
    return "" if panel.group is None else f"all of {clean_text(panel.label, MAX_LETTER)} is at {_box_text(panel.group)}"


def _box_text(box: Box) -> str:
    return ", ".join(map(str, box))


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


def print_analysis(pages: Sequence[AnalyzedPage], console: Console) -> None:
    """Print the panels of analyzed files, a row for each, and what is open about their scales."""
    for page in pages:
        number = f", page {page.page + 1}" if page.page else ""
        title = Text(clean_text(page.file, 4000), style="bold")
        title.append(f"{number}  {page.width} × {page.height} px", style="not bold dim")
        console.print(title, soft_wrap=not console.is_terminal)
        rows = [_analysis_row(at, panel, page.panels) for at, panel in enumerate(page.panels, start=1)]
        filled = [at for at, name in enumerate(_ANALYSIS_COLUMNS) if name != "heading" or any(row[at] for row in rows)]
        names = tuple(_ANALYSIS_COLUMNS[at] for at in filled)
        print_columns(names, [[row[at] for at in filled] for row in rows], console)
        for note in _open_questions(page.panels):
            console.print(Text(note, style="yellow"), soft_wrap=not console.is_terminal)
        console.print()


def _analysis_row(number: int, panel: Panel, figure_panels: Sequence[Panel]) -> list[str]:
    scale = panel.scale or panel.doubtful_scale
    return [
        panel_name(panel, number),
        panel_heading(panel, 24),
        clean_text(known_technique(panel) or panel.kind, 24),
        _reading_cell(panel),
        f"{_source_cell(panel, figure_panels)} {scale.confidence:.2f}" if scale else "",
        format_length(panel.field_of_view_nm),
        ",".join(map(str, panel.box)),
        clean_text(panel.caption, 400),
    ]


def _reading_cell(panel: Panel) -> str:
    """Return the reading of a panel in few words: "500 nm = 123.4 px"; a doubtful one has a "?"."""
    scale, doubt = (panel.scale, "") if panel.scale is not None else (panel.doubtful_scale, "?")
    if scale is None:
        return "–" if panel.bar is None else scale_sentence(panel)
    if scale.length_nm is None or scale.length_px is None:
        return f"{scale.nm_per_px:.4g} nm/px{doubt}"
    return f"{format_length(scale.length_nm)}{doubt} = {scale.length_px:.1f} px"


def _source_cell(panel: Panel, figure_panels: Sequence[Panel]) -> str:
    if panel.scale is None:
        return "doubtful"
    return shared_origin(panel, figure_panels).removeprefix("from the ") or panel.scale.source


def _open_questions(panels: Sequence[Panel]) -> list[str]:
    """Return what a person should do about doubtful readings and bars without a length, a sentence for each."""
    in_doubt = [
        (panel_name(panel, at), panel) for at, panel in enumerate(panels, 1) if panel.doubtful_scale is not None
    ]
    doubtful = [name for name, panel in in_doubt if panel.scale is None]
    lone = [panel_name(panel, at) for at, panel in enumerate(panels, 1) if has_lone_bar(panel)]
    notes = []
    if doubtful:
        notes.append(
            f"?: doubtful ({', '.join(doubtful)}). Such a reading is not used for ranking. "
            "`mirsearch correct ID` corrects or confirms it in an index"
        )
    notes += [f"{name}: {scale_sentence(panel)}" for name, panel in in_doubt if panel.scale is not None]
    if lone:
        notes.append(f'length of the bar unknown ({", ".join(lone)}): --scale "5 µm" gives it one')
    return notes


def print_stats(stats: Mapping[str, Any], console: Console) -> None:
    """Print the numbers of a corpus, then a small histogram of each group of counts."""
    plain = [
        (name.replace("_", " "), _format_statistic(name, value))
        for name, value in stats.items()
        if not _is_histogram(value) and not isinstance(value, list)
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
