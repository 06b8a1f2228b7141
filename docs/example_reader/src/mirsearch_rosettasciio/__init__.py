"""Formats that rosettasciio reads, for mirsearch."""
