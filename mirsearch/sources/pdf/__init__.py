"""Figures of articles in PDF (needs the extra `pdf`)."""

from mirsearch.sources.pdf.source import PdfSource

__all__ = ["PdfSource"]
