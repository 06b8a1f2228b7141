"""Marks articles of an index that were retracted after they were ingested."""

from __future__ import annotations

from collections.abc import Iterable

from mirsearch.indexes.base import Index, IndexWriter
from mirsearch.query import Filters
from mirsearch.sources.base import Retraction


def mark_retracted_articles(index: Index, writer: IndexWriter, retractions: Iterable[Retraction]) -> list[str]:
    """Mark the retracted articles that the index has without the mark. Commit before and after; return their ids."""
    names = tuple(dict.fromkeys(name for retraction in retractions for name in retraction.articles))
    if not names:
        return []
    writer.commit()
    panels = index.select_panels(Filters(articles=names, retracted=False))
    found = dict.fromkeys(stored.figure.article.id for stored in panels if stored.figure.article is not None)
    if found:
        writer.mark_retracted(found)
        writer.commit()
    return list(found)
