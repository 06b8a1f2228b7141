"""The value that a panel has in a field of `field_filters.FIELDS`."""

from __future__ import annotations

from collections.abc import Callable

from mirsearch.indexes.comparison import field_of_view, known_technique, license_key
from mirsearch.query import StoredPanel

_OTHERS: dict[str, Callable[[StoredPanel], object]] = {
    "panel.technique": lambda stored: known_technique(stored.panel),
    "panel.width_px": lambda stored: stored.panel.width,
    "panel.height_px": lambda stored: stored.panel.height,
    "panel.heading": lambda stored: stored.panel.heading or None,
    "panel.number": lambda stored: None,  # only the index knows it
    "scale.known": lambda stored: stored.panel.scale is not None,
    "scale.field_of_view_nm": lambda stored: field_of_view(stored.panel, stored.panel.scale),
    "scale.doubtful": lambda stored: stored.panel.doubtful_scale is not None,
    "scale.doubtful_field_of_view_nm": lambda stored: field_of_view(stored.panel, stored.panel.doubtful_scale),
    "scale.lone_bar": lambda stored: stored.panel.bar is not None,
    "article.license_code": lambda stored: license_key(getattr(stored.figure.article, "license", None)),
    "article.authors": lambda stored: min(getattr(stored.figure.article, "authors", ()), default=None),
    "source": lambda stored: min((origin.source for origin in stored.figure.origins), default=None),
}
"""Fields that are no attributes of their own. Of several values, the one that counts in an order."""


def field_value(stored: StoredPanel, field: str) -> object:
    """Return the value of a panel in a field, None if it has none."""
    if field in _OTHERS:
        return _OTHERS[field](stored)
    group, _, name = field.partition(".")
    panel, figure = stored.panel, stored.figure
    owners = {"panel": panel, "scale": panel.scale, "figure": figure, "article": figure.article}
    found: object = getattr(owners[group], name, None)
    return found
