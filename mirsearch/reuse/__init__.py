"""Finds pictures of a corpus that are shown more than once, also cropped, flipped, turned or at another scale."""
