"""`mirsearch correct`, `mirsearch reanalyze`: putting readings right, by hand and by a better analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch import settings
from mirsearch.cli.common import (
    IndexOption,
    OcrOption,
    ScaleBarsOption,
    TableFormat,
    load_detector,
    load_extractor_of,
    load_ocr,
    open_index,
)
from mirsearch.cli.terminal import INTERRUPTED, complain, console, print_json
from mirsearch.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from mirsearch.indexes.base import Index
    from mirsearch.ingest.reanalysis import ReanalysisSummary

FAILURES_SHOWN = 20
LABEL_CHARS = 8
KIND_OF = {"EDX": "map", "EBSD": "map"}
"""Kinds of panels of a technique; those of the others are micrographs."""

FormatOption = Annotated[TableFormat, typer.Option("--format", help="table or json.")]


def correct(
    some_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a panel, or of a figure that has only one.")],
    scale: Annotated[str | None, typer.Option("--scale", help='What the scale bar stands for: "500 nm".')] = None,
    bar_px: Annotated[
        float | None, typer.Option("--bar-px", help="Length of the bar in px, with --scale (default: as read).")
    ] = None,
    nm_per_px: Annotated[float | None, typer.Option("--nm-per-px", help="Size of a pixel in nm.")] = None,
    no_scale: Annotated[bool, typer.Option("--no-scale", help="The panel has no scale.")] = False,
    label: Annotated[str | None, typer.Option("--label", help='The panel\'s letter; "" for none.')] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="micrograph, plot, …; or SEM, TEM, …")] = None,
    technique: Annotated[str | None, typer.Option("--technique", help="SEM, TEM, AFM, …")] = None,
    caption: Annotated[str | None, typer.Option("--caption", help="The panel's part of the caption.")] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Take all corrections back (of a figure or article, too).")
    ] = False,
    index: IndexOption = None,
    output: FormatOption = TableFormat.TABLE,
) -> None:
    """Put a panel's readings right. Corrections are kept apart from what was read, and survive reading it again."""
    from mirsearch.cli.query_options import scale_options

    told = scale_options(scale, bar_px, nm_per_px, None, no_scale)
    changes = _changes(label, kind, technique, caption)
    scaled = not told.read or told.length_nm is not None or told.nm_per_px is not None
    if reset and (changes or scaled):
        raise UsageError("--reset and a correction contradict each other", "give one of them")
    if not (reset or changes or scaled):
        raise UsageError("nothing to correct", "give --scale, --nm-per-px, --no-scale, --label, --kind, … or --reset")
    from mirsearch.ingest import correcting

    corpus = open_index(index)
    try:
        if reset:
            gone = correcting.reset(corpus, some_id)
            found = corpus.find_panels(some_id)
            if output is TableFormat.TABLE:
                typer.echo(f"took back the corrections of {gone} panels")
        else:
            found = [correcting.correct(corpus, some_id, changes, told)]
    finally:
        corpus.close()
    _print(found, output)


def _changes(label: str | None, kind: str | None, technique: str | None, caption: str | None) -> dict[str, Any]:
    """The options that were given, checked, by the name of the field."""
    from mirsearch.corpus import KINDS, TECHNIQUES

    changes: dict[str, Any] = {}
    if label is not None:
        changes["label"] = _label(label)
    if kind is not None:
        named = {name.lower(): name for name in TECHNIQUES} | {name.lower(): name for name in KINDS}
        chosen = _known("--kind", kind, named)
        changes["kind"] = chosen if chosen in KINDS else KIND_OF.get(chosen, "micrograph")
        if chosen not in KINDS:
            changes["technique"] = chosen
    if technique is not None:
        changes["technique"] = _known("--technique", technique, {name.lower(): name for name in TECHNIQUES})
    if caption is not None:
        changes["caption"] = _caption(caption)
    return changes


def _known(option: str, given: str, known: dict[str, str]) -> str:
    if given.lower() not in known:
        raise UsageError(f"{option} {given!r} is not known", f"one of {', '.join(dict.fromkeys(known.values()))}")
    return known[given.lower()]


def _label(text: str) -> str | None:
    stripped = text.strip().strip("()")
    if len(stripped) > LABEL_CHARS or not all(char.isprintable() for char in stripped):
        raise UsageError(f"--label {text!r} is no panel's letter", f"at most {LABEL_CHARS} characters, for instance b")
    return stripped or None


