"""`mirsearch list`: the panels or figures of an index, filtered and sorted."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch.cli.parts import open_index
from mirsearch.cli.query_options import (
    FILTERS,
    OUTPUT,
    ArticleOption,
    CitationStyle,
    FilterOption,
    FovOption,
    HasScaleOption,
    JournalOption,
    KindOption,
    LabelTextOption,
    LicenseOption,
    TechniqueOption,
    YearOption,
)
from mirsearch.cli.shared_options import IndexOption
from mirsearch.cli.terminal import STDOUT, console, json_text, open_output, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.corpus import Article
    from mirsearch.indexes.base import Index
    from mirsearch.query import Filters
    from mirsearch.report.data_columns import Column
    from mirsearch.search.listing import Listing


class ListFormat(StrEnum):
    """Formats of a list."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


_ORDER = "Order"


def list_(
    figures: Annotated[bool, typer.Option("--figures", help="List figures instead of panels.")] = False,
    sort: Annotated[
        str | None,
        typer.Option(
            "--sort",
            metavar="FIELD",
            help="Field to sort by: fov, year, journal, figure.width, … (default: the id). Unknown values come last.",
            rich_help_panel=_ORDER,
        ),
    ] = None,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="From the greatest value down.", rich_help_panel=_ORDER)
    ] = False,
    top: Annotated[
        int | None,
        typer.Option("--top", "-n", min=1, help="List the first N only (default: all).", rich_help_panel=_ORDER),
    ] = None,
    kind: KindOption = None,
    technique: TechniqueOption = None,
    year: YearOption = None,
    journal: JournalOption = None,
    license_: LicenseOption = None,
    has_scale: HasScaleOption = None,
    fov: FovOption = None,
    article: ArticleOption = None,
    not_article: Annotated[
        list[str] | None,
        typer.Option("--not-article", help="Leave out an article: DOI, PMC id or article id.", rich_help_panel=FILTERS),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", "-t", help="Words that a panel must have, as for query.", rich_help_panel=FILTERS),
    ] = None,
    label_text: LabelTextOption = None,
    field: FilterOption = None,
    doubtful: Annotated[
        bool,
        typer.Option("--doubtful", help="Also filter by scale readings that are not sure.", rich_help_panel=FILTERS),
    ] = False,
    retracted: Annotated[
        bool | None,
        typer.Option(
            "--retracted/--no-retracted",
            help="Only (no) panels of retracted articles (default: all; they are marked).",
            rich_help_panel=FILTERS,
        ),
    ] = None,
    output: Annotated[
        ListFormat, typer.Option("--format", "-f", help="table, json, jsonl, csv or parquet.", rich_help_panel=OUTPUT)
    ] = ListFormat.TABLE,
    target: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write, - for stdout.", rich_help_panel=OUTPUT)
    ] = None,
    cite: Annotated[
        CitationStyle | None,
        typer.Option("--cite", help="Write the articles instead: bibtex, ris or csl.", rich_help_panel=OUTPUT),
    ] = None,
    index: IndexOption = None,
) -> None:
    """List panels or figures of the index: those that pass the filters, sorted by any field."""
    import dataclasses

    from mirsearch.search.listing import Listing, parse_order
    from mirsearch.search.option_values import add_filters, parse_filters

    filters = add_filters(
        parse_filters(kind, technique, year, journal, license_, article), has_scale, fov, label_text, field
    )
    filters = dataclasses.replace(filters, doubtful=doubtful, retracted=retracted, text=text or None)
    listing = Listing(filters, parse_order(sort, reverse), tuple(not_article or ()), top)
    _check_output(output, target, cite)
    corpus = open_index(index)
    count = _write_list(corpus, listing, figures, output, target, cite)
    if count == 0:
        print_message(_nothing_listed(corpus, listing, figures))
        _print_unknown_names(corpus, listing.filters)


def _check_output(output: ListFormat, target: Path | None, cite: CitationStyle | None) -> None:
    """Raise UsageError if the list can't be written in this way."""
    if cite is not None:
        return
    is_file = target is not None and str(target) != STDOUT
    if output is ListFormat.TABLE and is_file:
        raise UsageError("--output writes a file, but a table is for the screen", "add --format csv, jsonl or parquet")
    if output is ListFormat.PARQUET and not is_file and sys.stdout.isatty():
        raise UsageError("Parquet is no text for a terminal", "add --output FILE")


