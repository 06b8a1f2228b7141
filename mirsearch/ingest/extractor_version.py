"""Add figures to an index of an earlier version of an extractor with that version."""

from __future__ import annotations

from mirsearch.errors import IndexMismatchError
from mirsearch.extractors.base import Extractor
from mirsearch.extractors.factory import open_recorded_extractor
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, Index


def open_for_ingest(location: str, extractor: Extractor) -> tuple[Index, Extractor]:
    """Open an index to which figures are added, or create it, and return it with the extractor to embed them with.

    That is the index's version of the extractor, where the class can still make it: `mirsearch reembed` brings an index
    to a newer one. Raises IndexMismatchError for an index with another extractor.
    """
    identity = ExtractorIdentity(extractor.name, extractor.version, extractor.dims)
    try:
        return open_index(location, create=identity), extractor
    except IndexMismatchError:
        index = open_index(location)
        recorded = index.extractor
        if recorded.name != extractor.name or recorded.version not in getattr(type(extractor), "versions", ()):
            index.close()
            raise
        return index, open_recorded_extractor(recorded)
