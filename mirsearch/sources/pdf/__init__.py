"""Figures of articles in PDF (needs the extra `pdf`)."""
