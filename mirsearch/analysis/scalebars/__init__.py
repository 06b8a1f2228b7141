"""Detect scale bars, read their labels, and turn both into a physical scale."""
