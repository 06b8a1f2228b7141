"""Make the saved objects of the corpus dashboard as NDJSON: a data view, a table of panels, and a dashboard.

The objects have the form of Kibana 8.15. Later versions upgrade them when they read them.
"""

from __future__ import annotations

import json
from typing import Any

from mirsearch.kibana import fields, lens
from mirsearch.kibana.lens import PANELS_QUERY, Json, json_string

CORE_VERSION = "8.8.0"
TYPE_VERSIONS = {"index-pattern": "8.0.0", "search": "8.0.0", "dashboard": "8.9.0"}
ROWS = "rows"
"""Id of the dashboard's panel with the table of single panels, and its place."""
ROWS_PLACE = (0, 69, 48, 24)
ROWS_SHOWN = 100
"""Panels that the table loads: each comes with its small picture."""

Chart = tuple[str, dict[str, Json], tuple[str, Json], str]
"""A chart: its title, columns, visualization and query."""
Place = tuple[int, int, int, int]
"""A place in the dashboard's grid: x, y, width, height."""

CONTROLS = (
    ("technique", "optionsListControl", "panel.technique", "Technique"),
    ("year", "rangeSliderControl", "article.year", "Year"),
    ("journal", "optionsListControl", "article.journal", "Journal"),
    ("source", "optionsListControl", "source", "Source"),
    ("license", "optionsListControl", "article.license_code", "License"),
    ("fov", "rangeSliderControl", "scale.log10_field_of_view", "Field of view, log10 of nm"),
)


def charts() -> dict[str, tuple[Chart, Place]]:
    """Return the charts by id, each with its place in the grid."""
    by_name = _kind_charts() | _scale_charts()
    rows = {name: by_name[name] for name in ("techniques", "views", "known", "sure")}
    return {**_number_charts(), **_attention_charts(), **_timeline_charts(), **rows, **_table_charts()}


def _number_charts() -> dict[str, tuple[Chart, Place]]:
    def chart(name: str, title: str, column: Json, query: str, x: int) -> tuple[Chart, Place]:
        return (title, {"m": column}, lens.number_chart(name, "m"), query), (x, 0, 12, 6)

    return {
        "panels": chart("panels", "Panels", lens.count_column(), PANELS_QUERY, 0),
        "figures": chart("figures", "Figures", lens.distinct_count_column("figure.id", "Figures"), PANELS_QUERY, 12),
        "articles": chart(
            "articles", "Articles", lens.distinct_count_column("article.id", "Articles"), PANELS_QUERY, 24
        ),
        "scaled": chart(
            "scaled",
            "Panels with a scale",
            lens.count_column("With a scale"),
            f"{PANELS_QUERY} and scale.known : true",
            36,
        ),
    }


def _attention_charts() -> dict[str, tuple[Chart, Place]]:
    """Return the counts of panels that somebody should look at."""
    counted = (
        ("unlicensed", "Without a known license", "not article.license_code : *"),
        ("retracted", "Of retracted articles", "article.retracted : true"),
        ("corrected", "Corrected by hand", "corrected : *"),
        ("doubtful", "Scale in doubt", "scale.doubtful : true"),
    )
    found: dict[str, tuple[Chart, Place]] = {}
    for number, (name, title, condition) in enumerate(counted):
        one = (title, {"m": lens.count_column()}, lens.number_chart(name, "m"), f"{PANELS_QUERY} and {condition}")
        found[name] = one, (12 * number, 6, 12, 6)
    return found


def _timeline_charts() -> dict[str, tuple[Chart, Place]]:
    def chart(name: str, title: str, field: str, label: str, x: int) -> tuple[Chart, Place]:
        columns = {
            "x": lens.terms_column("shown_year", "Year (of the ingest where no other)", 60, by=None, kind="number"),
            "s": lens.terms_column(field, label, 8, by="m", other=True),
            "m": lens.count_column(),
        }
        return (title, columns, lens.bar_chart(name, "x", "m", "s"), PANELS_QUERY), (x, 12, 24, 14)

    return {
        "journals": chart("journals", "Corpus over time, by journal", "shown_journal", "Journal, or source", 0),
        "licenses": chart("licenses", "Corpus over time, by license", "shown_license", "License", 24),
    }


