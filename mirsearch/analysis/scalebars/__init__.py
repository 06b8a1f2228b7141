"""Detect scale bars, read their labels, and turn both into a physical scale.

Where the constants of this package come from, unless a constant says otherwise: they were chosen by hand on figures
drawn by mirsearch.synthetic and on about 100 figures of open-access articles that are in no truth file. The level at
which a bar ends and some of the misreadings of OCR that are allowed for were chosen on the bars of scale_truth.csv. All
other figures with known truth (scale_truth.csv, caption_scale_truth.csv, panel_truth.csv, traps.csv) were only used to
check that nothing got worse. Numbers written in the code itself have the same origin.

Terms: a horizontal bar runs along the rows of the image, a vertical bar along its columns. The ground is what lies
around a bar or behind a label. A score, a confidence, and a plausibility are numbers from 0 to 1. A weight is a factor
by which one of them is multiplied.
"""
