"""`mirsearch analyze`: analyze figures without an index."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch import settings
from mirsearch.cli.parts import load_detector, load_ocr
from mirsearch.cli.shared_options import OcrOption, ScaleBarsOption, TableFormat
from mirsearch.cli.terminal import console, print_json, print_message, track_progress
from mirsearch.errors import ImageError, MirsearchError, UsageError

if TYPE_CHECKING:
    from mirsearch.analysis.analyzer import FigureAnalyzer
    from mirsearch.corpus import Panel
    from mirsearch.imaging.images import Page

log = logging.getLogger(__name__)


def analyze(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files.", show_default=False)],
    caption: Annotated[str, typer.Option("--caption", help="Caption of the figure, for all given files.")] = "",
    captions: Annotated[
        Path | None, typer.Option("--captions", help="CSV file with the columns file and caption.")
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            "--overlay", help="Draw the result onto the figure: a PNG file, or a folder if there are several images."
        ),
    ] = None,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """Cut figures into panels and read their letters, scale bars and text. Stores nothing."""
    from mirsearch.analysis.analyzer import FigureAnalyzer

    caption_of = _read_captions(captions)
    analyzer = FigureAnalyzer(load_ocr(ocr), load_detector(scalebars))
    results: list[dict[str, Any]] = []
    failed = False
    overlays = None if overlay is None else _OverlayPaths(overlay, len(images) > 1 or overlay.is_dir())
    for path in track_progress(images, "figures"):
        own_caption = caption_of(path)
        try:
            results.extend(_analyze_file(path, caption if own_caption is None else own_caption, analyzer, overlays))
        except ImageError as error:
            failed = True
            print_message(str(error))
    if output is TableFormat.JSON:
        print_json(results)
    else:
        _print_table(results)
    if failed:
        raise typer.Exit(1)


def _analyze_file(
    path: Path, caption: str, analyzer: FigureAnalyzer, overlays: _OverlayPaths | None
) -> Iterator[dict[str, Any]]:
    """Return the analysis of each page of a file. Raises ImageError at the first page that can't be read."""
    from mirsearch.imaging.images import read_pages
    from mirsearch.search.answer import panel_json

    for page in read_pages(path):
        panels = _analyze_page(path, page, caption, analyzer)
        height, width = page.pixels.shape[:2]
        yield {
            "file": str(path),
            "page": page.number,
            "width": width,
            "height": height,
            "panels": [panel_json(panel) for panel in panels],
        }
        if overlays is not None:
            _write_overlay(page, panels, overlays.path(path, page.number))


def _analyze_page(path: Path, page: Page, caption: str, analyzer: FigureAnalyzer) -> list[Panel]:
    try:
        return analyzer.analyze(page.pixels, caption, nm_per_px=page.nm_per_px)
    except MirsearchError:
        raise
    except Exception as error:  # one figure that breaks the analysis must not stop the others
        from mirsearch.ingest.failures import analysis_failure

        log.debug("analysis of %s failed", path, exc_info=True)
        reason, remedy = analysis_failure(error)
        raise ImageError(f"{path}: {reason}", remedy) from error


@dataclass
class _OverlayPaths:
    """Paths of overlays: a file, or a folder for several images, where each overlay has a name of its own."""

    target: Path
    is_folder: bool
    used: set[Path] = field(default_factory=set)

    def path(self, source: Path, page: int) -> Path:
        """Return the file for a page of an image. Raises UsageError if the option is a wrong path."""
        suffix = f".page{page}" if page else ""
        if not self.is_folder:
            if not self.target.parent.is_dir():
                raise UsageError(f"--overlay {self.target}: there is no folder {self.target.parent}", "create it first")
            return self.target.with_name(f"{self.target.stem}{suffix}{self.target.suffix or '.png'}")
        if self.target.exists() and not self.target.is_dir():
            raise UsageError(f"--overlay {self.target} is a file, but there are several images", "give a folder")
        self.target.mkdir(parents=True, exist_ok=True)
        numbers = itertools.chain(("",), (f"-{number}" for number in itertools.count(2)))
        names = (self.target / f"{source.stem}{number}{suffix}.overlay.png" for number in numbers)
        target = next(path for path in names if path not in self.used)
        self.used.add(target)
        return target


def _write_overlay(page: Page, panels: list[Panel], target: Path) -> None:
    import cv2

    from mirsearch.files.partial import write_output
    from mirsearch.report.overlay import draw_overlay

    drawn = draw_overlay(page.pixels, panels)
    encoded = cv2.imencode(".png", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))[1]
    with write_output(target) as part:
        part.write_bytes(encoded.tobytes())


def _read_captions(path: Path | None) -> Callable[[Path], str | None]:
    if path is None:
        return lambda _: None
    from mirsearch.sources.tables import caption_lookup, read_table

    return caption_lookup(read_table(path))


def _print_table(results: list[dict[str, Any]]) -> None:
    from mirsearch.report.describe import print_analysis

    print_analysis(results, console())
