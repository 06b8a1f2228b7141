"""Brings several indexes into one: the first is copied, the others are merged into the copy, one after the other.

The list "copying" of the target names those that are still to come. So the same call completes it after a kill: what is
done is not read again, and what was begun is compared with what is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mirsearch.errors import UsageError
from mirsearch.indexes import mismatch_error
from mirsearch.indexes.base import Index
from mirsearch.indexes.faults import COPYING
from mirsearch.transfer.copying import (
    CopySummary,
    Progress,
    copy_index,
    ignore_progress,
    known_name,
    mark_copies,
    refuse_same,
    require_snapshots,
)
from mirsearch.transfer.merging import MergeSummary, merge_index


@dataclass(slots=True)
class GatherSummary:
    """What was done for each source, by its location; `done_before` were complete when an earlier call ended."""

    sources: dict[str, CopySummary | MergeSummary] = field(default_factory=dict)
    done_before: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def unfinished(self) -> int:
        """Return how many figures were being written in a source, and are missing."""
        return sum(summary.unfinished for summary in self.sources.values())

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types, as `mirsearch index copy --format json` prints them for several sources."""
        sources = {location: summary.as_json() for location, summary in self.sources.items()}
        return {"sources": sources, "done_before": self.done_before, "seconds": self.seconds}


def gather_indexes(
    sources: Sequence[Index],
    target: Index,
    progress: Callable[[str], Progress] = lambda source: ignore_progress,
) -> GatherSummary:
    """Bring several indexes of one extractor into an empty one. Repeat the call to complete an interrupted one.

    `progress(location)` returns what is told how far a source is. Raises UsageError if the target is not empty or has
    an interrupted copy of others, and IndexMismatchError for indexes of several extractors; nothing is written then.
    """
    started, summary = time.monotonic(), GatherSummary()
    require_snapshots(target, *sources)
    names = [known_name(source.location) for source in sources]
    if len(set(names)) < len(names):
        raise UsageError("a source is given twice", "give each one once")
    for source in sources:
        refuse_same(source.location, target.location)
        if source.extractor != target.extractor:
            raise mismatch_error(source.location, source.extractor, target.extractor)
    is_resumed = mark_copies(target, names)
    left = target.entries(COPYING)
    for number, (source, name) in enumerate(zip(sources, names, strict=True)):
        if name not in left:
            summary.done_before.append(source.location)
            continue
        tell = progress(source.location)
        if number == 0:
            summary.sources[source.location] = copy_index(source, target, tell, is_marked=True, is_resumed=is_resumed)
            continue
        summary.sources[source.location] = merge_index(source, target, tell)
        with target.writer() as writer:
            writer.write_entries(COPYING, {}, [name])
    summary.seconds = time.monotonic() - started
    return summary
