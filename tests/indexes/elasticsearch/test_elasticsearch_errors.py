"""Errors between mirsearch and a real node: each becomes one line with a remedy."""

from __future__ import annotations

import dataclasses
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mirsearch.errors import IndexAccessError, IndexMismatchError, MirsearchError, UsageError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, Index
from mirsearch.query import SearchRequest
from tests.support.es_node import free_port
from tests.support.index_corpus import EXTRACTOR, MadeCorpus

pytest.importorskip("elasticsearch")
from mirsearch.indexes.elasticsearch.patience import retry_for

CORPUS = MadeCorpus(seed=5)


def call(url: str, method: str, path: str, body: object = None) -> None:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/{path}", data, {"Content-Type": "application/json"}, method=method)
    urllib.request.urlopen(request).close()


def assert_one_line(error: MirsearchError, *words: str) -> None:
    """Assert that the error is one line, contains the words, and has a remedy."""
    assert "\n" not in str(error)
    assert error.remedy
    for word in words:
        assert word in str(error)


@pytest.fixture
def index(es_location: str) -> Iterator[Index]:
    opened = open_index(es_location, create=EXTRACTOR)
    with opened.writer() as writer:
        writer.put(next(CORPUS.records(1)))
    yield opened
    opened.close()


def test_no_node() -> None:
    where = f"http://127.0.0.1:{free_port()}/figures"
    with pytest.raises(IndexAccessError, match="nothing answers at") as raised:
        open_index(where)
    assert_one_line(raised.value, "127.0.0.1", "start Elasticsearch")


