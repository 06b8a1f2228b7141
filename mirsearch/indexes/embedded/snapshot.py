"""One commit of an embedded index, read as a whole: the figures as they were written, and its lists."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from mirsearch.corpus import Figure
from mirsearch.corrections import Correction, correction_from_json, uncorrected_panel
from mirsearch.indexes.base import ExtractorIdentity, Failure, FigureRecord, JsonObject
from mirsearch.indexes.embedded.database.access import ReaderPool
from mirsearch.indexes.embedded.database.checksums import DamagedRowError, blob_crc, placeholders
from mirsearch.indexes.embedded.database.entries import read_all_entries
from mirsearch.indexes.embedded.database.failures import read_failures
from mirsearch.indexes.embedded.database.figures import FigureCache, FigureRow, read_figures
from mirsearch.indexes.embedded.database.rows import read_panels
from mirsearch.query import StoredPanel

if TYPE_CHECKING:
    from mirsearch.indexes.meanings import Meanings

_FIGURES_AT_ONCE = 64
_KEYS_AT_ONCE = 4096
Blobs = dict[str, tuple[bytes, bytes]]
"""Vector and thumbnail of panels, by id."""


class EmbeddedSnapshot:
    """What the index has in one read transaction. Memory is bounded by the figures of a batch."""

    def __init__(self, connection: sqlite3.Connection, dims: int) -> None:
        self._connection, self._dims = connection, dims
        self.unfinished = 0

    def count_figures(self) -> int:
        """Return the number of figures."""
        return int(self._connection.execute("SELECT count(*) FROM figures").fetchone()[0])

    def figures(self) -> Iterator[Figure]:
        """Yield all figures, in the order in which they were added."""
        for keys in self._batches(None):
            rows = read_figures(self._connection, keys)
            yield from (rows[key].figure for key in keys)

    def records(self, figure_ids: Sequence[str] | None = None) -> Iterator[FigureRecord]:
        """Yield figures as they were written, without corrections in their panels: all, or those of some ids.

        DamagedRowError if a row does not match its checksum.
        """
        from mirsearch.indexes.embedded.database.meaning_facts import read_meaning
        from mirsearch.indexes.embedded.database.meanings import read_meanings

        model = read_meaning(self._connection)
        for keys in self._batches(figure_ids):
            meanings = {} if model is None else read_meanings(self._connection, keys, model.dims)
            cache = FigureCache()
            rows, blobs = cache.read(self._connection, keys), self._read_blobs(keys)
            clause = f"WHERE p.figure IN ({placeholders(keys)}) ORDER BY p.figure, p.position"
            panels = {
                figure_id: list(group)
                for figure_id, group in groupby(
                    read_panels(self._connection, clause, keys, cache), lambda stored: stored.figure.id
                )
            }
            for key in keys:
                own = panels.get(rows[key].figure.id, [])
                yield self._record(rows[key], own, blobs, meanings.get(key, {}))

    def _batches(self, figure_ids: Sequence[str] | None) -> Iterator[tuple[int, ...]]:
        """Yield the keys of figures, ascending, in batches."""
        last, wanted = 0, None if figure_ids is None else list(dict.fromkeys(figure_ids))
        if wanted is not None:
            keys = [
                row[0]
                for start in range(0, len(wanted), _FIGURES_AT_ONCE)
                for batch in [wanted[start : start + _FIGURES_AT_ONCE]]
                for row in self._connection.execute(
                    f"SELECT key FROM figures WHERE id IN ({placeholders(batch)})", batch
                )
            ]
            yield from _parts(sorted(keys))
            return
        query = f"SELECT key FROM figures WHERE key > ? ORDER BY key LIMIT {_KEYS_AT_ONCE}"
        while keys := [row[0] for row in self._connection.execute(query, (last,))]:
            yield from _parts(keys)
            last = keys[-1]

    def _read_blobs(self, keys: Sequence[int]) -> Blobs:
        query = (
            "SELECT p.id, v.vector, p.vector_crc, j.jpeg, p.thumbnail_crc FROM panels p LEFT JOIN vectors v "
            f"ON v.panel = p.key LEFT JOIN thumbnails j ON j.panel = p.key WHERE p.figure IN ({placeholders(keys)})"
        )
        blobs: Blobs = {}
        for panel_id, vector, vector_crc, jpeg, jpeg_crc in self._connection.execute(query, keys):
            if vector is None or blob_crc(vector) != vector_crc:
                raise DamagedRowError(f"the vector of panel {panel_id} does not match its checksum")
            if blob_crc(jpeg) != jpeg_crc:
                raise DamagedRowError(f"the thumbnail of panel {panel_id} does not match its checksum")
            blobs[panel_id] = (vector, jpeg or b"")
        return blobs

    def _record(self, row: FigureRow, stored: Sequence[StoredPanel], blobs: Blobs, meanings: Meanings) -> FigureRecord:
        if len(stored) != row.panel_count:
            raise DamagedRowError(f"figure {row.figure.id} has {len(stored)} of {row.panel_count} panels")
        notes = row.notes()
        own = [blobs[panel.panel.id] for panel in stored]
        vectors = np.frombuffer(b"".join(vector for vector, _ in own), dtype="<f2").astype(np.float32)
        return FigureRecord(
            row.figure,
            tuple(uncorrected_panel(panel.panel, notes.corrections) for panel in stored),
            vectors.reshape(len(stored), self._dims),
            tuple(jpeg for _, jpeg in own),
            notes.analysis_version,
            notes.source_panels,
            notes.corrections,
            meanings,
        )

    def failures(self) -> Iterator[Failure]:
        """Yield the inputs that failed."""
        yield from read_failures(self._connection)

    def entries(self) -> dict[str, dict[str, JsonObject]]:
        """Return all lists that the index keeps besides figures, by their names."""
        return read_all_entries(self._connection)

    def kept_corrections(self) -> Iterator[tuple[str, tuple[Correction, ...]]]:
        """Yield the corrections of figures that are not in the index now, by the figure's id."""
        query = (
            "SELECT figure, correction FROM corrections WHERE figure NOT IN (SELECT id FROM figures) "
            "ORDER BY figure, key"
        )
        for figure_id, rows in groupby(self._connection.execute(query), lambda row: str(row[0])):
            yield figure_id, tuple(correction_from_json(json.loads(text)) for _, text in rows)


def _parts(keys: Sequence[int]) -> Iterator[tuple[int, ...]]:
    for start in range(0, len(keys), _FIGURES_AT_ONCE):
        yield tuple(keys[start : start + _FIGURES_AT_ONCE])


class SnapshotReads:
    """The part of an index that reads all of it."""

    _readers: ReaderPool
    _extractor: ExtractorIdentity

    @contextmanager
    def snapshot(self) -> Iterator[EmbeddedSnapshot]:
        """Yield all contents as of one commit, whatever is written meanwhile."""
        with self._readers.transaction() as connection:
            yield EmbeddedSnapshot(connection, self._extractor.dims)
