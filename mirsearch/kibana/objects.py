"""The saved objects of the corpus dashboard: a data view and a dashboard with its charts and controls, as NDJSON.

The stored form is that of Kibana 8.15, which later ones upgrade when they read it.
"""

from __future__ import annotations

import json
from typing import Any

from mirsearch.kibana import lens
from mirsearch.kibana.lens import ONLY_PANELS, Json, packed

CORE_VERSION = "8.8.0"
TYPE_VERSIONS = {"index-pattern": "8.0.0", "dashboard": "8.9.0"}
WIDTH = 48

Chart = tuple[str, dict[str, Json], tuple[str, Json], str]
"""Title, columns, visualization, query."""

CONTROLS = (
    ("technique", "optionsListControl", "panel.technique", "Technique"),
    ("year", "rangeSliderControl", "article.year", "Year"),
    ("journal", "optionsListControl", "article.journal", "Journal"),
    ("license", "optionsListControl", "article.license_code", "License"),
    ("fov", "rangeSliderControl", "scale.log10_field_of_view", "Field of view, log10 of nm"),
)
_LINK = {"id": "url", "params": {"type": "a", "urlTemplate": "", "labelTemplate": "", "openLinkInCurrentTab": False}}
_IMAGE = {
    "id": "url",
    "params": {"type": "img", "width": "160", "height": "120", "urlTemplate": "", "labelTemplate": ""},
}
FORMATS = {
    "image_url": _IMAGE,
    "article.url": _LINK,
    "article.year": {"id": "number", "params": {"pattern": "0"}},
    "scale.field_of_view_nm": {"id": "number", "params": {"pattern": "0,0.[00]"}},
    "scale.log10_field_of_view": {"id": "number", "params": {"pattern": "0.0"}},
    "scale.confidence": {"id": "number", "params": {"pattern": "0.00"}},
}


def charts() -> dict[str, tuple[Chart, tuple[int, int, int, int]]]:
    """Charts by id, each with its place in the grid (x, y, w, h)."""
    return {**_numbers(), **_over_time(), **_kinds_and_scales(), **_tables()}


def _numbers() -> dict[str, tuple[Chart, tuple[int, int, int, int]]]:
    def one(name: str, title: str, column: Json, query: str, x: int) -> tuple[Chart, tuple[int, int, int, int]]:
        return (title, {"m": column}, lens.number(name, "m"), query), (x, 0, 12, 6)

    return {
        "panels": one("panels", "Panels", lens.count(), ONLY_PANELS, 0),
        "figures": one("figures", "Figures", lens.distinct("figure.id", "Figures"), ONLY_PANELS, 12),
        "articles": one("articles", "Articles", lens.distinct("article.id", "Articles"), ONLY_PANELS, 24),
        "scaled": one(
            "scaled", "Panels with a scale", lens.count("With a scale"), f"{ONLY_PANELS} and scale.known : true", 36
        ),
    }


def _over_time() -> dict[str, tuple[Chart, tuple[int, int, int, int]]]:
    def one(name: str, title: str, field: str, label: str, x: int) -> tuple[Chart, tuple[int, int, int, int]]:
        columns = {
            "x": lens.terms("article.year", "Year", 60, by=None, kind="number"),
            "s": lens.terms(field, label, 8, by="m", other=True),
            "m": lens.count(),
        }
        return (title, columns, lens.bars(name, "x", "m", "s"), ONLY_PANELS), (x, 6, 24, 14)

    return {
        "journals": one("journals", "Corpus over time, by journal", "article.journal", "Journal", 0),
        "licenses": one("licenses", "Corpus over time, by license", "article.license_code", "License", 24),
    }


def _kinds_and_scales() -> dict[str, tuple[Chart, tuple[int, int, int, int]]]:
    techniques = {
        "g": lens.terms("panel.kind", "Kind", 8, by="m"),
        "h": lens.terms("panel.technique", "Technique", 12, by="m", other=True),
        "m": lens.count(),
    }
    views = {"x": lens.histogram("scale.log10_field_of_view", "log10 of nm", 40), "m": lens.count()}
    known = {
        "g": lens.terms("scale.known", "Scale known", 2, by="m", kind="boolean"),
        "h": lens.terms("panel.kind", "Kind", 8, by="m"),
        "m": lens.count(),
    }
    sure = {
        "x": lens.histogram("scale.confidence", "Confidence", 20),
        "s": lens.terms("scale.source", "Read from", 4, by="m"),
        "m": lens.count("Readings"),
    }
    return {
        "techniques": (
            ("Kinds and techniques", techniques, lens.ring("techniques", ["g", "h"], "m"), ONLY_PANELS),
            (0, 20, 16, 15),
        ),
        "views": (("Fields of view", views, lens.bars("views", "x", "m", None), ONLY_PANELS), (16, 20, 32, 15)),
        "known": (("With and without scale", known, lens.ring("known", ["g", "h"], "m"), ONLY_PANELS), (0, 35, 16, 14)),
        "sure": (
            ("Scale readings by source and confidence", sure, lens.bars("sure", "x", "m", "s"), ONLY_PANELS),
            (16, 35, 32, 14),
        ),
    }


