"""Tells which journals an index does not have, with those that it has under similar names."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from mirsearch.indexes.base import Index

_MAX_JOURNALS = 3
"""Most journals that are told in place of one that the index does not have."""


def journal_notes(index: Index, journals: Sequence[str]) -> list[str]:
    """Return which of these journals the index does not have, with those that it has under similar names."""
    known = {str(name).casefold(): str(name) for name in (index.stats().get("journals") or {}) if name}
    notes = []
    for journal in journals:
        wanted = journal.casefold().strip()
        if wanted in known:
            continue
        similar = [name for key, name in known.items() if wanted and wanted in key][:_MAX_JOURNALS]
        close = difflib.get_close_matches(wanted, known, _MAX_JOURNALS, 0.5)
        names = list(dict.fromkeys([*similar, *(known[key] for key in close)]))[:_MAX_JOURNALS]
        remedy = f"it has {', '.join(names)}" if names else "`mirsearch stats` lists its journals"
        notes.append(f"the index has no journal {journal!r}: {remedy}")
    return notes
