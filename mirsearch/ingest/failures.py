"""What an ingest could not take, gathered while it runs, so that the index can keep the list."""

from __future__ import annotations

from mirsearch.indexes.base import Failure, Index, IndexWriter
from mirsearch.sources.base import FoundFigure


class FailureNotes:
    """The failures of a run, and which of those noted before are over because their input was taken now."""

    def __init__(self, index: Index) -> None:
        self._before = {each.input for each in index.failures()}
        self._failed: dict[str, Failure] = {}
        self._met: set[str] = set()

    def failed(self, where: str, stage: str, reason: str) -> None:
        """Note that an input (a path or address) failed at a stage."""
        self._failed[where] = Failure(where, stage, reason)

    def taken(self, found: FoundFigure) -> None:
        """Note that a figure is in the index: what its file, address or article failed with is over."""
        if not self._before:
            return
        article = found.article
        names = [str(found.path), found.origin.location, found.origin.source]
        names += [] if article is None else [article.id, article.pmcid or "", article.doi or ""]
        self._met.update(self._before.intersection(names))

    def write(self, writer: IndexWriter) -> None:
        """Hand over what was gathered; the writer's next commit makes it visible."""
        settled = self._met - set(self._failed)
        if self._failed or settled:
            writer.note_failures(self._failed.values(), settled)
        self._before -= settled
        self._before |= set(self._failed)
        self._failed, self._met = {}, set()
