"""Takes figures out of an index. Their corrections are set aside, and count again when the same figure comes back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from mirsearch.corrections import Correction, correction_from_json, correction_to_json
from mirsearch.indexes.base import Index, IndexWriter

SET_ASIDE = "corrections set aside"
"""The list of corrections of figures that were taken out, by the id of the figure."""
BATCH_FIGURES = 200


def utc_now() -> str:
    """Return the present time in UTC, ISO 8601, in whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def remove_figures(index: Index, writer: IndexWriter, figure_ids: Sequence[str]) -> int:
    """Take figures out, and set their corrections aside. Returns how many were there. The caller commits."""
    removed = 0
    for start in range(0, len(figure_ids), BATCH_FIGURES):
        batch = figure_ids[start : start + BATCH_FIGURES]
        notes = index.figure_notes(batch)
        aside = {figure: notes[figure].corrections for figure in batch if figure in notes and notes[figure].corrections}
        if aside:
            at = utc_now()
            entries = {
                figure: {"at": at, "corrections": [correction_to_json(correction) for correction in corrections]}
                for figure, corrections in aside.items()
            }
            writer.write_entries(SET_ASIDE, entries)
        removed += writer.delete_figures(batch)
    return removed


def corrections_aside(index: Index) -> dict[str, tuple[Correction, ...]]:
    """Return the corrections that were set aside, by the id of the figure."""
    return {
        figure: tuple(correction_from_json(item) for item in value.get("corrections", ()))
        for figure, value in index.entries(SET_ASIDE).items()
    }


def forget_aside(writer: IndexWriter, figure_ids: Iterable[str]) -> None:
    """Remove corrections from the list: they are with their figures again."""
    writer.write_entries(SET_ASIDE, {}, removed=figure_ids)
