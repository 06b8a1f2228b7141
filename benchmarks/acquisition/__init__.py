"""Benchmarks of `mirsearch.acquisition`: one command each."""
