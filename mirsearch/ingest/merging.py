"""Merges what a source says about a figure with what the index already has.

The first origin of a figure may change its caption and article. Other origins may only add what is missing; otherwise
two origins that disagree would overwrite each other at every run. What an origin no longer says is kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from mirsearch.corpus import Origin
from mirsearch.indexes.base import KnownFigure
from mirsearch.readers.selection import Selection, split_location
from mirsearch.sources.base import FoundFigure


def origin_key(origin: Origin) -> tuple[str, str]:
    """Return the key that identifies an origin: its source and its place, whichever planes of the file were drawn."""
    return (origin.source, split_location(origin.location)[0])


def new_origins(found: FoundFigure, known: KnownFigure) -> list[Origin]:
    """Return the origins of a found figure that the index does not have. Those of a figure of planes say which."""
    keys = {origin_key(origin) for origin in known.origins}
    drawn = next((own for origin in reversed(known.origins) if (own := split_location(origin.location)[1])), None)
    fragment = "" if drawn is None else drawn.fragment
    return [
        dataclasses.replace(origin, location=f"{origin.location}{fragment}")
        for origin in (found.origin, *found.other_origins)
        if origin_key(origin) not in keys
    ]


def needs_planes(found: FoundFigure, known: KnownFigure, selection: Selection) -> bool:
    """Return whether a file of planes must be read again: Ctrl-C ended it early, or other planes are wanted now."""
    drawn = [own for origin in known.origins if (own := split_location(origin.location)[1]) is not None]
    if not drawn or found.page is not None:
        return False
    complete = [own for own in drawn if own.images is None]
    return selection not in complete if selection != Selection() else not complete


def given_fields(found: FoundFigure) -> frozenset[str]:
    """Return which of caption and article a source gives for a figure."""
    return frozenset(name for name in ("caption", "article") if getattr(found, name))


def has_changes(found: FoundFigure, known: KnownFigure) -> bool:
    """Return whether a source gives something new about a figure of the index."""
    article = found.article.id if found.article else None
    if (found.caption and not known.caption) or (article and not known.article_id):
        return True
    different = (found.caption and found.caption != known.caption) or (article and article != known.article_id)
    return bool(_is_first_origin(found, known) and different)


def has_new_mentions(found: FoundFigure, known: KnownFigure) -> bool:
    """Return whether a source gives sentences about a figure that the index should have: its words change, no panel."""
    if not found.mentions or known.mentions is None or (known.mentions and not _is_first_origin(found, known)):
        return False
    return _stored_form(found.mentions) != _stored_form(known.mentions)


def _stored_form(sentences: Iterable[str]) -> list[bytes]:
    """Return sentences without what an index can't store, so that they are not taken for new at each run."""
    return [sentence.replace("\0", "").encode("utf-8", "replace") for sentence in sentences]


def merge_figure(found: FoundFigure, known: KnownFigure) -> FoundFigure:
    """Return the figure to write over the one in the index. An article of None keeps the article of the index."""
    caption, article, mentions = found.caption or known.caption, found.article, found.mentions
    if not _is_first_origin(found, known):
        caption, mentions = known.caption or caption, known.mentions or mentions
        article = None if known.article_id and article and article.id != known.article_id else article
    return dataclasses.replace(found, caption=caption, article=article, mentions=mentions)


def _is_first_origin(found: FoundFigure, known: KnownFigure) -> bool:
    return bool(known.origins) and origin_key(found.origin) == origin_key(known.origins[0])