def _write_list(
    corpus: Index, listing: Listing, figures: bool, output: ListFormat, target: Path | None, cite: CitationStyle | None
) -> int:
    """Write the list as it comes from the index, and return how many panels or figures it has."""
    from mirsearch.search.listing import list_figures, list_panels

    items: Iterator[Any] = list_figures(corpus, listing) if figures else list_panels(corpus, listing)
    if cite is not None:
        return _write_citations((item.figure.article for item in items), cite, target)
    if output is ListFormat.TABLE:
        return _print_table(items, listing, figures)
    if output in (ListFormat.JSON, ListFormat.JSONL):
        return _write_json(items, figures, output is ListFormat.JSONL, target)
    from mirsearch.report.csv_output import write_csv
    from mirsearch.report.data_columns import FIGURE_COLUMNS, PANEL_COLUMNS

    columns: dict[str, Column[Any]] = FIGURE_COLUMNS if figures else PANEL_COLUMNS
    if output is ListFormat.PARQUET:
        return _write_parquet(items, columns, target)
    with open_output(target) as stream:
        return write_csv(items, columns, stream)


def _print_table(items: Iterator[Any], listing: Listing, figures: bool) -> int:
    from mirsearch.report.legend import legend_line
    from mirsearch.report.listing_table import print_figures, print_panels

    screen = console()
    count = print_figures(items, screen) if figures else print_panels(items, screen, listing.order)
    if count and screen.is_terminal:
        legend = "" if figures else f" · {legend_line(('s', 'view'))} · ?: doubtful"
        screen.print(f"{count:,} {_noun(count, figures)}{legend}", style="dim")
    return count


def _noun(count: int, figures: bool) -> str:
    return ("figure" if figures else "panel") + "s" * (count != 1)


def _write_json(items: Iterator[Any], figures: bool, as_lines: bool, target: Path | None) -> int:
    from mirsearch.search.answer import stored_json
    from mirsearch.search.listing import listed_json

    before, between, after = ("", "\n", "\n") if as_lines else ("[\n", ",\n", "\n]\n")
    count = 0
    with open_output(target) as stream:
        stream.write(before)
        for count, item in enumerate(items, start=1):
            row = listed_json(item) if figures else stored_json(item)
            stream.write((between if count > 1 else "") + json_text(row, stream.encoding))
        stream.write(after if count or not as_lines else "")
    return count


def _write_parquet(items: Iterable[Any], columns: dict[str, Column[Any]], target: Path | None) -> int:
    from mirsearch.files.partial import write_output
    from mirsearch.report.parquet_output import write_parquet

    if target is not None and str(target) != STDOUT:
        if not target.parent.is_dir() or target.is_dir():
            raise UsageError(f"{target} can't be written", "give a file in a folder that exists")
        with write_output(target) as part:
            return write_parquet(items, columns, part)
    with TemporaryDirectory(prefix="mirsearch-") as folder:  # a pipe can't be sought in
        path = Path(folder) / "list.parquet"
        count = write_parquet(items, columns, path)
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    return count


def _write_citations(articles: Iterable[Article | None], style: CitationStyle, target: Path | None) -> int:
    from mirsearch.report.citations import cite_articles

    found = {article.id: article for article in articles if article is not None}
    with open_output(target) as stream:
        stream.write(cite_articles(found.values(), style.value))
    return len(found)


def _nothing_listed(corpus: Index, listing: Listing, figures: bool) -> str:
    """Return why a list is empty, and what to do."""
    from mirsearch.query import Filters
    from mirsearch.report.sentences import filter_phrases

    if next(corpus.select_panels(Filters()), None) is None:
        return f"the index at {corpus.location} is empty (add figures with: mirsearch ingest)"
    told = ", ".join(filter_phrases(listing.filters))
    what = f"no {_noun(1, figures)} passes the filters{': ' if told else ''}{told}"
    return f"{what} (leave some out; `mirsearch stats` tells what the index has)"


def _print_unknown_names(corpus: Index, filters: Filters) -> None:
    """Tell which words and journals of the filters the index does not have, with those that it has."""
    from mirsearch.search.asked_words import word_notes
    from mirsearch.search.journal_names import journal_notes

    for note in (*word_notes(corpus, filters.text), *journal_notes(corpus, filters.journals)):
        print_message(note)
