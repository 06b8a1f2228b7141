"""An answer in a terminal: a table of hits that fits the width, reasons for each hit, and plain lines in a pipe."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mirsearch.indexes.comparison import known_technique
from mirsearch.report.half_blocks import can_show_pictures, half_blocks
from mirsearch.report.highlights import split_at_matches
from mirsearch.report.legend import legend_line, scale_marks
from mirsearch.report.reasons import Reason, reasons, score_sentence
from mirsearch.report.sentences import (
    folded_note,
    others_sentence,
    outcome_sentence,
    parts_sentence,
    query_sentence,
    repeats_sentence,
)
from mirsearch.report.terminal_images import graphics_protocol, print_sheet
from mirsearch.report.wording import (
    article_title,
    clean_text,
    figure_name,
    format_length,
    format_number,
    license_name,
    panel_heading,
    scale_label,
    shorten,
    venue,
)
from mirsearch.search.answer import Answer, Hit

MIN_WIDE_TABLE = 72
"""From this width of the terminal on, in cells, the table shows every column of short values; below: rank, score, s."""
MIN_SEPARATE_COLUMNS = 60
"""From this many free cells on, article and caption have columns; below, the article stands under the panel."""
MIN_ONE_LINE = 36
"""From this width of the panel's column on, in cells, name and id share a line."""
GAP = 2
"""Cells between two columns."""
PICTURE_CELLS, PICTURE_ROWS = 16, 6
"""Size of a small picture made of half blocks, in cells."""
NARROW_CAPTION_ROWS = 2
"""Lines of the caption in a table that is too narrow for a column of captions."""
TEXT_ROWS = 3
"""Lines that a caption takes in a table without pictures."""
MAX_HEADING = 32
"""Most characters that are shown of the words printed at a panel."""
BAR_CELLS = 20
"""Width of the bar that shows a term of 1, in cells."""
TERM_COLORS = {"visual": "blue", "scale": "yellow", "text": "green", "image_text": "cyan", "meaning": "magenta"}


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of short values: its heading, how to get a hit's value, and whether it is aligned to the right."""

    heading: str
    value: Callable[[Hit], str]
    right: bool = True


def print_answer(answer: Answer, console: Console, explain: bool = False, thumbnails: bool = False) -> None:
    """Print the answer: a table in a terminal, elsewhere aligned lines that never wrap.

    `explain` adds the reasons for each hit's rank; `thumbnails` adds small pictures where the terminal can show them.
    """
    console.print(Text(query_sentence(answer.query), style="bold"), soft_wrap=not console.is_terminal)
    if not answer.hits:
        console.print(Text("no panel found: use fewer filters, or ask with a picture or other words"))
    elif console.is_terminal:
        console.print()
        protocol = graphics_protocol(console, os.environ) if thumbnails else None
        if protocol is not None:
            print_sheet(answer.hits, console, protocol)
        blocks = thumbnails and protocol is None and can_show_pictures(console)
        console.print(_build_table(answer, console.width, blocks))
        _print_legend(answer, _value_columns(answer, console.width), console)
        console.print()
    else:
        _print_plain(answer, console)
    if explain:
        for hit in answer.hits:
            _print_reasons(answer, hit, console)
    console.print(Text(outcome_sentence(answer), style="dim"), soft_wrap=not console.is_terminal)
    for note in filter(None, (*answer.notes, folded_note(answer))):
        console.print(Text(f"note: {clean_text(note, 1000)}", style="yellow"), soft_wrap=not console.is_terminal)


def _print_legend(answer: Answer, columns: list[_Column], console: Console) -> None:
    line = legend_line(column.heading for column in columns)
    marks = scale_marks((hit.stored.panel for hit in answer.hits), answer.query.filters.doubtful)
    line = " · ".join(filter(None, (line, *(f"{mark}: {meaning}" for mark, meaning in marks.items()))))
    console.print(Text(line, style="dim"), soft_wrap=not console.is_terminal)


