"""The source `vacuscope`: images with a sidecar file (.vss) that gives the pixel size."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from pathlib import Path

from mirsearch.corpus import Article, Origin, Panel, ScaleReading
from mirsearch.errors import ImageError, SourceError
from mirsearch.imaging.images import is_image_name, picture_size
from mirsearch.sources.articles import clean_text
from mirsearch.sources.base import FoundFigure, SourceFailure, SourceRequest

SIDECAR_BYTES = 1 << 16
"""Bytes that are read of a sidecar file."""


class VacuscopeSource:
    """Folders of scans. The scale in a sidecar is kept: the analysis then looks for no scale bar."""

    name = "vacuscope"
    priority = 40

    def recognizes(self, path: Path) -> bool:
        """Return whether a folder holds a sidecar file. The folders below it then belong to this source too."""
        return path.is_dir() and any(each.suffix == ".vss" for each in path.iterdir())

    def find_figures(self, request: SourceRequest) -> Iterator[FoundFigure | SourceFailure]:
        """Yield a figure for each image with a sidecar, and a failure for each other image."""
        for folder in request.paths:
            images = sorted(each for each in folder.resolve().rglob("*") if is_image_name(each))
            if not images:
                raise SourceError(f"{folder}: no scans", "give a folder of VacuScope images")
            for image in images:
                yield _scan(image)


def _scan(image: Path) -> FoundFigure | SourceFailure:
    try:
        pixel_nm, sample, comment = _sidecar(image.with_suffix(".vss"))
        width, height = picture_size(image)
    except (SourceError, ImageError) as error:
        return SourceFailure.from_error(image, error)
    panel = Panel(box=(0, 0, width, height), kind="micrograph", kind_confidence=1.0,
                  scale=ScaleReading(nm_per_px=pixel_nm, source="metadata"))  # fmt: skip
    return FoundFigure(
        path=image,
        origin=Origin("vacuscope", str(image)),
        caption=clean_text(f"{sample}. {comment}".strip(". ")),
        article=Article(id=f"vacuscope:{sample}", title=sample) if sample else None,
        panels=(panel,),
    )


def _sidecar(path: Path) -> tuple[float, str, str]:
    """Return (nm per pixel, sample, comment). Raises SourceError with the file and the remedy."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(SIDECAR_BYTES)
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(text)
        scan = parser["scan"]
        pixel_nm = float(scan["pixel_nm"])
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such sidecar file", "copy it from the instrument, beside its image") from error
    except (OSError, configparser.Error, KeyError, ValueError) as error:
        raise SourceError(
            f"{path}: no pixel size: {clean_text(str(error), 80)}", "write pixel_nm under [scan]"
        ) from error
    if not 1e-3 < pixel_nm < 1e6:
        raise SourceError(f"{path}: a pixel of {pixel_nm} nm", "write pixel_nm in nanometers under [scan]")
    return pixel_nm, clean_text(scan.get("sample", "")), clean_text(scan.get("comment", ""))
