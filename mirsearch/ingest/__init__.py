"""Ingest: figures go from sources through analysis and extractor into an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mirsearch.ingest.ingest import Ingest

__all__ = ["Ingest"]


def __getattr__(name: str) -> object:
    """Import `Ingest` when it is asked for: corrections need none of what it imports."""
    if name == "Ingest":
        from mirsearch.ingest.ingest import Ingest

        return Ingest
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
