"""Find panels by what a person calls them: an id, a DOI or PMC id, or the name or path of a figure's file."""

from __future__ import annotations

import os
from pathlib import Path

from mirsearch.errors import NotFoundError, UsageError
from mirsearch.indexes.base import ANY_FOLDER, Index
from mirsearch.query import StoredPanel

_MAX_LISTED = 12
"""Most panels that are listed where a name stands for several."""


def named_panels(index: Index, name: str) -> list[StoredPanel]:
    """Return the panels that a name stands for, in reading order. Raises NotFoundError if there are none.

    It is the id of a panel, figure or article, a DOI, a PMC id, the beginning of a figure's id, the path of a figure's
    file, or the name of the file alone.
    """
    if _is_text(name):  # the bytes of a name may be none; no index holds such a name
        found = index.find_panels(name)
        if found:
            return found
        for location in _locations(name):
            figures = index.figures_at(location)
            if figures:
                return [panel for figure in figures for panel in index.figure_panels(figure)]
    raise NotFoundError(
        f"nothing in {index.location} has the id, DOI or file name {name!r}", "`mirsearch export` lists all ids"
    )


def _is_text(name: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in name)


def named_panel(index: Index, name: str) -> StoredPanel:
    """Return the only panel that a name stands for. Raises UsageError, which lists the panels, if it has several."""
    found = named_panels(index, name)
    if len(found) > 1:
        raise UsageError(f"{name} has {len(found)} panels; only one can be chosen", f"give one of {list_panels(found)}")
    return found[0]


def list_panels(panels: list[StoredPanel]) -> str:
    """Return the ids of panels with what they show: "3fa1c09b77d2e0c4-a (SEM), 3fa1c09b77d2e0c4-b (plot)"."""
    from mirsearch.search.query_figure import describe_image

    names = [f"{stored.panel.id}{describe_image(stored.panel)}" for stored in panels[:_MAX_LISTED]]
    more = len(panels) - len(names)
    return ", ".join(names) + (f" and {more} more (`mirsearch show` lists them)" if more else "")


def _locations(name: str) -> list[str]:
    """Return where the file may lie in the words of the index, the surest first.

    As it is given, as a path from here or from the root, as the end of a path, and its name alone.
    """
    plain = name.strip()
    if not plain or "\0" in plain:
        return []
    if "://" in plain:
        return [plain]
    path, here = Path(plain), Path.cwd()
    absolute = Path(os.path.normpath(path.absolute()))
    names = [plain, str(path), str(absolute)]
    names += [str(absolute.relative_to(here))] if absolute.is_relative_to(here) and absolute != here else []
    names += [] if path.is_absolute() else [f"{ANY_FOLDER}{os.path.normpath(path)}"]
    return list(dict.fromkeys(names))
