"""Figures of articles in LaTeX, and the e-prints of arXiv."""
