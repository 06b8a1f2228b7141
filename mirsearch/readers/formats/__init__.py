"""Readers of the formats of microscopes and cameras, one module for each."""
