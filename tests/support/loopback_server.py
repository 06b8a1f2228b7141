"""A server on the loopback that speaks the services' APIs as in recorded answers, with faults on demand.

It runs in its own process: `python loopback_server.py WORLD.json` prints its port. serving.py writes WORLD.json.
POST /_control sets faults and empties the log. GET /_log returns every request with its time.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

WALL = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    b"<body>Checking if the site connection is secure</body></html>"
)
BUCKET = "pmc-oa-opendata"


class World:
    """The served content: articles by id, and the files behind their keys."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent
        world = json.loads(path.read_text(encoding="utf-8"))
        self.hits = world.get("hits", [])
        self.keys = world.get("keys", {})
        self.full_texts = world.get("full_texts", {})
        self.arxiv = world.get("arxiv", [])
        self.page_limit = world.get("page_limit", 1000)
        self.list_limit = world.get("list_limit", 1000)
        self.delay = world.get("delay", 0.0)

    def key(self, name: str) -> bytes | None:
        entry = self.keys.get(name)
        if entry is None:
            return None
        return entry["text"].encode() if "text" in entry else (self.folder / entry["file"]).read_bytes()


class State:
    """The faults to commit and the log of requests, shared by the server's threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.log: list[dict] = []
        self.faults: list[dict] = []
        self.random = random.Random(0)

    def set(self, faults: dict) -> None:
        with self.lock:
            self.faults = [dict(each) for each in faults.get("faults", [])]
            self.random = random.Random(faults.get("seed", 0))
            self.log.clear()

    def fault(self, path: str) -> dict | None:
        with self.lock:
            for each in self.faults:
                if not re.search(each["match"], path) or each.get("times") == 0:
                    continue
                if "share" in each and self.random.random() >= each["share"]:
                    continue
                if "times" in each:
                    each["times"] -= 1
                if isinstance(each["kind"], list):
                    return {**each, "kind": self.random.choice(each["kind"])}
                return each
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: World
    state: State

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.state.set(json.loads(body))
        if "world" in (control := json.loads(body)):
            type(self).world = World(Path(control["world"]))
        self.answer(b"{}")

    def do_GET(self) -> None:
        if self.path == "/_log":
            with self.state.lock:
                data = json.dumps(self.state.log).encode()
            self.answer(data)
            return
        entry = {"path": self.path, "time": time.monotonic(), "agent": self.headers.get("User-Agent", ""), "status": 0,
                 "conditional": "If-None-Match" in self.headers}  # fmt: skip
        with self.state.lock:
            self.state.log.append(entry)
        if self.world.delay:
            time.sleep(self.world.delay)
        fault = self.state.fault(self.path)
        entry["fault"] = fault["kind"] if fault else None
        try:
            if fault is None or not self.misbehave(fault):
                self.serve(fault)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        entry["status"] = getattr(self, "sent", 0)

    # -- answering ---------------------------------------------------------------------------------------------------

    def answer(
        self, data: bytes, kind: str = "application/json", status: int = 200, headers: dict | None = None
    ) -> None:
        headers = dict(headers or {})
        if (
            "gzip" in self.headers.get("Accept-Encoding", "")
            and kind in ("application/json", "text/xml")
            and len(data) > 200
        ):
            data = gzip.compress(data, 1)
            headers["Content-Encoding"] = "gzip"
        self.sent = status
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def misbehave(self, fault: dict) -> bool:
        """Commit a fault that replaces the answer. Return False for faults that only change it."""
        kind = fault["kind"]
        if kind in ("429", "500", "502", "503", "403", "404", "406"):
            self.answer(b"Rate exceeded.", "text/plain", int(kind))
        elif kind == "429-after":
            self.answer(b"", "text/plain", 429, {"Retry-After": str(fault.get("after", 1))})
        elif kind == "wall":
            self.answer(WALL, fault.get("type", "text/html"), fault.get("status", 200))
        elif kind == "body":
            self.answer(Path(fault["file"]).read_bytes(), fault.get("type", "text/html"), fault.get("status", 200))
        elif kind == "cut-early":
            self.close_connection = True
        elif kind in ("loop", "away"):
            target = self.path if kind == "loop" else fault["to"]
            self.answer(b"", "text/plain", fault.get("status", 302), {"Location": target})
        elif kind == "endless":
            self.send_endless()
        elif kind == "headers":
            self.drip_headers()
        elif kind == "bomb":
            data = gzip.compress(b"<x>" + b"0" * (fault.get("size", 300 << 20)), 9)
            self.send_raw(data, [("Content-Type", "application/xml"), ("Content-Encoding", "gzip")])
        else:
            return False
        return True

    def send_raw(self, data: bytes, headers: list[tuple[str, str]], length: int | None = None) -> None:
        self.sent = 200
        self.send_response(200)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)

    def send_endless(self) -> None:
        self.sent = 200
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"<article>")
        for _ in range(4096):  # 4 GiB, if anybody took it
            self.wfile.write(b"<p>x</p>" * (1 << 17))

    def drip_headers(self) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(600):
            self.wfile.write(f"X-{number}: y\r\n".encode())
            self.wfile.flush()
            time.sleep(0.1)

    def send_file(self, data: bytes, kind: str, fault: dict | None) -> None:
        """Send a file of the bucket, changed by the fault."""
        name = fault["kind"] if fault else ""
        etag = '"' + hashlib.md5(data).hexdigest() + '"'
        if self.headers.get("If-None-Match") == etag:
            self.sent = 304
            self.send_response(304)
            self.end_headers()
            return
        headers = [("Content-Type", "text/plain" if name == "type" else kind), ("ETag", etag)]
        if name == "md5":
            self.send_raw(data[:-9] + bytes(each ^ 0xFF for each in data[-9:-8]) + data[-8:], headers)
        elif name in ("cut", "long"):
            self.close_connection = True
            self.send_raw(
                data[: len(data) // 2] if name == "cut" else data, headers, len(data) + 100 * (name == "long")
            )
        elif name == "short":
            self.close_connection = True
            self.send_raw(data, headers, len(data) // 2)
        elif name == "empty":
            self.send_raw(b"", headers)
        elif name == "drip":
            self.close_connection = True
            self.send_raw(data[:10], headers, len(data))
            for each in data[10:]:
                self.wfile.write(bytes([each]))
                self.wfile.flush()
                time.sleep(0.05)
        elif name == "replace":
            self.send_raw(Path(fault["file"]).read_bytes(), headers)
        else:
            self.send_raw(data, headers)

    # -- services ----------------------------------------------------------------------------------------------------

    def serve(self, fault: dict | None) -> None:
        parts = urlsplit(self.path)
        parameters = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        path = unquote(parts.path)
        if path == "/epmc/search":
            self.search(parameters, fault)
        elif path.startswith("/epmc/") and path.endswith("/fullTextXML"):
            self.full_text(path.split("/")[2], fault)
        elif path == "/pmc/" and parameters.get("list-type") == "2":
            self.listing(parameters)
        elif path.startswith("/pmc/"):
            self.object(path.removeprefix("/pmc/"), fault)
        elif path == "/arxiv/api/query":
            self.atom(parameters)
        elif path.startswith("/arxiv/e-print/"):
            self.eprint(path.removeprefix("/arxiv/e-print/"), fault)
        elif path == "/oai":
            self.oai(parameters)
        else:
            self.answer(b"<h1>not found</h1>", "text/html", 404)

    def search(self, parameters: dict, fault: dict | None) -> None:
        query = parameters.get("query", "")
        if not query:
            self.answer(json.dumps({"errCode": 400, "errMsg": "No search criteria provided."}).encode())
            return
        if parameters.get("resultType") not in ("core", "lite", "idlist", None) or parameters.get("sort"):
            self.answer(b'{"version":"6.9"}')
            return
        found = [each for each in self.world.hits if matches(each, query)]
        size = min(int(parameters.get("pageSize", 25)), self.world.page_limit)
        mark = parameters.get("cursorMark", "*")
        start = 0 if mark == "*" else int(mark.removeprefix("Ao"), 36)
        page = found[start : start + size]
        result = {"version": "6.9", "hitCount": len(found), "request": {"queryString": query, "cursorMark": mark},
                  "resultList": {"result": [public_fields(each) for each in page]}}  # fmt: skip
        if fault and fault["kind"] == "cursor":
            result["nextCursorMark"] = mark
        elif fault and fault["kind"] == "version-only":
            result = {"version": "6.9"}
        elif start + size < len(found):
            result["nextCursorMark"] = "Ao" + base36(start + size)
        self.answer(json.dumps(result).encode())

    def full_text(self, pmcid: str, fault: dict | None) -> None:
        name = self.world.full_texts.get(pmcid)
        if name is None:
            self.answer(b"", "text/plain", 404)
        else:
            self.send_file((self.world.folder / name).read_bytes(), "application/xml", fault)

    def listing(self, parameters: dict) -> None:
        prefix, delimiter = parameters.get("prefix", ""), parameters.get("delimiter", "")
        entries: list[str] = []
        for key in sorted(self.world.keys):
            if key.startswith(prefix):
                rest = key[len(prefix) :]
                folded = delimiter and delimiter in rest
                entry = prefix + rest.partition(delimiter)[0] + delimiter if folded else key
                if entry not in entries:
                    entries.append(entry)
        start = int(parameters.get("continuation-token", "0"))
        page = entries[start : start + self.world.list_limit]
        more = start + len(page) < len(entries)
        body = "".join(self.entry(each, bool(delimiter) and each.endswith(delimiter)) for each in page)
        token = f"<NextContinuationToken>{start + len(page)}</NextContinuationToken>" if more else ""
        self.answer(
            f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount><MaxKeys>1000</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{body}</ListBucketResult>".encode(),
            "application/xml",
        )

    def entry(self, key: str, folded: bool) -> str:
        if folded:
            return f"<CommonPrefixes><Prefix>{escape(key)}</Prefix></CommonPrefixes>"
        data = self.world.keys[key]
        size = len(data["text"].encode()) if "text" in data else (self.world.folder / data["file"]).stat().st_size
        return (
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        )

    def object(self, key: str, fault: dict | None) -> None:
        data = self.world.key(key)
        if data is None:
            error = f"<Error><Code>NoSuchKey</Code><Key>{escape(key)}</Key></Error>"
            self.answer(error.encode(), "application/xml", 404)
        else:
            suffix = key.rpartition(".")[2]
            kinds = {"json": "application/json", "xml": "application/xml", "jpg": "image/jpeg", "png": "image/png"}
            self.send_file(data, kinds.get(suffix, "binary/octet-stream"), fault)

    def atom(self, parameters: dict) -> None:
        words = re.findall(r"\w+", re.sub(r"\b(?:ti|abs|all):|\b(?:AND|OR|ANDNOT)\b|submittedDate:\S+ TO \S+", " ",
                                          parameters.get("search_query", "")).lower())  # fmt: skip
        found = [e for e in self.world.arxiv if all(w in (e["title"] + e["summary"]).lower() for w in words)]
        start, size = int(parameters.get("start", 0)), int(parameters.get("max_results", 10))
        entries = "".join(
            f"<entry><id>http://arxiv.org/abs/{e['id']}</id><title>{escape(e['title'])}</title>"
            f"<updated>2024-02-02T10:00:00Z</updated><published>{e['published']}</published>"
            f"<summary>{escape(e['summary'])}</summary>"
            + (f"<arxiv:doi>{escape(e['doi'])}</arxiv:doi>" if e.get("doi") else "")
            + "".join(f"<author><name>{escape(name)}</name></author>" for name in e["authors"])
            + "</entry>"
            for e in found[start : start + size]
        )
        self.answer(
            "<?xml version='1.0' encoding='UTF-8'?>\n<feed xmlns:opensearch=\"http://a9.com/-/spec/opensearch/1.1/\" "
            'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">'
            f"<opensearch:totalResults>{len(found)}</opensearch:totalResults>{entries}</feed>".encode(),
            "application/atom+xml",
        )

    def eprint(self, arxiv_id: str, fault: dict | None) -> None:
        found = next(
            (e for e in self.world.arxiv if e["id"] == arxiv_id or e["id"].rpartition("v")[0] == arxiv_id), None
        )
        if found is None or not found.get("eprint"):
            self.answer(b"", "text/plain", 404)
            return
        data = (self.world.folder / found["eprint"]).read_bytes()
        self.send_file(data, "application/x-eprint-tar", fault)

    def oai(self, parameters: dict) -> None:
        arxiv_id = parameters.get("identifier", "").removeprefix("oai:arXiv.org:")
        found = next((e for e in self.world.arxiv if e["id"].rpartition("v")[0] == arxiv_id), None)
        if found is None:
            body = '<error code="idDoesNotExist">nothing</error>'
        else:
            body = (
                '<GetRecord><record><metadata><arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/">'
                f"<id>{arxiv_id}</id><license>{escape(found['license'])}</license></arXivRaw></metadata></record></GetRecord>"
            )
        self.answer(f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{body}</OAI-PMH>'.encode(), "text/xml")


class Quiet(ThreadingHTTPServer):
    """A server that does not report clients that went away: killed clients do."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def public_fields(hit: dict) -> dict:
    return {name: value for name, value in hit.items() if not name.startswith("_")}


