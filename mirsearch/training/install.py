"""Writes what was learned as a model file, and installs it only where it is no worse than what it would replace."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mirsearch.errors import MirsearchError, UsageError
from mirsearch.extractors.trained import KIND
from mirsearch.indexes.base import ExtractorIdentity
from mirsearch.models.artifact import SUFFIX, Card, installed_path, write_artifact
from mirsearch.training.evaluation import Change, is_improvement
from mirsearch.training.fitting import FittedProjection


class WorseModelError(MirsearchError):
    """A model that does worse on held-out articles than what it would take the place of: not installed."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a model goes: a file (`output`), or the models folder under `name`; `force` installs a worse one too."""

    name: str
    output: Path | None = None
    force: bool = False
    license: str = ""

    @property
    def path(self) -> Path:
        """The file to write; UsageError where it can't be one."""
        if self.output is None:
            return installed_path(self.name)
        if self.output.suffix != SUFFIX or not self.output.parent.is_dir():
            raise UsageError(f"{self.output} can't be written", f"give a file *{SUFFIX} in a folder that is there")
        return self.output


def check_improvement(changes: Mapping[str, Change], wanted: Destination) -> None:
    """WorseModelError where a model would be installed that does worse than what is there."""
    if wanted.output is None and not wanted.force and not is_improvement(changes):
        told = ", ".join(f"{name} {each.before:.3f} → {each.after:.3f}" for name, each in changes.items())
        raise WorseModelError(
            f"not installed: mean average precision on held-out articles does not rise ({told})",
            "more articles may help; --output FILE keeps it all the same, --force installs it",
        )


def save_projection(
    fitted: FittedProjection, base: ExtractorIdentity, wanted: Destination, index: str
) -> tuple[Path, Card]:
    """Write a projection with its card; WorseModelError where it would be installed and does worse.

    A file asked for by name is always written: its card tells how it did.
    """
    path = wanted.path
    check_improvement(fitted.changes, wanted)
    card = Card(
        name=wanted.name,
        kind=KIND,
        base={"name": base.name, "version": base.version, "dims": base.dims},
        settings=dict(fitted.settings),
        data=dict(fitted.data) | {"index": index},
        metrics={name: each.as_json() for name, each in fitted.changes.items()},
        license=wanted.license,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
    return path, write_artifact(path, card, fitted.projection.payloads())
