"""The dashboards: every reference resolves, every chart gets a field of a fitting type, every chart has data."""

from __future__ import annotations

import base64
import dataclasses
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mirsearch.corpus import Origin, ScaleReading
from mirsearch.corrections import Correction
from mirsearch.errors import IndexAccessError, UsageError
from tests.conftest import REPOSITORY
from tests.support.es_node import free_port
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

pytest.importorskip("elasticsearch")
from mirsearch.indexes import open_index
from mirsearch.indexes.base import Failure
from mirsearch.indexes.elasticsearch import mapping
from mirsearch.kibana import fields as kibana_fields
from mirsearch.kibana import install as kibana_install
from mirsearch.kibana import objects as kibana_objects

DOUBTFUL = ScaleReading(2.0, 200.0, 100.0, (0, 0, 100, 5), "200 nm", "label", 0.3)
SHIPPED = REPOSITORY / "docker" / "kibana" / "mirsearch.ndjson"
NUMBERS = {"integer", "double", "long"}
ACCEPTED = {
    "terms": {"keyword", "boolean", *NUMBERS},
    "range": NUMBERS,
    "median": NUMBERS,
    "unique_count": {"keyword", *NUMBERS},
}


def layers() -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the id of each chart, its only layer and its query."""
    for panel in chart_panels():
        state = panel["embeddableConfig"]["attributes"]["state"]
        (layer,) = state["datasourceStates"]["formBased"]["layers"].values()
        yield panel["panelIndex"], layer, state["query"]["query"]


def chart_panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels but for the table of single panels."""
    return [each for each in json.loads(corpus_dashboard()["attributes"]["panelsJSON"]) if each["type"] == "lens"]


def field_types() -> dict[str, str]:
    """Return the types of the mapping's fields and of those that the data view computes."""
    return mapping.field_types() | {name: each["type"] for name, each in kibana_fields.COMPUTED.items()}


def corpus_dashboard() -> dict[str, Any]:
    return kibana_objects.dashboard("figures")


def test_the_shipped_file_is_what_the_generator_makes() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == kibana_objects.dashboards_ndjson("figures")


def test_lines_are_whole_saved_objects() -> None:
    lines = [json.loads(line) for line in kibana_objects.dashboards_ndjson("figures").splitlines()]
    assert len({(each["type"], each["id"]) for each in lines}) == len(lines)
    for each in lines:
        assert set(each) == {
            "id", "type", "attributes", "references", "coreMigrationVersion", "typeMigrationVersion", "managed"
        }  # fmt: skip
        assert each["coreMigrationVersion"] == "8.8.0"
        assert (
            each["typeMigrationVersion"]
            == {"index-pattern": "8.0.0", "search": "8.0.0", "dashboard": "8.9.0"}[each["type"]]
        )
        for name, value in each["attributes"].items():
            if name.endswith("JSON") or name in ("fieldFormatMap", "sourceFilters", "fields", "fieldAttrs"):
                assert isinstance(json.loads(value), dict | list), name


