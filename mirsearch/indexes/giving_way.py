"""Let others write between the commits of a long load."""

from __future__ import annotations

from mirsearch.indexes.base import IndexWriter


def give_way(writer: IndexWriter) -> bool:
    """Let others write who wait, after a commit; return whether one did. A plug-in's writer may know no such thing."""
    own = getattr(writer, "give_way", None)
    return bool(own()) if own is not None else False
