"""Collects the inputs that an ingest could not read, so that the index can keep a list of them."""

from __future__ import annotations

from mirsearch.imaging.damage import MEMORY_REASON, MEMORY_REMEDY, is_memory_error
from mirsearch.indexes.base import Failure, Index, IndexWriter
from mirsearch.ingest.dismissed import DISMISSED, DismissedFailures
from mirsearch.sources.base import FoundFigure


def analysis_failure(error: Exception) -> tuple[str, str]:
    """Return the reason and the remedy for a figure that broke the analysis."""
    if is_memory_error(error):
        return MEMORY_REASON, f"{MEMORY_REMEDY}; fewer --workers need less of it"
    return f"the analysis failed: {type(error).__name__}: {error}", "report it, with the image if you may"


class FailureNotes:
    """The failures of a run, the earlier failures that this run has resolved, and those that a person dismissed."""

    def __init__(self, index: Index) -> None:
        self._earlier = {failure.input for failure in index.failures()}
        self._dismissed = DismissedFailures(index)
        self._failed: dict[str, Failure] = {}
        self._resolved: set[str] = set()

    def add_failure(self, location: str, stage: str, reason: str) -> bool:
        """Note that an input (a path or an address) failed at a stage. Returns whether a person dismissed that."""
        self._failed[location] = Failure(location, stage, reason)
        return self._dismissed.covers(location, reason)

    def add_success(self, found: FoundFigure) -> None:
        """Note that a figure is in the index, so that earlier failures of its file, address or article are resolved."""
        if not self._earlier:
            return
        article = found.article
        names = [str(found.path), found.origin.location, found.origin.source]
        names += [] if article is None else [article.id, article.pmcid or "", article.doi or ""]
        self._resolved.update(self._earlier.intersection(names))

    def write(self, writer: IndexWriter) -> None:
        """Pass the collected failures to the writer; its next commit makes them visible."""
        resolved = self._resolved - set(self._failed)
        if self._failed or resolved:
            writer.record_failures(self._failed.values(), resolved)
        if settled := self._dismissed.names(sorted(resolved)):
            writer.write_entries(DISMISSED, {}, removed=settled)
        self._earlier -= resolved
        self._earlier |= set(self._failed)
        self._failed, self._resolved = {}, set()
