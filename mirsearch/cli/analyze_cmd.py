"""`mirsearch analyze`: what figures say, without an index."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mirsearch import settings
from mirsearch.cli.common import OcrOption, ScaleBarsOption, TableFormat, load_detector, load_ocr
from mirsearch.cli.terminal import complain, console, print_json, tracked
from mirsearch.errors import ImageError, MirsearchError, UsageError

if TYPE_CHECKING:
    from mirsearch.analysis.analyzer import FigureAnalyzer
    from mirsearch.corpus import Panel
    from mirsearch.imaging.images import Page

log = logging.getLogger(__name__)


def analyze(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files.", show_default=False)],
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

    table = _captions(captions)
    analyzer = FigureAnalyzer(load_ocr(ocr), load_detector(scalebars))
    results: list[dict[str, Any]] = []
    failed = False
    overlays = None if overlay is None else _Overlays(overlay, len(images) > 1 or overlay.is_dir())
    for path in tracked(images, "figures"):
        told = table(path)
        try:
            results.extend(_analyzed(path, caption if told is None else told, analyzer, overlays))
        except ImageError as error:
            failed = True
            complain(str(error))
    if output is TableFormat.JSON:
        print_json(results)
    else:
        _print_table(results)
    if failed:
        raise typer.Exit(1)


def _analyzed(
    path: Path, caption: str, analyzer: FigureAnalyzer, overlays: _Overlays | None
) -> Iterator[dict[str, Any]]:
    """What each page of a file says; ImageError at the first that can't be read."""
    from mirsearch.imaging.images import read_pages
    from mirsearch.search.answer import panel_json

    for page in read_pages(path):
        panels = _panels(path, page, caption, analyzer)
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


def _panels(path: Path, page: Page, caption: str, analyzer: FigureAnalyzer) -> list[Panel]:
    try:
        return analyzer.analyze(page.pixels, caption, nm_per_px=page.nm_per_px)
    except MirsearchError:
        raise
    except Exception as error:  # a figure that trips the analysis must not cost what the others say
        log.debug("analysis of %s failed", path, exc_info=True)
        cause = f"{type(error).__name__}: {error}"
        raise ImageError(f"{path}: the analysis failed: {cause}", "report it, with the image if you may") from error


@dataclass
class _Overlays:
    """Where overlays go: a file, or, for `several` images, a folder; no two images get one name."""

    where: Path
    several: bool
    taken: set[Path] = field(default_factory=set)

    def path(self, source: Path, page: int) -> Path:
        """The file for a page of an image; UsageError where the option does not fit."""
        tail = f".page{page}" if page else ""
        if not self.several:
            if not self.where.parent.is_dir():
                raise UsageError(f"--overlay {self.where}: there is no folder {self.where.parent}", "make it first")
            return self.where.with_name(f"{self.where.stem}{tail}{self.where.suffix or '.png'}")
        if self.where.exists() and not self.where.is_dir():
            raise UsageError(f"--overlay {self.where} is a file, but there are several images", "give a folder")
        self.where.mkdir(parents=True, exist_ok=True)
        numbers = itertools.chain(("",), (f"-{number}" for number in itertools.count(2)))
        tries = (self.where / f"{source.stem}{number}{tail}.overlay.png" for number in numbers)
        target = next(each for each in tries if each not in self.taken)
        self.taken.add(target)
        return target


def _write_overlay(page: Page, panels: list[Panel], target: Path) -> None:
    import cv2

    from mirsearch.report.overlay import draw_overlay

    drawn = draw_overlay(page.pixels, panels)
    encoded = cv2.imencode(".png", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))[1]
    target.write_bytes(encoded.tobytes())


def _captions(path: Path | None) -> Callable[[Path], str | None]:
    if path is None:
        return lambda _: None
    from mirsearch.sources.tables import caption_lookup, read_table

    return caption_lookup(read_table(path))


def _print_table(results: list[dict[str, Any]]) -> None:
    from mirsearch.report.describe import print_analysis

    print_analysis(results, console())
