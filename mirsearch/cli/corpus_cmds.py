"""`mirsearch show`, `stats`, `export`: look into an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch.cli.parts import open_index
from mirsearch.cli.query_options import (
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
from mirsearch.cli.shared_options import IndexOption, TableFormat
from mirsearch.cli.terminal import console, json_text, print_json
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.acquisition.ledger import Ledger
    from mirsearch.indexes.base import Index
    from mirsearch.query import Filters, StoredPanel

FormatOption = Annotated[TableFormat, typer.Option("--format", help="table or json.")]


def show(
    some_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a panel, figure or article, DOI, or file.")],
    index: IndexOption = None,
    output: FormatOption = TableFormat.TABLE,
) -> None:
    """Show all data of a panel, or of all panels of a figure or article."""
    from mirsearch.search.answer import stored_json
    from mirsearch.search.naming import named_panels

    corpus = open_index(index)
    found = named_panels(corpus, some_id)
    if output is TableFormat.JSON:
        print_json([stored_json(panel) for panel in found])
        return
    print_panels(corpus, found)


def print_panels(corpus: Index, found: Sequence[StoredPanel]) -> None:
    """Print all that is known of panels of the index. A scale that is shared names the panel that has the bar."""
    from mirsearch.report.describe import print_panel

    screen = console()
    for stored in found:
        shared = stored.panel.scale is not None and stored.panel.scale.source == "shared"
        others = corpus.figure_panels(stored.figure.id) if shared else []
        print_panel(stored, screen, [other.panel for other in others])


def stats(index: IndexOption = None, output: FormatOption = TableFormat.TABLE) -> None:
    """Count the contents of the index."""
    from mirsearch.search.own_score import read_own_score

    corpus = open_index(index)
    counts, own = corpus.stats(), read_own_score(corpus)
    if output is TableFormat.JSON:
        print_json(counts | {"score": None if own is None else own.as_json()})
        return
    from mirsearch.report.describe import print_stats

    print_stats(counts, console())
    if own is not None:
        console().print(own.sentence, soft_wrap=True, markup=False)


def export(
    target: Annotated[Path | None, typer.Option("--output", "-o", help="File to write (default: stdout, -).")] = None,
    vectors: Annotated[bool, typer.Option("--vectors", help="Include the vector of each panel.")] = False,
    form: Annotated[str, typer.Option("--format", help="jsonl: one line for each panel.")] = "jsonl",
    attribution: Annotated[
        bool,
        typer.Option("--attribution", help="Write the credits instead: one line for each article, with its license."),
    ] = False,
    cite: Annotated[
        CitationStyle | None, typer.Option("--cite", help="Write the articles instead: bibtex, ris or csl.")
    ] = None,
    kind: KindOption = None,
    technique: TechniqueOption = None,
    year: YearOption = None,
    journal: JournalOption = None,
    license_: LicenseOption = None,
    has_scale: HasScaleOption = None,
    fov: FovOption = None,
    article: ArticleOption = None,
    label_text: LabelTextOption = None,
    field: FilterOption = None,
    dataset: Annotated[
        Path | None,
        typer.Option("--dataset", help="Write a dataset for learning into this new folder: pictures, boxes, credits."),
    ] = None,
    shards: Annotated[
        bool, typer.Option("--shards", help="Dataset: also as shards in the form of WebDataset.")
    ] = False,
    thumbnails: Annotated[
        bool, typer.Option("--thumbnails", help="Dataset: the small picture of the index where a file is gone.")
    ] = False,
    any_license: Annotated[
        bool, typer.Option("--any-license", help="Dataset: also what may not be passed on, for use within the house.")
    ] = False,
    index: IndexOption = None,
) -> None:
    """Write every panel with all its fields as a line of JSON (JSON Lines), the credits, or a dataset for learning."""
    from mirsearch import settings
    from mirsearch.acquisition.attribution import credit_lines
    from mirsearch.cli.ingest_services import open_ledger
    from mirsearch.cli.terminal import open_output
    from mirsearch.search.option_values import add_filters, parse_filters

    if form != "jsonl":
        raise UsageError(f"--format {form!r} is not known", "give jsonl, or --attribution")
    if attribution and cite is not None:
        raise UsageError("--attribution and --cite can't be combined", "give one of them")
    named = parse_filters(kind, technique, year, journal, license_, article)
    filters = add_filters(named, has_scale, fov, label_text, field)
    corpus = open_index(index)
    if dataset is not None:
        from mirsearch.cli.dataset_output import write_dataset

        chosen = {"--output": target, "--vectors": vectors, "--attribution": attribution, "--cite": cite}
        write_dataset(corpus, dataset, filters, chosen, (thumbnails, any_license, shards))
        return
    if thumbnails or any_license or shards:
        raise UsageError("--shards, --thumbnails and --any-license are for a dataset", "add --dataset FOLDER")
    if cite is not None:
        _write_citations(corpus, filters, cite, target)
        return
    ledger = open_ledger(settings.index_location(index), create=False)
    try:
        with open_output(target) as stream:
            panels = corpus.select_panels(filters)
            rows = (json_text(row, stream.encoding) for row in _export_rows(corpus, panels, ledger, vectors))
            for line in credit_lines(panels, ledger) if attribution else rows:
                stream.write(line + "\n")
    finally:
        ledger.close()


def _write_citations(corpus: Index, filters: Filters, style: CitationStyle, target: Path | None) -> None:
    """Write the articles of the panels that pass the filters, each once, by title."""
    from mirsearch.cli.terminal import open_output
    from mirsearch.report.citations import cite_articles

    articles = {stored.figure.article for stored in corpus.select_panels(filters)} - {None}
    ordered = sorted(articles, key=lambda article: ((article.title or "").lower(), article.id) if article else ("", ""))
    with open_output(target) as stream:
        stream.write(cite_articles(ordered, style.value))


def _export_rows(
    corpus: Index, panels: Iterator[StoredPanel], ledger: Ledger, vectors: bool
) -> Iterator[dict[str, Any]]:
    from mirsearch.acquisition.attribution import provenance
    from mirsearch.search.answer import stored_json

    for stored in panels:
        row = stored_json(stored) | {"provenance": provenance(stored.figure, ledger)}
        if vectors:
            row["vector"] = [round(float(value), 7) for value in corpus.vector(stored.panel.id)]
        yield row
