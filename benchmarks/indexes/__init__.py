"""Benchmarks of `mirsearch.indexes`: one command each."""