def _caption(text: str) -> str:
    most = settings.LIMITS.caption_chars
    if len(text) > most:
        raise UsageError(f"--caption has {len(text)} characters", f"at most {most}")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _print(found: Sequence[Any], output: TableFormat) -> None:
    from mirsearch.search.answer import stored_json

    if output is TableFormat.JSON:
        print_json([stored_json(each) for each in found])
        return
    from mirsearch.report.describe import print_panel

    screen = console()
    for each in found:
        print_panel(each, screen)


def reanalyze(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Panels, figures or articles.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every figure of the index.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also what the present analysis has read.")] = False,
    embed: Annotated[
        bool, typer.Option("--embed", help="Embed every panel anew, not only those whose box changed.")
    ] = False,
    index: IndexOption = None,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
    workers: Annotated[int | None, typer.Option("--workers", min=1, help="Figures worked on at once.")] = None,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json (one line).")] = TableFormat.TABLE,
) -> None:
    """Read figures of the index again with the present analysis, from their files; fetch nothing. Corrections stay."""
    if bool(ids) == everything:
        raise UsageError("which figures?", "give ids, or --all")
    from mirsearch.analysis.analyzer import FigureAnalyzer
    from mirsearch.ingest.reanalysis import Reanalysis
    from mirsearch.search.search import check_extractor

    corpus = open_index(index)
    try:
        figures = _figures(corpus, ids or [])
        model = load_extractor_of(corpus)
        check_extractor(corpus, model)
        analyzer = FigureAnalyzer(load_ocr(ocr), load_detector(scalebars))
        with _progress(len(figures), output is TableFormat.JSON) as report:
            work = Reanalysis(corpus, analyzer, model, force=force, embed=embed, workers=workers, progress=report)
            summary = work.run(figures)
    finally:
        corpus.close()
    if output is TableFormat.JSON:
        print_json(summary.as_json(), indent=None)
    else:
        _print_summary(summary, corpus.location)
    if summary.interrupted:
        complain("interrupted: what was done is kept; run the same command again to go on")
        raise typer.Exit(INTERRUPTED)
    if summary.failures:
        raise typer.Exit(1)


def _figures(corpus: Index, ids: Sequence[str]) -> list[str]:
    """Ids of the figures meant, each once; all of the index where none is named."""
    from mirsearch.query import Filters

    if not ids:
        return list(dict.fromkeys(each.figure.id for each in corpus.select_panels(Filters())))
    figures: dict[str, None] = {}
    for some_id in ids:
        found = corpus.find_panels(some_id)
        if not found:
            raise NotFoundError(
                f"nothing in {corpus.location} has the id {some_id!r}", "`mirsearch show` takes the same"
            )
        figures |= dict.fromkeys(each.figure.id for each in found)
    return list(figures)


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[ReanalysisSummary, int], None] | None]:
    """A progress bar on stderr; nothing where that is not a terminal."""
    screen = console(stderr=True)
    if quiet or not screen.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    told = TextColumn("{task.fields[told]}")
    with Progress(TextColumn("figures"), BarColumn(), MofNCompleteColumn(), told, TimeRemainingColumn(),
                  console=screen) as bar:  # fmt: skip
        task = bar.add_task("reanalyze", total=total, told="")

        def report(summary: ReanalysisSummary, done: int) -> None:
            counts = f"{summary.figures['reanalyzed']} read again · {len(summary.failures)} not"
            bar.update(task, completed=done, told=counts)

        yield report


def _print_summary(summary: ReanalysisSummary, location: str) -> None:
    """What could not be read on stderr, counts on stdout."""
    for figure, file, reason in summary.failures[:FAILURES_SHOWN]:
        complain(f"figure {figure}, {file}: {reason}")
    if len(summary.failures) > FAILURES_SHOWN:
        complain(f"… and {len(summary.failures) - FAILURES_SHOWN} more (--format json lists all)")
    count, loose = summary.figures, summary.corrections_loose
    parts = [
        f"{count['reanalyzed']} figures read again ({summary.panels} panels, {summary.panels_with_scale} with scale, "
        f"{summary.panels_embedded} embedded)",
        f"{count['current']} current",
        f"{count['missing']} files gone" if count["missing"] else "",
        f"{count['changed']} files changed" if count["changed"] else "",
        f"{count['failed']} failed" if count["failed"] else "",
        f"{summary.corrections_kept} corrections kept" if summary.corrections_kept else "",
    ]
    typer.echo(f"{location}: " + ", ".join(filter(None, parts)) + f"; {summary.seconds:.1f} s")
    if loose:
        typer.echo(f"corrections without a panel that fits, kept for later: {', '.join(dict.fromkeys(loose))}")
