"""`mirsearch analyze`: what figures say, without an index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch import settings
from mirsearch.cli.common import (
    OcrOption,
    ScaleBarsOption,
    TableFormat,
    complain,
    console,
    load_detector,
    load_ocr,
    print_json,
    tracked,
)
from mirsearch.errors import ImageError, UsageError

if TYPE_CHECKING:
    from mirsearch.analysis.analyzer import FigureAnalyzer
    from mirsearch.corpus import Panel
    from mirsearch.images import Page


def analyze(
    images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)],
    caption: Annotated[str, typer.Option("--caption", help="Caption of the figure (all of the files).")] = "",
    captions: Annotated[Path | None, typer.Option("--captions", help="CSV with columns file and caption.")] = None,
    overlay: Annotated[
        Path | None,
        typer.Option("--overlay", help="Draw what was read onto the figure: a PNG (or, for several files, a folder)."),
    ] = None,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """Cut figures into panels and read letters, scale bars and text. Nothing is stored."""
    from mirsearch.analysis.analyzer import FigureAnalyzer

    table = _caption_table(captions)
    analyzer = FigureAnalyzer(load_ocr(ocr), load_detector(scalebars))
    results: list[dict[str, Any]] = []
    failed = False
    several = len(images) > 1 or (overlay is not None and overlay.is_dir())
    for path in tracked(images, "figures"):
        try:
            results.extend(_analyze_file(path, table.get(path.name, caption), analyzer, overlay, several))
        except ImageError as error:
            failed = True
            complain(str(error))
    if output is TableFormat.JSON:
        print_json(results)
    else:
        _print_table(results)
    if failed:
        raise typer.Exit(1)


def _analyze_file(
    path: Path, caption: str, analyzer: FigureAnalyzer, overlay: Path | None, several: bool
) -> list[dict[str, Any]]:
    from mirsearch.answer import panel_json
    from mirsearch.images import read_pages

    results = []
    for page in read_pages(path):
        panels = analyzer.analyze(page.pixels, caption, nm_per_px=page.nm_per_px)
        height, width = page.pixels.shape[:2]
        results.append(
            {
                "file": str(path),
                "page": page.number,
                "width": width,
                "height": height,
                "panels": [panel_json(panel) for panel in panels],
            }
        )
        if overlay is not None:
            _write_overlay(page, panels, _overlay_path(overlay, path, page.number, several))
    return results


def _overlay_path(overlay: Path, source: Path, page: int, several: bool) -> Path:
    tail = f".page{page}" if page else ""
    if several:
        if overlay.exists() and not overlay.is_dir():
            raise UsageError(f"--overlay {overlay} is a file, but there are several images", "give a folder")
        overlay.mkdir(parents=True, exist_ok=True)
        return overlay / f"{source.stem}{tail}.overlay.png"
    if not overlay.parent.is_dir():
        raise UsageError(f"--overlay {overlay}: there is no folder {overlay.parent}", "make it first")
    return overlay.with_name(f"{overlay.stem}{tail}{overlay.suffix or '.png'}")


def _write_overlay(page: Page, panels: list[Panel], target: Path) -> None:
    import cv2

    from mirsearch.report.overlay import draw_overlay

    drawn = draw_overlay(page.pixels, panels)
    encoded = cv2.imencode(".png", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))[1]
    target.write_bytes(encoded.tobytes())


def _caption_table(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    from mirsearch.sources.tables import read_table

    rows = [row.fields for row in read_table(path).rows]
    return {Path(row["file"]).name: row.get("caption", "") for row in rows if "file" in row}


def _print_table(results: list[dict[str, Any]]) -> None:
    from mirsearch.report.describe import print_analysis

    print_analysis(results, console())
