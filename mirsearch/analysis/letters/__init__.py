"""Find the letters of panels and assign each letter to its panel.

Where the constants of this package come from, unless a constant says otherwise: they were chosen by hand on figures
drawn by mirsearch.synthetic and on about 100 figures of open-access articles that are in no truth file. The figures of
panel_truth.csv were only used to check that nothing got worse. Numbers written in the code itself have the same origin.
"""