def _kind_charts() -> dict[str, tuple[Chart, Place]]:
    techniques = {
        "g": lens.terms_column("panel.kind", "Kind", 8, by="m"),
        "h": lens.terms_column("panel.technique", "Technique", 12, by="m", other=True),
        "m": lens.count_column(),
    }
    with_scale = {
        "g": lens.terms_column("scale.known", "Scale known", 2, by="m", kind="boolean"),
        "h": lens.terms_column("panel.kind", "Kind", 8, by="m"),
        "m": lens.count_column(),
    }
    return {
        "techniques": (
            ("Kinds and techniques", techniques, lens.donut_chart("techniques", ["g", "h"], "m"), PANELS_QUERY),
            (0, 26, 16, 15),
        ),
        "known": (
            ("With and without scale", with_scale, lens.donut_chart("known", ["g", "h"], "m"), PANELS_QUERY),
            (0, 41, 16, 14),
        ),
    }


def _scale_charts() -> dict[str, tuple[Chart, Place]]:
    fields_of_view = {
        "x": lens.histogram_column("scale.log10_field_of_view", "log10 of nm", 40),
        "s": lens.terms_column("panel.technique", "Technique", 12, by="m", other=True),
        "m": lens.count_column(),
    }
    confidence = {
        "x": lens.histogram_column("scale.confidence", "Confidence", 20),
        "s": lens.terms_column("scale.source", "Read from", 5, by="m"),
        "m": lens.count_column("Readings"),
    }
    title = "Scale readings by source and confidence"
    return {
        "views": (
            ("Fields of view by technique", fields_of_view, lens.bar_chart("views", "x", "m", "s"), PANELS_QUERY),
            (16, 26, 32, 15),
        ),
        "sure": ((title, confidence, lens.bar_chart("sure", "x", "m", "s"), PANELS_QUERY), (16, 41, 32, 14)),
    }


def _table_charts() -> dict[str, tuple[Chart, Place]]:
    words = {"t": lens.terms_column("caption_terms", "Word", 60, by="m"), "m": lens.count_column()}
    failures = {
        "r": lens.terms_column("failure.reason", "Reason", 20, by="m"),
        "s": lens.terms_column("failure.stage", "Stage", 5, by="m"),
        "m": lens.count_column("Inputs"),
    }
    pictures = {
        "i": lens.terms_column("image_url", "Figure", 100, by="m"),
        "a": lens.terms_column("article.url", "Article", 1, by="m"),
        "k": lens.terms_column("panel.technique", "Technique", 3, by="m"),
        "f": lens.median_column("scale.field_of_view_nm", "Field of view, nm (median)"),
        "m": lens.count_column(),
    }
    return {
        "words": (("Words of captions", words, lens.tag_cloud("words", "t", "m"), PANELS_QUERY), (0, 55, 24, 14)),
        "failures": (
            ("Failures of ingest", failures, lens.table_chart("failures", ["r", "s", "m"]), 'doc_type : "failure"'),
            (24, 55, 24, 14),
        ),
        "pictures": (
            ("Figures", pictures, lens.table_chart("pictures", ["i", "a", "k", "f", "m"], lines=5), PANELS_QUERY),
            (0, 93, 48, 24),
        ),
    }


def data_view(name: str) -> Json:
    """Return the data view of the alias `name`. It has no time field, so that no time range hides panels."""
    attributes = {
        "title": name, "name": f"mirsearch: {name}", "fieldFormatMap": json_string(fields.FORMATS),
        "runtimeFieldMap": json_string(fields.COMPUTED), "fieldAttrs": "{}", "fields": "[]", "allowHidden": False,
        "sourceFilters": json_string([{"value": field} for field in fields.HIDDEN]),
    }  # fmt: skip
    return _saved_object("index-pattern", data_view_id(name), attributes, [])


def data_view_id(name: str) -> str:
    """Return the id of the data view."""
    return f"mirsearch-{name}-panels"


def panel_rows(name: str) -> Json:
    """Return the table of single panels, with their small pictures, captions and links: a session of Discover."""
    reference = "kibanaSavedObjectMeta.searchSourceJSON.index"
    source = {"query": {"query": PANELS_QUERY, "language": "kuery"}, "filter": [], "indexRefName": reference}
    attributes = {
        "title": f"mirsearch: panels of {name}", "description": "Single panels, with pictures and links.",
        "columns": list(fields.ROW_COLUMNS), "sort": [], "grid": {}, "hideChart": True, "isTextBasedQuery": False,
        "timeRestore": False, "rowHeight": 6, "sampleSize": ROWS_SHOWN,
        "kibanaSavedObjectMeta": {"searchSourceJSON": json_string(source)},
    }  # fmt: skip
    references = [{"type": "index-pattern", "id": data_view_id(name), "name": reference}]
    return _saved_object("search", panel_rows_id(name), attributes, references)


