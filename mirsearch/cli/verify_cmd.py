"""`mirsearch verify`: check an index as a whole, and repair it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mirsearch import settings
from mirsearch.cli.parts import load_detector, load_ocr
from mirsearch.cli.shared_options import IndexOption, OcrOption, ScaleBarsOption, TableFormat
from mirsearch.cli.terminal import print_json, print_message
from mirsearch.errors import UsageError

if TYPE_CHECKING:
    from mirsearch.analysis.analyzer import FigureAnalyzer
    from mirsearch.extractors.base import Extractor
    from mirsearch.indexes.faults import Fault

DAMAGED = 3
"""Exit code if faults were found and are still there."""
MAX_SHOWN = 200
"""Faults that are printed; the others are only counted."""


def verify(
    index: IndexOption = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what can be repaired. Corrections are kept.")
    ] = False,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """Check everything in an index against its checksums, and repair it with --repair."""
    from mirsearch.indexes import backend_name

    location = settings.index_location(index)
    kind = backend_name(location)
    if kind not in ("embedded", "elasticsearch"):
        raise UsageError(f"an index of the plug-in {kind} can't be verified", "use the tools of its database")
    faults, done = _find_faults(location), list[str]()
    if faults and repair:
        done = _repair(location, ocr, scalebars)
        faults = _find_faults(location)
    if output is TableFormat.JSON:
        listed = [fault.as_json() for fault in faults]
        print_json({"index": location, "whole": not faults, "faults": listed, "repaired": done if repair else None})
    else:
        _print_faults(location, faults, done, offer_repair=not repair)
    if faults:
        raise typer.Exit(DAMAGED)


def _print_faults(location: str, faults: list[Fault], done: list[str], *, offer_repair: bool) -> None:
    for line in done:
        typer.echo(f"repaired: {line}")
    for fault in faults[:MAX_SHOWN]:
        typer.echo(str(fault))
    if len(faults) > MAX_SHOWN:
        typer.echo(f"… and {len(faults) - MAX_SHOWN:,} more (--format json lists all)")
    if not faults:
        typer.echo(f"{location} is whole")
    elif offer_repair:
        print_message(f"{len(faults):,} faults (repair them: mirsearch verify --repair --index {location})")
    else:
        print_message(
            f"{len(faults):,} faults are left (put the index back from a copy, or ingest into another --index)"
        )


def _find_faults(location: str) -> list[Fault]:
    from mirsearch.indexes import backend_name

    if backend_name(location) == "embedded":
        from mirsearch.indexes.embedded import verify as embedded_verify

        return list(embedded_verify.find_faults(location))
    from mirsearch.indexes.elasticsearch.verify import find_faults

    return list(find_faults(location))


def _repair(location: str, ocr: str, scalebars: str) -> list[str]:
    from mirsearch.indexes import backend_name

    if backend_name(location) == "elasticsearch":
        from mirsearch.indexes.elasticsearch.verify import repair

        return repair(location)
    from mirsearch.indexes.embedded import verify as embedded_verify
    from mirsearch.ingest.mending import FigureMender

    def load_analyzer() -> FigureAnalyzer:
        from mirsearch.analysis.analyzer import FigureAnalyzer

        return FigureAnalyzer(load_ocr(ocr), load_detector(scalebars))

    def load_extractor() -> Extractor:
        from mirsearch.extractors.factory import open_recorded_extractor

        return open_recorded_extractor(embedded_verify.stored_extractor(location), None, None)

    return embedded_verify.repair(location, FigureMender(load_analyzer, load_extractor))
