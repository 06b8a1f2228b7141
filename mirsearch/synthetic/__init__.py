"""Figures drawn by the project itself, every truth known: for the demonstration, the tests and training.

Specimens (:mod:`specimens`: those of :mod:`particles`, :mod:`networks`, :mod:`solids`, :mod:`atoms`, :mod:`colored`)
→ pictures (:mod:`imaging`) → bars, letters, layouts, captions → :mod:`figures` → :mod:`articles` → :mod:`corpus`.
"""
