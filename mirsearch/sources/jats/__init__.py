"""Figures of articles in JATS XML, with the image files beside them."""

from mirsearch.sources.jats.source import JatsSource

__all__ = ["JatsSource"]
