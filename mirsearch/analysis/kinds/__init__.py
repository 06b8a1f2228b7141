"""Determine what kind of picture a panel is, and by which technique it was imaged.

The two models of `model` were fitted by `benchmarks/analysis/technique.py --fit` on the examples of class_truth.csv and
panel_truth.csv, on changed forms of them, and on drawn pictures. The weights of words were chosen by hand, and their
factor on papers that the models hadn't seen. composite/truth.json was only used to check.
"""
