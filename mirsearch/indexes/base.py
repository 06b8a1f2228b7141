"""The protocols that an index implements, and the data classes that it reads and writes."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mirsearch.corpus import Figure, Origin, Panel
from mirsearch.corrections import Correction
from mirsearch.query import Filters, Order, ScoredPanel, SearchRequest, SearchResult, StoredPanel

ANY_FOLDER = "*/"
"""The beginning of a location that is only the end of a path."""

JsonObject = dict[str, Any]
"""An object of JSON, in plain types."""

SCHEMA_VERSION = 1
"""Schema version of an index on Elasticsearch. That of the embedded index is in embedded.database.schema."""


@dataclass(frozen=True, slots=True)
class ExtractorIdentity:
    """The extractor that made the vectors of an index. A query needs the same name, version and dims."""

    name: str
    version: str
    dims: int

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.dims} dims)"


@dataclass(frozen=True, slots=True)
class FigureRecord:
    """A figure with its panels, for one write: vectors float32 (panels, dims) of unit length, and JPEG thumbnails.

    `panels` are the results of the analysis with version `analysis_version`, without corrections. `source_panels` are
    the panels that the source provided. `corrections` replace those that the index has for the figure; None keeps them.
    The index applies them to the panels. `meanings` has known sentence vectors by the key of their text (see
    `indexes.meanings`); an index that has sentence vectors makes the others.
    """

    figure: Figure
    panels: tuple[Panel, ...]
    vectors: NDArray[np.float32]
    thumbnails: tuple[bytes, ...]
    analysis_version: str | None = None
    source_panels: tuple[Panel, ...] = ()
    corrections: tuple[Correction, ...] | None = None
    meanings: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FigureNotes:
    """What an index keeps about a figure besides its panels; see FigureRecord."""

    analysis_version: str | None = None
    source_panels: tuple[Panel, ...] = ()
    corrections: tuple[Correction, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownFigure:
    """What an index has of a figure, as far as an ingest needs it to find out whether the figure would change.

    `mentions` of None: the index does not tell them, and they are not compared.
    """

    id: str
    caption: str
    article_id: str | None
    origins: tuple[Origin, ...]
    mentions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An input (a path or address) that failed in an ingest: at which stage, why (one line), and when (UTC)."""

    input: str
    stage: str
    reason: str
    noted_at: str | None = None


def folder_start(folder: str) -> str:
    """Return what the locations of all files in a folder begin with: its path, and one separator."""
    if folder.endswith(("/", "\\")):
        return folder
    return folder + ("\\" if "\\" in folder and "/" not in folder else "/")


class IndexWriter(Protocol):
    """Writes in one exclusive session. Changes become visible to readers and durable at `commit`, not before."""

    def put(self, record: FigureRecord) -> None:
        """Add a figure, or replace the existing figure and its panels. Origins are merged."""

    def add_origin(self, figure_id: str, origin: Origin) -> None:
        """Add an origin to a figure. Does nothing if the figure has an origin with this source and location."""

    def remove_origins(self, figure_id: str, origins: Iterable[Origin]) -> None:
        """Remove origins of a figure, found by source and location. Does nothing for those that it has not."""

    def replace_origins(self, figure_id: str, origins: Iterable[Origin]) -> None:
        """Give a figure these origins, in this order, in place of those that it has."""

    def keep_corrections(self, figure_id: str, corrections: Sequence[Correction]) -> None:
        """Keep corrections for a figure that is not in the index, until it is ingested. Else does nothing."""

    def mark_retracted(self, article_ids: Iterable[str]) -> None:
        """Mark articles as retracted. Unknown articles are ignored."""

    def delete_figures(self, figure_ids: Iterable[str]) -> int:
        """Delete figures with their panels. Returns the number of deleted figures."""

    def record_failures(self, failed: Iterable[Failure], resolved: Iterable[str] = ()) -> None:
        """Record failed inputs, replacing earlier records of them; remove the records of resolved ones."""

    def write_entries(self, kept: str, entries: Mapping[str, JsonObject], removed: Iterable[str] = ()) -> None:
        """Write entries of a list that the index keeps, replacing those of the same names; remove others by name."""

    def commit(self) -> None:
        """Make all changes since the last commit durable and visible. On a cluster, large loads show a second later."""

    def give_way(self) -> bool:
        """After a commit, let others write who wait for the lock; return whether one did, so that what was read is old.

        A writer of a plug-in need not have this.
        """


class Snapshot(Protocol):
    """All contents of an index as of one moment. Memory is bounded, whatever their number.

    `unfinished` counts figures that `records` left out, because a writer was replacing them all the time.
    """

    unfinished: int

    def count_figures(self) -> int:
        """Return the number of figures."""

    def figures(self) -> Iterator[Figure]:
        """Yield all figures, in a stable order."""

    def records(self, figure_ids: Sequence[str] | None = None) -> Iterator[FigureRecord]:
        """Yield figures as they were written, in a stable order: all, or those of some ids.

        Panels are without corrections; `corrections` has those of the figure.
        """

    def failures(self) -> Iterator[Failure]:
        """Yield the inputs that failed."""

    def entries(self) -> dict[str, dict[str, JsonObject]]:
        """Return the entries of all lists, by the list's name."""

    def kept_corrections(self) -> Iterator[tuple[str, tuple[Correction, ...]]]:
        """Yield the corrections of figures that are not in the index now, by the figure's id."""