def _tables() -> dict[str, tuple[Chart, tuple[int, int, int, int]]]:
    words = {"t": lens.terms("caption_terms", "Word", 60, by="m"), "m": lens.count()}
    failures = {
        "r": lens.terms("failure.reason", "Reason", 20, by="m"),
        "s": lens.terms("failure.stage", "Stage", 5, by="m"),
        "m": lens.count("Inputs"),
    }
    pictures = {
        "i": lens.terms("image_url", "Figure", 100, by="m"),
        "a": lens.terms("article.url", "Article", 1, by="m"),
        "k": lens.terms("panel.technique", "Technique", 3, by="m"),
        "f": lens.median("scale.field_of_view_nm", "Field of view, nm (median)"),
        "m": lens.count(),
    }
    return {
        "words": (("Words of captions", words, lens.cloud("words", "t", "m"), ONLY_PANELS), (0, 49, 24, 14)),
        "failures": (
            ("Failures of ingest", failures, lens.table("failures", ["r", "s", "m"]), 'doc_type : "failure"'),
            (24, 49, 24, 14),
        ),
        "pictures": (
            ("Figures", pictures, lens.table("pictures", ["i", "a", "k", "f", "m"], lines=5), ONLY_PANELS),
            (0, 63, 48, 24),
        ),
    }


def data_view(name: str) -> Json:
    """The data view over the alias `name`; without a time field, so that no time range hides the corpus."""
    attributes = {
        "title": name, "name": f"mirsearch: {name}", "fieldFormatMap": packed(FORMATS), "runtimeFieldMap": "{}",
        "fieldAttrs": "{}", "sourceFilters": packed([{"value": each} for each in ("vector", "thumbnail", "words.*")]),
        "fields": "[]", "allowHidden": False,
    }  # fmt: skip
    return _object("index-pattern", view_id(name), attributes, [])


def view_id(name: str) -> str:
    """Id of the data view."""
    return f"mirsearch-{name}-panels"


def dashboard(name: str) -> Json:
    """The dashboard with everything inside."""
    view = view_id(name)
    panels, references = [], []
    for panel_id, ((title, columns, drawn, query), (x, y, w, h)) in charts().items():
        attributes = lens.chart(title, panel_id, columns, drawn, view, query)
        panels.append(
            {
                "type": "lens",
                "gridData": {"x": x, "y": y, "w": w, "h": h, "i": panel_id},
                "panelIndex": panel_id,
                "title": title,
                "embeddableConfig": {"title": title, "attributes": attributes, "enhancements": {}},
            }
        )
        references += [{**each, "name": f"{panel_id}:{each['name']}"} for each in attributes["references"]]
    controls, of_controls = _controls(view)
    options = {
        "useMargins": True, "syncColors": False, "syncCursor": True, "syncTooltips": False, "hidePanelTitles": False,
    }  # fmt: skip
    source = {"query": {"query": "", "language": "kuery"}, "filter": []}
    attributes = {
        "title": f"mirsearch: {name}",
        "description": "A corpus of microscopy figures: where from, what of, at which scale.",
        "version": 1,
        "timeRestore": False,
        "kibanaSavedObjectMeta": {"searchSourceJSON": packed(source)},
        "optionsJSON": packed(options),
        "panelsJSON": packed(panels),
        "controlGroupInput": controls,
    }
    return _object("dashboard", f"mirsearch-{name}-corpus", attributes, references + of_controls)


def _controls(view: str) -> tuple[Json, list[Json]]:
    made, references = {}, []
    for order, (control_id, kind, field, title) in enumerate(CONTROLS):
        own: Json = {"id": control_id, "fieldName": field, "title": title, "dataViewId": view, "enhancements": {}}
        if kind == "optionsListControl":
            own |= {"searchTechnique": "prefix", "selectedOptions": [], "sort": {"by": "_count", "direction": "desc"}}
            suffix = "optionsListDataView"
        else:
            own |= {"step": 1}
            suffix = "rangeSliderDataView"
        made[control_id] = {"type": kind, "order": order, "width": "medium", "grow": True, "explicitInput": own}
        references.append({"type": "index-pattern", "id": view, "name": f"controlGroup_{control_id}:{suffix}"})
    ignored = {"ignoreFilters": False, "ignoreQuery": False, "ignoreTimerange": False, "ignoreValidations": False}
    group = {
        "controlStyle": "oneLine", "chainingSystem": "HIERARCHICAL", "showApplySelections": False,
        "ignoreParentSettingsJSON": packed(ignored), "panelsJSON": packed(made),
    }  # fmt: skip
    return group, references


def _object(kind: str, object_id: str, attributes: Json, references: list[Json]) -> Json:
    return {
        "id": object_id,
        "type": kind,
        "attributes": attributes,
        "references": references,
        "coreMigrationVersion": CORE_VERSION,
        "typeMigrationVersion": TYPE_VERSIONS[kind],
        "managed": False,
    }


def objects(name: str) -> list[Json]:
    """All saved objects of an index, those that others refer to first."""
    return [data_view(name), dashboard(name)]


def ndjson(name: str) -> str:
    """The objects as Kibana imports them, one a line."""
    lines: list[Any] = [json.dumps(each, ensure_ascii=False, sort_keys=True) for each in objects(name)]
    return "\n".join(lines) + "\n"
