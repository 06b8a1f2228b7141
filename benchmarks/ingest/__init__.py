"""Benchmarks of the flow in."""
