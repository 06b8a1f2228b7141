"""Figures of articles in LaTeX, and the e-prints of arXiv."""

from mirsearch.sources.latex.figures import LatexFigure, latex_figures

__all__ = ["LatexFigure", "latex_figures"]
