"""The options of `mirsearch query`: their types, names and help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class AnswerFormat(StrEnum):
    """Formats of an answer."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"
    JSONL = "jsonl"


class CitationStyle(StrEnum):
    """Forms of citations."""

    BIBTEX = "bibtex"
    RIS = "ris"
    CSL = "csl"


class MissingScale(StrEnum):
    """Rules for panels without a scale, if the query has one."""

    NEUTRAL = "neutral"
    PENALIZE = "penalize"
    EXCLUDE = "exclude"


QUERY, SCALE, RANKING, FILTERS, OUTPUT = "What to look for", "Scale of the image", "Ranking", "Filters", "Output"

ImagesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="IMAGE",
        help="Micrographs or figures: files, https:// addresses, or - for stdin. Several are one question.",
        show_default=False,
    ),
]
BatchOption = Annotated[
    bool,
    typer.Option(
        "--batch", help="Each image is a question of its own (as with --format jsonl).", rich_help_panel=QUERY
    ),
]
TextOption = Annotated[
    str | None,
    typer.Option(
        "--text",
        "-t",
        help='Words, "phrases" and nano*. With AND, OR, NOT or title:word, only panels that meet it are found.',
        rich_help_panel=QUERY,
    ),
]
RequireOption = Annotated[
    bool, typer.Option("--require", help="Find only panels that have the words of --text.", rich_help_panel=QUERY)
]
LikeOption = Annotated[
    str | None,
    typer.Option("--like", help="Panel of the index: its id, or the name of its file.", rich_help_panel=QUERY),
]
AlikeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--alike", metavar="ID", help="Hit that is alike: the looks follow it. May be repeated.", rich_help_panel=QUERY
    ),
]
NotAlikeOption = Annotated[
    list[str] | None,
    typer.Option("--not-alike", metavar="ID", help="Hit that is not alike. May be repeated.", rich_help_panel=QUERY),
]
ReuseOption = Annotated[
    bool,
    typer.Option(
        "--reuse", help="Find the same picture only: cropped, mirrored, turned, scaled, …", rich_help_panel=QUERY
    ),
]
PanelOption = Annotated[str | None, typer.Option("--panel", help="Panel of the image, e.g. b.", rich_help_panel=QUERY)]
CropOption = Annotated[
    str | None, typer.Option("--crop", metavar="X0,Y0,X1,Y1", help="Region of the image, in px.", rich_help_panel=QUERY)
]
PageOption = Annotated[
    int,
    typer.Option(
        "--page",
        min=0,
        help="Page of a file with several, counted from 1 (0: the image that stands for the file).",
        rich_help_panel=QUERY,
    ),
]
ScaleOption = Annotated[
    str | None, typer.Option("--scale", help='Length that the scale bar stands for: "500 nm".', rich_help_panel=SCALE)
]
BarPxOption = Annotated[
    float | None, typer.Option("--bar-px", help="Length of the bar in px, with --scale.", rich_help_panel=SCALE)
]
NmPerPxOption = Annotated[
    float | None, typer.Option("--nm-per-px", help="Size of a pixel in nm.", rich_help_panel=SCALE)
]
FieldOfViewOption = Annotated[
    str | None, typer.Option("--field-of-view", help='Width of the image: "2 um".', rich_help_panel=SCALE)
]
NoScaleOption = Annotated[bool, typer.Option("--no-scale", help="Ignore the scale.", rich_help_panel=SCALE)]
WeightOption = Annotated[
    list[str] | None,
    typer.Option(
        "--weight",
        "-w",
        metavar="TERM=W",
        help="Weight of a term: visual=0.6, scale=0.3 or text=0.3. May be repeated.",
        rich_help_panel=RANKING,
    ),
]
MissingOption = Annotated[
    MissingScale, typer.Option("--missing", help="Rule for panels without a scale.", rich_help_panel=RANKING)
]
SigmaOption = Annotated[
    float | None,
    typer.Option(
        "--sigma",
        help="Width of the scale term in decades (default: the index's own, else 0.3).",
        rich_help_panel=RANKING,
    ),
]
TopOption = Annotated[int, typer.Option("--top", "-n", help="Number of hits.", rich_help_panel=RANKING)]
EachOption = Annotated[
    bool,
    typer.Option(
        "--each", help="Each image under one letter of a figure is a hit of its own.", rich_help_panel=RANKING
    ),
]
DiverseOption = Annotated[
    bool, typer.Option("--diverse", help="Hits that are also unlike each other.", rich_help_panel=RANKING)
]
PerArticleOption = Annotated[
    int | None,
    typer.Option(
        "--per-article",
        min=0,
        metavar="N",
        help="Most hits of one article; 0: any number (default: 2 in tables and pages, else 0).",
        rich_help_panel=RANKING,
    ),
]
MinScoreOption = Annotated[
    float | None, typer.Option("--min-score", metavar="S", help="Leave out lower scores.", rich_help_panel=RANKING)
]
DoubtfulOption = Annotated[
    bool,
    typer.Option(
        "--doubtful", help="Also rank and filter by scale readings that are not sure.", rich_help_panel=RANKING
    ),
]
KindOption = Annotated[
    list[str] | None, typer.Option("--kind", help="micrograph, diffraction, map, gel, plot, …", rich_help_panel=FILTERS)
]
TechniqueOption = Annotated[
    list[str] | None, typer.Option("--technique", help="SEM, TEM, AFM, …", rich_help_panel=FILTERS)
]
YearOption = Annotated[
    str | None, typer.Option("--year", help="2021, 2015-2020, 2015- or -2020.", rich_help_panel=FILTERS)
]
JournalOption = Annotated[
    list[str] | None, typer.Option("--journal", help="Full name of the journal.", rich_help_panel=FILTERS)
]
LicenseOption = Annotated[list[str] | None, typer.Option("--license", help="cc-by, cc0, …", rich_help_panel=FILTERS)]
HasScaleOption = Annotated[
    bool | None,
    typer.Option("--has-scale/--no-has-scale", help="Only panels with (without) a scale.", rich_help_panel=FILTERS),
]
FovOption = Annotated[
    str | None, typer.Option("--fov", metavar="FROM..TO", help='Field of view: "100nm..5um".', rich_help_panel=FILTERS)
]
ArticleOption = Annotated[
    list[str] | None, typer.Option("--article", help="DOI, PMC id or article id.", rich_help_panel=FILTERS)
]
NotArticleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--not-article",
        help="Leave out an article: DOI, PMC id, article id, or own for that of the image. May be repeated.",
        rich_help_panel=FILTERS,
    ),
]
LabelTextOption = Annotated[
    str | None,
    typer.Option("--label-text", help="Words that were read inside the panel, as for --text.", rich_help_panel=FILTERS),
]
FilterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--filter", metavar="FIELD=VALUE", help="Condition on any field: scale.source=caption, figure.width=500..900.",
        rich_help_panel=FILTERS,
    ),
]  # fmt: skip
AllKindsOption = Annotated[
    bool, typer.Option("--all-kinds", help="Also find plots and schematics for an image.", rich_help_panel=FILTERS)
]
RetractedOption = Annotated[
    bool,
    typer.Option(
        "--retracted", help="Also find panels of retracted articles. They are marked.", rich_help_panel=FILTERS
    ),
]
OutputOption = Annotated[
    AnswerFormat, typer.Option("--format", "-f", help="table, json, jsonl, csv or html.", rich_help_panel=OUTPUT)
]
TargetOption = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="File to write, - for stdout (html: default mirsearch.html).", rich_help_panel=OUTPUT
    ),
]
CiteOption = Annotated[
    CitationStyle | None,
    typer.Option("--cite", help="Write the hits' articles instead: bibtex, ris or csl.", rich_help_panel=OUTPUT),
]
ExplainOption = Annotated[
    bool, typer.Option("--explain", help="Show how the score of each panel is computed.", rich_help_panel=OUTPUT)
]
ThumbnailsOption = Annotated[
    bool, typer.Option("--thumbnails", help="Show thumbnails in the terminal.", rich_help_panel=OUTPUT)
]
ExtractorOption = Annotated[str | None, typer.Option("--extractor", help="Extractor (default: the one of the index).")]
ShowRequestOption = Annotated[
    bool,
    typer.Option(
        "--show-request",
        help="Print the request for Elasticsearch, and do not send it.",
        rich_help_panel=OUTPUT,
    ),
]
