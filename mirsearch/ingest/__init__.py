"""Ingest: figures go from sources through analysis and extractor into an index."""
