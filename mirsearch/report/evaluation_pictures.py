"""Pictures and names of judged queries and of what they find: files of a folder, or panels of an index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mirsearch.errors import MirsearchError
from mirsearch.evaluation.judgments import JudgedQuery
from mirsearch.imaging.images import thumbnail
from mirsearch.indexes.base import Index
from mirsearch.report.wording import figure_name
from mirsearch.search.query_page import open_query_page

_SIDE = 240


class Pictures(Protocol):
    """Gives the pictures and names of queries and answers."""

    def picture(self, some_id: str) -> bytes | None:
        """Return a small picture as JPEG, or None."""

    def name(self, some_id: str) -> str:
        """Return what a person calls it."""


class FilePictures:
    """Pictures of the files in a folder of classes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def picture(self, some_id: str) -> bytes | None:
        """Return a small picture of a file as JPEG, None where it can't be read."""
        return _read_picture(self._folder / some_id)

    def name(self, some_id: str) -> str:
        """Return the file's path in the folder."""
        return some_id


class IndexPictures:
    """Pictures of judged queries and of the panels of an index."""

    def __init__(self, index: Index, queries: Sequence[JudgedQuery]) -> None:
        self._index = index
        self._queries = {query.id: query for query in queries}

    def picture(self, some_id: str) -> bytes | None:
        """Return a small picture of a query's image or of a panel, None if there is none."""
        query = self._queries.get(some_id)
        if query is None:
            return self._index.thumbnail(some_id)
        if query.image is not None and Path(query.image).is_file():
            return _read_picture(Path(query.image))
        asked = query.like or query.image
        found = self._index.find_panels(asked) if asked else []
        return self._index.thumbnail(found[0].panel.id) if found else None

    def name(self, some_id: str) -> str:
        """Return the words of a query, or the name of a panel's figure."""
        query = self._queries.get(some_id)
        if query is not None:
            return query.text or some_id
        found = self._index.find_panels(some_id)
        return figure_name(found[0].figure, found[0].panel) if found else some_id


def _read_picture(path: Path) -> bytes | None:
    try:
        return thumbnail(open_query_page(path, 0).pixels, _SIDE)
    except (MirsearchError, OSError, ValueError):
        return None  # it was readable when it was measured; the page does without it
