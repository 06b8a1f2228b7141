"""Cut figures into panels.

Where the constants of this package come from, unless a constant says otherwise: they were chosen by hand on figures
drawn by mirsearch.synthetic and on about 100 figures of open-access articles that are in no truth file. The figures of
panel_truth.csv were only used to check that nothing got worse. Numbers written in the code itself have the same origin.

The modules that cut a letter's region into single images (cut, single_images, pictures, pieces, thin_lines, grid,
frames, drawings, headings) are younger: their constants were chosen looking at 20 figures whose letters name several
images, at figures drawn by mirsearch.synthetic.composites, and at the article figures of panel_truth.csv.
"""
