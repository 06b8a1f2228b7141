"""Articles that were retracted after they came into an index: found there and marked."""

from __future__ import annotations

from collections.abc import Iterable

from mirsearch.indexes.base import Index, IndexWriter
from mirsearch.query import Filters
from mirsearch.sources.base import Retraction


def mark(index: Index, writer: IndexWriter, told: Iterable[Retraction]) -> list[str]:
    """Mark the articles told of that an index has as sound ones; their ids. What was written before is committed."""
    names = tuple(dict.fromkeys(name for each in told for name in each.articles))
    if not names:
        return []
    writer.commit()
    there = index.select(Filters(articles=names, retracted=False))
    found = dict.fromkeys(each.figure.article.id for each in there if each.figure.article is not None)
    if found:
        writer.mark_retracted(found)
        writer.commit()
    return list(found)
