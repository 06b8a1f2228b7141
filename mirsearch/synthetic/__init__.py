"""Figures drawn by the project itself, every truth known: for the demonstration, the tests and training.

Specimens (:mod:`particles`, :mod:`networks`, :mod:`solids`, :mod:`atoms`, :mod:`colored`, :mod:`specimens`) →
 pictures (:mod:`imaging`) → bars, letters, layouts, captions → :func:`figures.draw_figure` → :func:`corpus.write_corpus`.
"""
