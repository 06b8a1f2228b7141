"""What the analysis of a file gives, apart from where the file is from: figures, their images, and what went wrong.

It depends on the file's bytes and what is asked of it alone, so that any machine may do it (see remote).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mirsearch.corpus import Figure, Origin, Panel, figure_id, name_panels
from mirsearch.indexes.base import FigureRecord
from mirsearch.ingest.pending import PreparedFile
from mirsearch.query import Vector
from mirsearch.sources.base import FoundFigure


@dataclass(frozen=True, slots=True)
class FileRequest:
    """What is asked of a file: its caption, the panels that a source knows, and one page (None: every page)."""

    path: Path
    caption: str = ""
    panels: tuple[Panel, ...] | None = None
    page: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ReadyImage:
    """What is kept of an image: its panels, and a vector and a thumbnail of each, but not its pixels."""

    panels: tuple[Panel, ...]
    vectors: Vector
    thumbnails: tuple[bytes, ...]


@dataclass(slots=True, eq=False)
class ReadyFigure:
    """A figure of a file with its images that are ready; `total` is how many it has. See FileFigure for the rest."""

    number: int
    width: int
    height: int
    fragment: str
    description: str
    total: int
    ready: list[ReadyImage] = field(default_factory=list)


@dataclass(slots=True)
class AnalyzedFile:
    """The figures of a file, failures as (stage, reason), notes, and seconds by stage.

    `is_stopped`: Ctrl-C came before all planes of a figure were read.
    """

    figures: list[ReadyFigure] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    is_stopped: bool = False


def request_for(found: FoundFigure) -> FileRequest:
    """Return what is asked of the file of a figure that a source found."""
    return FileRequest(found.path, found.caption, found.panels, found.page)


def make_records(found: FoundFigure, identity: str, file: AnalyzedFile, version: str) -> PreparedFile:
    """Return the records of a file's figures. `identity` is the id of its first one, `version` that of the analysis."""
    content = identity.partition(".")[0]
    records = [_record(found, content, figure, version) for figure in file.figures if figure.ready]
    return PreparedFile(records, file.failures, file.seconds, file.notes, file.is_stopped)


def _record(found: FoundFigure, content: str, figure: ReadyFigure, version: str) -> FigureRecord:
    """Return the record of the images that are ready. Its origin says if they are not all."""
    ready, own_id = figure.ready, figure_id(content, figure.number)
    part = "" if len(ready) == figure.total else f"&images={len(ready)}"
    fragment = f"{figure.fragment}{part}" if figure.fragment else ""
    origin = Origin(found.origin.source, f"{found.origin.location}{fragment}", found.origin.retrieved)
    described = Figure(
        id=own_id, width=figure.width, height=figure.height, label=found.label,
        caption=found.caption or figure.description, article=found.article, origins=(origin, *found.other_origins),
        page=figure.number, permission_note=found.permission_note, mentions=found.mentions
    )  # fmt: skip
    panels = name_panels(own_id, [panel for image in ready for panel in image.panels])
    thumbnails = tuple(thumbnail for image in ready for thumbnail in image.thumbnails)
    vectors = np.concatenate([image.vectors for image in ready])
    return FigureRecord(described, panels, vectors, thumbnails, version, found.panels or ())
