"""Figures of articles in JATS XML, with the image files beside them."""