def _value_columns(answer: Answer, width: int) -> list[_Column]:
    scored = [hit.scored for hit in answer.hits]
    columns = [
        _Column("#", lambda hit: str(hit.rank)),
        _Column("score", lambda hit: format_number(hit.scored.score, 3)),
    ]
    roomy = width >= MIN_WIDE_TABLE
    if roomy and any(terms.visual_distance is not None for terms in scored):
        columns.append(_Column("vd", lambda hit: format_number(hit.scored.visual_distance, 3)))
    columns.append(_Column("s", lambda hit: scale_label(hit.stored.panel)))
    if roomy:
        columns.append(_Column("view", lambda hit: format_length(hit.stored.panel.field_of_view_nm)))
    if roomy and any(terms.text is not None for terms in scored):
        columns.append(_Column("text", lambda hit: format_number(hit.scored.text)))
    if roomy and any(terms.image_text is not None for terms in scored):
        columns.append(_Column("seen", lambda hit: format_number(hit.scored.image_text)))
    if roomy and any(terms.meaning is not None for terms in scored):
        columns.append(_Column("meant", lambda hit: format_number(hit.scored.meaning)))
    return columns


def _build_table(answer: Answer, width: int, pictures: bool) -> Table:
    columns = _value_columns(answer, width)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    room = width
    for column in columns:
        cells = max(cell_len(text) for text in (column.heading, *(column.value(hit) for hit in answer.hits)))
        table.add_column(column.heading, justify="right" if column.right else "left", no_wrap=True, width=cells)
        room -= cells + GAP
    if pictures:
        table.add_column("", no_wrap=True, width=PICTURE_CELLS)
        room -= PICTURE_CELLS + GAP
    widths = _flexible_widths(answer, room)
    for name, cells in zip(("panel", "article", "caption"), widths, strict=False):
        table.add_column(name, width=cells, no_wrap=len(widths) == 1, overflow="ellipsis")
    for hit in answer.hits:
        values: list[Text] = [Text(column.value(hit)) for column in columns]
        values[1].stylize("bold")
        if pictures:
            values.append(half_blocks(hit.thumbnail, PICTURE_CELLS, PICTURE_ROWS))
        values += _flexible_cells(answer, hit, widths, PICTURE_ROWS if pictures else TEXT_ROWS)
        table.add_row(*values, end_section=pictures)
    return table


def _flexible_cells(answer: Answer, hit: Hit, widths: list[int], lines: int) -> list[Text]:
    """Return panel, article and caption, or panel and article in one cell, for columns of these widths."""
    if len(widths) == 1:
        panel = _panel_cell(hit, "  ")
        if widths[0] <= MIN_ONE_LINE or cell_len(panel.plain) > widths[0]:
            panel = _panel_cell(hit)
        return [Text("\n").join([panel, _article_cell(hit, 200), *_caption_lines(answer, hit, widths[0])])]
    caption = _caption_cell(answer, hit, (widths[2] - 4) * lines)
    return [_panel_cell(hit), _article_cell(hit, 2 * widths[1] - 8), caption]


