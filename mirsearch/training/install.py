"""Writes a trained projection as a model file, and installs it only if it is better than what it replaces."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mirsearch.errors import MirsearchError, UsageError
from mirsearch.extractors.trained import KIND
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.models import SUFFIX
from mirsearch.models.artifact import Card, installed_path, write_artifact
from mirsearch.training.evaluation import Change, is_improvement
from mirsearch.training.fitting import FittedProjection


class WorseModelError(MirsearchError):
    """A model is no better on held-out articles than the vectors it would replace, so it is not installed."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a model is written: `output`, or the models folder under `name`. `force` also installs a worse model."""

    name: str
    output: Path | None = None
    force: bool = False
    license: str = ""

    @property
    def path(self) -> Path:
        """The file to write; UsageError if it can't be written."""
        if self.output is None:
            return installed_path(self.name)
        if self.output.suffix != SUFFIX or not self.output.parent.is_dir():
            raise UsageError(f"{self.output} can't be written", f"give a file *{SUFFIX} in an existing folder")
        return self.output


def check_improvement(changes: Mapping[str, Change], destination: Destination) -> None:
    """Raise WorseModelError if a model would be installed that is no improvement."""
    if destination.output is None and not destination.force and not is_improvement(changes):
        values = ", ".join(f"{name} {change.before:.3f} → {change.after:.3f}" for name, change in changes.items())
        raise WorseModelError(
            f"not installed: mean average precision on held-out articles does not rise ({values})",
            "more articles may help; --output FILE writes the model anyway, --force installs it",
        )


def save_projection(
    fitted: FittedProjection, base: ExtractorIdentity, destination: Destination, index: str
) -> tuple[Path, Card]:
    """Write a projection with its card; WorseModelError if it would be installed and is no improvement.

    A file given with --output is always written. Its card has the measures before and after.
    """
    path = destination.path
    check_improvement(fitted.changes, destination)
    card = Card(
        name=destination.name,
        kind=KIND,
        base={"name": base.name, "version": base.version, "dims": base.dims},
        settings=dict(fitted.settings),
        data=dict(fitted.data) | {"index": index},
        metrics={name: each.as_json() for name, each in fitted.changes.items()},
        license=destination.license,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    return path, write_artifact(path, card, fitted.projection.payloads())
