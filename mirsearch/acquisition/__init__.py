"""Gather figures of open-access articles by keyword: search, download politely, record progress in a ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mirsearch.acquisition.acquire import Acquisition

__all__ = ["Acquisition"]


def __getattr__(name: str) -> object:
    """Import `Acquisition` when it is asked for: the ledger and the HTTP client are used without it."""
    if name == "Acquisition":
        from mirsearch.acquisition.acquire import Acquisition

        return Acquisition
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