def test_every_reference_resolves_and_none_is_unused() -> None:
    existing = {(each["type"], each["id"]) for each in kibana_objects.saved_objects("figures")}
    dashboard = corpus_dashboard()
    panels = chart_panels()
    controls = json.loads(dashboard["attributes"]["controlGroupInput"]["panelsJSON"])
    suffix = {"optionsListControl": "optionsListDataView", "rangeSliderControl": "rangeSliderDataView"}
    wanted = {f"controlGroup_{name}:{suffix[each['type']]}" for name, each in controls.items()}
    for panel in panels:
        attributes = panel["embeddableConfig"]["attributes"]
        (inner,) = attributes["references"]
        assert inner["name"] == f"indexpattern-datasource-layer-{panel['panelIndex']}"
        wanted.add(f"{panel['panelIndex']}:{inner['name']}")
    (rows,) = [each for each in json.loads(dashboard["attributes"]["panelsJSON"]) if each["type"] == "search"]
    wanted.add(f"{rows['panelIndex']}:{rows['panelRefName']}")
    table = kibana_objects.panel_rows("figures")
    source = json.loads(table["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    assert [(each["name"], each["id"]) for each in table["references"]] == [
        (source["indexRefName"], kibana_objects.data_view_id("figures"))
    ]
    assert sorted(each["name"] for each in dashboard["references"]) == sorted(wanted)
    assert {(each["type"], each["id"]) for each in dashboard["references"]} <= existing


def test_charts_are_consistent() -> None:
    for panel in chart_panels():
        state = panel["embeddableConfig"]["attributes"]["state"]
        ((layer_id, layer),) = state["datasourceStates"]["formBased"]["layers"].items()
        columns = layer["columns"]
        assert layer["columnOrder"] == list(columns)
        bucketed = [columns[name]["isBucketed"] for name in layer["columnOrder"]]
        assert bucketed == sorted(bucketed, reverse=True)
        text = json.dumps(state["visualization"])
        assert f'"layerId": "{layer_id}"' in text
        for name, column in columns.items():
            assert f'"{name}"' in text, (layer_id, name)
            order = column["params"].get("orderBy", {})
            if order.get("type") == "column":
                assert not columns[order["columnId"]]["isBucketed"]
            assert (column["sourceField"] == "___records___") == (column["operationType"] == "count")


def test_fields_are_in_the_mapping_with_fitting_types() -> None:
    fields = field_types()
    for panel_id, layer, _ in layers():
        for column in layer["columns"].values():
            if column["operationType"] != "count":
                assert fields[column["sourceField"]] in ACCEPTED[column["operationType"]], (panel_id, column)
    for _, kind, field, _ in kibana_objects.CONTROLS:
        assert fields[field] in (NUMBERS if kind == "rangeSliderControl" else {"keyword"})
    assert set(kibana_fields.FORMATS) <= set(fields)
    assert set(kibana_fields.ROW_COLUMNS) <= set(fields)


def test_the_grid_is_tiled_without_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(corpus_dashboard()["attributes"]["panelsJSON"]):
        grid = panel["gridData"]
        assert grid["i"] == panel["panelIndex"]
        assert grid["x"] + grid["w"] <= 48
        cells = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }  # fmt: skip
        assert not cells & taken
        taken |= cells


def test_controls_are_in_order() -> None:
    controls = json.loads(corpus_dashboard()["attributes"]["controlGroupInput"]["panelsJSON"])
    assert [each["order"] for each in controls.values()] == list(range(len(controls)))
    assert {each["explicitInput"]["fieldName"] for each in controls.values()} >= {
        "panel.technique", "article.year", "article.journal", "article.license_code"
    }  # fmt: skip


def aggregation(layer: dict[str, Any]) -> dict[str, Any]:
    """Return the aggregation that Kibana would send for a layer: buckets nested in order, metrics inside the last."""
    columns = layer["columns"]
    inner: dict[str, Any] = {}
    for name, column in columns.items():
        if not column["isBucketed"] and column["operationType"] != "count":
            kind = {"unique_count": "cardinality", "median": "percentiles"}[column["operationType"]]
            inner[name] = {kind: {"field": column["sourceField"]}}
            if kind == "percentiles":
                inner[name][kind]["percents"] = [50]
    for name in reversed([name for name in layer["columnOrder"] if columns[name]["isBucketed"]]):
        column, params = columns[name], columns[name]["params"]
        if column["operationType"] == "terms":
            order = {"_count": "desc"} if params["orderBy"]["type"] == "column" else {"_key": "asc"}
            one = {"terms": {"field": column["sourceField"], "size": params["size"], "order": order}}
        else:
            one = {"histogram": {"field": column["sourceField"], "interval": 0.1, "min_doc_count": 1}}
        if inner:
            one["aggs"] = inner
        inner = {name: one}
    return inner


def query(kuery: str) -> dict[str, Any]:
    """Return the query for a KQL condition of the forms that the charts use."""
    clauses: dict[str, list[dict[str, Any]]] = {"filter": [], "must_not": []}
    for part in kuery.split(" and "):
        field, value = (each.strip() for each in part.split(":", 1))
        name = field.removeprefix("not ")
        clause = {"exists": {"field": name}} if value == "*" else {"term": {name: json.loads(value)}}
        clauses["filter" if name == field else "must_not"].append(clause)
    return {"bool": clauses}


