"""Lens charts as Kibana 8 stores them by value, which Kibana 9 reads too."""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]
RECORDS = "___records___"
ONLY_PANELS = 'doc_type : "panel"'


def count(label: str = "Panels") -> Json:
    """How many documents."""
    return _metric("count", RECORDS, label)


def distinct(field: str, label: str) -> Json:
    """How many different values of a keyword."""
    return _metric("unique_count", field, label)


def median(field: str, label: str) -> Json:
    """The median of a number."""
    return _metric("median", field, label)


def _metric(operation: str, field: str, label: str) -> Json:
    return {
        "label": label, "customLabel": True, "dataType": "number", "operationType": operation, "isBucketed": False,
        "scale": "ratio", "sourceField": field, "params": {"emptyAsNull": True},
    }  # fmt: skip


def terms(field: str, label: str, size: int, *, by: str | None, kind: str = "string", other: bool = False) -> Json:
    """The most frequent values of a field, ordered by the metric column `by`, or by value where that is None."""
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


def histogram(field: str, label: str, bars: int) -> Json:
    """A number in ranges of equal width, about `bars` of them."""
    return {
        "label": label, "customLabel": True, "dataType": "number", "operationType": "range", "isBucketed": True,
        "scale": "interval", "sourceField": field,
        "params": {
            "type": "histogram", "maxBars": bars, "ranges": [{"from": 0, "to": 1000, "label": ""}],
            "includeEmptyRows": True,
        },
    }  # fmt: skip


def number(layer: str, column: str) -> tuple[str, Json]:
    """One number."""
    return "lnsMetric", {"layerId": layer, "layerType": "data", "metricAccessor": column}


def bars(layer: str, x: str, y: str, split: str | None, x_title: bool = True) -> tuple[str, Json]:
    """Stacked bars."""
    shown = {"x": x_title, "yLeft": True, "yRight": True}
    one: Json = {"layerId": layer, "layerType": "data", "seriesType": "bar_stacked", "xAccessor": x, "accessors": [y]}
    if split:
        one["splitAccessor"] = split
    return "lnsXY", {
        "legend": {"isVisible": True, "position": "right"}, "valueLabels": "hide", "preferredSeriesType": "bar_stacked",
        "layers": [one], "axisTitlesVisibilitySettings": shown, "tickLabelsVisibilitySettings": shown,
        "gridlinesVisibilitySettings": shown,
    }  # fmt: skip


def ring(layer: str, groups: list[str], metric: str) -> tuple[str, Json]:
    """Shares of a whole, outer rings inside the groups before them."""
    one = {
        "layerId": layer, "layerType": "data", "primaryGroups": groups, "metrics": [metric], "numberDisplay": "percent",
        "categoryDisplay": "default", "legendDisplay": "default", "nestedLegend": False,
    }  # fmt: skip
    return "lnsPie", {"shape": "donut", "layers": [one]}


def table(layer: str, columns: list[str], lines: int = 1) -> tuple[str, Json]:
    """Rows of buckets with their metrics; `lines` of text high."""
    return "lnsDatatable", {
        "layerId": layer, "layerType": "data",
        "columns": [{"columnId": column, "isTransposed": False} for column in columns],
        "rowHeight": "custom", "rowHeightLines": lines, "headerRowHeight": "custom", "headerRowHeightLines": 1,
        "paging": {"size": 10, "enabled": True},
    }  # fmt: skip


def cloud(layer: str, tag: str, value: str) -> tuple[str, Json]:
    """Words, the larger the more."""
    return "lnsTagcloud", {
        "layerId": layer, "tagAccessor": tag, "valueAccessor": value, "minFontSize": 14, "maxFontSize": 56,
        "orientation": "single", "showLabel": False,
    }  # fmt: skip


def chart(
    title: str, layer: str, columns: dict[str, Json], visualization: tuple[str, Json], data_view: str, query: str
) -> Json:
    """The attributes of a by-value chart: buckets first in `columns`, then metrics."""
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


def packed(value: Any) -> str:
    """JSON inside a string, as saved objects keep much of theirs."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