def test_no_index(es_url: str) -> None:
    with pytest.raises(IndexAccessError, match="there is no index nowhere") as raised:
        open_index(f"{es_url}/nowhere")
    assert_one_line(raised.value, "mirsearch ingest")


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("http://user:secret@host:9200/figures", "MIRSEARCH_ES_USER"),
        ("http://host:9200", "does not end with an index name"),
        ("http://host:9200/UPPER", "lower-case"),
        ("http://host:9200/_all", "does not end with an index name"),
        ("http://host:9200/figures?x=1", "HOST:9200/NAME"),
        ("http://host:port/figures", "HOST:9200/NAME"),
        ("http:///figures", "HOST:9200/NAME"),
    ],
)
def test_a_wrong_address(location: str, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        open_index(location)
    assert_one_line(raised.value, words)
    assert "secret" not in str(raised.value)


def test_settings_that_contradict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MIRSEARCH_ES_API_KEY", "key")
    monkeypatch.setenv("MIRSEARCH_ES_USER", "user")
    with pytest.raises(UsageError, match="both an API key and a user"):
        open_index("http://host:9200/figures")
    monkeypatch.delenv("MIRSEARCH_ES_API_KEY")
    with pytest.raises(UsageError, match="needs a password"):
        open_index("http://host:9200/figures")
    monkeypatch.delenv("MIRSEARCH_ES_USER")
    monkeypatch.setenv("MIRSEARCH_ES_CA", str(tmp_path / "none.pem"))
    with pytest.raises(UsageError, match=r"none\.pem"):
        open_index("https://host:9200/figures")


def test_a_settings_file_that_others_may_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = tmp_path / "es.toml"
    kept.write_text('api_key = "not to be seen"\n')
    kept.chmod(0o644)
    monkeypatch.setenv("MIRSEARCH_ES_SETTINGS", str(kept))
    with pytest.raises(UsageError, match="others may read") as raised:
        open_index("http://host:9200/figures")
    assert "not to be seen" not in str(raised.value)
    kept.chmod(0o600)
    kept.write_text("api_key = \n")
    with pytest.raises(UsageError, match="not a TOML file"):
        open_index("http://host:9200/figures")


def test_another_extractor(index: Index) -> None:
    with pytest.raises(IndexMismatchError, match="was built with made 1") as raised:
        open_index(index.location, create=ExtractorIdentity("other", "1", 48))
    assert_one_line(raised.value, "--extractor made")
    with pytest.raises(IndexMismatchError, match="48 dims"):
        index.search(SearchRequest(vector=CORPUS.records(1).__next__().vectors[0][:7]))


def test_a_newer_schema(index: Index, es_url: str) -> None:
    name = index.location.rpartition("/")[2]
    newer_meta = {"mirsearch": {"schema_version": 99, "extractor": dataclasses.asdict(EXTRACTOR)}}
    call(es_url, "PUT", f"{name}-000001/_mapping", {"_meta": newer_meta})
    with pytest.raises(IndexMismatchError, match="schema 99") as raised:
        open_index(index.location)
    assert_one_line(raised.value, "install")


def test_a_name_that_belongs_to_something_else(index: Index, es_url: str) -> None:
    name = index.location.rpartition("/")[2]
    call(es_url, "PUT", f"foreign-{name}")
    try:
        with pytest.raises(IndexAccessError, match="mirsearch did not create the index"):
            open_index(f"{es_url}/foreign-{name}")
        call(es_url, "PUT", f"foreign-{name}/_alias/alias-{name}")
        with pytest.raises(IndexAccessError, match="which mirsearch did not create"):
            open_index(f"{es_url}/alias-{name}")
        call(es_url, "PUT", f"{name}-000001/_alias/alias-{name}")
        with pytest.raises(IndexAccessError, match="points to 2 indexes") as raised:
            open_index(f"{es_url}/alias-{name}")
        assert_one_line(raised.value, "_aliases")
    finally:
        call(es_url, "DELETE", f"foreign-{name}")


@pytest.mark.parametrize("block", ["write", "read_only", "read_only_allow_delete"])
def test_a_read_only_index(index: Index, es_url: str, block: str) -> None:
    """Elasticsearch itself sets `read_only_allow_delete` when a disk is nearly full."""
    name = index.location.rpartition("/")[2]
    call(es_url, "PUT", f"{name}/_settings", {f"index.blocks.{block}": True})
    try:
        with pytest.raises(IndexAccessError, match="read-only") as raised:
            index.writer().__enter__()
        assert_one_line(raised.value, "disk" if block == "read_only_allow_delete" else "_settings")
        assert index.search(SearchRequest(vector=next(CORPUS.records(1)).vectors[0])).panels
    finally:
        call(es_url, "PUT", f"{name}/_settings", {f"index.blocks.{block}": None})
    with index.writer() as writer:
        writer.put(list(CORPUS.records(2))[1])
    assert index.stats()["figures"] == 2


def test_a_read_only_index_in_the_middle_of_a_load(index: Index, es_url: str) -> None:
    name = index.location.rpartition("/")[2]
    records = list(CORPUS.records(8))

    def load() -> None:
        with index.writer() as writer:
            for number, record in enumerate(records):
                writer.put(record)
                writer.commit()
                if number == 3:
                    call(es_url, "PUT", f"{name}/_settings", {"index.blocks.write": True})

    with pytest.raises(IndexAccessError, match="read-only"):
        load()
    call(es_url, "PUT", f"{name}/_settings", {"index.blocks.write": None})
    assert len(index.known_figures([each.figure.id for each in records])) == 4
    with index.writer() as writer:  # this process itself left the lock behind
        for record in records:
            writer.put(record)
    assert index.stats()["panels"] == sum(len(each.panels) for each in records)


def test_a_red_index(es_url: str, es_location: str) -> None:
    from mirsearch.indexes.elasticsearch import mapping

    name = es_location.rpartition("/")[2]
    with_settings = {
        "settings": {"index.routing.allocation.require._name": "no-such-node"},
        "mappings": {"_meta": mapping.index_meta(EXTRACTOR, "9.4.3")},
        "aliases": {name: {}},
    }
    call(es_url, "PUT", f"{name}-000001?wait_for_active_shards=0", with_settings)
    index = open_index(es_location)
    with pytest.raises(IndexAccessError, match="can't answer now") as raised:
        index.search(SearchRequest(text="gold"))
    assert_one_line(raised.value, "red")
    with pytest.raises(IndexAccessError, match="can't answer now"):
        index.known_figures(["0" * 16])  # an error stands in place of the document: neither known nor unknown
    allow_any_node = threading.Timer(
        2.0, call, (es_url, "PUT", f"{name}/_settings", {"index.routing.allocation.require._name": None})
    )
    allow_any_node.start()
    with retry_for(index._client, 120.0):  # type: ignore[attr-defined]
        assert index.known_figures(["0" * 16]) == {}
    index.close()


@pytest.mark.parametrize("top", [0, 10_001])
def test_too_many_panels_requested(index: Index, top: int) -> None:
    with pytest.raises(UsageError, match=f"--top {top}"):
        index.search(SearchRequest(text="gold", top=top))


def test_the_most_panels_that_can_be_requested(index: Index) -> None:
    record = next(CORPUS.records(1))
    found = index.search(SearchRequest(vector=record.vectors[0], text="gold", top=10_000))
    assert found.exact
    assert {each.panel_id for each in found.panels} == {each.id for each in record.panels}


def test_a_panel_that_the_cluster_refuses_is_named(index: Index) -> None:
    record = list(CORPUS.records(2))[1]
    broken = record.vectors.copy()
    broken[-1] = 0.0
    with pytest.raises(IndexAccessError, match=record.panels[-1].id) as raised, index.writer() as writer:
        writer.put(dataclasses.replace(record, vectors=broken))
    assert_one_line(raised.value, "zero magnitude")
    assert not index.known_figures([record.figure.id])


@dataclasses.dataclass
class OtherServer:
    """Something else that listens: it gives one answer to GET / and 404 or 400 to all else, as the real ones do."""

    status: int
    kind: str
    page: str
    headers: tuple[tuple[str, str], ...] = ()
    otherwise: str = '{"error": "alias [figures] missing", "status": 404}'

    @contextmanager
    def run(self) -> Iterator[str]:
        """Yield the address of an index there."""
        answers = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                at_root = self.path == "/"
                data = (answers.page if at_root else answers.otherwise).encode()
                self.send_response(answers.status if at_root else 404)
                self.send_header("Content-Type", answers.kind)
                self.send_header("Content-Length", str(len(data)))
                for header in answers.headers:
                    self.send_header(*header)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *words: object) -> None:
                """Stay silent."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_address[1]}/figures"
            server.shutdown()


JSON, HTML = "application/json; charset=UTF-8", "text/html; charset=utf-8"
OPENSEARCH = """{"name": "n", "cluster_name": "c", "version": {"distribution": "opensearch", "number": "3.3.0",
 "lucene_version": "10.3.1"}, "tagline": "The OpenSearch Project: https://opensearch.org/"}"""
OLD = """{"name": "n", "version": {"number": "7.17.9", "build_flavor": "default"},
 "tagline": "You Know, for Search"}"""
PAGE = "<!DOCTYPE html><html><head><title>Welcome to\n nginx!</title></head><body>hello</body></html>"


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (OtherServer(200, JSON, OPENSEARCH), "OpenSearch 3.3.0 answers at"),
        (OtherServer(200, JSON, OLD), "Elasticsearch 7.17.9 at .* is too old"),
        (OtherServer(200, HTML, PAGE, otherwise=PAGE), "a web page answers at .*: Welcome to nginx!"),
        (OtherServer(302, HTML, "", (("kbn-name", "kibana"), ("location", "/app/home"))), "Kibana answers at"),
        (OtherServer(200, JSON, '{"couchdb": "Welcome", "version": "3.3.3"}'), "is not Elasticsearch"),
        (OtherServer(200, JSON, '{"version": {"number": "9.9.9"}}'), "something else 9.9.9 answers at"),
        (OtherServer(200, "text/plain", "OK"), "is not Elasticsearch: OK"),
    ],
)
@pytest.mark.parametrize("create", [None, EXTRACTOR])
def test_a_wrong_server_is_named_in_one_line(server: OtherServer, words: str, create: ExtractorIdentity | None) -> None:
    with server.run() as where, pytest.raises(IndexAccessError, match=words) as raised:
        open_index(where, create=create)
    assert_one_line(raised.value, "lasticsearch")


def test_a_port_of_the_node_that_speaks_another_protocol(es_url: str) -> None:
    with urllib.request.urlopen(f"{es_url}/_nodes/_local/transport") as answer:
        (node,) = json.load(answer)["nodes"].values()
    with pytest.raises(IndexAccessError) as raised:
        open_index(f"http://{node['transport']['publish_address']}/figures")
    assert_one_line(raised.value, "127.0.0.1")


def test_another_node_is_asked_where_one_does_not_answer(es_url: str, es_location: str) -> None:
    name = es_location.rpartition("/")[2]
    dead = f"127.0.0.1:{free_port()}"
    several = f"http://{dead},{es_url.removeprefix('http://')},{dead}/{name}"
    with open_index(several, create=EXTRACTOR) as index:  # type: ignore[attr-defined]
        assert index.location == f"http://{dead},{es_url.removeprefix('http://')}/{name}"
        with index.writer() as writer:
            writer.put(next(CORPUS.records(1)))
        for _ in range(4):
            assert index.stats()["figures"] == 1
    with pytest.raises(IndexAccessError, match="nothing answers at"):
        open_index(f"http://{dead},127.0.0.1:{free_port()}/{name}")


@pytest.mark.parametrize("nodes", ["a:9200,", ",a:9200", "a:9200,,b:9200", "a:9200,b:port", "a:9200,u:p@b:9200"])
def test_a_wrong_list_of_nodes(nodes: str) -> None:
    with pytest.raises(UsageError):
        open_index(f"http://{nodes}/figures")


def test_only_the_answer_of_a_busy_cluster_is_read_as_text() -> None:
    from mirsearch.indexes.elasticsearch.patience import is_temporary

    class Answer:
        reads = 0

        def __str__(self) -> str:
            self.reads += 1
            return "all disks have reached a watermark of disk usage"

    answer = Answer()
    assert not is_temporary(200, answer)
    assert answer.reads == 0
    assert not is_temporary(429, answer)
    assert answer.reads == 1
    assert is_temporary(429, "too many requests")
