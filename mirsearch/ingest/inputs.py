"""The figures in the paths that an ingest is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mirsearch.errors import SourceError, UsageError
from mirsearch.sources.base import FoundFigure, SourceFailure
from mirsearch.sources.discover import find_figures
from mirsearch.sources.folder_walker import link_policy


def find_inputs(
    paths: Sequence[Path], source: str | None, columns: Mapping[str, str], workspace: Path, follow_links: bool
) -> list[FoundFigure | SourceFailure]:
    """Return the figures of paths, and what failed. `columns`: our name of a column of captions.csv → its name there.

    Raises UsageError if a path does not exist, SourceError if there is no figure.
    """
    for path in paths:
        if not path.exists():
            raise UsageError(
                f"{path}: no such file or folder", "give a folder of images, a JATS XML, a PDF or an exsclaim.json"
            )
    with link_policy(follow_links, paths) as links:
        options = {"workspace": str(workspace)}
        items = [*find_figures(paths, source=source, columns=columns, options=options), *links.skipped()]
    if not any(isinstance(item, FoundFigure) for item in items):
        reasons = [f"{item.location}: {item.reason}" for item in items if not isinstance(item, FoundFigure)]
        names = ", ".join(str(path) for path in paths)
        detail = f"; {'; '.join(reasons[:3])}" if reasons else ""
        raise SourceError(
            f"no figures in {names}{detail}",
            "images are png, jpg, tif, gif, bmp, webp, and what `mirsearch plugins` lists as readers",
        )
    return items
