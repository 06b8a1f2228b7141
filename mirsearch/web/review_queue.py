"""The readings that most want a look, found once and kept for a while: a look at all panels takes its time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from mirsearch.errors import NotFoundError
from mirsearch.query import StoredPanel
from mirsearch.search.review import Review, ReviewItem, find_review
from mirsearch.web.corpus import Corpus

MAX_ITEMS = 500
"""Most readings of the queue. When they are done, the next are found."""
_KEPT_SECONDS = 600.0


class ReviewQueue:
    """Finds the readings, as `mirsearch review` does, and leaves out what has been corrected since."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._found: tuple[float, Review] | None = None
        self._lock = threading.Lock()

    def review(self) -> Review:
        """Return the readings and their counts, at most ten minutes old."""
        with self._lock:
            now = time.monotonic()
            if self._found is None or now - self._found[0] > _KEPT_SECONDS:
                self._found = now, find_review(self._corpus.index, MAX_ITEMS)
            return self._found[1]

    def settle(self, panel_id: str) -> None:
        """Leave a panel out that was looked at; when none is left, look again."""
        with self._lock:
            if self._found is None:
                return
            at, review = self._found
            settled = [item for item in review.items if item.stored.panel.id == panel_id]
            items = tuple(item for item in review.items if item.stored.panel.id != panel_id)
            counts = dict(review.counts)
            for item in settled:
                counts[item.reason] -= 1
            left = {reason: count for reason, count in counts.items() if count > 0}
            self._found = (at, Review(items, left)) if items else None

    def forget(self) -> None:
        """Look at all panels again when the queue is asked for next."""
        with self._lock:
            self._found = None

    def current(self, items: Sequence[ReviewItem]) -> list[ReviewItem]:
        """Return items with their panels as they are now, without those that are gone or corrected meanwhile."""
        found = []
        for item in items:
            stored = self._panel(item.stored.panel.id)
            if stored is not None and "scale" not in stored.corrected_fields:
                found.append(ReviewItem(stored, item.reason, item.detail))
        return found

    def _panel(self, panel_id: str) -> StoredPanel | None:
        try:
            return self._corpus.index.panels([panel_id])[0]
        except NotFoundError:
            return None
