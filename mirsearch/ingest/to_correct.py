"""Find the panels that a person should look at first: doubtful scales, then bars whose length is unknown."""

from __future__ import annotations

from mirsearch.field_filters import FieldFilter
from mirsearch.indexes.base import Index
from mirsearch.query import Filters, StoredPanel


def panels_to_correct(index: Index) -> list[StoredPanel]:
    """Return panels with a doubtful scale, the surest reading first, then panels with a bar without a length.

    A reading that is nearly sure is the quickest to confirm, and counts in searches from then on.
    """
    doubtful = list(index.select_panels(_only("scale.doubtful")))
    doubtful.sort(key=lambda stored: -_confidence(stored))
    return doubtful + list(index.select_panels(_only("scale.lone_bar")))


def _only(flag: str) -> Filters:
    return Filters(fields=(FieldFilter(flag, values=("true",)),))


def _confidence(stored: StoredPanel) -> float:
    reading = stored.panel.doubtful_scale
    return 0.0 if reading is None else reading.confidence
