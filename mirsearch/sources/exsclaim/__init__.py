"""Figures and panels as EXSCLAIM! describes them."""

from mirsearch.sources.exsclaim.source import ExsclaimSource

__all__ = ["ExsclaimSource"]
