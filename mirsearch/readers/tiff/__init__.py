"""TIFF files whose pages are planes of one stack, and slides of which one level is read."""
