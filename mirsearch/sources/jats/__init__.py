"""Figures of articles in JATS XML, with the images beside them."""
