"""Figures drawn by the project itself, every truth known."""
