"""Figures of articles in PDF (extra `pdf`)."""
