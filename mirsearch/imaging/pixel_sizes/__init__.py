"""Read the pixel sizes that microscopes write into image files, and into text files beside them: right, or none.

One module a maker. `docs/pixel-sizes.md` lists what is read from where.
"""

from mirsearch.imaging.pixel_sizes.reading import open_pixel_sizes, picture_pixel_size, pixel_size_nm

__all__ = ["open_pixel_sizes", "picture_pixel_size", "pixel_size_nm"]
