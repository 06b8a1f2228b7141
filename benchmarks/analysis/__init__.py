"""Benchmarks of `mirsearch.analysis`: one command each."""
