"""The embedded index: an SQLite database with a matrix of vectors and a file of words beside it."""

from mirsearch.indexes.embedded.index import EmbeddedIndex

__all__ = ["EmbeddedIndex"]
