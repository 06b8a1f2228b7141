"""The summary of an ingest, for people and for programs, and the clock that measures its stages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class IngestSummary:
    """Counts, failures and notes as (file, text), and seconds by stage (summed over the workers).

    `skipped` has the files that were left out: (kind, remedy) → (count, first file).
    """

    figures_new: int = 0
    figures_updated: int = 0
    figures_present: int = 0
    panels_new: int = 0
    panels_with_scale: int = 0
    retracted: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    skipped: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False

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
