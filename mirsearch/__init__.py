"""Search microscopy figures of the scientific literature by looks, physical scale and words."""

__version__ = "0.2.0"
