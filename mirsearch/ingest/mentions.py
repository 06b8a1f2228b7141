"""Write sentences that speak of a figure into an index that has the figure. Its panels keep what was read of them."""

from __future__ import annotations

import dataclasses

from mirsearch.indexes.base import Index, IndexWriter
from mirsearch.ingest.correcting import stored_record


def write_mentions(index: Index, writer: IndexWriter, figure_id: str, mentions: tuple[str, ...]) -> bool:
    """Put a figure again with other mentions, and return whether it was there."""
    stored = index.figure_panels(figure_id)
    notes = index.figure_notes([figure_id]).get(figure_id)
    if not stored or notes is None:
        return False
    record = stored_record(index, stored, notes, None)
    writer.put(dataclasses.replace(record, figure=dataclasses.replace(record.figure, mentions=mentions)))
    return True
