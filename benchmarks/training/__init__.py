"""Benchmarks of `mirsearch.training`: one command each."""
