"""Tells what an ingest of paths would do, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mirsearch.indexes.base import Index, KnownFigure
from mirsearch.ingest.deleted import DELETED
from mirsearch.ingest.dismissed import DismissedFailures
from mirsearch.ingest.merging import has_changes, needs_planes, origin_key
from mirsearch.ingest.scan import Scan
from mirsearch.ingest.sync import CAUSES, SyncPlan
from mirsearch.readers.selection import Selection
from mirsearch.sources.base import FoundFigure, SkippedFiles

LOOKUP_FIGURES = 500


@dataclass(slots=True)
class IngestPreview:
    """What an ingest would do with each file, by place. A file with several pages counts once.

    `new`: it would be taken in; `replacing`: with other content than the index has from there; `updated`: what is told
    of it changed; `moved`: only its place is new; `present`: nothing to do; `deleted`: a person deleted its figure.
    `going` are figures that would be taken out, as (place, reason); `leaving`: places that figures would lose.
    """

    new: list[str] = field(default_factory=list)
    replacing: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    going: list[tuple[str, str]] = field(default_factory=list)
    leaving: list[tuple[str, str]] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    dismissed: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str, int]] = field(default_factory=list)
    unread: int = 0
    refusal: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types, as `mirsearch ingest PATH --dry-run --format json` prints them."""
        files = {name: getattr(self, name) for name in ("new", "replacing", "updated", "moved", "present", "deleted")}
        told = {
            name: [{"place": place, "reason": reason} for place, reason in getattr(self, name)]
            for name in ("going", "leaving", "failures", "dismissed")
        }
        skipped = [{"kind": kind, "remedy": remedy, "files": count} for kind, remedy, count in self.skipped]
        return {**files, **told, "skipped": skipped, "unread": self.unread, "refused": self.refusal}


def preview_ingest(
    index: Index | None, scan: Scan, plan: SyncPlan | None = None, selection: Selection | None = None
) -> IngestPreview:
    """Return what an ingest of a scan would do to an index (None: there is none yet), with the plan of a sync."""
    preview = IngestPreview(unread=0 if plan is None else plan.unread)
    deleted = set() if index is None else set(index.entries(DELETED))
    replaced = plan.replaced if plan is not None else set()
    figures = [(place, new, found) for place, own in scan.found.items() for new, found in own.items()]
    for start in range(0, len(figures), LOOKUP_FIGURES):
        batch = figures[start : start + LOOKUP_FIGURES]
        known = {} if index is None else index.known_figures([identity for _, identity, _ in batch])
        for place, identity, found in batch:
            if identity not in known:
                group = preview.deleted if identity in deleted else preview.new
                (preview.replacing if group is preview.new and place in replaced else group).append(place)
            else:
                _known_group(preview, found, known[identity], selection or Selection()).append(place)
    for departure in plan.departures if plan is not None else ():
        told = (departure.place, CAUSES[departure.cause])
        (preview.going if departure.is_last else preview.leaving).append(told)
    _tell_failures(preview, index, scan)
    return preview


def _known_group(preview: IngestPreview, found: FoundFigure, known: KnownFigure, selection: Selection) -> list[str]:
    if has_changes(found, known) or needs_planes(found, known, selection):
        return preview.updated
    return preview.present if origin_key(found.origin) in map(origin_key, known.origins) else preview.moved


def _tell_failures(preview: IngestPreview, index: Index | None, scan: Scan) -> None:
    dismissed = None if index is None else DismissedFailures(index)
    failures = [(place, "the file can't be read") for place in scan.unreadable]
    for item in scan.items:
        if isinstance(item, SkippedFiles):
            preview.skipped.append((item.kind, item.reason, item.count))
        elif not isinstance(item, FoundFigure) and not item.is_note:
            failures.append((item.location, item.reason))
    for location, reason in failures:
        is_dismissed = dismissed is not None and dismissed.covers(location, reason)
        (preview.dismissed if is_dismissed else preview.failures).append((location, reason))
