"""The protocol of an index, and how one is chosen by its location."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mirsearch.corpus import Figure, Origin, Panel
from mirsearch.corrections import Correction
from mirsearch.query import Filters, SearchRequest, SearchResult, StoredPanel

SCHEMA_VERSION = 1
"""Of an index on Elasticsearch; the embedded index counts its own, in sqlite_schema."""


@dataclass(frozen=True, slots=True)
class ExtractorIdentity:
    """Which extractor made an index's vectors: name, version and dims must all be the same for a query."""

    name: str
    version: str
    dims: int

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.dims} dims)"


@dataclass(frozen=True, slots=True)
class FigureRecord:
    """A figure with its panels, written as one: vectors float32 (panels, dims) of unit length, one JPEG a panel.

    `panels` are as they were read, by the analysis of version `analysis`; `given` those its source had told.
    `corrections` take the place of those the index has of the figure; None leaves them. The index lays them over.
    """

    figure: Figure
    panels: tuple[Panel, ...]
    vectors: NDArray[np.float32]
    thumbnails: tuple[bytes, ...]
    analysis: str | None = None
    given: tuple[Panel, ...] = ()
    corrections: tuple[Correction, ...] | None = None


@dataclass(frozen=True, slots=True)
class FigureNotes:
    """What an index keeps of a figure beside its readings; see FigureRecord."""

    analysis: str | None = None
    given: tuple[Panel, ...] = ()
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownFigure:
    """What an index already holds of a figure: enough to see whether an ingest would change it."""

    id: str
    caption: str
    article_id: str | None
    origins: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """An input (a path or address) an ingest could not take: the stage it failed at, why in one line, when (UTC)."""

    input: str
    stage: str
    reason: str
    noted_at: str | None = None


class IndexWriter(Protocol):
    """Writes inside one exclusive session; nothing is visible to readers, or survives a crash, before `commit`."""

    def put(self, record: FigureRecord) -> None:
        """Add a figure, or replace it and its panels where it is there already (its origins are merged)."""

    def add_origin(self, figure_id: str, origin: Origin) -> None:
        """Note one more place of a figure; the same source and location again changes nothing."""

    def mark_retracted(self, article_ids: Iterable[str]) -> None:
        """Note that articles were retracted; nothing happens where one is not there."""

    def delete(self, figure_ids: Iterable[str]) -> int:
        """Remove figures with their panels; how many were there."""

    def note_failures(self, failed: Iterable[Failure], settled: Iterable[str] = ()) -> None:
        """Note inputs that failed, one again in place of what was noted of it; forget those that are settled."""

    def commit(self) -> None:
        """Make everything since the last commit durable and visible; a large load on a cluster shows a second later."""


class Index(Protocol):
    """A corpus that answers queries. Reading needs no lock; one writer at a time, a second gets IndexBusyError."""

    location: str

    @classmethod
    def open(cls, location: str, *, create: ExtractorIdentity | None = None) -> Index:
        """Open what is at `location`; with `create` make it there when absent, and refuse another extractor's index.

        Raises IndexAccessError when there is none (or it is not ours, or can't be used), IndexMismatchError on another
        extractor or a newer schema.
        """

    @property
    def extractor(self) -> ExtractorIdentity:
        """The extractor this index was built with."""

    def writer(self) -> AbstractContextManager[IndexWriter]:
        """The writing session; leaving it normally commits, leaving it by an exception drops what is uncommitted."""

    def known(self, figure_ids: Sequence[str]) -> dict[str, KnownFigure]:
        """Those of the figures that are in the index."""

    def notes(self, figure_ids: Sequence[str]) -> dict[str, FigureNotes]:
        """How each of the figures was read and what was corrected; those that are not there are left out."""

    def search(self, request: SearchRequest) -> SearchResult:
        """The best panels for a request."""

    def panels(self, panel_ids: Sequence[str]) -> list[StoredPanel]:
        """Panels by id, in the order asked; NotFoundError names the first that is missing."""

    def figure_panels(self, figure_id: str) -> list[StoredPanel]:
        """All panels of a figure in reading order; empty where there is no such figure."""

    def find(self, some_id: str) -> list[StoredPanel]:
        """Panels of a panel id, figure id (or a unique prefix of 6 or more digits) or article id/DOI; may be empty."""

    def vector(self, panel_id: str) -> NDArray[np.float32]:
        """The stored vector of a panel, float32 (dims,); NotFoundError."""

    def thumbnail(self, panel_id: str) -> bytes | None:
        """The panel's small JPEG."""

    def select(self, filters: Filters) -> Iterator[StoredPanel]:
        """Every panel the filters leave, ordered by panel id."""

    def failures(self) -> list[Failure]:
        """What ingests could not take, and have not taken since, by input."""

    def stats(self) -> dict[str, Any]:
        """At least articles, figures, panels, failures, with_scale, extractor, dims, schema_version, bytes, and counts
        by kind, technique, license, year and scale source."""

    def close(self) -> None:
        """Give back files and connections."""