def base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return digits[number] if number < 36 else base36(number // 36) + digits[number % 36]


def matches(hit: dict, query: str) -> bool:
    """Evaluate a small part of the service's query language: mirsearch's fields, and words that must all occur."""
    if "OPEN_ACCESS:y" in query and hit.get("isOpenAccess") != "Y":
        return False
    dates = re.search(r"FIRST_PDATE:\[(\S+) TO (\S+)\]", query)
    if dates and not dates[1] <= hit.get("firstPublicationDate", "") <= dates[2]:
        return False
    journal = re.search(r'JOURNAL:"([^"]*)"', query)
    if journal and journal[1].lower() != hit["journalInfo"]["journal"]["title"].lower():
        return False
    fields = {"TITLE": hit.get("title", ""), "ABSTRACT": hit.get("abstractText", ""), "FIG": hit.get("_captions", "")}
    rest = re.sub(r'\b(?:OPEN_ACCESS|HAS_FT|IN_PMC):y|FIRST_PDATE:\[[^\]]*\]|JOURNAL:"[^"]*"', " ", query)
    named = re.match(r"\s*(TITLE|ABSTRACT|FIG):", rest)
    text = (fields[named[1]] if named else " ".join(fields.values())).lower()
    rest = re.sub(r"\b(?:TITLE|ABSTRACT|FIG):|\bAND\b", " ", rest)
    phrases = re.findall(r'"([^"]*)"|(\w+)', rest)
    return all((phrase or word).lower() in text for phrase, word in phrases)


def main() -> None:
    Handler.world, Handler.state = World(Path(sys.argv[1])), State()
    server = Quiet(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