def panel_rows_id(name: str) -> str:
    """Return the id of the table of single panels."""
    return f"mirsearch-{name}-rows"


def _rows_panel(name: str) -> tuple[Json, Json]:
    """Return the dashboard's panel with the table of single panels, and its reference."""
    x, y, w, h = ROWS_PLACE
    panel = {
        "type": "search",
        "gridData": {"x": x, "y": y, "w": w, "h": h, "i": ROWS},
        "panelIndex": ROWS,
        "title": "Panels",
        "embeddableConfig": {"title": "Panels", "enhancements": {}},
        "panelRefName": f"panel_{ROWS}",
    }
    return panel, {"type": "search", "id": panel_rows_id(name), "name": f"{ROWS}:panel_{ROWS}"}


def dashboard(name: str) -> Json:
    """Return the dashboard, which contains its charts and controls, and the table of panels."""
    view = data_view_id(name)
    panels, references = [], []
    for panel_id, ((title, columns, visualization, query), (x, y, w, h)) in charts().items():
        attributes = lens.chart_attributes(title, panel_id, columns, visualization, view, query)
        panels.append(
            {
                "type": "lens",
                "gridData": {"x": x, "y": y, "w": w, "h": h, "i": panel_id},
                "panelIndex": panel_id,
                "title": title,
                "embeddableConfig": {"title": title, "attributes": attributes, "enhancements": {}},
            }
        )
        references += [{**ref, "name": f"{panel_id}:{ref['name']}"} for ref in attributes["references"]]
    rows, row_reference = _rows_panel(name)
    panels.append(rows)
    references.append(row_reference)
    controls, control_references = _control_group(view)
    options = {
        "useMargins": True, "syncColors": False, "syncCursor": True, "syncTooltips": False, "hidePanelTitles": False,
    }  # fmt: skip
    source = {"query": {"query": "", "language": "kuery"}, "filter": []}
    attributes = {
        "title": f"mirsearch: {name}",
        "description": "Microscopy figures: where they were published, what they show, and at which scale.",
        "version": 1,
        "timeRestore": False,
        "kibanaSavedObjectMeta": {"searchSourceJSON": json_string(source)},
        "optionsJSON": json_string(options),
        "panelsJSON": json_string(panels),
        "controlGroupInput": controls,
    }
    return _saved_object("dashboard", f"mirsearch-{name}-corpus", attributes, references + control_references)


def _control_group(view: str) -> tuple[Json, list[Json]]:
    controls, references = {}, []
    for order, (control_id, kind, field, title) in enumerate(CONTROLS):
        options: Json = {"id": control_id, "fieldName": field, "title": title, "dataViewId": view, "enhancements": {}}
        if kind == "optionsListControl":
            options |= {
                "searchTechnique": "prefix",
                "selectedOptions": [],
                "sort": {"by": "_count", "direction": "desc"},
            }
            suffix = "optionsListDataView"
        else:
            options |= {"step": 1}
            suffix = "rangeSliderDataView"
        controls[control_id] = {"type": kind, "order": order, "width": "medium", "grow": True, "explicitInput": options}
        references.append({"type": "index-pattern", "id": view, "name": f"controlGroup_{control_id}:{suffix}"})
    ignored = {"ignoreFilters": False, "ignoreQuery": False, "ignoreTimerange": False, "ignoreValidations": False}
    group = {
        "controlStyle": "oneLine", "chainingSystem": "HIERARCHICAL", "showApplySelections": False,
        "ignoreParentSettingsJSON": json_string(ignored), "panelsJSON": json_string(controls),
    }  # fmt: skip
    return group, references


def _saved_object(kind: str, object_id: str, attributes: Json, references: list[Json]) -> Json:
    return {
        "id": object_id,
        "type": kind,
        "attributes": attributes,
        "references": references,
        "coreMigrationVersion": CORE_VERSION,
        "typeMigrationVersion": TYPE_VERSIONS[kind],
        "managed": False,
    }


def saved_objects(name: str) -> list[Json]:
    """Return all saved objects of an index; an object stands before those that refer to it."""
    return [data_view(name), panel_rows(name), dashboard(name)]


def dashboards_ndjson(name: str) -> str:
    """Return the saved objects as Kibana imports them, one in each line."""
    lines: list[Any] = [json.dumps(item, ensure_ascii=False, sort_keys=True) for item in saved_objects(name)]
    return "\n".join(lines) + "\n"
