"""The figures in the paths that an ingest is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mirsearch.errors import SourceError, UsageError
from mirsearch.sources.base import FoundFigure, SourceFailure
from mirsearch.sources.discover import find_figures
from mirsearch.sources.exclusions import Exclusions, excluding
from mirsearch.sources.folder_walker import link_policy


@dataclass(frozen=True, slots=True)
class InputOptions:
    """How paths are read: by which source (None: each by its own), and with which links and files left out.

    `columns`: our name of a column of captions.csv → its name there. `exclude`: patterns, see sources.exclusions.
    """

    source: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    follow_links: bool = False
    exclude: tuple[str, ...] = ()


def absolute_path(path: Path) -> Path:
    """Return an absolute path, as an index keeps it: links of folders are followed, the name of a file stays."""
    return path.resolve() if path.is_dir() else path.parent.resolve() / path.name


def find_inputs(paths: Sequence[Path], options: InputOptions, workspace: Path) -> list[FoundFigure | SourceFailure]:
    """Return the figures of paths, and what failed.

    Raises UsageError if a path does not exist, SourceError if there is no figure.
    """
    for path in paths:
        if not path.exists():
            raise UsageError(
                f"{path}: no such file or folder", "give a folder of images, a JATS XML, a PDF or an exsclaim.json"
            )
    items, _ = collect_inputs([absolute_path(path) for path in paths], options, workspace)
    if not any(isinstance(item, FoundFigure) for item in items):
        reasons = [f"{item.location}: {item.reason}" for item in items if not isinstance(item, FoundFigure)]
        names = ", ".join(str(path) for path in paths)
        detail = f"; {'; '.join(reasons[:3])}" if reasons else ""
        raise SourceError(
            f"no figures in {names}{detail}",
            "images are png, jpg, tif, gif, bmp, webp, and what `mirsearch plugins` lists as readers",
        )
    return items


def collect_inputs(
    paths: Sequence[Path], options: InputOptions, workspace: Path
) -> tuple[list[FoundFigure | SourceFailure], Exclusions]:
    """Return the figures of paths with what failed, perhaps none at all, and what was left out."""
    with link_policy(options.follow_links, paths) as links, excluding(options.exclude, paths) as exclusions:
        found = find_figures(
            paths, source=options.source, columns=options.columns, options={"workspace": str(workspace)}
        )
        items = [item for item in found if not (isinstance(item, FoundFigure) and exclusions.covers(item.path))]
        return [*items, *links.skipped(), *exclusions.notes()], exclusions