@pytest.fixture(scope="module")
def filled(es_url: str) -> Iterator[Any]:
    from mirsearch.indexes.elasticsearch.admin import drop_index

    location = f"{es_url}/test-kibana"
    drop_index(location)
    index = open_index(location, create=EXTRACTOR)
    with index.writer() as writer:
        for number, record in enumerate(MadeCorpus(seed=4).records(80)):
            place = Origin("jats", f"https://example.org/{number}.png")
            figure = dataclasses.replace(record.figure, origins=(*record.figure.origins, place))
            first, *others = record.panels
            if number < 5:  # the figures of a folder have no article; their scales are in doubt
                figure = dataclasses.replace(figure, article=None)
                first = dataclasses.replace(first, scale=None, doubtful_scale=DOUBTFUL)
            noted = (Correction(first.box, first.label, {"kind": "plot"}),) if number == 7 else None
            panels = (first, *others)
            writer.put(dataclasses.replace(record, figure=figure, panels=panels, corrections=noted))
            retracted = figure.article
        assert retracted is not None
        writer.mark_retracted([retracted.id])
        failures = [Failure(f"{name}.png", "read", "truncated") for name in "abc"]
        writer.record_failures(failures)
        writer.record_failures(failures[:1], ["c.png"])
    yield index
    index.close()
    drop_index(location)


@pytest.mark.parametrize("panel_id", sorted(kibana_objects.charts()))
def test_each_chart_has_data_on_a_real_node(filled: Any, panel_id: str) -> None:
    layer, kuery = next((layer, kuery) for name, layer, kuery in layers() if name == panel_id)
    aggregations = aggregation(layer)
    answer = filled._client.search(
        index="test-kibana", size=0, query=query(kuery), aggs=aggregations or None, track_total_hits=True,
        runtime_mappings=kibana_fields.COMPUTED,
    )  # fmt: skip
    assert answer["hits"]["total"]["value"] > 0
    results = answer.body.get("aggregations", {})
    for name in aggregations:
        assert results[name].get("buckets") or results[name].get("value"), panel_id
    if panel_id == "failures":
        assert answer["hits"]["total"]["value"] == 2


def test_charts_are_not_empty_for_figures_of_a_folder(filled: Any) -> None:
    without = {"bool": {"filter": query('doc_type : "panel"'), "must_not": [{"exists": {"field": "article.id"}}]}}
    aggregations = {name: {"terms": {"field": name}} for name in kibana_fields.COMPUTED}
    answer = filled._client.search(
        index="test-kibana", size=0, query=without, aggs=aggregations, runtime_mappings=kibana_fields.COMPUTED
    )
    found = {name: [each["key"] for each in answer["aggregations"][name]["buckets"]] for name in aggregations}
    assert found["shown_year"] == [datetime.now(UTC).year]
    assert found["shown_journal"] == ["folder", "jats"]
    assert found["shown_license"] == ["not known"]


def test_the_table_of_panels_gets_pictures_and_links(filled: Any) -> None:
    answer = filled._client.search(
        index="test-kibana", size=1, query=query('doc_type : "panel" and article.doi : *'), source=False,
        fields=list(kibana_fields.ROW_COLUMNS), runtime_mappings=kibana_fields.COMPUTED,
    )  # fmt: skip
    fields = answer["hits"]["hits"][0]["fields"]
    assert {"thumbnail", "caption", "article.doi", "shown_license"} <= set(fields)
    assert base64.b64decode(fields["thumbnail"][0]).startswith(b"jpeg ")
    hidden = {each["value"] for each in json.loads(kibana_objects.data_view("f")["attributes"]["sourceFilters"])}
    assert not hidden & set(kibana_fields.ROW_COLUMNS)


def test_every_charted_field_can_be_aggregated_on_a_real_node(filled: Any) -> None:
    fields = {c["sourceField"] for _, layer, _ in layers() for c in layer["columns"].values()} - {"___records___"}
    fields = (fields | {field for _, _, field, _ in kibana_objects.CONTROLS}) - set(kibana_fields.COMPUTED)
    capabilities = filled._client.field_caps(index="test-kibana", fields=sorted(fields))["fields"]
    assert set(capabilities) >= fields  # the answer also lists the objects on the path to a field
    assert all(kind["aggregatable"] for field in fields for kind in capabilities[field].values())


