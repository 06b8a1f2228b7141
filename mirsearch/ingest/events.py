"""What an ingest tells while it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mirsearch.indexes.base import FigureRecord


@dataclass(frozen=True, slots=True)
class RunEvents:
    """What is called while an ingest runs.

    `on_plane(name, done, total)` comes before each image of a file is read: 0 of 1 for a plain picture. A thread that
    analyzes calls it; of workers elsewhere, it tells that a file was sent. `on_write(records)` tells what was written
    of a file.
    """

    on_plane: Callable[[str, int, int], None] = lambda name, done, total: None
    on_write: Callable[[Sequence[FigureRecord]], None] = lambda records: None


NO_EVENTS = RunEvents()
