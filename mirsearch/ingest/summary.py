"""The summary of an ingest, for people and for programs, and the clock that measures its stages."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class IngestSummary:
    """Counts, failures and notes as (file, text), and seconds by stage (summed over the workers).

    `skipped` has the files that were left out: (kind, remedy) → (count, first file). `figures_deleted` were left out
    because a person deleted them. `dismissed` are failures that a person dismissed: they count nowhere else. `removed`
    has the figures that a sync took out, as (place, reason), `origins_removed` counts places that others have left.
    """

    figures_new: int = 0
    figures_updated: int = 0
    figures_present: int = 0
    figures_deleted: int = 0
    origins_removed: int = 0
    panels_new: int = 0
    panels_with_scale: int = 0
    retracted: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    dismissed: list[tuple[str, str]] = field(default_factory=list)
    removed: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    skipped: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False

    def add(self, part: IngestSummary) -> None:
        """Add what another summary counts."""
        for each in dataclasses.fields(self):
            own, more = getattr(self, each.name), getattr(part, each.name)
            if isinstance(own, list):
                own.extend(more)
            elif isinstance(own, int):
                setattr(self, each.name, own + more if not isinstance(own, bool) else own or more)
        for (kind, remedy), (count, first) in part.skipped.items():
            self.add_skipped(kind, remedy, count, first)
        for stage, seconds in part.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types, as `mirsearch ingest --format json` prints them."""
        return {
            "figures": {
                "new": self.figures_new,
                "updated": self.figures_updated,
                "already_there": self.figures_present,
                "failed": len(self.failures),
            },
            "retracted": self.retracted,
            "panels": {"new": self.panels_new, "with_scale": self.panels_with_scale},
            "failures": [{"file": file, "reason": reason} for file, reason in self.failures],
            "dismissed": [{"file": file, "reason": reason} for file, reason in self.dismissed],
            "removed": [{"place": place, "reason": reason} for place, reason in self.removed],
            "origins_removed": self.origins_removed,
            "deleted_before": self.figures_deleted,
            "notes": [{"file": file, "note": note} for file, note in self.notes],
            "skipped": [
                {"kind": kind, "files": count, "first": first, "remedy": remedy}
                for (kind, remedy), (count, first) in self.skipped.items()
            ],
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "interrupted": self.interrupted,
        }

    def add_skipped(self, kind: str, remedy: str, count: int, first: str) -> None:
        """Count files of a kind that were left out."""
        before, earlier = self.skipped.get((kind, remedy), (0, first))
        self.skipped[kind, remedy] = (before + count, earlier)


class StageClock:
    """Measures calls, and adds their seconds to the total of a stage."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds

    def __call__(self, stage: str, action: Callable[[], Any]) -> Any:
        """Run the action, add its seconds to the stage, and return its result."""
        started = time.monotonic()
        try:
            return action()
        finally:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + time.monotonic() - started
