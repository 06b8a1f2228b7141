"""Figures that mirsearch draws, with complete truth: for the demonstration, for tests and for training.

How a figure is made: :mod:`specimens` → pictures (:mod:`imaging`) → :mod:`scalebars`, :mod:`panel_letters`,
:mod:`layouts`, :mod:`captions` → :mod:`figures` → :mod:`articles` → :mod:`corpus`.
"""
