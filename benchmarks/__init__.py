"""Benchmarks: one command each, in the folders of the package."""
