"""Benchmarks of `mirsearch.web`: one command each."""
