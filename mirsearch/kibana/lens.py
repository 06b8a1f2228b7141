"""Lens charts in the form in which Kibana 8 stores them inside a dashboard. Kibana 9 reads this form too."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]
RECORDS_FIELD = "___records___"
PANELS_QUERY = 'doc_type : "panel"'


def count_column(label: str = "Panels") -> Json:
    """Return the column that counts documents."""
    return _metric_column("count", RECORDS_FIELD, label)


def distinct_count_column(field: str, label: str) -> Json:
    """Return the column that counts the different values of a keyword."""
    return _metric_column("unique_count", field, label)


def median_column(field: str, label: str) -> Json:
    """Return the column of a number's median."""
    return _metric_column("median", field, label)


def _metric_column(operation: str, field: str, label: str) -> Json:
    return {
        "label": label, "customLabel": True, "dataType": "number", "operationType": operation, "isBucketed": False,
        "scale": "ratio", "sourceField": field, "params": {"emptyAsNull": True},
    }  # fmt: skip


def terms_column(
    field: str, label: str, size: int, *, by: str | None, kind: str = "string", other: bool = False
) -> Json:
    """Return the column of a field's most frequent values, ordered by the metric column `by`; None orders by value."""
    order: Json = {"type": "column", "columnId": by} if by else {"type": "alphabetical", "fallback": False}
    return {
        "label": label, "customLabel": True, "dataType": kind, "operationType": "terms", "isBucketed": True,
        "scale": "ordinal", "sourceField": field,
        "params": {
            "size": size, "orderBy": order, "orderDirection": "desc" if by else "asc", "otherBucket": other,
            "missingBucket": False, "parentFormat": {"id": "terms"}, "include": [], "exclude": [],
            "includeIsRegex": False, "excludeIsRegex": False,
        },
    }  # fmt: skip


def histogram_column(field: str, label: str, bars: int) -> Json:
    """Return the column that puts a number into about `bars` ranges of equal width."""
    return {
        "label": label, "customLabel": True, "dataType": "number", "operationType": "range", "isBucketed": True,
        "scale": "interval", "sourceField": field,
        "params": {
            "type": "histogram", "maxBars": bars, "ranges": [{"from": 0, "to": 1000, "label": ""}],
            "includeEmptyRows": True,
        },
    }  # fmt: skip


def number_chart(layer: str, column: str) -> tuple[str, Json]:
    """Return the chart of one number."""
    return "lnsMetric", {"layerId": layer, "layerType": "data", "metricAccessor": column}


def bar_chart(layer: str, x: str, y: str, split: str | None, x_title: bool = True) -> tuple[str, Json]:
    """Return a chart of stacked bars, split by the column `split` if given."""
    shown = {"x": x_title, "yLeft": True, "yRight": True}
    one: Json = {"layerId": layer, "layerType": "data", "seriesType": "bar_stacked", "xAccessor": x, "accessors": [y]}
    if split:
        one["splitAccessor"] = split
    return "lnsXY", {
        "legend": {"isVisible": True, "position": "right"}, "valueLabels": "hide", "preferredSeriesType": "bar_stacked",
        "layers": [one], "axisTitlesVisibilitySettings": shown, "tickLabelsVisibilitySettings": shown,
        "gridlinesVisibilitySettings": shown,
    }  # fmt: skip


def donut_chart(layer: str, groups: list[str], metric: str) -> tuple[str, Json]:
    """Return a donut chart of shares. Each further group is one more ring, which divides the groups before it."""
    one = {
        "layerId": layer, "layerType": "data", "primaryGroups": groups, "metrics": [metric], "numberDisplay": "percent",
        "categoryDisplay": "default", "legendDisplay": "default", "nestedLegend": False,
    }  # fmt: skip
    return "lnsPie", {"shape": "donut", "layers": [one]}


def table_chart(layer: str, columns: list[str], lines: int = 1) -> tuple[str, Json]:
    """Return a table of buckets with their metrics; each row is `lines` of text high."""
    return "lnsDatatable", {
        "layerId": layer, "layerType": "data",
        "columns": [{"columnId": column, "isTransposed": False} for column in columns],
        "rowHeight": "custom", "rowHeightLines": lines, "headerRowHeight": "custom", "headerRowHeightLines": 1,
        "paging": {"size": 10, "enabled": True},
    }  # fmt: skip


def tag_cloud(layer: str, tag: str, value: str) -> tuple[str, Json]:
    """Return a cloud of words, larger for larger values."""
    return "lnsTagcloud", {
        "layerId": layer, "tagAccessor": tag, "valueAccessor": value, "minFontSize": 14, "maxFontSize": 56,
        "orientation": "single", "showLabel": False,
    }  # fmt: skip


def chart_attributes(
    title: str, layer: str, columns: dict[str, Json], visualization: tuple[str, Json], data_view: str, query: str
) -> Json:
    """Return the attributes of a chart that a dashboard contains; `columns` lists buckets first, then metrics."""
    kind, state = visualization
    return {
        "title": title,
        "description": "",
        "type": "lens",
        "visualizationType": kind,
        "references": [{"type": "index-pattern", "id": data_view, "name": f"indexpattern-datasource-layer-{layer}"}],
        "state": {
            "visualization": state,
            "query": {"query": query, "language": "kuery"},
            "filters": [],
            "internalReferences": [],
            "adHocDataViews": {},
            "datasourceStates": {
                "formBased": {
                    "layers": {
                        layer: {
                            "columnOrder": list(columns),
                            "columns": columns,
                            "incompleteColumns": {},
                            "sampling": 1,
                        }
                    }
                }
            },
        },
    }


def json_string(value: Any) -> str:
    """Return a value as compact JSON; saved objects store many of their attributes as such strings."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
