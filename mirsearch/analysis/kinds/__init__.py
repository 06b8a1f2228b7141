"""Determine what kind of picture a panel is, and by which technique it was imaged.

The discriminants of `technique` were fitted on the examples of class_truth.csv by `benchmarks/analysis/technique.py
--fit`. All other constants of this package were chosen by hand on figures drawn by mirsearch.synthetic and on figures
of open-access articles that are in no truth file. Files with truth were only used to check that nothing got worse.
Numbers written in the code itself have the same origin.
"""
