"""Benchmarks of what is read from image files."""
