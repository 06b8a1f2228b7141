"""Makes an index follow folders: what a folder no longer has goes, what it has instead comes.

A figure is of a folder by its origins in it. One origin is gone where its file is gone, was replaced by other content,
or is excluded; a picture in an archive or document, where the archive is. What could not be read is never taken for
gone. A figure goes with its last origin; the copies that mirsearch itself made of a picture are none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mirsearch.corpus import Origin
from mirsearch.errors import SourceError, UsageError
from mirsearch.indexes.base import Index, KnownFigure, folder_start
from mirsearch.ingest.deleted import DELETED
from mirsearch.ingest.dismissed import failure_file
from mirsearch.ingest.removing import remove_figures
from mirsearch.ingest.scan import Scan
from mirsearch.ingest.summary import IngestSummary
from mirsearch.readers.selection import split_location

MOST_GOING = 0.5
"""Largest share of a folder's figures that may go without --force: a disk that is not there must not empty an index."""
COPY = "file"
"""The source of an origin that is a copy of another origin's picture, made by mirsearch."""
Cause = Literal["gone", "changed", "excluded"]
CAUSES: dict[Cause, str] = {
    "gone": "the file is gone", "changed": "the file has other content", "excluded": "the file is excluded"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Departure:
    """Origins that are gone from a figure, and why. `is_last`: the figure has no other, and goes with them."""

    figure: KnownFigure
    causes: Mapping[Origin, Cause]
    is_last: bool

    @property
    def place(self) -> str:
        """Return the place of the first of the origins."""
        return split_location(next(iter(self.causes)).location)[0]

    @property
    def cause(self) -> Cause:
        """Return why the first of the origins is gone."""
        return next(iter(self.causes.values()))


@dataclass(slots=True)
class SyncPlan:
    """What a sync would take out, and of each folder: how many figures it has in the index, and how many would go.

    `unread`: figures that stay because their files are there, or may be, but were not read now.
    """

    departures: list[Departure] = field(default_factory=list)
    counts: dict[Path, tuple[int, int]] = field(default_factory=dict)
    unread: int = 0

    @property
    def replaced(self) -> set[str]:
        """Return the places that have other content now."""
        return {
            split_location(origin.location)[0]
            for departure in self.departures
            for origin, cause in departure.causes.items()
            if cause == "changed"
        }

    def check(self, force: bool) -> None:
        """Raise UsageError for a folder that never was, SourceError where a sync is refused, unless with `force`."""
        for folder, (known, _) in self.counts.items():
            if not known and not folder.is_dir():
                raise UsageError(f"{folder}: no such folder", "--sync is for folders; correct the path")
        refusal = self.refusal()
        if refusal is not None and not force:
            raise SourceError(f"{refusal}; nothing was changed", "--dry-run tells all; if it is right, add --force")

    def refusal(self) -> str | None:
        """Return why a sync is refused without --force: a folder is not there, or most of its figures would go."""
        for folder, (known, going) in self.counts.items():
            if known and not folder.is_dir():
                return f"{folder} is not there (is its disk mounted?), and {known} figures of the index are from it"
            if going > MOST_GOING * known:
                return f"{going} of the {known} figures from {folder} would go"
        return None


def plan_sync(index: Index | None, scan: Scan) -> SyncPlan:
    """Compare the folders of a scan with an index (None: there is none yet). Writes nothing."""
    plan = SyncPlan()
    gone: dict[str, tuple[KnownFigure, dict[Origin, Cause]]] = {}
    for folder in scan.paths:
        start, known, going = folder_start(str(folder)), 0, 0
        for figure in index.figures_below(str(folder)) if index is not None else ():
            own = [origin for origin in figure.origins if origin.source != COPY and origin.location.startswith(start)]
            if not own:
                continue  # only a copy of it lies there, in an index
            known += 1
            states = {origin: _state(origin, figure, scan) for origin in own}
            causes: dict[Origin, Cause] = {origin: state for origin, state in states.items() if state in CAUSES}
            going += len(causes) == len(states) and not scan.find(figure.id)
            plan.unread += "unread" in states.values()
            if causes:
                gone.setdefault(figure.id, (figure, {}))[1].update(causes)
        plan.counts[folder] = (known, going)
    for figure, all_causes in gone.values():
        plan.departures.append(Departure(figure, all_causes, _is_last(figure, all_causes, scan)))
    return plan


def _is_last(figure: KnownFigure, gone: Iterable[Origin], scan: Scan) -> bool:
    """Return whether a figure has nothing left without some origins; it may have moved to another place."""
    left = [origin for origin in figure.origins if origin not in set(gone) and origin.source != COPY]
    return not left and not scan.find(figure.id)


def _state(origin: Origin, figure: KnownFigure, scan: Scan) -> Literal["there", "unread"] | Cause:
    place = split_location(origin.location)[0]
    contents = {identity.partition(".")[0] for identity in scan.found.get(place, ())}
    if figure.id.partition(".")[0] in contents:
        return "there"
    if contents:
        return "changed"
    container = place.rpartition("#")[0]
    paths = [path for path in (place, container) if path]
    if not scan.is_unread(place) and any(scan.exclusions.covers(Path(path)) for path in paths):
        return "excluded"
    if _exists(place) is not False:
        return "unread"  # a reader or a table is missing, or a link is not followed now
    if container and _exists(container) is not False and (container not in scan.opened or scan.is_unread(container)):
        return "unread"
    return "gone"


def _exists(path: str) -> bool | None:
    """Return whether a file exists; None if that can't be told."""
    try:
        Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return None
    return True


def finish_sync(index: Index, plan: SyncPlan, scan: Scan, summary: IngestSummary) -> None:
    """Take out what is gone, after what is new was taken in, and tell it in the summary; not after an interruption.

    What was replaced goes only when the new content of its file is in the index, or was deleted by a person. A file
    that is there again stays. A figure that moved gets its new place. Failures that are over are forgotten.
    """
    if summary.interrupted:
        return
    done, over = _due_departures(index, plan, scan), _failures_that_are_over(index, scan)
    if not done and not over:
        return
    with index.writer() as writer:
        writer.record_failures([], over)
        remove_figures(index, writer, [departure.figure.id for departure in done if departure.is_last])
        for departure in done:
            if not departure.is_last:
                for origin in _new_places(departure, scan):
                    writer.add_origin(departure.figure.id, origin)
                writer.remove_origins(departure.figure.id, departure.causes)
    summary.removed += [(departure.place, CAUSES[departure.cause]) for departure in done if departure.is_last]
    summary.origins_removed += sum(len(departure.causes) for departure in done if not departure.is_last)


def _failures_that_are_over(index: Index, scan: Scan) -> list[str]:
    """Return the inputs in the folders that failed before: files that are gone, and what was found this time."""
    starts = tuple(folder_start(str(folder)) for folder in scan.paths)
    over = []
    for failure in index.failures():
        if failure.input.startswith(starts):
            with suppress(OSError):  # it can't be told whether the file is there
                was_found = failure.stage == "find" and failure.input not in scan.failed
                if was_found or failure_file(failure.input) is None:
                    over.append(failure.input)
    return over


def _due_departures(index: Index, plan: SyncPlan, scan: Scan) -> list[Departure]:
    """Return what is still to go now that the ingest is done."""
    settled = set(index.known_figures([new for place in plan.replaced for new in scan.found.get(place, ())]))
    settled |= index.entries(DELETED).keys()
    done: list[Departure] = []
    for departure in plan.departures:
        due = {origin: cause for origin, cause in departure.causes.items() if _is_due(origin, cause, scan, settled)}
        if due:
            done.append(Departure(departure.figure, due, _is_last(departure.figure, due, scan)))
    return done


def _is_due(origin: Origin, cause: Cause, scan: Scan, settled: set[str]) -> bool:
    place = split_location(origin.location)[0]
    if cause == "changed":
        return not settled.isdisjoint(scan.found.get(place, ()))
    return cause == "excluded" or _exists(place) is False


def _new_places(departure: Departure, scan: Scan) -> Iterator[Origin]:
    """Yield the origins of a figure's files in the scan, with the planes that were drawn of them."""
    first = next(iter(departure.causes))
    planes = first.location[len(split_location(first.location)[0]) :]
    for found in scan.find(departure.figure.id):
        yield dataclasses.replace(found.origin, location=f"{found.origin.location}{planes}")
