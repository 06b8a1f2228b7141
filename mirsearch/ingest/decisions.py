"""What people decided about figures, as far as it tells what an ingest writes: deleted ones, and corrections."""

from __future__ import annotations

import dataclasses

from mirsearch.indexes.base import FigureRecord, Index, IndexWriter
from mirsearch.ingest.deleted import DELETED
from mirsearch.ingest.removing import corrections_aside, forget_aside


class Decisions:
    """Deleted figures stay out, and a figure that comes back gets the corrections that were set aside for it."""

    def __init__(self, index: Index) -> None:
        self._deleted = frozenset(index.entries(DELETED))
        self._aside = corrections_aside(index)
        self._returned: list[str] = []

    def is_deleted(self, figure_id: str) -> bool:
        """Return whether a person deleted a figure."""
        return figure_id in self._deleted

    def apply(self, records: list[FigureRecord]) -> list[FigureRecord]:
        """Return the records to write: without deleted figures, with corrections that were set aside."""
        return [self._with_corrections(record) for record in records if not self.is_deleted(record.figure.id)]

    def _with_corrections(self, record: FigureRecord) -> FigureRecord:
        corrections = self._aside.pop(record.figure.id, None)
        if corrections is None:
            return record
        self._returned.append(record.figure.id)
        return dataclasses.replace(record, corrections=corrections)

    def after_commit(self, writer: IndexWriter) -> None:
        """Remove from the list what is with its figure again. Only now: a kill must not lose it in between."""
        if self._returned:
            forget_aside(writer, self._returned)
            self._returned = []
