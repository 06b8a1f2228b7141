"""Something that answers as Elasticsearch does, but with JSON of the wrong shape, leads to one clear line."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytest.importorskip("elasticsearch")
from mirsearch.errors import IndexAccessError, MirsearchError
from mirsearch.indexes import open_index
from mirsearch.indexes.base import ExtractorIdentity, Failure, Index
from mirsearch.indexes.elasticsearch import migrate, snapshot, verify
from mirsearch.indexes.elasticsearch.words import WORDS_VERSION
from mirsearch.query import Filters, SearchRequest
from tests.support import index_records as made

PHYSICAL = "figures-000001"
EXTRACTOR = {"name": "made", "version": "1", "dims": made.DIMS}
FIGURE = {"id": "0" * 16, "width": 10, "height": 10, "page": 0, "caption": "c", "origins": []}
PANEL = {
    "doc_type": "panel", "caption": "c", "text": "t", "figure": FIGURE, "scale": {"known": False},
    "extractor": EXTRACTOR,
    "panel": {"id": "0" * 16 + "-a", "box": [0, 0, 9, 9], "kind": "plot", "kind_confidence": 0.9,
              "technique_confidence": 0.0, "label": "a"},
}  # fmt: skip
HIT = {"_id": PANEL["panel"]["id"], "_source": PANEL, "_score": 0.5, "sort": [1],
       "fields": {"panel.id": [PANEL["panel"]["id"]], "vector": [0.1] * made.DIMS}}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "/_alias/": {PHYSICAL: {"aliases": {"figures": {}}}},
    "/_mapping/field/": {PHYSICAL: {"mappings": {"vector": {"mapping": {"vector": {
        "index_options": {"type": "int8_hnsw"}}}}}}},
    "/_mapping": {PHYSICAL: {"mappings": {"_meta": {"mirsearch": {
        "schema_version": 1, "words": WORDS_VERSION, "extractor": EXTRACTOR, "created_on": "9.4.3"}},
        "properties": {}}}},
    "/_search": {"took": 1, "hits": {"total": {"value": 1}, "hits": [HIT]}, "aggregations": {
        "panels": {}, "figures": {}, "failures": {"doc_count": 0}}},
    "/_mget": {"docs": [{"_id": HIT["_id"], "found": True, "_source": PANEL}]},
    "/_count": {"count": 3, "_shards": {"total": 1}},
    "/_pit": {"id": "point", "succeeded": True},
    "/_bulk": {"errors": False, "items": []},
    "/_stats": {"_all": {"total": {"store": {"size_in_bytes": 1}}}},
    "/_doc/": {"_id": "mirsearch-writer", "_seq_no": 1, "_primary_term": 1, "_source": {"lock": {}}},
    "/_cluster/health": {"status": "green"},
    "": {"version": {"number": "9.4.3"}, PHYSICAL: {"aliases": {}}},
}  # fmt: skip
JUNK = (None, 0, "x", [], {}, [None], [[]], True, {"x": 1}, 1e308)


def spoil(value: Any, rnd: random.Random) -> Any:
    """Return an answer with one value, at any depth, replaced by one of another kind, or left out."""
    if isinstance(value, dict) and value and rnd.random() < 0.85:
        name = rnd.choice(sorted(value))
        if rnd.random() < 0.1:
            return {key: other for key, other in value.items() if key != name}
        return value | {name: spoil(value[name], rnd)}
    if isinstance(value, list) and value and rnd.random() < 0.7:
        at = rnd.randrange(len(value))
        return [*value[:at], spoil(value[at], rnd), *value[at + 1 :]]
    return rnd.choice(JUNK)


class FalseServer(ThreadingHTTPServer):
    """Answers like Elasticsearch, and spoils the answers to requests whose path has `spoiled` in it.

    As many searches as `lost` says get the answer of a cluster whose node went away half way.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spoiled, self.random = "nothing", random.Random(1)
        self.lost = 0


class _Handler(BaseHTTPRequestHandler):
    server: FalseServer

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = next(name for name in ANSWERS if name in self.path)
        body: Any = ANSWERS[kind]
        if self.server.spoiled in self.path:
            body = spoil(body, self.server.random)
            body = body if isinstance(body, dict) else {"answer": body}
        status = 200
        if self.server.lost and kind == "/_search":
            self.server.lost -= 1
            status, body = 404, {"error": {"type": "search_context_missing_exception"}, "status": 404}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.elasticsearch+json;compatible-with=9")
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815 - names of http.server

    def log_message(self, *words: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[FalseServer]:
    found = FalseServer()
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()


def write(index: Index) -> None:
    with index.writer() as writer:
        writer.put(made.record(1))
        writer.record_failures([Failure("a.png", "read", "it is no image")])
        writer.commit()


def read_all(index: Index) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "WAIT_SECONDS", 0.0)
        with index.snapshot() as contents:
            contents.count_figures()
            for part in (contents.records, contents.figures, contents.failures, contents.kept_corrections):
                list(part())
            contents.entries()


IDENTITY = ExtractorIdentity("made", "1", made.DIMS)
PANEL_ID = str(HIT["_id"])
QUESTIONS: dict[str, Callable[[str], Any]] = {
    "open": lambda where: open_index(where).close(),
    "search": lambda where: open_index(where).search(SearchRequest(made.vectors(1, 1)[0], 1e3, "gold")),
    "panels": lambda where: open_index(where).panels([PANEL_ID]),
    "find": lambda where: open_index(where).find_panels("0" * 8),
    "vector": lambda where: open_index(where).vector(PANEL_ID),
    "thumbnail": lambda where: open_index(where).thumbnail(PANEL_ID),
    "known": lambda where: open_index(where).known_figures(["0" * 16]),
    "notes": lambda where: open_index(where).figure_notes(["0" * 16]),
    "select": lambda where: list(open_index(where).select_panels(Filters())),
    "stats": lambda where: open_index(where).stats(),
    "failures": lambda where: open_index(where).failures(),
    "snapshot": lambda where: read_all(open_index(where)),
    "write": lambda where: write(open_index(where)),
    "verify": lambda where: list(verify.find_faults(where)),
    "migrate": migrate.migrate,
    "reembed": lambda where: migrate.reembed(where, IDENTITY, lambda panels: made.vectors(1, len(panels))),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_answers_of_the_wrong_shape(name: str, server: FalseServer) -> None:
    where = f"http://127.0.0.1:{server.server_address[1]}/figures"
    told = 0
    for spoiled in ANSWERS:
        for _ in range(2 if name in ("migrate", "reembed") else 6):
            server.spoiled = spoiled or "nothing"
            error = ask(name, where)
            told += isinstance(error, IndexAccessError) and "not what Elasticsearch answers" in str(error)
            assert "\n" not in str(error)
    assert told


def ask(name: str, where: str) -> MirsearchError | None:
    """Return the error that a question leads to; any other error fails the test."""
    try:
        QUESTIONS[name](where)
    except MirsearchError as error:
        return error
    return None


def test_a_search_whose_node_goes_away_is_sent_again(server: FalseServer) -> None:
    where = f"http://127.0.0.1:{server.server_address[1]}/figures"
    server.lost = 2
    assert ask("search", where) is None
    server.lost = 3
    assert "lost its place" in str(ask("search", where))
