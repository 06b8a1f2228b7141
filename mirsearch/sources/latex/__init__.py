"""Figures of articles in LaTeX, and the e-prints of arXiv."""

from mirsearch.sources.latex.figures import LatexFigure, latex_figures, plain_text

__all__ = ["LatexFigure", "latex_figures", "plain_text"]