class Kibana(BaseHTTPRequestHandler):
    """Answers as the status and import routes of Kibana do."""

    version = "8.15.3"
    failing: dict[str, Any] | None = None
    status = 200
    seen: list[tuple[str, dict[str, str], bytes]] = []  # noqa: RUF012 - reset by the fixture

    def log_message(self, *_: object) -> None:
        """Be quiet."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self) -> None:
        self.seen.append((self.path, dict(self.headers), b""))
        if type(self).status != 200:
            self._answer(type(self).status, {"statusCode": type(self).status, "message": "no"})
        else:
            self._answer(
                200, {"version": {"number": type(self).version}, "status": {"overall": {"level": "available"}}}
            )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, dict(self.headers), body))
        if "kbn-xsrf" not in self.headers:
            self._answer(400, {"statusCode": 400, "message": "Request must contain a kbn-xsrf header."})
            return
        head, _, rest = body.partition(b"\r\n\r\n")
        if b'name="file"' not in head or b'.ndjson"' not in head:
            self._answer(400, {"statusCode": 400, "message": "Invalid file extension"})
            return
        lines = rest.split(b"\r\n--")[0].strip().splitlines()
        objects = [json.loads(line) for line in lines]
        failing = type(self).failing
        answer = {
            "success": failing is None,
            "successCount": 0 if failing else len(objects),
            "errors": [failing] if failing else [],
        }
        self._answer(200, answer)


@pytest.fixture
def kibana(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in (("version", "8.15.3"), ("failing", None), ("status", 200), ("seen", [])):
        monkeypatch.setattr(Kibana, name, value)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Kibana)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_install_imports_into_a_space_with_credentials(kibana: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIRSEARCH_ES_API_KEY", "abc")
    assert kibana_install.install_dashboards(kibana + "/", "figures", "lab 1") == 3
    assert [path for path, _, _ in Kibana.seen] == [
        "/s/lab%201/api/status", "/s/lab%201/api/saved_objects/_import?overwrite=true"
    ]  # fmt: skip
    assert {headers["Authorization"] for _, headers, _ in Kibana.seen} == {"ApiKey abc"}
    assert kibana_objects.dashboards_ndjson("figures").encode() in Kibana.seen[1][2]


def test_the_error_tells_what_kibana_refuses(kibana: str, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"type": "missing_references", "references": [{"type": "index-pattern", "id": "x"}]}
    monkeypatch.setattr(Kibana, "failing", {"id": "d", "type": "dashboard", "error": missing})
    with pytest.raises(IndexAccessError, match=r"dashboard d: missing_references \(index-pattern x\)"):
        kibana_install.install_dashboards(kibana, "figures")
    monkeypatch.setattr(Kibana, "failing", {"id": "d", "type": "dashboard", "error": {"type": "conflict"}})
    with pytest.raises(IndexAccessError, match="dashboard d: conflict"):
        kibana_install.install_dashboards(kibana, "figures")
    monkeypatch.setattr(Kibana, "version", "8.9.1")
    with pytest.raises(IndexAccessError, match=r"is 8\.9"):
        kibana_install.install_dashboards(kibana, "figures")


@pytest.mark.parametrize(("status", "words"), [(401, "does not allow"), (503, "not ready"), (404, "answered 404: no")])
def test_statuses_of_kibana(kibana: str, monkeypatch: pytest.MonkeyPatch, status: int, words: str) -> None:
    monkeypatch.setattr(Kibana, "status", status)
    with pytest.raises(IndexAccessError, match=words) as raised:
        kibana_install.install_dashboards(kibana, "figures")
    assert raised.value.remedy


def test_no_kibana() -> None:
    with pytest.raises(IndexAccessError, match="nothing answers"):
        kibana_install.install_dashboards(f"http://127.0.0.1:{free_port()}", "figures")
    with pytest.raises(UsageError, match="must not contain a user or password"):
        kibana_install.install_dashboards("http://a:b@host:5601", "figures")
    with pytest.raises(UsageError, match="not the address"):
        kibana_install.install_dashboards("host:5601", "figures")
