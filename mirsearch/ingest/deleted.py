"""The list of figures that people deleted. They stay out until they are taken off the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from mirsearch.errors import NotFoundError
from mirsearch.indexes.base import Index
from mirsearch.ingest.removing import SET_ASIDE, remove_figures, utc_now
from mirsearch.query import StoredPanel
from mirsearch.readers.selection import split_location

DELETED = "deleted"
"""The name of the list in an index, by the id of the figure."""
_MIN_DIGITS = 6


@dataclass(frozen=True, slots=True)
class DeletedFigure:
    """A figure that was deleted: when (UTC), where its files were, its label and caption, and how many panels it had.

    `has_corrections`: its corrections were set aside, and count again when it comes back.
    """

    id: str
    deleted_at: str
    locations: tuple[str, ...]
    label: str | None
    caption: str
    panels: int
    has_corrections: bool

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "figure": self.id, "deleted_at": self.deleted_at, "locations": list(self.locations), "label": self.label,
            "caption": self.caption, "panels": self.panels, "corrections": self.has_corrections,
        }  # fmt: skip


def delete_figures(index: Index, figures: Mapping[str, Sequence[StoredPanel]]) -> int:
    """Take figures (their panels by id) out of the index, and put them on the list. Returns how many there were."""
    at = utc_now()
    entries = {figure: _entry(panels, at) for figure, panels in figures.items() if panels}
    with index.writer() as writer:
        writer.write_entries(DELETED, entries)
        return remove_figures(index, writer, list(entries))


def _entry(panels: Sequence[StoredPanel], at: str) -> dict[str, Any]:
    figure = panels[0].figure
    return {
        "at": at, "locations": [origin.location for origin in figure.origins], "label": figure.label,
        "caption": figure.caption[:500], "panels": len(panels),
    }  # fmt: skip


def deleted_figures(index: Index) -> list[DeletedFigure]:
    """Return the deleted figures, the newest first."""
    aside = index.entries(SET_ASIDE)
    found = [
        DeletedFigure(
            figure, str(value.get("at", "")), tuple(map(str, value.get("locations") or ())), value.get("label"),
            str(value.get("caption") or ""), int(value.get("panels") or 0), figure in aside,
        )
        for figure, value in index.entries(DELETED).items()
    ]  # fmt: skip
    return sorted(found, key=lambda figure: (figure.deleted_at, figure.id), reverse=True)


def undo_deletions(index: Index, names: Sequence[str], everything: bool = False) -> list[DeletedFigure]:
    """Take figures off the list; the next ingest of their files takes them in again. Returns them.

    A name is the id of a figure or its beginning, the id of a panel, the path of a file, or a file's name.
    `everything`: all of them. Raises NotFoundError for a name that the list has not.
    """
    listed = deleted_figures(index)
    wanted: dict[str, DeletedFigure] = {figure.id: figure for figure in listed} if everything else {}
    for name in names:
        found = {figure.id: figure for figure in listed if _is_named(figure, name)}
        if not found:
            raise NotFoundError(f"no deleted figure has the id or file name {name!r}", "`mirsearch delete --list`")
        wanted |= found
    if wanted:
        with index.writer() as writer:
            writer.write_entries(DELETED, {}, removed=wanted)
    return list(wanted.values())


def _is_named(figure: DeletedFigure, name: str) -> bool:
    plain = name.strip()
    if plain.partition("-")[0] == figure.id or (len(plain) >= _MIN_DIGITS and figure.id.startswith(plain.lower())):
        return True
    paths = [split_location(location)[0] for location in figure.locations]
    return plain in paths or plain in {PurePath(path).name for path in paths}