def _flexible_widths(answer: Answer, room: int) -> list[int]:
    """Return the widths in cells of the columns panel, article and caption, or of one column for panel and article."""
    first = max(max(cell_len(line) for line in _panel_cell(hit).plain.split("\n")) for hit in answer.hits)
    rest = room - first - 2 * GAP
    if rest < MIN_SEPARATE_COLUMNS:
        return [max(room, 12)]
    article = min(rest * 2 // 5, 48)
    return [first, article, min(rest - article, 90)]


def _panel_cell(hit: Hit, separator: str = "\n") -> Text:
    panel = hit.stored.panel
    technique = known_technique(panel)
    cell = Text(figure_name(hit.stored.figure, panel), style="bold")
    kind = "" if panel.kind in {"unknown", "micrograph"} and technique else panel.kind
    kinds = " ".join(clean_text(word, 16) for word in (technique, kind) if word and word != "unknown")
    cell.append(f"  {kinds}" if kinds else "", style="not bold cyan")
    heading = panel_heading(panel, MAX_HEADING)
    cell.append(f"{separator}{heading}" if heading else "", style="not bold")
    cell.append(f"{separator}{panel.id}", style="not bold dim")
    for others in (parts_sentence(hit), repeats_sentence(hit), others_sentence(hit)):
        cell.append(f"{separator}{others}" if others else "", style="not bold dim")
    return cell


def _article_cell(hit: Hit, limit: int) -> Text:
    article = hit.stored.figure.article
    if article is None:
        return Text("no article known", style="dim")
    cell = Text()
    if article.retracted:
        cell.append("RETRACTED ", style="bold red")
    cell.append(article_title(article, limit))
    where = ", ".join(part for part in (venue(article), license_name(article.license)) if part)
    cell.append(f"\n{where}" if where else "", style="dim")
    return cell


def _caption_cell(answer: Answer, hit: Hit, limit: int) -> Text:
    return _highlighted(clean_text(hit.stored.panel.caption or hit.stored.figure.caption, limit), answer.query.text)


def _caption_lines(answer: Answer, hit: Hit, width: int) -> list[Text]:
    """Return the beginning of the caption in lines of a width, in cells."""
    caption = clean_text(hit.stored.panel.caption or hit.stored.figure.caption, width * (NARROW_CAPTION_ROWS + 1))
    lines = textwrap.wrap(caption, width, max_lines=NARROW_CAPTION_ROWS, placeholder="…")
    return [_highlighted(line, answer.query.text, "italic") for line in lines]


def _highlighted(text: str, words: str | None, style: str = "") -> Text:
    cell = Text()
    for part, matched in split_at_matches(text, words):
        cell.append(part, style="bold green" if matched else style)
    return cell


def _print_plain(answer: Answer, console: Console) -> None:
    columns = _value_columns(answer, MIN_WIDE_TABLE)
    rows = [[*(column.heading for column in columns), "id", "panel", "article", "journal, year", "license"]]
    rows += [[*(column.value(hit) for column in columns), *_plain_cells(hit)] for hit in answer.hits]
    widths = [max(cell_len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        cells = []
        for at, (text, width) in enumerate(zip(row, widths, strict=True)):
            blank = " " * (width - cell_len(text))
            cells.append(blank + text if at < len(columns) and columns[at].right else text + blank)
        console.print(Text("  ".join(cells).rstrip()), soft_wrap=True)
    _print_legend(answer, columns, console)


def _plain_cells(hit: Hit) -> list[str]:
    """Return id, panel, article, journal with year, and license; a dash for what is not known."""
    article = hit.stored.figure.article
    panel = hit.stored.panel
    name = " · ".join(filter(None, (figure_name(hit.stored.figure, panel), panel_heading(panel, MAX_HEADING))))
    others = "; ".join(filter(None, (parts_sentence(hit), repeats_sentence(hit), others_sentence(hit))))
    title = shorten(article_title(article), 90)
    cells = [
        panel.id,
        f"{name} ({others})" if others else name,
        f"RETRACTED {title}" if article is not None and article.retracted else title,
        venue(article),
        license_name(article.license if article else None),
    ]
    return [text or "–" for text in cells]


def _print_reasons(answer: Answer, hit: Hit, console: Console) -> None:
    plain = not console.is_terminal
    title = Text(f"{hit.rank}. {figure_name(hit.stored.figure, hit.stored.panel)}", style="bold")
    title.append(f"  {hit.stored.panel.id}", style="not bold dim")
    console.print(title, soft_wrap=plain)
    if plain:
        for reason in reasons(answer, hit):
            share = f"  [{reason.share:.0%} of the weight]" if reason.share else ""
            console.print(Text(f"   {reason.sentence}{share}"), soft_wrap=True)
    else:
        console.print(Padding(_reasons_grid(reasons(answer, hit)), (0, 0, 0, 3)))
    console.print(Text(f"   {score_sentence(answer, hit)}", style="dim"), soft_wrap=plain)
    console.print()


def _reasons_grid(terms: list[Reason]) -> Table:
    """Return a row for each term: a bar, its share of the weight, and its sentence."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column()
    for reason in terms:
        filled = 0 if reason.value is None else round(reason.value * BAR_CELLS)
        bar = Text("█" * filled, style=TERM_COLORS[reason.term])
        bar.append(("·" if reason.value is None else "░") * (BAR_CELLS - filled), style="dim")
        sentence = Text(reason.sentence, style="" if reason.state == "counted" else "dim")
        grid.add_row(bar, f"{reason.share:.0%}" if reason.share else "", sentence)
    return grid
