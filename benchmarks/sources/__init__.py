"""Benchmarks of `mirsearch.sources`: one command each."""
