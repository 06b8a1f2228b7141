"""Benchmarks of `mirsearch.search`: one command each."""
