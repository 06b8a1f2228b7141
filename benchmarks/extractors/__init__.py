"""Benchmarks of `mirsearch.extractors`, one command each."""
