"""Open the files of microscopes and cameras: readers for each kind, and the figures that their planes make."""
