"""Finished answers, kept while the index is the same: who pages, goes back, or asks what others asked gets them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from mirsearch.settings import SERVE_LIMITS
from mirsearch.web.responses import content_tag

_LARGEST_SHARE = 8
"""An answer that takes more than this part of the room is not kept: it would drop all others."""


@dataclass(frozen=True, slots=True)
class Content:
    """What is sent: bytes with their tag, and the status. Only a success is kept."""

    data: bytes
    tag: str
    status: int = 200


def make_content(data: bytes, status: int = 200) -> Content:
    """Return bytes with their tag."""
    return Content(data, content_tag(data), status)


class KeptAnswers:
    """The contents that were asked for last, within a bound of bytes. Safe to use from several threads.

    `commit` tells which commit the index is at; None: it can't tell, and nothing is kept. It is asked before a content
    is made, so that a content may be newer than the commit under which it is kept, but never older.
    """

    def __init__(self, commit: Callable[[], Hashable | None], most_bytes: int = SERVE_LIMITS.answer_bytes) -> None:
        self._commit, self._most_bytes = commit, most_bytes
        self._at: Hashable | None = None
        self._kept: OrderedDict[Hashable, Content] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[Hashable | None], Content]) -> Content:
        """Return the content of a key, which is made where it is not kept. `make` is told the commit."""
        commit = self._commit()
        if commit is None:
            return make(None)
        with self._lock:
            if commit != self._at:
                self._kept.clear()
                self._at, self._bytes = commit, 0
            elif key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        content = make(commit)
        if content.status == 200 and len(content.data) <= self._most_bytes // _LARGEST_SHARE:
            self._keep(commit, key, content)
        return content

    def _keep(self, commit: Hashable, key: Hashable, content: Content) -> None:
        with self._lock:
            if commit != self._at or key in self._kept:
                return
            self._kept[key] = content
            self._bytes += len(content.data)
            while self._bytes > self._most_bytes:
                self._bytes -= len(self._kept.popitem(last=False)[1].data)
