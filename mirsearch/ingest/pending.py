"""The files that an ingest has in hand: what a worker makes of one, and its place in the queue."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field

from mirsearch.indexes.base import FigureRecord
from mirsearch.sources.base import FoundFigure


@dataclass(slots=True)
class PreparedFile:
    """The result of a worker for one file: a record for each figure, failures as (stage, reason), seconds by stage.

    `is_stopped`: Ctrl-C came before all planes of a figure were read. `notes` tell what of a file was not taken.
    """

    records: list[FigureRecord] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    is_stopped: bool = False


@dataclass(slots=True)
class PendingFile:
    """A file in the queue. Without a future it is a copy of a figure of the same run."""

    found: FoundFigure
    figure_id: str
    is_update: bool
    future: Future[PreparedFile] | None = None