class Index(Protocol):
    """A corpus that answers queries. Readers need no lock. There is one writer at a time; others get IndexBusyError."""

    location: str

    @classmethod
    def open(cls, location: str, *, create: ExtractorIdentity | None = None) -> Index:
        """Open the index at `location`. With `create`, create it if absent, with vectors of this extractor.

        Raises IndexAccessError if there is no index of mirsearch or it can't be used; IndexMismatchError if it has
        another extractor than `create` or a newer schema.
        """

    @property
    def extractor(self) -> ExtractorIdentity:
        """Return the extractor that made the vectors of this index."""

    def writer(self) -> AbstractContextManager[IndexWriter]:
        """Return the writing session. Its normal end commits; an exception discards uncommitted changes."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Return all contents as of one moment, whatever is written meanwhile."""

    def known_figures(self, figure_ids: Sequence[str]) -> dict[str, KnownFigure]:
        """Return those of the figures that are in the index, by id."""

    def figures_below(self, folder: str) -> list[KnownFigure]:
        """Return the figures that have an origin in a folder (an absolute path) or below it, ordered by id."""

    def figure_notes(self, figure_ids: Sequence[str]) -> dict[str, FigureNotes]:
        """Return the notes of figures by id. Figures that are not in the index are left out."""

    def search(self, request: SearchRequest) -> SearchResult:
        """Return the best panels for a request."""

    def panels(self, panel_ids: Sequence[str]) -> list[StoredPanel]:
        """Return panels by id, in the given order. NotFoundError names the first missing one."""

    def figure_panels(self, figure_id: str) -> list[StoredPanel]:
        """Return all panels of a figure in reading order. Empty if there is no such figure."""

    def find_panels(self, some_id: str) -> list[StoredPanel]:
        """Return the panels with a panel id, figure id (or a unique prefix of ≥ 6 digits), article id or DOI."""

    def figures_at(self, location: str) -> list[str]:
        """Return the ids, ascending, of figures with a file at `location`, as it was given; `*/NAME`: in any folder."""

    def corrected_figures(self) -> list[str]:
        """Return the ids, ascending, of the figures that have corrections, also such as fit none of their panels."""

    def vector(self, panel_id: str) -> NDArray[np.float32]:
        """Return the stored vector of a panel, float32 (dims,). Raises NotFoundError."""

    def first_vectors(self, filters: Filters, count: int) -> NDArray[np.float32]:
        """Return the vectors, float32 (n, dims), of the first `count` panels by id that pass the filters.

        Ids begin with a hash of the picture's file: so these panels are a sample by chance, the same in every index.
        """

    def thumbnail(self, panel_id: str) -> bytes | None:
        """Return the thumbnail of a panel as JPEG. None if it has none or if there is no such panel."""

    def select_panels(self, filters: Filters, order: Order | None = None) -> Iterator[StoredPanel]:
        """Yield all panels that pass the filters, in this order (None: by panel id)."""

    def failures(self) -> list[Failure]:
        """Return the inputs that failed in an ingest and have not succeeded since, ordered by input."""

    def entries(self, kept: str) -> dict[str, JsonObject]:
        """Return the entries, by name, of one of the lists that an index keeps besides figures. Empty if it has none.

        What the lists are for is told where they are used, for instance in ingest.deleted.
        """

    def count_values(self, filters: Filters) -> dict[str, dict[str, int]]:
        """Count the panels that pass the filters by their values.

        The keys are kinds, techniques, licenses, years, journals, fields_of_view (by decade in nm) and sources (figures
        that have such panels). A value that is not known is counted as "unknown", but for the last two.
        """

    def stats(self) -> dict[str, Any]:
        """Return counts of the contents.

        The keys are at least articles, figures, panels, failures, with_scale, with_doubtful_scale, with_lone_bar,
        extractor, dims, schema_version, bytes, and the counts by kind, technique, license, year and scale source.
        """

    def close(self) -> None:
        """Close files and connections."""


@runtime_checkable
class CommitIndex(Protocol):
    """An index that tells at little cost which commit it is at. The embedded one can."""

    def commit(self) -> Hashable:
        """Return what stands for all that the index has: it differs after whatever is written to it, by whomever."""


@runtime_checkable
class SpellingIndex(Protocol):
    """An index that can tell near spellings. Both of ours can; an index of a plug-in need not."""

    def near_words(self, words: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return, for each of some tokens that no panel has, near spellings from the corpus's captions, nearest first.

        Tokens are those of text.tokens; spellings are words as a caption writes them, in small letters. Tokens that
        panels have are left out.
        """


@runtime_checkable
class SharedIndex(Protocol):
    """An index that several machines fill: it can tell that another one fetched a figure before."""

    def has_origin(self, source: str, location: str) -> bool:
        """Return whether the index has a figure, with its panels, from this location of a source."""


@runtime_checkable
class LetterIndex(Protocol):
    """An index that finds the images under letters faster than by a search and a second read. A plug-in need not."""

    def search_letters(
        self, request: SearchRequest, letters: Collection[tuple[str, str]], known: Mapping[str, StoredPanel]
    ) -> list[tuple[ScoredPanel, StoredPanel]]:
        """Return the panels that share some letters, each of a figure: (figure id, letter), best first.

        They are those among the best `request.top` panels of these figures that pass the filters. `known` panels, by
        id, are not read again.
        """
