"""The scale of a panel as fields of a document, and back; and the conditions on a scale, as clauses of a query."""

from __future__ import annotations

import math
from typing import Any

from mirsearch.corpus import Panel, ScaleReading, to_json
from mirsearch.corrections import lone_bar_from_json, reading_from_json
from mirsearch.indexes.comparison import field_of_view

Document = dict[str, Any]

LOG10_FOV_FIELD = "scale.log10_field_of_view"
DOUBTFUL_LOG10_FOV_FIELD = "scale.doubtful_log10_field_of_view"
_DOUBTFUL_FIELDS = {
    LOG10_FOV_FIELD: DOUBTFUL_LOG10_FOV_FIELD,
    "scale.field_of_view_nm": "scale.doubtful_field_of_view_nm",
}
"""The field that a doubtful reading has instead of one of a reading that is told."""


def scale_fields(panel: Panel) -> Document:
    """Return the fields of a panel's readings: `scale`, `doubtful_scale` and `lone_bar`."""
    has_doubtful = field_of_view(panel, panel.doubtful_scale) is not None
    return {
        "scale": _told_scale_fields(panel) | _doubtful_scale_fields(panel),
        "doubtful_scale": to_json(panel.doubtful_scale) if has_doubtful else None,
        "lone_bar": None if panel.bar is None else to_json(panel.bar),
    }


def _told_scale_fields(panel: Panel) -> Document:
    scale, fov = panel.scale, field_of_view(panel, panel.scale)
    if scale is None or fov is None:
        return {"known": False}
    return {
        "known": True,
        "nm_per_px": scale.nm_per_px,
        "length_nm": scale.length_nm,
        "log10_length": math.log10(scale.length_nm) if scale.length_nm else None,
        "length_px": scale.length_px,
        "bar": list(scale.bar) if scale.bar else None,
        "label_text": scale.label_text,
        "source": scale.source,
        "confidence": scale.confidence,
        "field_of_view_nm": fov,
        "log10_field_of_view": math.log10(fov),
    }


def _doubtful_scale_fields(panel: Panel) -> Document:
    fov = field_of_view(panel, panel.doubtful_scale)
    return {
        "doubtful": fov is not None,
        "doubtful_field_of_view_nm": fov,
        "doubtful_log10_field_of_view": None if fov is None else math.log10(fov),
        "lone_bar": panel.bar is not None,
    }


def read_scales(document: Document) -> dict[str, Any]:
    """Return the readings in a panel's document, by the names of the fields of Panel."""
    doubtful, lone_bar = document.get("doubtful_scale"), document.get("lone_bar")
    return {
        "scale": _read_scale(document["scale"]),
        "doubtful_scale": reading_from_json(doubtful) if doubtful else None,
        "bar": lone_bar_from_json(lone_bar) if lone_bar else None,
    }


def _read_scale(scale: Document) -> ScaleReading | None:
    if not scale.get("known"):
        return None
    bar = scale.get("bar")
    return ScaleReading(
        nm_per_px=scale["nm_per_px"],
        length_nm=scale.get("length_nm"),
        length_px=scale.get("length_px"),
        bar=tuple(bar) if bar else None,
        label_text=scale.get("label_text"),
        source=scale["source"],
        confidence=scale["confidence"],
    )


def known_clauses(known: bool | None, *, doubtful: bool) -> list[Document]:
    """Return the clauses that a panel has a scale, or has none. With `doubtful`, a doubtful reading counts as well."""
    if known is None:
        return []
    if not doubtful:
        return [{"term": {"scale.known": known}}]
    has_any = {"bool": {"should": [{"term": {"scale.known": True}}, {"term": {"scale.doubtful": True}}]}}
    return [has_any if known else {"bool": {"must_not": [has_any]}}]


def range_clauses(field: str, low: float | None, high: float | None, *, doubtful: bool = False) -> list[Document]:
    """Return the clause that a number lies in a range, ends included; none without ends.

    With `doubtful`, a doubtful reading counts where the panel has no other.
    """
    bounds = {name: bound for name, bound in (("gte", low), ("lte", high)) if bound is not None}
    if not bounds:
        return []
    told: Document = {"range": {field: bounds}}
    if not doubtful or field not in _DOUBTFUL_FIELDS:
        return [told]
    in_doubt = [{"range": {_DOUBTFUL_FIELDS[field]: bounds}}]
    return [{"bool": {"should": [told, {"bool": {"filter": in_doubt, "must_not": [{"exists": {"field": field}}]}}]}}]


def exists_clauses(field: str, *, doubtful: bool) -> list[Document]:
    """Return the clause that a panel has a field of view: the told one or, with `doubtful`, a doubtful one."""
    told: Document = {"exists": {"field": field}}
    return [{"bool": {"should": [told, {"exists": {"field": _DOUBTFUL_FIELDS[field]}}]}}] if doubtful else [told]
