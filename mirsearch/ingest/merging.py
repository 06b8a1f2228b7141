"""What a place tells of a figure that is there already, and what becomes of it.

The first place a figure came from may change what it said; another may only add what is missing, or two places that
disagree would take turns at every run. What is no longer said is kept.
"""

from __future__ import annotations

import dataclasses

from mirsearch.corpus import Origin
from mirsearch.indexes.base import KnownFigure
from mirsearch.sources.base import FoundFigure


def place(origin: Origin) -> tuple[str, str]:
    """What tells one place from another."""
    return (origin.source, origin.location)


def told(found: FoundFigure) -> frozenset[str]:
    """What a place tells of a figure at all."""
    return frozenset(name for name in ("caption", "article") if getattr(found, name))


def changed(found: FoundFigure, there: KnownFigure) -> bool:
    """Whether a place tells something new of a figure that is there."""
    article = found.article.id if found.article else None
    if (found.caption and not there.caption) or (article and not there.article_id):
        return True
    different = (found.caption and found.caption != there.caption) or (article and article != there.article_id)
    return bool(_first(found, there) and different)


def merged(found: FoundFigure, there: KnownFigure) -> FoundFigure:
    """The figure as it is to be written over the one there; an article of None leaves the one there."""
    caption, article = found.caption or there.caption, found.article
    if not _first(found, there):
        caption = there.caption or caption
        article = None if there.article_id and article and article.id != there.article_id else article
    return dataclasses.replace(found, caption=caption, article=article)


def _first(found: FoundFigure, there: KnownFigure) -> bool:
    return bool(there.origins) and place(found.origin) == place(there.origins[0])
