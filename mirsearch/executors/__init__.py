"""Executors: where an ingest's figures are analyzed, in the manner of `concurrent.futures`."""
