"""Figures whose letters name several images: channel grids, time series, insets, images beside plots, gels, strips.

How one is made: :mod:`scenes` and :mod:`pictures` → images; :mod:`charts` and :mod:`gels` → drawings; :mod:`bars` →
scale bars; the blocks of :mod:`grids`, :mod:`series`, :mod:`singles` and :mod:`beside` → one letter each;
:mod:`sheets` → a figure of blocks; :mod:`captions`; :mod:`truth` → files.
"""

from __future__ import annotations

from mirsearch.synthetic.composites.sheets import FORMS, CompositeFigure, draw_composite
from mirsearch.synthetic.composites.truth import truth_json, write_composites

__all__ = ["FORMS", "CompositeFigure", "draw_composite", "truth_json", "write_composites"]
