"""`mirsearch analyze`: analyze figures without an index."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
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
    from mirsearch.query import Pixels
    from mirsearch.readers.figures import FileFigure
    from mirsearch.report.describe import AnalyzedPage

log = logging.getLogger(__name__)


def analyze(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files.", show_default=False)],
    caption: Annotated[str, typer.Option("--caption", help="Caption of the figure, for all given files.")] = "",
    captions: Annotated[
        Path | None,
        typer.Option("--captions", help="CSV file with the columns file and caption (default: captions.csv beside)."),
    ] = None,
    overlay: Annotated[
        str | None,  # a Path would lose the / at its end
        typer.Option(
            "--overlay",
            metavar="PATH",
            help="Draw the result onto the figure: a PNG file, or a folder (with / at its end, or for several images).",
        ),
    ] = None,
    scale: Annotated[
        str | None, typer.Option("--scale", help='Length of each bar whose length is not known: "5 um".')
    ] = None,
    ocr: OcrOption = settings.DEFAULT_OCR,
    scalebars: ScaleBarsOption = settings.DEFAULT_SCALEBARS,
    output: Annotated[TableFormat, typer.Option("--format", help="table or json.")] = TableFormat.TABLE,
) -> None:
    """Cut figures into panels and read their letters, scale bars and text. Stores nothing."""
    from mirsearch.analysis.analyzer import FigureAnalyzer
    from mirsearch.search.option_values import parse_scale_options

    caption_of = _captions_beside() if captions is None and not caption else _read_captions(captions)
    length_nm = parse_scale_options(scale, None, None, None, False).length_nm
    analyzer = FigureAnalyzer(load_ocr(ocr), load_detector(scalebars))
    results: list[AnalyzedPage] = []
    failed = False
    overlays = None if overlay is None else _OverlayPaths.of(overlay, len(images) > 1)
    prints_each = output is TableFormat.TABLE
    for path in images if prints_each else track_progress(images, "figures"):
        own_caption = caption_of(path)
        try:
            found = _analyze_file(path, caption if own_caption is None else own_caption, analyzer, length_nm)
            for page, read_pixels in found:
                _print_table([page]) if prints_each else results.append(page)
                if overlays is not None:
                    _write_overlay(read_pixels(), page.panels, overlays.path(path, page.page))
        except ImageError as error:
            failed = True
            print_message(str(error))
    if output is TableFormat.JSON:
        print_json([_page_json(page) for page in results])
    if failed:
        raise typer.Exit(1 if any(path.exists() for path in images) else UsageError.exit_code)


def _analyze_file(
    path: Path, caption: str, analyzer: FigureAnalyzer, length_nm: float | None
) -> Iterator[tuple[AnalyzedPage, Callable[[], Pixels]]]:
    """Yield the analysis of each figure of a file, and a function that returns its pixels.

    Raises ImageError at the first figure that can't be read. `length_nm` is what each bar whose length is not known
    stands for.
    """
    from mirsearch.readers.figures import open_figures
    from mirsearch.report.describe import AnalyzedPage
    from mirsearch.search.given_scale import give_length

    with open_figures(path) as figures:
        for figure in figures:
            panels, error = _analyze_figure(path, figure, caption or figure.description, analyzer)
            if error is not None and not panels:
                raise error
            if length_nm is not None:
                panels = [give_length(panel, length_nm) for panel in panels]
            yield AnalyzedPage(str(path), figure.number, figure.width, figure.height, tuple(panels)), figure.pixels
            if error is not None:
                raise error


def _page_json(page: AnalyzedPage) -> dict[str, Any]:
    from mirsearch.search.answer import panel_json

    return {
        "file": page.file,
        "page": page.page,
        "width": page.width,
        "height": page.height,
        "panels": [panel_json(panel) for panel in page.panels],
    }


def _analyze_figure(
    path: Path, figure: FileFigure, caption: str, analyzer: FigureAnalyzer
) -> tuple[list[Panel], ImageError | None]:
    """Return the panels of a figure, and the error that ended it early: the images before it count."""
    from mirsearch.ingest.figure_analysis import analyze_images

    panels: list[Panel] = []
    try:
        for image in analyze_images(figure, caption, analyzer):
            panels += image.panels
    except ImageError as error:
        return panels, error
    except MirsearchError:
        raise
    except Exception as error:  # one figure that breaks the analysis must not stop the others
        from mirsearch.ingest.failures import analysis_failure

        log.debug("analysis of %s failed", path, exc_info=True)
        reason, remedy = analysis_failure(error)
        raise ImageError(f"{path}: {reason}", remedy) from error
    return panels, None


@dataclass
class _OverlayPaths:
    """Paths of overlays: a file, or a folder for several images, where each overlay has a name of its own."""

    target: Path
    is_folder: bool
    used: set[Path] = field(default_factory=set)

    @classmethod
    def of(cls, given: str, are_several: bool) -> _OverlayPaths:
        """Return the paths for what is given, as a shell understands it: what ends with / is a folder."""
        is_named = given.endswith(tuple(filter(None, (os.sep, os.altsep))))
        return cls(Path(given), are_several or is_named or Path(given).is_dir())

    def path(self, source: Path, page: int) -> Path:
        """Return the file for a page of an image, counted from 0. Raises UsageError if the option is a wrong path."""
        suffix = f".page{page + 1}" if page else ""
        if not self.is_folder:
            if not self.target.parent.is_dir():
                raise UsageError(f"--overlay {self.target}: there is no folder {self.target.parent}", "create it first")
            return self.target.with_name(f"{self.target.stem}{suffix}{self.target.suffix or '.png'}")
        if self.target.exists() and not self.target.is_dir():
            raise UsageError(f"--overlay {self.target} is a file, and a folder is needed", "give another name")
        self.target.mkdir(parents=True, exist_ok=True)
        numbers = itertools.chain(("",), (f"-{number}" for number in itertools.count(2)))
        names = (self.target / f"{source.stem}{number}{suffix}.overlay.png" for number in numbers)
        target = next(path for path in names if path not in self.used)
        self.used.add(target)
        return target


def _write_overlay(pixels: Pixels, panels: Sequence[Panel], target: Path) -> None:
    import cv2

    from mirsearch.files.partial import write_output
    from mirsearch.report.overlay import draw_overlay

    drawn = draw_overlay(pixels, panels)
    encoded = cv2.imencode(".png", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))[1]
    with write_output(target) as part:
        part.write_bytes(encoded.tobytes())


def _read_captions(path: Path | None) -> Callable[[Path], str | None]:
    if path is None:
        return lambda _: None
    from mirsearch.sources.tables import caption_lookup, read_table

    return caption_lookup(read_table(path))


def _captions_beside() -> Callable[[Path], str | None]:
    """Return a function that gives an image's caption from a captions.csv in its folder; None where there is none.

    A table that can't be read is told once.
    """
    from mirsearch.sources.tables import TABLE_NAMES

    @cache
    def lookup(folder: Path) -> Callable[[Path], str | None]:
        table = next((folder / name for name in TABLE_NAMES if (folder / name).is_file()), None)
        try:
            return _read_captions(table)
        except MirsearchError as error:
            print_message(f"{error}; its captions are not used")
            return _read_captions(None)

    return lambda image: lookup(image.parent)(image)


def _print_table(results: list[AnalyzedPage]) -> None:
    from mirsearch.report.describe import print_analysis

    print_analysis(results, console())
