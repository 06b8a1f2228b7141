"""Figures of articles in LaTeX, and arXiv's e-prints."""
